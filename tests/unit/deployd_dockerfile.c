/*
 * ADD from elsewhere, and what needs BuildKit, is found however a Dockerfile writes it.
 */
#include "dialup-deployd/jobs/dockerfile_check.h"

#include "libdialup/base/memory.h"
#include "tests/harness/check.h"

static const struct {
    const char *name;
    const char *text;
    int refused_line; /* 0: fine */
} rows[] = {
    {"own files", "FROM node:22-alpine\nADD . /app\nCOPY x /x\n", 0},
    {"a url", "FROM x\nADD http://127.0.0.1/x /x\n", 2},
    {"small letters and blanks", "FROM x\n \tadd\thttps://h/x /x\n", 2},
    {"after ONBUILD", "FROM x\nONBUILD  ADD http://h/x /x", 2},
    {"a list", "FROM x\nADD [\"http://h/x\", \"/x\"]\n", 2},
    {"over two lines", "FROM x\nADD ht\\\ntp://h/x /x\n", 2},
    {"a comment in between", "FROM x\nADD \\\n# no\n\nhttp://h/x /x\n", 2},
    {"blanks after the backslash", "FROM x\nADD \\  \n http://h/x /x\n", 2},
    {"another escape", "# escape=`\nFROM x\nADD `\nhttp://h/x /x\n", 3},
    {"another escape leaves the backslash alone", "#escape = `\nRUN a \\\nADD http://h/x /x\n", 3},
    {"a backtick is no escape by itself", "FROM x\nRUN a `\nADD http://h/x /x\n", 3},
    {"a repository", "FROM x\nADD git@host:a/b.git /x\n", 2},
    {"a variable", "FROM x\nARG U=http://h/x\nADD $U /x\n", 3},
    {"part of another instruction", "FROM x\nRUN echo \\\nADD http://h/x /x\n", 0},
    {"a comment", "FROM x\n# ADD http://h/x /x\n", 0},
    {"a url in RUN", "FROM x\nRUN wget http://h/x\n", 0},
    {"a word that begins like it", "FROM x\nADDRESS http://h\n", 0},
    {"a mount of BuildKit's", "FROM x\nRUN --mount=type=cache,target=/r npm ci\n", 2},
    {"a here-document", "# syntax=docker/dockerfile:1\nFROM x\nrun <<EOF\necho\nEOF\n", 3},
    {"a here-document that is copied", "FROM x\nCOPY --chown=a <<EOF /x\nhello\nEOF\n", 2},
    {"a linked copy", "FROM x\nCOPY --from=y --link /a /b\n", 2},
    {"options that are older", "FROM x\nCOPY --from=y --chown=a:b /a /b\n", 0},
    {"an option of the command", "FROM x\nRUN npm ci --omit=dev\n", 0},
    {"a shift", "FROM x\nRUN echo $((1 << 2))\n", 0},
    {"nothing", "", 0},
};

static void case_rows(void)
{
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        struct error err = {0};
        int result = dockerfile_check(rows[i].text, &err);
        if (!CHECK_INT(result, rows[i].refused_line ? -ERR_INVALID_ARGUMENT : 0)) {
            printf("# row: %s\n", rows[i].name);
        }
        if (rows[i].refused_line) {
            char line[32];
            snprintf(line, sizeof(line), "line %d:", rows[i].refused_line);
            CHECK_CONTAINS(err.message, line);
        }
    }
}

int main(void)
{
    static const struct check_case cases[] = {{"what is refused", case_rows}};
    return check_run(cases, ARRAY_COUNT(cases));
}
