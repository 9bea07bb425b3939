/*
 * Text that grows (strbuf), and the few string questions that are asked everywhere.
 *
 * A strbuf owns its bytes, keeps them NUL-terminated, and may hold NULs. Growth aborts when memory
 * ends: bound what a peer chooses before you append it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct strbuf {
    char *data; /* NULL until the first append */
    size_t size;
    size_t capacity;
};

#define STRBUF_INIT ((struct strbuf){0})

void strbuf_fini(struct strbuf *buf);
void strbuf_clear(struct strbuf *buf);
void strbuf_append(struct strbuf *buf, const void *data, size_t size);
void strbuf_puts(struct strbuf *buf, const char *text);
void strbuf_putc(struct strbuf *buf, char c);
void strbuf_printf(struct strbuf *buf, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Borrowed, never NULL, good until the next change. */
const char *strbuf_text(const struct strbuf *buf);

/* The bytes, to be freed by the caller, never NULL; the buffer is empty afterwards. */
char *strbuf_take(struct strbuf *buf);

#define AUTO_STRBUF __attribute__((cleanup(strbuf_fini)))

bool str_equal(const char *a, const char *b);
bool str_starts_with(const char *text, const char *prefix);
bool str_ends_with(const char *text, const char *suffix);

/* The whole text as a decimal number in [min, max]; false for anything else: signs other than a
 * leading '-', spaces, an empty text, overflow. */
bool str_parse_i64(const char *text, int64_t min, int64_t max, int64_t *ret_value);

/* Whether a name that somebody chose for others to read is one line with something in it: no
 * control characters, and none that turn the direction of what stands behind it. UTF-8. */
bool str_is_one_line(const char *text);

/* Copies at most size - 1 bytes and terminates; false if text did not fit. */
bool str_copy(char *out, size_t size, const char *text);
