/*
 * The writer. It keeps the commas; the caller keeps the order. It never fails: what it is given is
 * ours, and text that is not UTF-8 is mended.
 */
#include "libdialup/json/writer.h"

#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libdialup/base/log.h"
#include "libdialup/base/utf8.h"

void json_writer_init(struct json_writer *writer, struct strbuf *out)
{
    *writer = (struct json_writer){.out = out};
}

/* What must stand before a value. Level 0 is the text itself: it holds one value. */
static void before_value(struct json_writer *writer)
{
    bool in_object = writer->in_object[writer->depth];
    ASSERT(in_object == writer->after_key);
    if (writer->after_key) {
        writer->after_key = false;
        return;
    }
    if (writer->has_items[writer->depth]) {
        ASSERT(writer->depth > 0);
        strbuf_putc(writer->out, ',');
    }
    writer->has_items[writer->depth] = true;
}

static void begin(struct json_writer *writer, bool is_object)
{
    before_value(writer);
    ASSERT(writer->depth < JSON_WRITER_MAX_DEPTH);
    writer->depth++;
    writer->in_object[writer->depth] = is_object;
    writer->has_items[writer->depth] = false;
    strbuf_putc(writer->out, is_object ? '{' : '[');
}

static void end(struct json_writer *writer, bool is_object)
{
    ASSERT(writer->depth > 0 && writer->in_object[writer->depth] == is_object);
    ASSERT(!writer->after_key);
    writer->depth--;
    strbuf_putc(writer->out, is_object ? '}' : ']');
}

void json_begin_object(struct json_writer *writer)
{
    begin(writer, true);
}

void json_end_object(struct json_writer *writer)
{
    end(writer, true);
}

void json_begin_array(struct json_writer *writer)
{
    begin(writer, false);
}

void json_end_array(struct json_writer *writer)
{
    end(writer, false);
}

static void put_escape(struct strbuf *out, unsigned char c)
{
    static const char *const escapes[128] = {
        ['"'] = "\\\"", ['\\'] = "\\\\", ['\b'] = "\\b", ['\f'] = "\\f",
        ['\n'] = "\\n", ['\r'] = "\\r",  ['\t'] = "\\t",
    };
    if (escapes[c]) {
        strbuf_puts(out, escapes[c]);
    } else {
        strbuf_printf(out, "\\u%04x", c);
    }
}

static bool needs_escape(unsigned char c)
{
    return c < ' ' || c == '"' || c == '\\';
}

/* Valid UTF-8, escaped where JSON wants it. */
static void put_escaped(struct strbuf *out, const char *text, size_t len)
{
    size_t done = 0;
    for (size_t at = 0; at < len; at++) {
        if (needs_escape((unsigned char)text[at])) {
            strbuf_append(out, text + done, at - done);
            put_escape(out, (unsigned char)text[at]);
            done = at + 1;
        }
    }
    strbuf_append(out, text + done, len - done);
}

static void put_quoted(struct strbuf *out, const char *text, size_t len)
{
    static const char replacement[] = "\xEF\xBF\xBD"; /* U+FFFD */
    strbuf_putc(out, '"');
    size_t at = 0;
    while (at < len) {
        size_t valid = utf8_valid_len(text + at, len - at);
        put_escaped(out, text + at, valid);
        at += valid;
        if (at < len) {
            strbuf_puts(out, replacement);
            at++;
        }
    }
    strbuf_putc(out, '"');
}

void json_key(struct json_writer *writer, const char *name)
{
    ASSERT(writer->in_object[writer->depth] && !writer->after_key);
    if (writer->has_items[writer->depth]) {
        strbuf_putc(writer->out, ',');
    }
    writer->has_items[writer->depth] = true;
    put_quoted(writer->out, name, strlen(name));
    strbuf_putc(writer->out, ':');
    writer->after_key = true;
}

void json_text(struct json_writer *writer, const char *text)
{
    if (text) {
        json_text_len(writer, text, strlen(text));
    } else {
        json_null(writer);
    }
}

void json_text_len(struct json_writer *writer, const char *text, size_t len)
{
    before_value(writer);
    put_quoted(writer->out, text, len);
}

void json_integer(struct json_writer *writer, int64_t value)
{
    before_value(writer);
    strbuf_printf(writer->out, "%" PRId64, value);
}

/* 15 digits always survive a double and %g drops trailing zeros, so the search for the shortest
 * starts there; only denormals have fewer. The numeric locale must be C. */
void json_number(struct json_writer *writer, double value)
{
    ASSERT(isfinite(value));
    before_value(writer);
    if (value == 0.0 && signbit(value)) {
        strbuf_puts(writer->out, "-0.0"); /* "-0" would read back as the integer */
        return;
    }
    char text[40];
    int digits = fabs(value) < DBL_MIN ? 1 : DBL_DIG;
    do {
        snprintf(text, sizeof(text), "%.*g", digits, value);
    } while (strtod(text, NULL) != value && ++digits <= DBL_DECIMAL_DIG);
    strbuf_puts(writer->out, text);
}

void json_bool(struct json_writer *writer, bool value)
{
    json_raw(writer, value ? "true" : "false", value ? 4 : 5);
}

void json_null(struct json_writer *writer)
{
    json_raw(writer, "null", 4);
}

void json_raw(struct json_writer *writer, const char *json, size_t size)
{
    before_value(writer);
    strbuf_append(writer->out, json, size);
}

static void write_array(struct json_writer *writer, const struct json_value *array)
{
    json_begin_array(writer);
    for (size_t i = 0; i < array->item_count; i++) {
        json_write_value(writer, array->items[i]);
    }
    json_end_array(writer);
}

static void write_object(struct json_writer *writer, const struct json_value *object)
{
    json_begin_object(writer);
    for (size_t i = 0; i < object->member_count; i++) {
        json_key(writer, object->members[i].name);
        json_write_value(writer, object->members[i].value);
    }
    json_end_object(writer);
}

static void write_number(struct json_writer *writer, const struct json_value *number)
{
    if (number->is_integer) {
        json_integer(writer, number->integer);
    } else {
        json_number(writer, number->number);
    }
}

void json_write_value(struct json_writer *writer, const struct json_value *value)
{
    switch (value->type) {
    case JSON_NULL:
        json_null(writer);
        break;
    case JSON_BOOL:
        json_bool(writer, value->boolean);
        break;
    case JSON_NUMBER:
        write_number(writer, value);
        break;
    case JSON_STRING:
        json_text_len(writer, value->text, value->len);
        break;
    case JSON_ARRAY:
        write_array(writer, value);
        break;
    case JSON_OBJECT:
        write_object(writer, value);
        break;
    }
}

void json_put_text(struct json_writer *writer, const char *name, const char *text)
{
    json_key(writer, name);
    json_text(writer, text);
}

void json_put_integer(struct json_writer *writer, const char *name, int64_t value)
{
    json_key(writer, name);
    json_integer(writer, value);
}

void json_put_number(struct json_writer *writer, const char *name, double value)
{
    json_key(writer, name);
    json_number(writer, value);
}

void json_put_bool(struct json_writer *writer, const char *name, bool value)
{
    json_key(writer, name);
    json_bool(writer, value);
}
