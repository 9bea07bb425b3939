/*
 * Structs from JSON objects and back, by table; see the header. Called by ipc and http for every
 * request and answer, and by the job programs.
 */
#include "libdialup/json/shape.h"

#include <stdio.h>
#include <string.h>

#include "libdialup/base/memory.h"
#include "libdialup/json/quote.h"

/* Where a member stands in a struct. */
static void *at(void *object, size_t offset)
{
    return (char *)object + offset;
}

static const void *at_const(const void *object, size_t offset)
{
    return (const char *)object + offset;
}

/* Decoding --------------------------------------------------------------------------------- */

struct decoder {
    struct arena *arena;
    struct error *err;
};

/* Of a member, or of each item of a list. */
struct bounds {
    int64_t min, max;
};

static int decode_object(const struct decoder *decoder, const struct json_value *value,
                         const struct json_shape *shape, void *out);

static int wrong_type(const struct decoder *decoder, const char *field, const char *wanted,
                      const struct json_value *value)
{
    return error_set_field(decoder->err, ERR_INVALID_ARGUMENT, field, "\"%s\" must be %s, not %s",
                           field, wanted, json_type_name(value->type));
}

static int check_enum(const struct decoder *decoder, const struct json_field *field,
                      const char *text)
{
    AUTO_STRBUF struct strbuf list = STRBUF_INIT;
    for (const char *const *word = field->enum_values; *word; word++) {
        if (strcmp(*word, text) == 0) {
            return 0;
        }
        strbuf_printf(&list, "%s%s", list.size ? ", " : "", *word);
    }
    return error_set_field(decoder->err, ERR_INVALID_ARGUMENT, field->name,
                           "\"%s\" cannot be \"%s\"; it must be one of: %s", field->name,
                           json_quote(text).text, strbuf_text(&list));
}

static int decode_string(const struct decoder *decoder, const struct json_field *field,
                         const struct json_value *value, struct bounds bytes, const char **out)
{
    if (value->type != JSON_STRING) {
        return wrong_type(decoder, field->name, "a string", value);
    }
    if ((int64_t)value->len > bytes.max) {
        return error_set_field(decoder->err, ERR_TOO_LARGE, field->name,
                               "\"%s\" is too long: %zu bytes, at most %lld", field->name,
                               value->len, (long long)bytes.max);
    }
    if ((int64_t)value->len < bytes.min) {
        return error_set_field(decoder->err, ERR_INVALID_ARGUMENT, field->name,
                               "\"%s\" is too short: %zu bytes, at least %lld", field->name,
                               value->len, (long long)bytes.min);
    }
    *out = value->text;
    return field->enum_values ? check_enum(decoder, field, value->text) : 0;
}

static int decode_integer(const struct decoder *decoder, const struct json_field *field,
                          const struct json_value *value, struct bounds range, int64_t *out)
{
    if (value->type != JSON_NUMBER) {
        return wrong_type(decoder, field->name, "a whole number", value);
    }
    if (!value->is_integer || value->integer < range.min || value->integer > range.max) {
        return error_set_field(decoder->err, ERR_INVALID_ARGUMENT, field->name,
                               "\"%s\" must be a whole number from %lld to %lld", field->name,
                               (long long)range.min, (long long)range.max);
    }
    *out = value->integer;
    return 0;
}

static int decode_number(const struct decoder *decoder, const struct json_field *field,
                         const struct json_value *value, double *out)
{
    if (value->type != JSON_NUMBER) {
        return wrong_type(decoder, field->name, "a number", value);
    }
    if (value->number < field->number_min || value->number > field->number_max) {
        return error_set_field(decoder->err, ERR_INVALID_ARGUMENT, field->name,
                               "\"%s\" must be a number from %g to %g", field->name,
                               field->number_min, field->number_max);
    }
    *out = value->number;
    return 0;
}

static size_t item_size(const struct json_field *field)
{
    switch (field->type) {
    case JSON_FIELD_STRING_ARRAY:
        return sizeof(const char *);
    case JSON_FIELD_INTEGER_ARRAY:
        return sizeof(int64_t);
    default:
        return field->shape->struct_size;
    }
}

static int decode_item(const struct decoder *decoder, const struct json_field *field,
                       const struct json_value *value, void *out)
{
    const struct bounds bounds = {field->item_min, field->item_max};
    switch (field->type) {
    case JSON_FIELD_STRING_ARRAY:
        return decode_string(decoder, field, value, bounds, out);
    case JSON_FIELD_INTEGER_ARRAY:
        return decode_integer(decoder, field, value, bounds, out);
    default:
        return decode_object(decoder, value, field->shape, out);
    }
}

