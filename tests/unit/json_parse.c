/*
 * The parser: what it takes, what it refuses, and in which words. The refused texts are those that
 * yajl alone would let pass or change, and the usual slips of people who write JSON by hand.
 */
#include "libdialup/json/json.h"

#include <math.h>

#include "libdialup/base/clock.h"
#include "libdialup/base/memory.h"
#include "libdialup/base/str.h"
#include "tests/harness/check.h"

struct refusal {
    const char *name;
    const char *text;
    size_t size; /* 0: strlen(text) */
    enum error_code code;
    const char *message; /* part of it */
};

static int parse(struct arena *arena, const char *text, size_t size,
                 const struct json_value **ret_value, struct error *err)
{
    /* A heap copy of the exact size, so that the sanitizer sees a read beyond the end. */
    char *copy = xmalloc(size ? size : 1);
    memcpy(copy, text, size);
    int result = json_parse(arena, copy, size, ret_value, err);
    free(copy);
    return result;
}

static const struct json_value *parse_good(struct arena *arena, const char *text)
{
    const struct json_value *value = NULL;
    struct error err = {0};
    if (!CHECK_INT(parse(arena, text, strlen(text), &value, &err), 0)) {
        printf("# %s: %s\n", text, err.message);
    }
    return value;
}

static void check_refusals(const struct refusal *refusals, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct refusal *refusal = &refusals[i];
        AUTO_ARENA struct arena *arena = arena_new();
        const struct json_value *value = NULL;
        struct error err = {0};
        size_t size = refusal->size ? refusal->size : strlen(refusal->text);
        bool good = CHECK_INT(parse(arena, refusal->text, size, &value, &err), -(int)refusal->code);
        good &= CHECK(value == NULL);
        good &= CHECK_CONTAINS(err.message, refusal->message);
        good &= CHECK(!strchr(err.message, '\n'));
        if (!good) {
            printf("# in the refusal \"%s\"\n", refusal->name);
        }
    }
}

static void case_types(void)
{
    AUTO_ARENA struct arena *arena = arena_new();
    const struct json_value *value = parse_good(
        arena, " {\"a\": [null, true, false, \"x\", {}], \"b\" :-12.5e1,\r\n\t\"c\":7} ");
    if (!CHECK(value && value->type == JSON_OBJECT)) {
        return;
    }
    CHECK_INT(value->member_count, 3);
    CHECK_STR(value->members[1].name, "b");
    const struct json_value *items = json_find(value, "a");
    CHECK_INT(items->item_count, 5);
    CHECK_INT(items->items[0]->type, JSON_NULL);
    CHECK(items->items[1]->boolean && !items->items[2]->boolean);
    CHECK_STR(items->items[3]->text, "x");
    CHECK_INT(items->items[4]->member_count, 0);
    CHECK(json_find(value, "b")->number == -125.0 && !json_find(value, "b")->is_integer);
    CHECK_INT(json_find_integer(value, "c", 0), 7);
    CHECK_INT(json_find_integer(value, "b", 3), 3);
    CHECK_STR(json_find_text(value, "c", "none"), "none");
    CHECK(json_find(items, "a") == NULL && json_find(NULL, "a") == NULL);
}

static void case_root_scalars(void)
{
    AUTO_ARENA struct arena *arena = arena_new();
    CHECK_INT(parse_good(arena, "12")->integer, 12);
    CHECK_INT(parse_good(arena, "null")->type, JSON_NULL);
    CHECK_STR(parse_good(arena, "\"\"")->text, "");
    CHECK_INT(parse_good(arena, "[]")->item_count, 0);
}

static void case_numbers(void)
{
    static const struct {
        const char *text;
        bool is_integer;
        int64_t integer;
        double number;
    } rows[] = {
        {"0", true, 0, 0.0},
        {"-0", true, 0, 0.0},
        {"9223372036854775807", true, INT64_MAX, 9223372036854775807.0},
        {"-9223372036854775808", true, INT64_MIN, -9223372036854775808.0},
        {"9223372036854775808", false, 0, 9223372036854775808.0},
        {"-9223372036854775809", false, 0, -9223372036854775808.0},
        {"1.0", false, 0, 1.0},
        {"1e2", false, 0, 100.0},
        {"1E+2", false, 0, 100.0},
        {"1e-400", false, 0, 0.0},
        {"0.1", false, 0, 0.1},
        {"1.7976931348623157e308", false, 0, 1.7976931348623157e308},
    };
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        AUTO_ARENA struct arena *arena = arena_new();
        const struct json_value *value = parse_good(arena, rows[i].text);
        if (!CHECK(value != NULL)) {
            continue;
        }
        bool good = CHECK_INT(value->is_integer, rows[i].is_integer);
        good &= CHECK(!value->is_integer || value->integer == rows[i].integer);
        good &= CHECK(value->number == rows[i].number);
        if (!good) {
            printf("# in the number %s\n", rows[i].text);
        }
    }
}

