/*
 * Growing text and small string questions; see the header.
 */
#include "libdialup/base/str.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libdialup/base/log.h"
#include "libdialup/base/memory.h"

/* Makes room for extra bytes and the terminator. */
static void reserve(struct strbuf *buf, size_t extra)
{
    size_t needed;
    ASSERT(!__builtin_add_overflow(buf->size, extra, &needed) && needed < SIZE_MAX / 2);
    needed++;
    if (needed <= buf->capacity) {
        return;
    }
    size_t capacity = buf->capacity ? buf->capacity : 64;
    while (capacity < needed) {
        capacity *= 2;
    }
    buf->data = xrealloc(buf->data, capacity);
    buf->capacity = capacity;
}

void strbuf_fini(struct strbuf *buf)
{
    free(buf->data);
    *buf = STRBUF_INIT;
}

void strbuf_clear(struct strbuf *buf)
{
    buf->size = 0;
    if (buf->data) {
        buf->data[0] = '\0';
    }
}

void strbuf_append(struct strbuf *buf, const void *data, size_t size)
{
    reserve(buf, size);
    if (size > 0) {
        memcpy(buf->data + buf->size, data, size);
    }
    buf->size += size;
    buf->data[buf->size] = '\0';
}

void strbuf_puts(struct strbuf *buf, const char *text)
{
    strbuf_append(buf, text, strlen(text));
}

void strbuf_putc(struct strbuf *buf, char c)
{
    strbuf_append(buf, &c, 1);
}

void strbuf_printf(struct strbuf *buf, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    va_list again;
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, format, args);
    va_end(args);
    ASSERT(len >= 0);
    reserve(buf, (size_t)len);
    vsnprintf(buf->data + buf->size, (size_t)len + 1, format, again);
    va_end(again);
    buf->size += (size_t)len;
}

const char *strbuf_text(const struct strbuf *buf)
{
    return buf->data ? buf->data : "";
}

char *strbuf_take(struct strbuf *buf)
{
    reserve(buf, 0);
    buf->data[buf->size] = '\0';
    char *data = buf->data;
    *buf = STRBUF_INIT;
    return data;
}

bool str_equal(const char *a, const char *b)
{
    return strcmp(a, b) == 0;
}

bool str_starts_with(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

bool str_ends_with(const char *text, const char *suffix)
{
    size_t text_len = strlen(text);
    size_t suffix_len = strlen(suffix);
    return text_len >= suffix_len && strcmp(text + text_len - suffix_len, suffix) == 0;
}

bool str_parse_i64(const char *text, int64_t min, int64_t max, int64_t *ret_value)
{
    const char *digits = text[0] == '-' ? text + 1 : text;
    if (!isdigit((unsigned char)digits[0])) {
        return false;
    }
    char *end;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    if (errno != 0 || *end != '\0' || value < min || value > max) {
        return false;
    }
    *ret_value = value;
    return true;
}

/* In UTF-8: the controls of C1, what turns the direction, and what separates lines. */
static bool is_wide_control(const unsigned char *c)
{
    bool is_c1 = c[0] == 0xC2 && c[1] >= 0x80 && c[1] <= 0x9F;
    bool is_e280 = c[0] == 0xE2 && c[1] == 0x80 && c[2] >= 0xA8 && c[2] <= 0xAE;
    bool is_isolate = c[0] == 0xE2 && c[1] == 0x81 && c[2] >= 0xA6 && c[2] <= 0xA9;
    return is_c1 || is_e280 || is_isolate;
}

bool str_is_one_line(const char *text)
{
    for (const unsigned char *c = (const unsigned char *)text; *c; c++) {
        if (*c < ' ' || *c == 0x7F || is_wide_control(c)) {
            return false;
        }
    }
    return text[strspn(text, " ")] != '\0';
}

bool str_copy(char *out, size_t size, const char *text)
{
    ASSERT(size > 0);
    size_t len = strlen(text);
    size_t kept = len < size ? len : size - 1;
    memcpy(out, text, kept);
    out[kept] = '\0';
    return kept == len;
}
