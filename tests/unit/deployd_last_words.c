/*
 * Last words: the end of a text by lines.
 */
#include "dialup-deployd/last_words.h"

#include <string.h>

#include "libdialup/base/memory.h"
#include "tests/harness/check.h"

static void case_lines(void)
{
    static const struct {
        const char *text;
        int64_t lines;
        const char *wanted;
    } rows[] = {
        {"a\nb\nc\n", 1, "c\n"}, {"a\nb\nc\n", 2, "b\nc\n"}, {"a\nb\nc\n", 9, "a\nb\nc\n"},
        {"a\nb\nc", 1, "c"},     {"a\n\n\n", 2, "\n\n"},     {"", 5, ""},
        {"\n", 1, "\n"},
    };
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        CHECK_STR(last_words_lines(rows[i].text, strlen(rows[i].text), rows[i].lines),
                  rows[i].wanted);
    }
}

int main(void)
{
    static const struct check_case cases[] = {
        {"the last lines of a text", case_lines},
    };
    return check_run(cases, ARRAY_COUNT(cases));
}