static void case_numbers_refused(void)
{
    static char digits[500];
    memset(digits, '1', sizeof(digits));
    const struct refusal rows[] = {
        {"above every double", "[1, 1e400]", 0, ERR_PARSE, "Line 1, column 5: this number is too"},
        {"below every double", "-1e400", 0, ERR_PARSE, "this number is too large"},
        {"alone on a line", "\n  1e400", 0, ERR_PARSE, "Line 2, column 3: this number is too"},
        {"too many digits", digits, sizeof(digits), ERR_PARSE, "too many digits"},
        {"infinity", "Infinity", 0, ERR_PARSE, "this is not JSON"},
        {"not a number", "[NaN]", 0, ERR_PARSE, "Line 1, column 2: this is not JSON"},
        {"leading zero", "[01]", 0, ERR_PARSE, "comma"},
        {"plus", "+1", 0, ERR_PARSE, "this is not JSON"},
        {"bare point", ".5", 0, ERR_PARSE, "this is not JSON"},
        {"no digit after point", "1.", 0, ERR_PARSE, "too early"},
        {"no digit after point, inside", "[1.]", 0, ERR_PARSE, "follow the decimal point"},
        {"no exponent", "[1e]", 0, ERR_PARSE, "follow the exponent"},
        {"only minus", "[-]", 0, ERR_PARSE, "follow the minus sign"},
        {"hexadecimal", "[0x1F]", 0, ERR_PARSE, "Line 1, column"},
    };
    check_refusals(rows, ARRAY_COUNT(rows));
}

static void case_strings(void)
{
    AUTO_ARENA struct arena *arena = arena_new();
    const struct json_value *value =
        parse_good(arena, "[\"\\\"\\\\\\/\\b\\f\\n\\r\\t\", \"\\u00e9\\u20AC\\ud83d\\ude00\", "
                          "\"/* no comment */ {]\", \"gr\xC3\xBC\xC3\x9F\"]");
    if (!CHECK(value != NULL)) {
        return;
    }
    CHECK_STR(value->items[0]->text, "\"\\/\b\f\n\r\t");
    CHECK_STR(value->items[1]->text, "\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80");
    CHECK_INT(value->items[1]->len, 9);
    CHECK_STR(value->items[2]->text, "/* no comment */ {]");
    CHECK_STR(value->items[3]->text, "gr\xC3\xBC\xC3\x9F");
    CHECK_STR(parse_good(arena, "\"\\\\u0000 \\\\ud800\"")->text, "\\u0000 \\ud800");
}