/* Makes the path of the error lead through the item; an item that is no object has no name yet. */
static void name_item(const struct decoder *decoder, const struct json_field *field, size_t index)
{
    char path[sizeof(decoder->err->field)];
    snprintf(path, sizeof(path), "%s[%zu]", field->name, index);
    if (field->type != JSON_FIELD_OBJECT_ARRAY) {
        decoder->err->field[0] = '\0';
    }
    error_prefix_field(decoder->err, path);
}

static int decode_array(const struct decoder *decoder, const struct json_field *field,
                        const struct json_value *value, void *out)
{
    if (value->type != JSON_ARRAY) {
        return wrong_type(decoder, field->name, "a list", value);
    }
    bool too_many = (int64_t)value->item_count > field->max;
    if (too_many || (int64_t)value->item_count < field->min) {
        return error_set_field(decoder->err, too_many ? ERR_TOO_LARGE : ERR_INVALID_ARGUMENT,
                               field->name, "\"%s\" must have %lld to %lld items, not %zu",
                               field->name, (long long)field->min, (long long)field->max,
                               value->item_count);
    }
    size_t size = item_size(field);
    char *items = arena_calloc(decoder->arena, value->item_count, size);
    for (size_t i = 0; i < value->item_count; i++) {
        int result = decode_item(decoder, field, value->items[i], items + i * size);
        if (result < 0) {
            name_item(decoder, field, i);
            return result;
        }
    }
    memcpy(at(out, field->offset), &items, sizeof(items));
    *(size_t *)at(out, field->count_offset) = value->item_count;
    return 0;
}

static int decode_nested(const struct decoder *decoder, const struct json_field *field,
                         const struct json_value *value, void *out)
{
    void *nested = arena_alloc(decoder->arena, field->shape->struct_size);
    int result = decode_object(decoder, value, field->shape, nested);
    if (result < 0) {
        error_prefix_field(decoder->err, field->name);
        return result;
    }
    memcpy(at(out, field->offset), &nested, sizeof(nested));
    return 0;
}

static int decode_field(const struct decoder *decoder, const struct json_field *field,
                        const struct json_value *value, void *out)
{
    const struct bounds bounds = {field->min, field->max};
    if (field->has_offset) {
        *(bool *)at(out, field->has_offset) = true;
    }
    switch (field->type) {
    case JSON_FIELD_STRING:
        return decode_string(decoder, field, value, bounds, at(out, field->offset));
    case JSON_FIELD_INTEGER:
        return decode_integer(decoder, field, value, bounds, at(out, field->offset));
    case JSON_FIELD_NUMBER:
        return decode_number(decoder, field, value, at(out, field->offset));
    case JSON_FIELD_BOOL:
        if (value->type != JSON_BOOL) {
            return wrong_type(decoder, field->name, "true or false", value);
        }
        *(bool *)at(out, field->offset) = value->boolean;
        return 0;
    case JSON_FIELD_OBJECT:
        return decode_nested(decoder, field, value, out);
    case JSON_FIELD_STRING_ARRAY:
    case JSON_FIELD_INTEGER_ARRAY:
    case JSON_FIELD_OBJECT_ARRAY:
        return decode_array(decoder, field, value, out);
    case JSON_FIELD_ANY:
        memcpy(at(out, field->offset), &value, sizeof(value));
        return 0;
    }
    return 0;
}

