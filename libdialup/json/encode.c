/*
 * From a struct to JSON, by a shape. Called for every answer; it cannot fail and checks nothing:
 * the struct is ours.
 */
#include <string.h>

#include "libdialup/json/shape.h"

/* Writes the value of the member at `member`; count is the number of items of an array. */
typedef void put_fn(struct json_writer *writer, const struct json_field *field, const void *member,
                    size_t count);

static const void *get_pointer(const void *member)
{
    const void *pointer;
    memcpy(&pointer, member, sizeof(pointer));
    return pointer;
}

static void put_string(struct json_writer *writer, const struct json_field *field,
                       const void *member, size_t count)
{
    json_text(writer, get_pointer(member));
}

static void put_integer(struct json_writer *writer, const struct json_field *field,
                        const void *member, size_t count)
{
    int64_t value;
    memcpy(&value, member, sizeof(value));
    json_integer(writer, value);
}

static void put_number(struct json_writer *writer, const struct json_field *field,
                       const void *member, size_t count)
{
    double value;
    memcpy(&value, member, sizeof(value));
    json_number(writer, value);
}

static void put_bool(struct json_writer *writer, const struct json_field *field, const void *member,
                     size_t count)
{
    bool value;
    memcpy(&value, member, sizeof(value));
    json_bool(writer, value);
}

static void put_object(struct json_writer *writer, const struct json_field *field,
                       const void *member, size_t count)
{
    const void *object = get_pointer(member);
    if (object) {
        json_encode(writer, field->shape, object);
    } else {
        json_null(writer);
    }
}

static void put_any(struct json_writer *writer, const struct json_field *field, const void *member,
                    size_t count)
{
    const struct json_value *value = get_pointer(member);
    if (value) {
        json_write_value(writer, value);
    } else {
        json_null(writer);
    }
}

static void put_strings(struct json_writer *writer, const struct json_field *field,
                        const void *member, size_t count)
{
    const char *const *items = get_pointer(member);
    json_begin_array(writer);
    for (size_t i = 0; i < count; i++) {
        json_text(writer, items[i]);
    }
    json_end_array(writer);
}

static void put_integers(struct json_writer *writer, const struct json_field *field,
                         const void *member, size_t count)
{
    const int64_t *items = get_pointer(member);
    json_begin_array(writer);
    for (size_t i = 0; i < count; i++) {
        json_integer(writer, items[i]);
    }
    json_end_array(writer);
}

static void put_objects(struct json_writer *writer, const struct json_field *field,
                        const void *member, size_t count)
{
    const char *items = get_pointer(member);
    json_begin_array(writer);
    for (size_t i = 0; i < count; i++) {
        json_encode(writer, field->shape, items + i * field->shape->struct_size);
    }
    json_end_array(writer);
}

/* How an optional member tells that it is absent. */
enum absence { ABSENT_IF_NO_HAS, ABSENT_IF_NULL, ABSENT_IF_EMPTY };

static const struct {
    put_fn *put;
    enum absence absence;
} kinds[] = {
    [JSON_FIELD_STRING] = {put_string, ABSENT_IF_NULL},
    [JSON_FIELD_INTEGER] = {put_integer, ABSENT_IF_NO_HAS},
    [JSON_FIELD_NUMBER] = {put_number, ABSENT_IF_NO_HAS},
    [JSON_FIELD_BOOL] = {put_bool, ABSENT_IF_NO_HAS},
    [JSON_FIELD_OBJECT] = {put_object, ABSENT_IF_NULL},
    [JSON_FIELD_STRING_ARRAY] = {put_strings, ABSENT_IF_EMPTY},
    [JSON_FIELD_INTEGER_ARRAY] = {put_integers, ABSENT_IF_EMPTY},
    [JSON_FIELD_OBJECT_ARRAY] = {put_objects, ABSENT_IF_EMPTY},
    [JSON_FIELD_ANY] = {put_any, ABSENT_IF_NULL},
};

static bool is_present(const struct json_field *field, const char *base, size_t count)
{
    if (field->required) {
        return true;
    }
    switch (kinds[field->type].absence) {
    case ABSENT_IF_NO_HAS:
        return *(const bool *)(base + field->has_offset);
    case ABSENT_IF_NULL:
        return get_pointer(base + field->offset) != NULL;
    case ABSENT_IF_EMPTY:
        return count > 0;
    }
    return true;
}

void json_encode(struct json_writer *writer, const struct json_shape *shape, const void *value)
{
    const char *base = value;
    json_begin_object(writer);
    for (size_t i = 0; i < shape->field_count; i++) {
        const struct json_field *field = &shape->fields[i];
        size_t count = 0;
        if (kinds[field->type].absence == ABSENT_IF_EMPTY) {
            memcpy(&count, base + field->count_offset, sizeof(count));
        }
        if (is_present(field, base, count)) {
            json_key(writer, field->name);
            kinds[field->type].put(writer, field, base + field->offset, count);
        }
    }
    json_end_object(writer);
}
