/*
 * Reading parsed values. Everybody calls it; it changes nothing.
 */
#include "libdialup/json/json.h"

#include <stdio.h>
#include <string.h>

#include "libdialup/base/utf8.h"
#include "libdialup/json/quote.h"

const struct json_value *json_find(const struct json_value *object, const char *name)
{
    if (!object || object->type != JSON_OBJECT) {
        return NULL;
    }
    for (size_t i = 0; i < object->member_count; i++) {
        if (strcmp(object->members[i].name, name) == 0) {
            return object->members[i].value;
        }
    }
    return NULL;
}

const char *json_find_text(const struct json_value *object, const char *name, const char *fallback)
{
    const struct json_value *value = json_find(object, name);
    return value && value->type == JSON_STRING ? value->text : fallback;
}

int64_t json_find_integer(const struct json_value *object, const char *name, int64_t fallback)
{
    const struct json_value *value = json_find(object, name);
    return value && value->type == JSON_NUMBER && value->is_integer ? value->integer : fallback;
}

bool json_find_bool(const struct json_value *object, const char *name, bool fallback)
{
    const struct json_value *value = json_find(object, name);
    return value && value->type == JSON_BOOL ? value->boolean : fallback;
}

const char *json_type_name(enum json_type type)
{
    static const char *const names[] = {
        [JSON_NULL] = "null",       [JSON_BOOL] = "true or false", [JSON_NUMBER] = "a number",
        [JSON_STRING] = "a string", [JSON_ARRAY] = "an array",     [JSON_OBJECT] = "an object",
    };
    return names[type];
}

/* The C0 and C1 controls and DEL. */
static bool is_control(const unsigned char *at)
{
    return at[0] < ' ' || at[0] == 0x7F || (at[0] == 0xC2 && at[1] >= 0x80 && at[1] <= 0x9F);
}

struct json_quoted json_quote(const char *name)
{
    static const char dots[] = "...";
    struct json_quoted quoted;
    size_t size = strlen(name);
    bool is_cut = size >= sizeof(quoted.text);
    if (is_cut) {
        size = utf8_prefix_len(name, sizeof(quoted.text) - sizeof(dots));
    }
    snprintf(quoted.text, sizeof(quoted.text), "%.*s%s", (int)size, name, is_cut ? dots : "");
    for (unsigned char *at = (unsigned char *)quoted.text; *at; at++) {
        if (is_control(at)) {
            if (*at == 0xC2) {
                at[1] = ' ';
            }
            *at = ' ';
        }
    }
    return quoted;
}
