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

static void case_advice(void)
{
    static const struct {
        const char *text;
        const char *wanted; /* NULL: none */
    } rows[] = {
        {"", NULL},
        {"up on 3000\n", NULL},
        {"Error: Cannot find module 'express'\nRequire stack:\n", "dependencies"},
        {"Error [ERR_MODULE_NOT_FOUND]: Cannot find package 'x' imported from /app",
         "dependencies"},
        {"Error: EROFS: read-only file system, open '/app/x'", "/tmp"},
        {"  errno: -2,\n  code: 'ENOENT',\n  syscall: 'mkdir',\n  path: 'data'\n", "/tmp"},
        {"[FATAL tini (6)] exec ./entry.sh failed: No such file or directory\n", "line ends"},
        {"[FATAL tini (6)] exec ./entry.sh failed: Permission denied\n", "chmod"},
        {"sqlite: Read-only file system", "/tmp"},
        {"sh: yarn: not found\n", "npm run"},
        {"FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory",
         "--memory"},
        {"Error: listen EACCES: permission denied 0.0.0.0:80", "PORT variable"},
        {"MongooseServerSelectionError: connect ECONNREFUSED 127.0.0.1:27017", "database"},
    };
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        const char *advice = last_words_advice(rows[i].text, strlen(rows[i].text));
        CHECK(!advice == !rows[i].wanted);
        if (advice && rows[i].wanted) {
            CHECK_CONTAINS(advice, rows[i].wanted);
        }
    }
    CHECK(!last_words_advice("EROFS", 4));
}

int main(void)
{
    static const struct check_case cases[] = {
        {"the last lines of a text", case_lines},
        {"advice for known failures", case_advice},
    };
    return check_run(cases, ARRAY_COUNT(cases));
}
