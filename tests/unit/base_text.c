/*
 * UTF-8, growing text and the small string questions.
 */
#include "libdialup/base/str.h"

#include <stdlib.h>

#include "libdialup/base/memory.h"
#include "libdialup/base/utf8.h"
#include "tests/harness/check.h"

static void case_utf8_table(void)
{
    static const struct {
        const char *name, *text;
        size_t valid_len;
    } rows[] = {
        {"empty", "", 0},
        {"ascii", "abc\x7F", 4},
        {"two bytes", "\xC3\xA4", 2},
        {"three bytes", "\xE2\x82\xAC", 3},
        {"four bytes", "\xF0\x9F\x98\x80", 4},
        {"first of three", "\xE0\xA0\x80", 3},
        {"last before the surrogates", "\xED\x9F\xBF", 3},
        {"first after the surrogates", "\xEE\x80\x80", 3},
        {"the last one", "\xF4\x8F\xBF\xBF", 4},
        {"overlong slash", "a\xC0\xAF", 1},
        {"overlong in C1", "\xC1\xBF", 0},
        {"overlong of three", "\xE0\x9F\xBF", 0},
        {"overlong of four", "\xF0\x8F\xBF\xBF", 0},
        {"surrogate", "\xED\xA0\x80", 0},
        {"above the last one", "\xF4\x90\x80\x80", 0},
        {"F5", "\xF5\x80\x80\x80", 0},
        {"FE", "x\xFE", 1},
        {"lone continuation", "\x80", 0},
        {"cut after one of two", "ab\xC3", 2},
        {"cut after two of three", "\xE2\x82", 0},
        {"cut after three of four", "\xF0\x9F\x98", 0},
        {"wrong second", "\xC3(", 0},
        {"wrong third", "\xE2\x82(", 0},
        {"wrong fourth", "\xF0\x9F\x98(", 0},
    };
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        size_t size = strlen(rows[i].text);
        bool good = CHECK_INT(utf8_valid_len(rows[i].text, size), rows[i].valid_len);
        good = CHECK_INT(utf8_is_valid(rows[i].text, size), rows[i].valid_len == size) && good;
        if (!good) {
            printf("# %s\n", rows[i].name);
        }
    }
    CHECK_INT(utf8_valid_len("a\0b", 3), 3);
}

static void case_utf8_cut(void)
{
    static const struct {
        const char *text;
        size_t size, wanted;
    } rows[] = {
        {"", 0, 0},
        {"abc", 2, 2},
        {"a\xC3\xA4", 2, 1},
        {"a\xC3\xA4", 3, 3},
        {"\xE2\x82\xAC", 2, 0},
        {"\xE2\x82\xAC", 1, 0},
        {"\xF0\x9F\x98\x80", 3, 0},
        {"\xF0\x9F\x98\x80", 4, 4},
        {"a\x80\x80\x80\x80\x80", 6, 6}, /* not text: nothing to save */
    };
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        CHECK_INT(utf8_prefix_len(rows[i].text, rows[i].size), rows[i].wanted);
    }
}

static void case_strbuf(void)
{
    AUTO_STRBUF struct strbuf buf = STRBUF_INIT;
    CHECK_STR(strbuf_text(&buf), "");
    strbuf_puts(&buf, "a");
    strbuf_putc(&buf, 'b');
    strbuf_printf(&buf, "%d%s", 12, "c");
    CHECK_STR(strbuf_text(&buf), "ab12c");
    CHECK_INT(buf.size, 5);
    strbuf_append(&buf, "\0d", 2);
    strbuf_append(&buf, NULL, 0);
    CHECK_INT(buf.size, 7);
    CHECK(memcmp(strbuf_text(&buf), "ab12c\0d", 8) == 0);
    strbuf_clear(&buf);
    CHECK_STR(strbuf_text(&buf), "");
    for (int i = 0; i < 1000; i++) {
        strbuf_printf(&buf, "%03d", i);
    }
    CHECK_INT(buf.size, 3000);
    CHECK(str_ends_with(strbuf_text(&buf), "998999"));
    AUTO_FREE char *taken = strbuf_take(&buf);
    CHECK_INT(strlen(taken), 3000);
    CHECK_INT(buf.size, 0);
    AUTO_FREE char *empty = strbuf_take(&buf);
    CHECK_STR(empty, "");
    strbuf_clear(&buf);
}

static void case_questions(void)
{
    CHECK(str_equal("a", "a") && !str_equal("a", "A"));
    CHECK(str_starts_with("abc", "ab") && str_starts_with("abc", "") &&
          !str_starts_with("a", "ab"));
    CHECK(str_ends_with("abc", "bc") && str_ends_with("abc", "") && !str_ends_with("c", "bc"));
    static const char *const lines[] = {"a", " a b ", "\xC3\xA9t\xC3\xA9", "\xE2\x80\x94",
                                        "\xC2\xA0"};
    for (size_t i = 0; i < ARRAY_COUNT(lines); i++) {
        CHECK(str_is_one_line(lines[i]));
    }
    static const char *const others[] = {
        "",         " ",        "a\nb",         "\x1b[31m",     "\x7F",
        "\xC2\x9B", "\xC2\x80", "\xE2\x80\xAE", "\xE2\x80\xA8", "\xE2\x81\xA6"};
    for (size_t i = 0; i < ARRAY_COUNT(others); i++) {
        CHECK(!str_is_one_line(others[i]));
    }
    char out[4];
    CHECK(str_copy(out, sizeof(out), "abc"));
    CHECK_STR(out, "abc");
    CHECK(!str_copy(out, sizeof(out), "defg"));
    CHECK_STR(out, "def");
    CHECK(!str_copy(out, 1, "x"));
    CHECK_STR(out, "");
}

static void case_numbers(void)
{
    static const struct {
        const char *text;
        int64_t min, max;
        bool good;
        int64_t value;
    } rows[] = {
        {"0", 0, 10, true, 0},
        {"10", 0, 10, true, 10},
        {"11", 0, 10, false, 0},
        {"-1", 0, 10, false, 0},
        {"-1", -1, 10, true, -1},
        {"007", 0, 10, true, 7},
        {"9223372036854775807", 0, INT64_MAX, true, INT64_MAX},
        {"9223372036854775808", 0, INT64_MAX, false, 0},
        {"-9223372036854775808", INT64_MIN, 0, true, INT64_MIN},
        {"99999999999999999999", INT64_MIN, INT64_MAX, false, 0},
        {"", 0, 10, false, 0},
        {"-", -10, 10, false, 0},
        {"--1", -10, 10, false, 0},
        {"+1", 0, 10, false, 0},
        {" 1", 0, 10, false, 0},
        {"1 ", 0, 10, false, 0},
        {"- 1", -10, 10, false, 0},
        {"1x", 0, 10, false, 0},
        {"0x1", 0, 10, false, 0},
        {"1.0", 0, 10, false, 0},
    };
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        int64_t value = 77;
        bool good = str_parse_i64(rows[i].text, rows[i].min, rows[i].max, &value);
        if (!CHECK_INT(good, rows[i].good) || !CHECK_INT(value, good ? rows[i].value : 77)) {
            printf("# \"%s\"\n", rows[i].text);
        }
    }
}

int main(void)
{
    static const struct check_case cases[] = {
        {"valid and invalid UTF-8", case_utf8_table},
        {"text is cut between characters", case_utf8_cut},
        {"text that grows", case_strbuf},
        {"equal, starts, ends, copy", case_questions},
        {"decimal numbers", case_numbers},
    };
    return check_run(cases, ARRAY_COUNT(cases));
}
