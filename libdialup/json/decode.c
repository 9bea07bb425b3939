/*
 * From JSON to a struct, by a shape. Called for every request and every answer, with values that
 * the parser has bounded in size and depth.
 *
 * Each field type is one row of `readers`. Nothing is converted on the way: "5" is no number.
 */
#include <stdio.h>
#include <string.h>

#include "libdialup/base/memory.h"
#include "libdialup/json/quote.h"
#include "libdialup/json/shape.h"

typedef int reader_fn(struct arena *arena, const struct json_value *value,
                      const struct json_field *field, void *ret_struct, struct error *err);

static void *member_at(void *base, size_t offset)
{
    return (char *)base + offset;
}

static void set_pointer(void *base, size_t offset, const void *pointer)
{
    memcpy(member_at(base, offset), &pointer, sizeof(pointer));
}

static void set_size(void *base, size_t offset, size_t size)
{
    memcpy(member_at(base, offset), &size, sizeof(size));
}

static void set_has(void *base, const struct json_field *field)
{
    if (field->has_offset) {
        bool has = true;
        memcpy(member_at(base, field->has_offset), &has, sizeof(has));
    }
}

static int refuse_type(const struct json_value *value, const char *wanted, struct error *err)
{
    return error_set(err, ERR_INVALID_ARGUMENT, "This should be %s, not %s", wanted,
                     json_type_name(value->type));
}

static int refuse_enum(const char *const *enum_values, struct error *err)
{
    char list[256] = "";
    size_t used = 0;
    for (size_t i = 0; enum_values[i] && used < sizeof(list); i++) {
        used += (size_t)snprintf(list + used, sizeof(list) - used, "%s\"%s\"", i ? ", " : "",
                                 enum_values[i]);
    }
    return error_set(err, ERR_INVALID_ARGUMENT, "This should be one of %s", list);
}

/* The text, checked; used for a member and for each item of an array. */
static int check_enum(const char *text, const char *const *enum_values, struct error *err)
{
    for (size_t i = 0; enum_values[i]; i++) {
        if (strcmp(enum_values[i], text) == 0) {
            return 0;
        }
    }
    return refuse_enum(enum_values, err);
}

static int check_string(const struct json_value *value, const struct json_field *field,
                        struct error *err)
{
    if (value->type != JSON_STRING) {
        return refuse_type(value, "a string", err);
    }
    if (field->enum_values) {
        return check_enum(value->text, field->enum_values, err);
    }
    if ((int64_t)value->len < field->min) {
        return value->len == 0 ? error_set(err, ERR_INVALID_ARGUMENT, "This must not be empty")
                               : error_set(err, ERR_INVALID_ARGUMENT,
                                           "This is too short: %zu bytes, at least %lld are needed",
                                           value->len, (long long)field->min);
    }
    if ((int64_t)value->len > field->max) {
        return error_set(err, ERR_INVALID_ARGUMENT,
                         "This is too long: %zu bytes, at most %lld are allowed", value->len,
                         (long long)field->max);
    }
    return 0;
}

static int check_integer(const struct json_value *value, const struct json_field *field,
                         struct error *err)
{
    if (value->type != JSON_NUMBER) {
        return refuse_type(value, "a whole number", err);
    }
    if (!value->is_integer || value->integer < field->min || value->integer > field->max) {
        return error_set(err, ERR_INVALID_ARGUMENT,
                         "This should be a whole number from %lld to %lld", (long long)field->min,
                         (long long)field->max);
    }
    return 0;
}

static int read_string(struct arena *arena, const struct json_value *value,
                       const struct json_field *field, void *ret_struct, struct error *err)
{
    int result = check_string(value, field, err);
    if (result == 0) {
        set_pointer(ret_struct, field->offset, value->text);
    }
    return result;
}

