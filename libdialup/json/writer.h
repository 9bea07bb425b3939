/*
 * Writing JSON, compact, in order, into a strbuf.
 *
 * The writer keeps count of commas and nesting; wrong use (a value without a key in an object, an
 * end that has no begin) is our fault and panics. Text must be UTF-8; bytes that are not are
 * written as U+FFFD, so that the output is always valid JSON.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "libdialup/base/str.h"
#include "libdialup/json/json.h"

/* Room for a value as deep as the parser takes inside an envelope of ours, with much to spare. */
enum { JSON_WRITER_MAX_DEPTH = 2 * JSON_MAX_DEPTH };

struct json_writer {
    struct strbuf *out; /* borrowed */
    int depth;
    bool in_object[JSON_WRITER_MAX_DEPTH + 1]; /* by depth; 0 is the text itself */
    bool has_items[JSON_WRITER_MAX_DEPTH + 1];
    bool after_key;
};

void json_writer_init(struct json_writer *writer, struct strbuf *out);

void json_begin_object(struct json_writer *writer);
void json_end_object(struct json_writer *writer);
void json_begin_array(struct json_writer *writer);
void json_end_array(struct json_writer *writer);
void json_key(struct json_writer *writer, const char *name);

void json_text(struct json_writer *writer, const char *text); /* NULL writes null */
void json_text_len(struct json_writer *writer, const char *text, size_t len);
void json_integer(struct json_writer *writer, int64_t value);
void json_number(struct json_writer *writer, double value); /* finite; shortest that reads back */
void json_bool(struct json_writer *writer, bool value);
void json_null(struct json_writer *writer);

/* A parsed value, as it was. */
void json_write_value(struct json_writer *writer, const struct json_value *value);

/* Text that is one complete JSON value already; not checked. */
void json_raw(struct json_writer *writer, const char *json, size_t size);

/* Key and value in one. */
void json_put_text(struct json_writer *writer, const char *name, const char *text);
void json_put_integer(struct json_writer *writer, const char *name, int64_t value);
void json_put_number(struct json_writer *writer, const char *name, double value);
void json_put_bool(struct json_writer *writer, const char *name, bool value);
