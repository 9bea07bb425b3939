/*
 * Shapes: tables that say how a C struct and a JSON object are one and the same.
 *
 * proto/generate.py makes them from the OpenRPC and OpenAPI documents; nobody writes one by hand.
 * Decoding checks everything the table says (types, ranges, lengths, enum values, unknown and
 * missing members) and names the field that is wrong by its path, such as "limits[2].hard".
 *
 * Members in C:
 *   string    const char *      NULL if absent
 *   integer   int64_t           with `bool has_NAME` beside it if optional
 *   number    double            likewise
 *   boolean   bool              likewise
 *   object    const struct X *  NULL if absent
 *   array     const char *const *, const int64_t *, or `const struct X *` (the structs stand one
 *             after the other), with `size_t NAME_count` beside it; count 0 if absent
 *   any       const struct json_value *   NULL if absent; not checked
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "libdialup/base/arena.h"
#include "libdialup/base/error.h"
#include "libdialup/json/json.h"
#include "libdialup/json/writer.h"

enum json_field_type {
    JSON_FIELD_STRING,
    JSON_FIELD_INTEGER,
    JSON_FIELD_NUMBER,
    JSON_FIELD_BOOL,
    JSON_FIELD_OBJECT,
    JSON_FIELD_STRING_ARRAY,
    JSON_FIELD_INTEGER_ARRAY,
    JSON_FIELD_OBJECT_ARRAY,
    JSON_FIELD_ANY,
};

struct json_shape;

struct json_field {
    const char *name;
    enum json_field_type type;
    bool required;
    size_t offset;
    size_t count_offset;            /* arrays: where size_t count stands */
    size_t has_offset;              /* optional scalars: where bool has_NAME stands; else 0 */
    int64_t min, max;               /* integer: value; string: bytes; array: items */
    int64_t item_min, item_max;     /* arrays of strings: bytes; of integers: value */
    double number_min, number_max;  /* number */
    const char *const *enum_values; /* string: NULL-terminated list, or NULL */
    const struct json_shape *shape; /* object and object array */
};

struct json_shape {
    const char *name;
    size_t struct_size;
    const struct json_field *fields;
    size_t field_count;
};

/* Fills *ret_struct (struct_size bytes, zeroed first). Texts and arrays live in the arena or
 * borrow from value, which must come from the same arena. null says the same as leaving an optional
 * member out. ERR_INVALID_ARGUMENT, ERR_UNKNOWN_FIELD, ERR_MISSING_FIELD, ERR_TOO_LARGE (a text or
 * a list), with err->field set. */
int json_decode(struct arena *arena, const struct json_value *value, const struct json_shape *shape,
                void *ret_struct, struct error *err);

/* Writes the object. Absent optional members are left out; a required string that is NULL is
 * written as null. */
void json_encode(struct json_writer *writer, const struct json_shape *shape, const void *value);
