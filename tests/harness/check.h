/*
 * The unit tests' harness: named cases, checks that say what was expected, TAP on stdout.
 *
 *     static void case_empty(void) { CHECK_INT(count(""), 0); }
 *     int main(void) {
 *         static const struct check_case cases[] = {{"empty", case_empty}};
 *         return check_run(cases, ARRAY_COUNT(cases));
 *     }
 *
 * A failed check prints file, line and both values, marks the case as failed and goes on.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

struct check_case {
    const char *name;
    void (*run)(void);
};

static bool check_case_failed;

static inline bool check_report(bool good, const char *file, int line, const char *text)
{
    if (!good) {
        check_case_failed = true;
        printf("# %s:%d: not true: %s\n", file, line, text);
    }
    return good;
}

static inline bool check_int(intmax_t got, intmax_t wanted, const char *file, int line,
                             const char *text)
{
    if (got != wanted) {
        check_case_failed = true;
        printf("# %s:%d: %s is %jd, wanted %jd\n", file, line, text, got, wanted);
    }
    return got == wanted;
}

static inline bool check_str(const char *got, const char *wanted, const char *file, int line,
                             const char *text)
{
    bool same = got && wanted ? strcmp(got, wanted) == 0 : got == wanted;
    if (!same) {
        check_case_failed = true;
        printf("# %s:%d: %s is \"%s\", wanted \"%s\"\n", file, line, text, got ? got : "(null)",
               wanted ? wanted : "(null)");
    }
    return same;
}

static inline bool check_contains(const char *got, const char *part, const char *file, int line,
                                  const char *text)
{
    bool found = got && strstr(got, part);
    if (!found) {
        check_case_failed = true;
        printf("# %s:%d: %s is \"%s\", wanted a text with \"%s\"\n", file, line, text,
               got ? got : "(null)", part);
    }
    return found;
}

/* Each gives true if it holds, so that a case can stop early: if (!CHECK(p)) return; */
#define CHECK(condition) check_report((condition), __FILE__, __LINE__, #condition)
#define CHECK_INT(got, wanted)                                                                     \
    check_int((intmax_t)(got), (intmax_t)(wanted), __FILE__, __LINE__, #got)
#define CHECK_STR(got, wanted) check_str((got), (wanted), __FILE__, __LINE__, #got)
#define CHECK_CONTAINS(got, part) check_contains((got), (part), __FILE__, __LINE__, #got)

static inline int check_run(const struct check_case *cases, size_t count)
{
    int failed = 0;
    printf("1..%zu\n", count);
    for (size_t i = 0; i < count; i++) {
        check_case_failed = false;
        cases[i].run();
        printf("%s %zu - %s\n", check_case_failed ? "not ok" : "ok", i + 1, cases[i].name);
        fflush(stdout);
        failed += check_case_failed;
    }
    return failed ? 1 : 0;
}
