/*
 * Errors: the table's four faces, and the words in a struct error.
 */
#include "libdialup/base/error.h"

#include <errno.h>

#include "libdialup/base/memory.h"
#include "libdialup/base/utf8.h"
#include "tests/harness/check.h"

static void case_table(void)
{
    for (int i = 1; i < ERR_COUNT; i++) {
        const struct error_info *info = error_info((enum error_code)i);
        bool good = CHECK_INT(error_by_name(info->name), i);
        good = CHECK(info->rpc_code <= -32000 && info->rpc_code >= -32768) && good;
        good = CHECK(info->http_status >= 400 && info->http_status < 600) && good;
        good = CHECK(info->exit_code >= 1 && info->exit_code <= 7) && good;
        size_t len = strlen(info->sentence);
        good = CHECK(len > 0 && info->sentence[len - 1] != '.') && good;
        if (!good) {
            printf("# row %d\n", i);
        }
    }
    CHECK_INT(error_by_name("no_such_error"), ERR_OK);
    CHECK_INT(error_by_name(""), ERR_OK);
    CHECK_STR(error_info(ERR_COUNT)->name, "internal");
    CHECK_INT(error_info(ERR_OK)->http_status, 200);
}

static void case_set(void)
{
    struct error err;
    memset(&err, 'x', sizeof(err));
    CHECK_INT(error_set(&err, ERR_NOT_FOUND, "There is no site %d", 7), -ERR_NOT_FOUND);
    CHECK_INT(err.code, ERR_NOT_FOUND);
    CHECK_STR(err.message, "There is no site 7");
    CHECK_STR(err.field, "");
    CHECK_STR(err.hint, "");
    error_hint(&err, "Make %s", "one");
    CHECK_STR(err.hint, "Make one");
    CHECK_INT(error_set_field(&err, ERR_INVALID_ARGUMENT, "memory", "Too %s", "much"),
              -ERR_INVALID_ARGUMENT);
    CHECK_STR(err.field, "memory");
    CHECK_STR(err.hint, "");
}

static void case_nobody_listens(void)
{
    CHECK_INT(error_set(NULL, ERR_IO, "x"), -ERR_IO);
    CHECK_INT(error_set_field(NULL, ERR_IO, "f", "x"), -ERR_IO);
    CHECK_INT(error_set_errno(NULL, ERR_IO, ENOSPC, "x"), -ERR_NO_SPACE);
    error_hint(NULL, "x");
    error_prefix_field(NULL, "x");
}

static void case_errno(void)
{
    struct error err;
    CHECK_INT(error_set_errno(&err, ERR_IO, ENOENT, "Cannot read %s", "a"), -ERR_IO);
    CHECK_STR(err.message, "Cannot read a: No such file or directory");
    CHECK_INT(error_set_errno(&err, ERR_IO, ENOSPC, "x"), -ERR_NO_SPACE);
    CHECK_INT(err.code, ERR_NO_SPACE);
    CHECK_INT(error_set_errno(&err, ERR_IO, EDQUOT, "x"), -ERR_NO_SPACE);
}

static void case_cut_at_a_character(void)
{
    struct error err;
    char text[600];
    for (size_t shift = 0; shift < 4; shift++) {
        memset(text, 'a', shift);
        for (size_t at = shift; at + 3 < sizeof(text); at += 3) {
            memcpy(text + at, "\xE2\x82\xAC", 4); /* the euro sign */
        }
        error_set_field(&err, ERR_IO, text, "%s", text);
        error_hint(&err, "%s", text);
        CHECK(utf8_is_valid(err.message, strlen(err.message)));
        CHECK(utf8_is_valid(err.field, strlen(err.field)));
        CHECK(utf8_is_valid(err.hint, strlen(err.hint)));
        CHECK(strlen(err.message) > sizeof(err.message) - 4);
    }
}

static void case_field_paths(void)
{
    static const struct {
        const char *field, *prefix, *wanted;
    } rows[] = {
        {"memory", "limits", "limits.memory"},
        {"[3]", "rows", "rows[3]"},
        {"[3].name", "rows", "rows[3].name"},
        {"", "limits", "limits"},
        {"a.b", "c", "c.a.b"},
    };
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        struct error err;
        error_set_field(&err, ERR_INVALID_ARGUMENT, rows[i].field, "x");
        error_prefix_field(&err, rows[i].prefix);
        CHECK_STR(err.field, rows[i].wanted);
    }
    struct error err;
    char lengthy[sizeof(err.field)];
    memset(lengthy, 'p', sizeof(lengthy));
    lengthy[sizeof(lengthy) - 1] = '\0';
    error_set_field(&err, ERR_INVALID_ARGUMENT, "tail", "x");
    error_prefix_field(&err, lengthy);
    CHECK_STR(err.field, "tail"); /* what does not fit stays away */
}

int main(void)
{
    static const struct check_case cases[] = {
        {"each code has its four faces", case_table},
        {"set, field, hint", case_set},
        {"without a struct error", case_nobody_listens},
        {"errno, and the full disk", case_errno},
        {"long texts end at a whole character", case_cut_at_a_character},
        {"paths of fields grow from the inside", case_field_paths},
    };
    return check_run(cases, ARRAY_COUNT(cases));
}
