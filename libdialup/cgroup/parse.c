/*
 * Parsers for cgroup files; see the header. Used by the reader and by tests on made-up texts.
 */
#include "libdialup/cgroup/parse.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* v1 writes PAGE_COUNTER_MAX, close to 2^63, for "no limit". */
static const int64_t v1_no_limit = INT64_MAX / 2;

static const char *next_line(const char *line)
{
    const char *end = strchr(line, '\n');
    return end ? end + 1 : line + strlen(line);
}

static bool parse_i64(const char *text, int64_t *ret_value, const char **ret_end)
{
    char *end;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    if (errno != 0 || end == text) {
        return false;
    }
    *ret_value = value;
    *ret_end = end;
    return true;
}

bool cgroup_parse_number(const char *text, int64_t *ret_value)
{
    int64_t value;
    const char *end;
    if (strncmp(text, "max", 3) == 0) {
        *ret_value = CGROUP_NO_LIMIT;
        return true;
    }
    if (!parse_i64(text, &value, &end) || (*end != '\n' && *end != '\0')) {
        return false;
    }
    *ret_value = value >= v1_no_limit || value < 0 ? CGROUP_NO_LIMIT : value;
    return true;
}

bool cgroup_parse_key(const char *text, const char *key, int64_t *ret_value)
{
    size_t len = strlen(key);
    for (const char *line = text; *line; line = next_line(line)) {
        const char *end;
        if (strncmp(line, key, len) == 0 && line[len] == ' ') {
            return parse_i64(line + len + 1, ret_value, &end);
        }
    }
    return false;
}

bool cgroup_parse_cpu_max(const char *text, int64_t *ret_millicores)
{
    int64_t quota;
    int64_t period;
    const char *end;
    if (strncmp(text, "max", 3) == 0) {
        *ret_millicores = CGROUP_NO_LIMIT;
        return true;
    }
    if (!parse_i64(text, &quota, &end) || !parse_i64(end, &period, &end) || period <= 0) {
        return false;
    }
    *ret_millicores = quota * 1000 / period;
    return true;
}

/* The number after "name=" in this line, 0 if there is none. */
static int64_t find_in_line(const char *line, const char *end, const char *name)
{
    const char *at = strstr(line, name);
    int64_t value;
    const char *after;
    return at && at < end && parse_i64(at + strlen(name), &value, &after) ? value : 0;
}

void cgroup_parse_io_stat(const char *text, int64_t *ret_read_bytes, int64_t *ret_write_bytes)
{
    int64_t read = 0;
    int64_t written = 0;
    for (const char *line = text; *line;) {
        const char *end = next_line(line);
        read += find_in_line(line, end, " rbytes=");
        written += find_in_line(line, end, " wbytes=");
        line = end;
    }
    *ret_read_bytes = read;
    *ret_write_bytes = written;
}

void cgroup_parse_blkio(const char *text, int64_t *ret_read_bytes, int64_t *ret_write_bytes)
{
    int64_t read = 0;
    int64_t written = 0;
    for (const char *line = text; *line;) {
        const char *end = next_line(line);
        read += find_in_line(line, end, " Read ");
        written += find_in_line(line, end, " Write ");
        line = end;
    }
    *ret_read_bytes = read;
    *ret_write_bytes = written;
}

/* Whether the comma-separated list holds the word. */
static bool list_holds(const char *list, size_t list_len, const char *word)
{
    size_t len = strlen(word);
    for (size_t at = 0; at <= list_len;) {
        size_t item = strcspn(list + at, ",:");
        if (item == len && strncmp(list + at, word, len) == 0) {
            return true;
        }
        at += item + 1;
    }
    return false;
}

bool cgroup_parse_membership(const char *text, const char *controller, char *out, unsigned size)
{
    for (const char *line = text; *line; line = next_line(line)) {
        const char *list = strchr(line, ':');
        const char *path = list ? strchr(list + 1, ':') : NULL;
        const char *end = next_line(line);
        if (!path || path >= end || !list_holds(list + 1, (size_t)(path - list - 1), controller)) {
            continue;
        }
        int len = (int)strcspn(path + 1, "\n");
        return snprintf(out, size, "%.*s", len, path + 1) < (int)size;
    }
    return false;
}
