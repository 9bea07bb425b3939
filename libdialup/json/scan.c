/*
 * One pass over the raw text before yajl sees it. The parser calls it.
 *
 * It knows only strings, escapes and what stands between; whether the rest is JSON is yajl's to
 * say. It is needed because yajl hands over "?" where a lone high surrogate was, so afterwards
 * nobody could tell.
 */
#include "libdialup/json/scan.h"

#include <stdbool.h>
#include <string.h>

#include "libdialup/base/utf8.h"

enum { HEX_DIGITS = 4, ESCAPE_SIZE = 6, BYTE_ORDER_MARK_SIZE = 3 };

static int hex_value(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    char lower = (char)(c | 0x20);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/* The code unit of the escape (backslash, u, four digits) at data, -1 if none stands there. */
static int unicode_escape(const char *data, size_t size)
{
    if (size < ESCAPE_SIZE || data[0] != '\\' || data[1] != 'u') {
        return -1;
    }
    int unit = 0;
    for (int i = 0; i < HEX_DIGITS; i++) {
        int digit = hex_value(data[2 + i]);
        if (digit < 0) {
            return -1;
        }
        unit = unit * 16 + digit;
    }
    return unit;
}

static bool is_high_surrogate(int unit)
{
    return unit >= 0xD800 && unit <= 0xDBFF;
}

static bool is_low_surrogate(int unit)
{
    return unit >= 0xDC00 && unit <= 0xDFFF;
}

/* Looks at the escape at data and tells how many bytes it takes. */
static const char *scan_escape(const char *data, size_t size, size_t *ret_step)
{
    int unit = unicode_escape(data, size);
    if (unit < 0) {
        *ret_step = size < 2 ? size : 2;
        return NULL;
    }
    if (unit == 0) {
        return "\\u0000 (NUL) is not allowed in a text";
    }
    if (is_low_surrogate(unit) ||
        (is_high_surrogate(unit) &&
         !is_low_surrogate(unicode_escape(data + ESCAPE_SIZE, size - ESCAPE_SIZE)))) {
        return "half of a \\u pair (a lone surrogate) stands here";
    }
    *ret_step = is_high_surrogate(unit) ? (size_t)2 * ESCAPE_SIZE : ESCAPE_SIZE;
    return NULL;
}

static const char *scan_between_strings(char c)
{
    if (c == '/') {
        return "comments are not allowed";
    }
    if (c > 0 && c < ' ' && c != '\t' && c != '\n' && c != '\r') {
        return "only spaces, tabs and line ends may stand between values";
    }
    return NULL;
}

static const char *scan_bytes(const char *data, size_t size, size_t *ret_offset)
{
    *ret_offset = 0;
    if (size >= BYTE_ORDER_MARK_SIZE && memcmp(data, "\xEF\xBB\xBF", BYTE_ORDER_MARK_SIZE) == 0) {
        return "the text starts with a byte order mark; save it as UTF-8 without one";
    }
    *ret_offset = utf8_valid_len(data, size);
    if (*ret_offset < size) {
        return "the text is not valid UTF-8";
    }
    const char *nul = memchr(data, '\0', size);
    if (nul) {
        *ret_offset = (size_t)(nul - data);
        return "a NUL byte is not allowed";
    }
    return NULL;
}

const char *json_scan(const char *data, size_t size, size_t *ret_offset)
{
    const char *wrong = scan_bytes(data, size, ret_offset);
    bool in_string = false;
    size_t step;
    for (size_t at = 0; at < size && !wrong; at += step) {
        *ret_offset = at;
        step = 1;
        if (data[at] == '"') {
            in_string = !in_string;
        } else if (!in_string) {
            wrong = scan_between_strings(data[at]);
        } else if (data[at] == '\\') {
            wrong = scan_escape(data + at, size - at, &step);
        }
    }
    return wrong;
}

static bool is_word(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' ||
           c == '+' || c == '.' || c == '_';
}

size_t json_scan_token_start(const char *data, size_t end)
{
    bool in_string = false;
    size_t start = 0;
    for (size_t at = 0; at < end; at++) {
        bool continues = at > 0 && is_word(data[at]) && is_word(data[at - 1]);
        if (in_string) {
            in_string = data[at] != '"';
            at += data[at] == '\\';
        } else if (!continues) {
            start = at;
            in_string = data[at] == '"';
        }
    }
    return start;
}

void json_scan_position(const char *data, size_t offset, size_t *ret_line, size_t *ret_column)
{
    *ret_line = 1;
    *ret_column = 1;
    for (size_t at = 0; at < offset; at++) {
        if (data[at] == '\n') {
            *ret_line += 1;
            *ret_column = 1;
        } else if (((unsigned char)data[at] & 0xC0) != 0x80) {
            *ret_column += 1;
        }
    }
}
