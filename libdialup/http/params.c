/*
 * A query becomes a JSON object whose values have the types that the shape wants; then the shape's
 * own decoder does the checking. So there is one set of rules and messages for both.
 */
#include "libdialup/http/params.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "libdialup/base/memory.h"
#include "libdialup/base/str.h"
#include "libdialup/base/utf8.h"

static int hex_value(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The byte at text, or -1; *used is how many characters it took. */
static int decode_byte(const char *text, size_t len, bool plus_is_space, size_t *used)
{
    *used = 1;
    if (text[0] == '+' && plus_is_space) {
        return ' ';
    }
    if (text[0] != '%') {
        return (unsigned char)text[0];
    }
    if (len < 3 || hex_value(text[1]) < 0 || hex_value(text[2]) < 0) {
        return -1;
    }
    *used = 3;
    return hex_value(text[1]) * 16 + hex_value(text[2]);
}

int http_percent_decode(struct arena *arena, const char *field, const char *text, size_t len,
                        bool plus_is_space, const char **ret_text, struct error *err)
{
    char *out = arena_alloc(arena, len + 1);
    size_t size = 0;
    for (size_t i = 0, used; i < len; i += used) {
        int byte = decode_byte(text + i, len - i, plus_is_space, &used);
        if (byte < 0x20 || byte == 0x7F) {
            return error_set_field(err, ERR_INVALID_ARGUMENT, field,
                                   "The address holds something that is not text.");
        }
        out[size++] = (char)byte;
    }
    if (!utf8_is_valid(out, size)) {
        return error_set_field(err, ERR_INVALID_ARGUMENT, field, "This is not valid UTF-8.");
    }
    *ret_text = out;
    return 0;
}

int http_decode_segment(struct arena *arena, const char *field, const char *text, size_t len,
                        const char **ret_text, struct error *err)
{
    const char *decoded;
    int result = http_percent_decode(arena, field, text, len, false, &decoded, err);
    if (result < 0) {
        return result;
    }
    if (strpbrk(decoded, "/\\") || str_equal(decoded, ".") || str_equal(decoded, "..")) {
        return error_set_field(err, ERR_INVALID_ARGUMENT, field, "This cannot be a name.");
    }
    *ret_text = decoded;
    return 0;
}

static const struct json_field *find_field(const struct json_shape *shape, const char *name)
{
    for (size_t i = 0; shape && i < shape->field_count; i++) {
        if (str_equal(shape->fields[i].name, name)) {
            return &shape->fields[i];
        }
    }
    return NULL;
}

static bool read_number(const char *text, double *ret_number)
{
    char *end;
    bool starts_well = (text[0] >= '0' && text[0] <= '9') || text[0] == '-';
    errno = 0;
    double number = strtod(text, &end);
    if (!starts_well || *end != '\0' || errno != 0 || !isfinite(number)) {
        return false;
    }
    *ret_number = number;
    return true;
}

/* Text that does not read as the wanted type stays text: the decoder says what was expected. */
static void type_value(struct json_value *value, enum json_field_type type, const char *text)
{
    value->type = JSON_STRING;
    value->text = text;
    value->len = strlen(text);
    int64_t integer;
    double number;
    if (type == JSON_FIELD_INTEGER && str_parse_i64(text, INT64_MIN, INT64_MAX, &integer)) {
        *value = (struct json_value){.type = JSON_NUMBER, .is_integer = true};
        value->integer = integer;
        value->number = (double)integer;
    } else if (type == JSON_FIELD_NUMBER && read_number(text, &number)) {
        *value = (struct json_value){.type = JSON_NUMBER};
        value->number = number;
    } else if (type == JSON_FIELD_BOOL && (str_equal(text, "true") || str_equal(text, "false"))) {
        *value = (struct json_value){.type = JSON_BOOL};
        value->boolean = text[0] == 't';
    }
}

struct query {
    struct json_member members[HTTP_MAX_QUERY_PARAMS];
    size_t count;
};

static bool has_member(const struct query *query, const char *name)
{
    for (size_t i = 0; i < query->count; i++) {
        if (str_equal(query->members[i].name, name)) {
            return true;
        }
    }
    return false;
}

static int add_pair(struct arena *arena, struct query *query, const struct json_shape *shape,
                    const char *pair, size_t len, struct error *err)
{
    const char *equals = memchr(pair, '=', len);
    size_t name_len = equals ? (size_t)(equals - pair) : len;
    size_t value_start = equals ? name_len + 1 : len;
    const char *name;
    const char *text;
    int result = http_percent_decode(arena, "query", pair, name_len, true, &name, err);
    if (result == 0) {
        result = http_percent_decode(arena, name, pair + value_start, len - value_start, true,
                                     &text, err);
    }
    if (result < 0) {
        return result;
    }
    const struct json_field *field = find_field(shape, name);
    if (!field) {
        return error_set_field(err, ERR_UNKNOWN_FIELD, name,
                               "The address has a parameter that is not known here.");
    }
    if (has_member(query, name) || query->count == HTTP_MAX_QUERY_PARAMS) {
        return error_set_field(err, ERR_INVALID_ARGUMENT, name, "This parameter comes twice.");
    }
    struct json_value *value = arena_alloc(arena, sizeof(*value));
    type_value(value, field->type, text);
    query->members[query->count++] = (struct json_member){name, value};
    return 0;
}

static int read_pairs(struct arena *arena, const char *text, const struct json_shape *shape,
                      struct query *query, struct error *err)
{
    while (text && *text != '\0') {
        size_t len = strcspn(text, "&");
        int result = len > 0 ? add_pair(arena, query, shape, text, len, err) : 0;
        if (result < 0) {
            return result;
        }
        text += len + (text[len] == '&');
    }
    return 0;
}

int http_query_decode(struct arena *arena, const char *text, const struct json_shape *shape,
                      void *ret_struct, struct error *err)
{
    struct query *query = arena_alloc(arena, sizeof(*query));
    int result = read_pairs(arena, text, shape, query, err);
    if (result < 0 || !shape) {
        return result;
    }
    struct json_value *object = arena_alloc(arena, sizeof(*object));
    object->type = JSON_OBJECT;
    object->members = query->members;
    object->member_count = query->count;
    return json_decode(arena, object, shape, ret_struct, err);
}
