/*
 * What a Dockerfile may not ask for is found however it is written.
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
    {"another escape", "# escape=`\nFROM x\nADD `\nhttp://h/x /x\n", 1},
    {"another escape after a comment", "# a\n#escape = `\nRUN a `\nADD http://h/x /x\n", 2},
    {"another escape behind a mark", "\xEF\xBB\xBF# escape=`\nRUN a \\\nADD http://h/x /x\n", 1},
    {"the usual escape", "# escape=\\\nFROM x\n", 0},
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
    {"a url in quotes", "FROM x\nADD http:\"//\"h/x /x\n", 2},
    {"a url with backslashes", "FROM x\nADD http:\\//h/x /x\n", 2},
    {"a list with escapes", "FROM x\nADD [\"http:\\/\\/h/x\", \"/x\"]\n", 2},
    {"a list with code points", "FROM x\nADD [\"http\\u003a//h/x\", \"/x\"]\n", 2},
    {"own files in a list", "FROM x\nADD [\"a b\", \"/x\"]\n", 0},
    {"two backslashes", "FROM x\nRUN a \\\\\nADD http://h/x /x\n", 2},
    {"a tab that is none", "FROM x\nRUN a \\\v\nADD http://h/x /x\n", 2},
    {"a wide blank at the end", "FROM x\nRUN a \\\xC2\xA0\nADD http://h/x /x\n", 2},
    {"a wide blank in front",
     "FROM x\n\xC2\xA0"
     "ADD http://h/x /x\n",
     2},
    {"lines of another system", "FROM x\r\nRUN a \\\r\n  b\r\n", 0},
    {"a comment that ends in a backslash", "# a \\\\\nFROM x\n", 0},
    {"letters of another script", "FROM x\nRUN a \\\n \xC3\xA9\nADD http://h/x /x\n", 4},
    {"an id", "FROM 11f\n", 1},
    {"an id in quotes", "FROM \"11\"'f'\n", 1},
    {"an id with its algorithm", "FROM sha256:11f\n", 1},
    {"an id after a flag", "FROM --platform=linux/amd64 11f AS a\n", 1},
    {"an id and a wide blank", "FROM 11f\xE3\x80\x80\n", 1},
    {"an id in a variable", "ARG X=11f\nFROM $X\n", 2},
    {"an id in pieces", "ARG X=\"1\"\nFROM 1${X}f\n", 2},
    {"an id in a default", "FROM ${X:-11f}\n", 1},
    {"an id behind a variable that is not set", "FROM x\nARG X=node\nFROM 11f$X\n", 3},
    {"an id in COPY", "FROM x\nCOPY --from=11f /x /x\n", 2},
    {"an id in COPY in quotes", "FROM x\nCOPY --fr\"om=1\"1f /x /x\n", 2},
    {"an id after ONBUILD", "FROM x\nONBUILD COPY --from=11f /x /x\n", 2},
    {"a stage that has not ended", "FROM x AS abc\nCOPY --from=abc /x /x\n", 2},
    {"a stage", "FROM x AS abc\nFROM abc\nCOPY --chown=1 --from=abc /x /x\nCOPY --from=0 a b\n", 0},
    {"names", "FROM node:22-alpine\nFROM scratch\nFROM base\nFROM h/abc\nCOPY --from=h/1 a b\n", 0},
    {"a name with a variable",
     "ARG V=22\nARG I=node:22\nFROM node:${V}-alpine\nFROM $I\nFROM $I-$W\n", 0},
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
    static const struct check_case cases[] = {{"what the engine may not do is refused", case_rows}};
    return check_run(cases, ARRAY_COUNT(cases));
}