static bool shape_has(const struct json_shape *shape, const char *name)
{
    for (size_t i = 0; i < shape->field_count; i++) {
        if (strcmp(shape->fields[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

static int refuse_unknown(const struct decoder *decoder, const struct json_shape *shape,
                          const char *name)
{
    AUTO_STRBUF struct strbuf list = STRBUF_INIT;
    for (size_t i = 0; i < shape->field_count; i++) {
        strbuf_printf(&list, "%s%s", i ? ", " : "", shape->fields[i].name);
    }
    struct json_quoted quoted = json_quote(name);
    int result = error_set_field(decoder->err, ERR_UNKNOWN_FIELD, quoted.text,
                                 "There is no field \"%s\" here", quoted.text);
    if (list.size) {
        error_hint(decoder->err, "These exist: %s", strbuf_text(&list));
    }
    return result;
}

static int check_unknown(const struct decoder *decoder, const struct json_value *value,
                         const struct json_shape *shape)
{
    for (size_t i = 0; i < value->member_count; i++) {
        const char *name = value->members[i].name;
        if (!shape_has(shape, name)) {
            return refuse_unknown(decoder, shape, name);
        }
    }
    return 0;
}

static int decode_object(const struct decoder *decoder, const struct json_value *value,
                         const struct json_shape *shape, void *out)
{
    if (value->type != JSON_OBJECT) {
        return error_set(decoder->err, ERR_INVALID_ARGUMENT, "Expected an object, not %s",
                         json_type_name(value->type));
    }
    int result = check_unknown(decoder, value, shape);
    for (size_t i = 0; result == 0 && i < shape->field_count; i++) {
        const struct json_field *field = &shape->fields[i];
        const struct json_value *member = json_find(value, field->name);
        /* null says the same as leaving it out, where that is allowed */
        if (member && !(member->type == JSON_NULL && !field->required)) {
            result = decode_field(decoder, field, member, out);
        } else if (field->required) {
            result = error_set_field(decoder->err, ERR_MISSING_FIELD, field->name,
                                     "The field \"%s\" is missing", field->name);
        }
    }
    return result;
}

int json_decode(struct arena *arena, const struct json_value *value, const struct json_shape *shape,
                void *ret_struct, struct error *err)
{
    struct error ignored;
    const struct decoder decoder = {arena, err ? err : &ignored};
    memset(ret_struct, 0, shape->struct_size);
    return decode_object(&decoder, value, shape, ret_struct);
}

/* Encoding --------------------------------------------------------------------------------- */

static void encode_array(struct json_writer *writer, const struct json_field *field,
                         const void *object)
{
    const char *items;
    memcpy(&items, at_const(object, field->offset), sizeof(items));
    size_t count = *(const size_t *)at_const(object, field->count_offset);
    size_t size = item_size(field);
    json_begin_array(writer);
    for (size_t i = 0; i < count; i++) {
        const void *item = items + i * size;
        if (field->type == JSON_FIELD_STRING_ARRAY) {
            json_text(writer, *(const char *const *)item);
        } else if (field->type == JSON_FIELD_INTEGER_ARRAY) {
            json_integer(writer, *(const int64_t *)item);
        } else {
            json_encode(writer, field->shape, item);
        }
    }
    json_end_array(writer);
}

static bool is_present(const struct json_field *field, const void *object)
{
    if (field->required) {
        return true;
    }
    const void *pointer;
    switch (field->type) {
    case JSON_FIELD_INTEGER:
    case JSON_FIELD_NUMBER:
    case JSON_FIELD_BOOL:
        return *(const bool *)at_const(object, field->has_offset);
    case JSON_FIELD_STRING_ARRAY:
    case JSON_FIELD_INTEGER_ARRAY:
    case JSON_FIELD_OBJECT_ARRAY:
        return *(const size_t *)at_const(object, field->count_offset) > 0;
    case JSON_FIELD_STRING:
    case JSON_FIELD_OBJECT:
    case JSON_FIELD_ANY:
        memcpy(&pointer, at_const(object, field->offset), sizeof(pointer));
        return pointer != NULL;
    }
    return false;
}

static void encode_field(struct json_writer *writer, const struct json_field *field,
                         const void *object)
{
    const void *member = at_const(object, field->offset);
    const void *pointer;
    switch (field->type) {
    case JSON_FIELD_STRING:
        json_text(writer, *(const char *const *)member);
        return;
    case JSON_FIELD_INTEGER:
        json_integer(writer, *(const int64_t *)member);
        return;
    case JSON_FIELD_NUMBER:
        json_number(writer, *(const double *)member);
        return;
    case JSON_FIELD_BOOL:
        json_bool(writer, *(const bool *)member);
        return;
    case JSON_FIELD_STRING_ARRAY:
    case JSON_FIELD_INTEGER_ARRAY:
    case JSON_FIELD_OBJECT_ARRAY:
        encode_array(writer, field, object);
        return;
    case JSON_FIELD_OBJECT:
    case JSON_FIELD_ANY:
        break;
    }
    memcpy(&pointer, member, sizeof(pointer));
    if (!pointer) {
        json_null(writer);
    } else if (field->type == JSON_FIELD_OBJECT) {
        json_encode(writer, field->shape, pointer);
    } else {
        json_write_value(writer, pointer);
    }
}

void json_encode(struct json_writer *writer, const struct json_shape *shape, const void *value)
{
    json_begin_object(writer);
    for (size_t i = 0; i < shape->field_count; i++) {
        const struct json_field *field = &shape->fields[i];
        if (is_present(field, value)) {
            json_key(writer, field->name);
            encode_field(writer, field, value);
        }
    }
    json_end_object(writer);
}
