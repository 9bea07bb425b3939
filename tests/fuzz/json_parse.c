/*
 * Any text: what is accepted holds strict UTF-8 without NUL, is written as something that is
 * accepted, and is then written the same; what is refused has a code and one line of words.
 */
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "libdialup/base/log.h"
#include "libdialup/base/str.h"
#include "libdialup/base/utf8.h"
#include "libdialup/json/json.h"
#include "libdialup/json/writer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_text(const char *text, size_t len)
{
    ASSERT(strlen(text) == len && utf8_is_valid(text, len));
}

static void check_value(const struct json_value *value)
{
    if (value->type == JSON_STRING) {
        check_text(value->text, value->len);
    } else if (value->type == JSON_NUMBER) {
        ASSERT(isfinite(value->number));
    } else if (value->type == JSON_ARRAY) {
        for (size_t i = 0; i < value->item_count; i++) {
            check_value(value->items[i]);
        }
    } else if (value->type == JSON_OBJECT) {
        for (size_t i = 0; i < value->member_count; i++) {
            check_text(value->members[i].name, strlen(value->members[i].name));
            check_value(value->members[i].value);
        }
    }
}

static void write(const struct json_value *value, struct strbuf *out)
{
    struct json_writer writer;
    json_writer_init(&writer, out);
    json_write_value(&writer, value);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO_ARENA struct arena *arena = arena_new();
    const struct json_value *value = NULL;
    struct error err = {0};
    int result = json_parse(arena, (const char *)data, size, &value, &err);
    if (result < 0) {
        ASSERT(result == -(int)err.code && err.message[0] && !value);
        ASSERT(utf8_is_valid(err.message, strlen(err.message)) && !strchr(err.message, '\n'));
        return 0;
    }
    check_value(value);
    AUTO_STRBUF struct strbuf text = STRBUF_INIT;
    AUTO_STRBUF struct strbuf text_again = STRBUF_INIT;
    const struct json_value *again = NULL;
    write(value, &text);
    ASSERT(json_parse(arena, text.data, text.size, &again, &err) == 0);
    write(again, &text_again);
    ASSERT(str_equal(text.data, text_again.data));
    return 0;
}
