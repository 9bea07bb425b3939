/*
 * The only place that looks into what the gate carries. Used by pump.c for each answer.
 */
#include "dialup-deployd/gate/status_line.h"

#include <string.h>

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static void judge(struct status_line *line)
{
    const char *text = line->prefix;
    bool is_http = memcmp(text, "HTTP/", 5) == 0 && text[8] == ' ' && is_digit(text[9]) &&
                   is_digit(text[10]) && is_digit(text[11]);
    bool is_interim = is_http && text[9] == '1' && memcmp(text + 9, "101", 3) != 0;
    if (is_interim) {
        line->is_skipping = true;
        line->end_len = 0;
        line->prefix_len = 0;
        return;
    }
    line->is_known = true;
    bool is_class = is_http && text[9] >= '1' && text[9] <= '5';
    line->status_class = (unsigned char)(is_class ? text[9] - '0' : 0);
}

static void skip(struct status_line *line, char c)
{
    static const char end[] = "\r\n\r\n";
    if (c == end[line->end_len]) {
        line->end_len++;
    } else {
        line->end_len = c == '\r';
    }
    if (line->end_len == 4) {
        line->is_skipping = false;
    }
}

void status_line_feed(struct status_line *line, const char *data, size_t size)
{
    for (size_t i = 0; i < size && !line->is_known; i++) {
        if (line->is_skipping) {
            skip(line, data[i]);
            continue;
        }
        line->prefix[line->prefix_len++] = data[i];
        if (line->prefix_len == STATUS_LINE_PREFIX) {
            judge(line);
        }
    }
}
