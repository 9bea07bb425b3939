/*
 * JSON values: parsed strictly into an arena, then read by path.
 *
 * The parser takes RFC 8259 and refuses what yajl would let pass and what two readers could
 * understand differently: duplicate keys, NUL in a string, invalid UTF-8, lone surrogates, numbers
 * that do not fit, text after the value, nesting deeper than 64. So a string never holds a NUL and
 * can be used as C text. Pure: no I/O, no logging. The process must stay in the numeric locale "C"
 * (it does, unless somebody calls setlocale).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "libdialup/base/arena.h"
#include "libdialup/base/error.h"

enum { JSON_MAX_DEPTH = 64, JSON_MAX_NODES = 200000 };

enum json_type { JSON_NULL, JSON_BOOL, JSON_NUMBER, JSON_STRING, JSON_ARRAY, JSON_OBJECT };

struct json_value;

struct json_member {
    const char *name;
    const struct json_value *value;
};

/* Everything lives in the arena that the parser was given. */
struct json_value {
    enum json_type type;
    bool is_integer; /* JSON_NUMBER: written without fraction or exponent and fits int64 */
    union {
        bool boolean;
        struct {
            int64_t integer; /* valid if is_integer */
            double number;   /* always finite */
        };
        struct {
            const char *text;
            size_t len; /* bytes */
        };
        struct {
            const struct json_value *const *items;
            size_t item_count;
        };
        struct {
            const struct json_member *members; /* in the order of the text */
            size_t member_count;
        };
    };
};

/* Parses all of data. ERR_PARSE (with line and column), ERR_TOO_DEEP, ERR_TOO_LARGE (too many
 * values; the caller bounds the bytes). */
int json_parse(struct arena *arena, const char *data, size_t size,
               const struct json_value **ret_value, struct error *err);

/* The member's value, NULL if object is NULL, no object, or has no such member. */
const struct json_value *json_find(const struct json_value *object, const char *name);

/* A member's text, integer or truth; the fallback if it is missing or of another type. */
const char *json_find_text(const struct json_value *object, const char *name, const char *fallback);
int64_t json_find_integer(const struct json_value *object, const char *name, int64_t fallback);
bool json_find_bool(const struct json_value *object, const char *name, bool fallback);

/* "a string", "an object"...: for messages. */
const char *json_type_name(enum json_type type);