static int read_integer(struct arena *arena, const struct json_value *value,
                        const struct json_field *field, void *ret_struct, struct error *err)
{
    int result = check_integer(value, field, err);
    if (result == 0) {
        memcpy(member_at(ret_struct, field->offset), &value->integer, sizeof(value->integer));
        set_has(ret_struct, field);
    }
    return result;
}

static int read_number(struct arena *arena, const struct json_value *value,
                       const struct json_field *field, void *ret_struct, struct error *err)
{
    if (value->type != JSON_NUMBER) {
        return refuse_type(value, "a number", err);
    }
    if (value->number < field->number_min || value->number > field->number_max) {
        return error_set(err, ERR_INVALID_ARGUMENT, "This should be a number from %g to %g",
                         field->number_min, field->number_max);
    }
    memcpy(member_at(ret_struct, field->offset), &value->number, sizeof(value->number));
    set_has(ret_struct, field);
    return 0;
}

static int read_bool(struct arena *arena, const struct json_value *value,
                     const struct json_field *field, void *ret_struct, struct error *err)
{
    if (value->type != JSON_BOOL) {
        return refuse_type(value, "true or false", err);
    }
    memcpy(member_at(ret_struct, field->offset), &value->boolean, sizeof(value->boolean));
    set_has(ret_struct, field);
    return 0;
}

static int read_object(struct arena *arena, const struct json_value *value,
                       const struct json_field *field, void *ret_struct, struct error *err)
{
    void *object = arena_alloc(arena, field->shape->struct_size);
    int result = json_decode(arena, value, field->shape, object, err);
    if (result == 0) {
        set_pointer(ret_struct, field->offset, object);
    }
    return result;
}

static int read_any(struct arena *arena, const struct json_value *value,
                    const struct json_field *field, void *ret_struct, struct error *err)
{
    set_pointer(ret_struct, field->offset, value);
    return 0;
}

static int check_array(const struct json_value *value, const struct json_field *field,
                       struct error *err)
{
    if (value->type != JSON_ARRAY) {
        return refuse_type(value, "an array", err);
    }
    if ((int64_t)value->item_count < field->min || (int64_t)value->item_count > field->max) {
        return error_set(err, ERR_INVALID_ARGUMENT,
                         "This has %zu items; from %lld to %lld are allowed", value->item_count,
                         (long long)field->min, (long long)field->max);
    }
    return 0;
}

/* Reads one item of an array into its place. */
typedef int item_reader_fn(struct arena *arena, const struct json_value *value,
                           const struct json_field *field, void *ret_item, struct error *err);

static int read_string_item(struct arena *arena, const struct json_value *value,
                            const struct json_field *field, void *ret_item, struct error *err)
{
    if (value->type != JSON_STRING) {
        return refuse_type(value, "a string", err);
    }
    set_pointer(ret_item, 0, value->text);
    return field->enum_values ? check_enum(value->text, field->enum_values, err) : 0;
}

static int read_integer_item(struct arena *arena, const struct json_value *value,
                             const struct json_field *field, void *ret_item, struct error *err)
{
    if (value->type != JSON_NUMBER || !value->is_integer) {
        return refuse_type(value, "a whole number", err);
    }
    memcpy(ret_item, &value->integer, sizeof(value->integer));
    return 0;
}

static int read_object_item(struct arena *arena, const struct json_value *value,
                            const struct json_field *field, void *ret_item, struct error *err)
{
    return json_decode(arena, value, field->shape, ret_item, err);
}

static int read_array(struct arena *arena, const struct json_value *value,
                      const struct json_field *field, size_t item_size, item_reader_fn *read_item,
                      void *ret_struct, struct error *err)
{
    int result = check_array(value, field, err);
    if (result != 0) {
        return result;
    }
    char *items = arena_calloc(arena, value->item_count, item_size);
    for (size_t i = 0; i < value->item_count; i++) {
        result = read_item(arena, value->items[i], field, items + i * item_size, err);
        if (result != 0) {
            char index[32];
            snprintf(index, sizeof(index), "[%zu]", i);
            error_prefix_field(err, index);
            return result;
        }
    }
    set_pointer(ret_struct, field->offset, items);
    set_size(ret_struct, field->count_offset, value->item_count);
    return 0;
}

