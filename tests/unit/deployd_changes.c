/*
 * Files that a container changed, counted in the engine's answer wherever it is cut.
 */
#include "dialup-deployd/jobs/changes.h"

#include <string.h>

#include "libdialup/base/memory.h"
#include "tests/harness/check.h"

static const struct {
    const char *text;
    int64_t count;
} rows[] = {
    {"", 0},
    {"null\n", 0},
    {"[]", 0},
    {"[{\"Path\":\"/a\",\"Kind\":1}]", 1},
    {"[{\"Path\":\"/a\",\"Kind\":0},{\"Path\":\"/a/b\",\"Kind\":1},{\"Path\":\"/c\",\"Kind\":2}]",
     3},
    {"[{\"Path\":\"/{{\",\"Kind\":1}]", 1},
    {"[{\"Path\":\"/a\\\"},{\\\"Path\\\":\\\"/b\",\"Kind\":1}]", 1},
    {"[{\"Path\":\"/a\\\\\",\"Kind\":1},{\"Path\":\"/b\",\"Kind\":1}]", 2},
};

static void case_cut(void)
{
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        size_t size = strlen(rows[i].text);
        for (size_t cut = 0; cut <= size; cut++) {
            struct changes changes = {0};
            CHECK(changes_take(&changes, rows[i].text, cut));
            CHECK(changes_take(&changes, rows[i].text + cut, size - cut));
            if (!CHECK_INT(changes.count, rows[i].count)) {
                printf("# row %zu, cut at %zu\n", i, cut);
            }
        }
    }
}

int main(void)
{
    static const struct check_case cases[] = {{"wherever it is cut", case_cut}};
    return check_run(cases, ARRAY_COUNT(cases));
}
