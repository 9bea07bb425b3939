/*
 * The writer: the exact text it gives, numbers that read back, text that had to be mended.
 */
#include "libdialup/json/writer.h"

#include <float.h>

#include "libdialup/base/memory.h"
#include "tests/harness/check.h"

static void case_structure(void)
{
    AUTO_STRBUF struct strbuf out = STRBUF_INIT;
    struct json_writer writer;
    json_writer_init(&writer, &out);
    json_begin_object(&writer);
    json_put_text(&writer, "text", "a");
    json_put_text(&writer, "none", NULL);
    json_put_integer(&writer, "low", INT64_MIN);
    json_put_number(&writer, "half", 0.5);
    json_put_bool(&writer, "yes", true);
    json_key(&writer, "list");
    json_begin_array(&writer);
    json_bool(&writer, false);
    json_null(&writer);
    json_begin_object(&writer);
    json_end_object(&writer);
    json_begin_array(&writer);
    json_end_array(&writer);
    json_raw(&writer, "{\"raw\":1}", 9);
    json_end_array(&writer);
    json_key(&writer, "last");
    json_raw(&writer, "[]", 2);
    json_end_object(&writer);
    CHECK_STR(strbuf_text(&out), "{\"text\":\"a\",\"none\":null,\"low\":-9223372036854775808,"
                                 "\"half\":0.5,\"yes\":true,\"list\":[false,null,{},[],"
                                 "{\"raw\":1}],\"last\":[]}");
}

static void case_text(void)
{
    static const struct {
        const char *name;
        const char *text;
        size_t len;
        const char *json;
    } rows[] = {
        {"plain", "abc", 3, "\"abc\""},
        {"empty", "", 0, "\"\""},
        {"escapes", "\"\\/\b\f\n\r\t", 8, "\"\\\"\\\\/\\b\\f\\n\\r\\t\""},
        {"controls", "\x01\x1F\x7F", 3, "\"\\u0001\\u001f\x7F\""},
        {"NUL", "a\0b", 3, "\"a\\u0000b\""},
        {"UTF-8", "\xC3\xBC\xF0\x9F\x98\x80", 6, "\"\xC3\xBC\xF0\x9F\x98\x80\""},
        {"overlong", "a\xC0\xAF", 3, "\"a\xEF\xBF\xBD\xEF\xBF\xBD\""},
        {"cut character", "a\xE2\x82", 3, "\"a\xEF\xBF\xBD\xEF\xBF\xBD\""},
        {"wrong byte, then good text", "\xFFok\n", 4, "\"\xEF\xBF\xBDok\\n\""},
    };
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        AUTO_STRBUF struct strbuf out = STRBUF_INIT;
        struct json_writer writer;
        json_writer_init(&writer, &out);
        json_text_len(&writer, rows[i].text, rows[i].len);
        if (!CHECK_STR(strbuf_text(&out), rows[i].json)) {
            printf("# in \"%s\"\n", rows[i].name);
        }
    }
}

static void case_numbers(void)
{
    static const struct {
        double number;
        const char *json;
    } rows[] = {
        {0.0, "0"},
        {-0.0, "-0.0"},
        {0.1, "0.1"},
        {0.1 + 0.2, "0.30000000000000004"},
        {1.0 / 3.0, "0.3333333333333333"},
        {100.0, "100"},
        {-2.5e-7, "-2.5e-07"},
        {1e22, "1e+22"},
        {9007199254740993.0, "9007199254740992"},
        {5e-324, "5e-324"},
        {DBL_MAX, "1.7976931348623157e+308"},
        {DBL_MIN, "2.2250738585072014e-308"},
    };
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        AUTO_STRBUF struct strbuf out = STRBUF_INIT;
        struct json_writer writer;
        json_writer_init(&writer, &out);
        json_number(&writer, rows[i].number);
        CHECK_STR(strbuf_text(&out), rows[i].json);
        CHECK(strtod(strbuf_text(&out), NULL) == rows[i].number);
    }
}

/* Any bits that are a finite number, by a fixed walk over the bit patterns. */
static void case_numbers_read_back(void)
{
    uint64_t bits = 88172645463325252ULL;
    for (int i = 0; i < 20000; i++) {
        bits ^= bits << 13;
        bits ^= bits >> 7;
        bits ^= bits << 17;
        double number;
        memcpy(&number, &bits, sizeof(number));
        if (number - number != 0.0) {
            continue; /* infinite, or not a number */
        }
        AUTO_STRBUF struct strbuf out = STRBUF_INIT;
        struct json_writer writer;
        json_writer_init(&writer, &out);
        json_number(&writer, number);
        if (!CHECK(strtod(strbuf_text(&out), NULL) == number)) {
            return;
        }
    }
}

static void case_parsed_value(void)
{
    static const char *const texts[] = {
        "{\"a\":[1,-2.5,null,true,false,\"\\u0001\xC3\xBC\"],\"b\":{\"c\":[],\"d\":{}}}",
        "9223372036854775807",
        "1.8446744073709552e+19",
        "-0.0",
        "\"text\"",
    };
    for (size_t i = 0; i < ARRAY_COUNT(texts); i++) {
        AUTO_ARENA struct arena *arena = arena_new();
        AUTO_STRBUF struct strbuf out = STRBUF_INIT;
        const struct json_value *value = NULL;
        struct json_writer writer;
        if (CHECK_INT(json_parse(arena, texts[i], strlen(texts[i]), &value, NULL), 0)) {
            json_writer_init(&writer, &out);
            json_write_value(&writer, value);
            CHECK_STR(strbuf_text(&out), texts[i]);
        }
    }
}

/* The deepest text that the parser takes fits into an envelope of ours. */
static void case_deep_value_in_envelope(void)
{
    AUTO_ARENA struct arena *arena = arena_new();
    AUTO_STRBUF struct strbuf text = STRBUF_INIT;
    AUTO_STRBUF struct strbuf out = STRBUF_INIT;
    for (int i = 0; i < JSON_MAX_DEPTH; i++) {
        strbuf_putc(&text, '[');
    }
    for (int i = 0; i < JSON_MAX_DEPTH; i++) {
        strbuf_putc(&text, ']');
    }
    const struct json_value *value = NULL;
    if (!CHECK_INT(json_parse(arena, text.data, text.size, &value, NULL), 0)) {
        return;
    }
    struct json_writer writer;
    json_writer_init(&writer, &out);
    json_begin_object(&writer);
    json_key(&writer, "result");
    json_write_value(&writer, value);
    json_end_object(&writer);
    CHECK_INT(out.size, text.size + strlen("{\"result\":}"));
}

int main(void)
{
    static const struct check_case cases[] = {
        {"commas, nesting, every kind of value", case_structure},
        {"text", case_text},
        {"numbers", case_numbers},
        {"numbers read back", case_numbers_read_back},
        {"a parsed value, as it was", case_parsed_value},
        {"a deep value in an envelope", case_deep_value_in_envelope},
    };
    return check_run(cases, ARRAY_COUNT(cases));
}