static int read_strings(struct arena *arena, const struct json_value *value,
                        const struct json_field *field, void *ret_struct, struct error *err)
{
    return read_array(arena, value, field, sizeof(char *), read_string_item, ret_struct, err);
}

static int read_integers(struct arena *arena, const struct json_value *value,
                         const struct json_field *field, void *ret_struct, struct error *err)
{
    return read_array(arena, value, field, sizeof(int64_t), read_integer_item, ret_struct, err);
}

static int read_objects(struct arena *arena, const struct json_value *value,
                        const struct json_field *field, void *ret_struct, struct error *err)
{
    return read_array(arena, value, field, field->shape->struct_size, read_object_item, ret_struct,
                      err);
}

static reader_fn *const readers[] = {
    [JSON_FIELD_STRING] = read_string,
    [JSON_FIELD_INTEGER] = read_integer,
    [JSON_FIELD_NUMBER] = read_number,
    [JSON_FIELD_BOOL] = read_bool,
    [JSON_FIELD_OBJECT] = read_object,
    [JSON_FIELD_STRING_ARRAY] = read_strings,
    [JSON_FIELD_INTEGER_ARRAY] = read_integers,
    [JSON_FIELD_OBJECT_ARRAY] = read_objects,
    [JSON_FIELD_ANY] = read_any,
};

static const struct json_field *find_field(const struct json_shape *shape, const char *name)
{
    for (size_t i = 0; i < shape->field_count; i++) {
        if (strcmp(shape->fields[i].name, name) == 0) {
            return &shape->fields[i];
        }
    }
    return NULL;
}

static int refuse_unknown(const struct json_shape *shape, const char *name, struct error *err)
{
    struct json_quoted quoted = json_quote(name);
    int result = error_set_field(err, ERR_UNKNOWN_FIELD, quoted.text,
                                 "There is no field \"%s\" here", quoted.text);
    char list[256] = "";
    size_t used = 0;
    for (size_t i = 0; i < shape->field_count && used < sizeof(list); i++) {
        used += (size_t)snprintf(list + used, sizeof(list) - used, "%s%s", i ? ", " : "",
                                 shape->fields[i].name);
    }
    if (shape->field_count == 0) {
        error_hint(err, "No fields are expected here");
    } else {
        error_hint(err, "These exist: %s", list);
    }
    return result;
}

static int check_missing(const struct json_value *object, const struct json_shape *shape,
                         struct error *err)
{
    for (size_t i = 0; i < shape->field_count; i++) {
        const struct json_field *field = &shape->fields[i];
        if (field->required && !json_find(object, field->name)) {
            return error_set_field(err, ERR_MISSING_FIELD, field->name,
                                   "The field \"%s\" is missing", field->name);
        }
    }
    return 0;
}

static int read_member(struct arena *arena, const struct json_member *member,
                       const struct json_shape *shape, void *ret_struct, struct error *err)
{
    const struct json_field *field = find_field(shape, member->name);
    if (!field) {
        return refuse_unknown(shape, member->name, err);
    }
    int result = readers[field->type](arena, member->value, field, ret_struct, err);
    if (result != 0) {
        error_prefix_field(err, field->name);
    }
    return result;
}

int json_decode(struct arena *arena, const struct json_value *value, const struct json_shape *shape,
                void *ret_struct, struct error *err)
{
    memset(ret_struct, 0, shape->struct_size);
    if (value->type != JSON_OBJECT) {
        return refuse_type(value, "an object", err);
    }
    for (size_t i = 0; i < value->member_count; i++) {
        int result = read_member(arena, &value->members[i], shape, ret_struct, err);
        if (result != 0) {
            return result;
        }
    }
    return check_missing(value, shape, err);
}