static void case_strings_refused(void)
{
    static const struct refusal rows[] = {
        {"escaped NUL", "[\"admin\\u0000.delete\"]", 0, ERR_PARSE, "Line 1, column 8: \\u0000"},
        {"escaped NUL in a key", "{\"a\\u0000\":1}", 0, ERR_PARSE, "NUL"},
        {"raw NUL in a string", "\"a\0b\"", 5, ERR_PARSE, "column 3: a NUL byte"},
        {"raw NUL after the value", "1\0 2", 4, ERR_PARSE, "NUL byte"},
        {"lone high surrogate", "\"\\ud800\"", 0, ERR_PARSE, "lone surrogate"},
        {"lone high, then text", "\"\\ud800abcdef\"", 0, ERR_PARSE, "lone surrogate"},
        {"two high ones", "\"\\ud800\\ud800\"", 0, ERR_PARSE, "lone surrogate"},
        {"high, then an escape", "\"\\uD83D\\n\"", 0, ERR_PARSE, "lone surrogate"},
        {"lone low surrogate", "\"\\udc00\"", 0, ERR_PARSE, "lone surrogate"},
        {"pair the wrong way round", "\"\\udc00\\ud800\"", 0, ERR_PARSE, "lone surrogate"},
        {"overlong UTF-8", "\"\xC0\xAF\"", 0, ERR_PARSE, "column 2: the text is not valid UTF-8"},
        {"surrogate in UTF-8", "\"\xED\xA0\x80\"", 0, ERR_PARSE, "not valid UTF-8"},
        {"above U+10FFFF", "\"\xF4\x90\x80\x80\"", 0, ERR_PARSE, "not valid UTF-8"},
        {"cut UTF-8", "\"\xE2\x82", 0, ERR_PARSE, "not valid UTF-8"},
        {"raw line end", "\"a\nb\"", 0, ERR_PARSE, "must be escaped"},
        {"raw tab", "\"a\tb\"", 0, ERR_PARSE, "must be escaped"},
        {"unknown escape", "\"C:\\windows\"", 0, ERR_PARSE, "this escape is not known"},
        {"short escape", "\"\\u12\"", 0, ERR_PARSE, "four hexadecimal digits"},
        {"open string", "\"abc", 0, ERR_PARSE, "column 5: the text ends too early"},
        {"open escape", "\"abc\\", 0, ERR_PARSE, "ends too early"},
        {"single quotes", "{'a':1}", 0, ERR_PARSE, "column 2: this is not JSON; texts and keys"},
    };
    check_refusals(rows, ARRAY_COUNT(rows));
}

static void case_structure_refused(void)
{
    static const struct refusal rows[] = {
        {"nothing", " ", 0, ERR_PARSE, "ends too early"},
        {"form feed", "[\f1]", 0, ERR_PARSE, "column 2: only spaces, tabs and line ends"},
        {"vertical tab", "\v1", 0, ERR_PARSE, "only spaces"},
        {"byte order mark", "\xEF\xBB\xBF{}", 0, ERR_PARSE, "byte order mark"},
        {"no-break space", "[\xC2\xA0]", 0, ERR_PARSE, "this is not JSON"},
        {"block comment", "[1, /* two */ 2]", 0, ERR_PARSE, "column 5: comments are not allowed"},
        {"line comment", "1 // one", 0, ERR_PARSE, "comments are not allowed"},
        {"hash comment", "# one\n1", 0, ERR_PARSE, "this is not JSON"},
        {"text after the value", "{} {}", 0, ERR_PARSE, "column 4: there is more text after"},
        {"bracket after the value", "[]]", 0, ERR_PARSE, "there is more text after"},
        {"trailing comma in an array", "[1,]", 0, ERR_PARSE, "a value should stand here"},
        {"trailing comma in an object", "{\"a\":1,}", 0, ERR_PARSE, "a key in double quotes"},
        {"missing comma", "[1\n 2]", 0, ERR_PARSE, "Line 2, column 2: a comma or a closing ]"},
        {"missing comma between members", "{\"a\":1 \"bcd\":2}", 0, ERR_PARSE, "column 8: a comma"},
        {"missing colon", "{\"a\" 1}", 0, ERR_PARSE, "column 6: a colon is missing"},
        {"missing value", "{\"a\":}", 0, ERR_PARSE, "a value should stand here"},
        {"key without quotes", "{a:1}", 0, ERR_PARSE, "column 2: this is not JSON; texts and keys"},
        {"number as a key", "{1:1}", 0, ERR_PARSE, "a key in double quotes"},
        {"wrong bracket", "[1}", 0, ERR_PARSE, "a closing ]"},
        {"open array", "[1,2", 0, ERR_PARSE, "column 5: the text ends too early"},
        {"half a word", "[tru", 0, ERR_PARSE, "ends too early"},
        {"wrong word", "[True]", 0, ERR_PARSE, "column 2: this is not JSON"},
        {"column counts characters", "[\"\xC3\xBC\xC3\xBC\" 1]", 0, ERR_PARSE, "column 7"},
    };
    check_refusals(rows, ARRAY_COUNT(rows));
}

static void case_duplicates_refused(void)
{
    static const struct refusal rows[] = {
        {"plain", "{\"a\":1,\n \"b\":2, \"a\":3}", 0, ERR_PARSE,
         "Line 2, column 9: the key \"a\" stands twice in one object"},
        {"spelled with an escape", "{\"a\":1,\"\\u0061\":2}", 0, ERR_PARSE, "\"a\" stands twice"},
        {"inside", "[{\"x\":{\"y\":1,\"y\":1}}]", 0, ERR_PARSE, "\"y\" stands twice"},
        {"control characters are not shown", "{\"\\n\\u0085\":1,\"\\n\\u0085\":2}", 0, ERR_PARSE,
         "the key \"   \" stands"},
        {"long names are cut",
         "{\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\":1,"
         "\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\":1}",
         0, ERR_PARSE, "aaa...\" stands twice"},
    };
    check_refusals(rows, ARRAY_COUNT(rows));
    AUTO_ARENA struct arena *arena = arena_new();
    CHECK_INT(parse_good(arena, "[{\"a\":1},{\"a\":{\"a\":2}}]")->item_count, 2);
}

static void append_nested(struct strbuf *text, int depth)
{
    for (int i = 0; i < depth; i++) {
        strbuf_puts(text, i % 2 ? "{\"k\":" : "[");
    }
    strbuf_puts(text, "1");
    for (int i = depth - 1; i >= 0; i--) {
        strbuf_puts(text, i % 2 ? "}" : "]");
    }
}

static int parse_nested(int depth, struct error *err)
{
    AUTO_ARENA struct arena *arena = arena_new();
    AUTO_STRBUF struct strbuf text = STRBUF_INIT;
    append_nested(&text, depth);
    const struct json_value *value;
    return parse(arena, text.data, text.size, &value, err);
}

static void case_depth(void)
{
    struct error err = {0};
    CHECK_INT(parse_nested(JSON_MAX_DEPTH, &err), 0);
    CHECK_INT(parse_nested(JSON_MAX_DEPTH + 1, &err), -ERR_TOO_DEEP);
    CHECK_CONTAINS(err.message, "nested too deep");
    CHECK_INT(parse_nested(100000, &err), -ERR_TOO_DEEP);
}

static int parse_zeros(size_t count, struct error *err)
{
    AUTO_ARENA struct arena *arena = arena_new();
    AUTO_STRBUF struct strbuf text = STRBUF_INIT;
    strbuf_puts(&text, "[0");
    for (size_t i = 1; i < count; i++) {
        strbuf_puts(&text, ",0");
    }
    strbuf_puts(&text, "]");
    const struct json_value *value;
    return parse(arena, text.data, text.size, &value, err);
}

static void case_count(void)
{
    struct error err = {0};
    CHECK_INT(parse_zeros(JSON_MAX_NODES - 1, &err), 0);
    CHECK_INT(parse_zeros(JSON_MAX_NODES, &err), -ERR_TOO_LARGE);
    CHECK_CONTAINS(err.message, "more values");
}

/* 150,000 keys with a common beginning: comparing each with each would take minutes. */
static void case_many_keys(void)
{
    AUTO_ARENA struct arena *arena = arena_new();
    AUTO_STRBUF struct strbuf text = STRBUF_INIT;
    strbuf_puts(&text, "{\"key_0\":0");
    for (int i = 1; i < 150000; i++) {
        strbuf_printf(&text, ",\"key_%d\":0", i);
    }
    strbuf_puts(&text, "}");
    const struct json_value *value = NULL;
    struct error err;
    int64_t before_us = clock_monotonic_us();
    CHECK_INT(parse(arena, text.data, text.size, &value, &err), 0);
    CHECK(clock_monotonic_us() - before_us < 10 * 1000 * 1000);
    CHECK_INT(value ? value->member_count : 0, 150000);
}

static void case_no_error_wanted(void)
{
    AUTO_ARENA struct arena *arena = arena_new();
    const struct json_value *value = NULL;
    CHECK_INT(json_parse(arena, NULL, 0, &value, NULL), -ERR_PARSE);
    CHECK_INT(json_parse(arena, "[\"\\u0000\"]", 10, &value, NULL), -ERR_PARSE);
    CHECK(value == NULL);
}

int main(void)
{
    static const struct check_case cases[] = {
        {"every type, and finding members", case_types},
        {"a scalar alone", case_root_scalars},
        {"numbers", case_numbers},
        {"numbers refused", case_numbers_refused},
        {"strings and escapes", case_strings},
        {"strings refused", case_strings_refused},
        {"structure refused", case_structure_refused},
        {"duplicate keys refused", case_duplicates_refused},
        {"depth", case_depth},
        {"number of values", case_count},
        {"many keys in one object", case_many_keys},
        {"no error struct, no text", case_no_error_wanted},
    };
    return check_run(cases, ARRAY_COUNT(cases));
}
