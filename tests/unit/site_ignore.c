/* Ignore rules: globs, and the table of what .gitignore files mean. */
#include "libdialup/base/memory.h"
#include "libdialup/site/glob.h"
#include "libdialup/site/ignore.h"
#include "tests/harness/check.h"

static void case_globs(void)
{
    static const struct {
        const char *pattern;
        const char *path;
        bool matches;
    } rows[] = {
        {"a", "a", true},
        {"a", "b", false},
        {"a", "ab", false},
        {"", "", true},
        {"", "a", false},
        {"*", "abc", true},
        {"*", "", true},
        {"*", "a/b", false},
        {"a*c", "abbc", true},
        {"a*c", "abbd", false},
        {"*.html", "index.html", true},
        {"*a*b", "xaybab", true},
        {"?", "a", true},
        {"?", "/", false},
        {"a?c", "a/c", false},
        {"**", "a/b", true},
        {"**/a", "a", true},
        {"***/a", "x/a", true},
        {"**/a", "x/y/a", true},
        {"**/a", "xa", false},
        {"a/**", "a/b/c", true},
        {"a/**", "a", false},
        {"a/**/b", "a/b", true},
        {"a/**/b", "a/x/y/b", true},
        {"a/**/b", "a/xb", false},
        {"a/**/b/*.c", "a/b/b/x.c", true},
        {"a/**/b/*.c", "a/b/q/x.c", false},
        {"**/*a/b*/c", "x/ya/zb/xa/bb/c", true},
        {"a**b", "axxb", true},
        {"a**b", "ax/xb", false},
        {"a/**b", "a/xb", true},
        {"a/**b", "a/x/b", false},
        {"[abc]", "b", true},
        {"[abc]", "d", false},
        {"[!abc]", "d", true},
        {"[^abc]", "a", false},
        {"[a-c]x", "bx", true},
        {"[]a]", "]", true},
        {"[a-]", "-", true},
        {"[!a]", "/", false},
        {"[[:digit:]]", "7", true},
        {"[[:digit:]]", "x", false},
        {"[[:nothing:]]", "x", false},
        {"[a", "a", false},
        {"[", "[", false},
        {"[\\]]", "]", true},
        {"\\*", "*", true},
        {"\\*", "a", false},
        {"a\\", "a", false},
        {"a\\", "a\\", false},
        {"*a*a*a*a*a*a*a*a*a*a*a*b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", false},
    };
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        if (!CHECK_INT(glob_match(rows[i].pattern, rows[i].path), rows[i].matches)) {
            printf("# pattern %s, path %s\n", rows[i].pattern, rows[i].path);
        }
    }
}

static void case_patterns(void)
{
    static const struct {
        const char *text;
        const char *path;
        bool is_folder;
        bool ignored;
    } rows[] = {
        {"", "a", false, false},
        {"# a\n", "# a", false, false},
        {"\\#a\n", "#a", false, true},
        {"\\!a\n", "!a", false, true},
        {"a\n", "x/y/a", false, true},
        {"a", "a", false, true},
        {"a\r\n", "a", false, true},
        {"a  \n", "a", false, true},
        {"a\\ \n", "a ", false, true},
        {"a\\ \n", "a", false, false},
        {"\xef\xbb\xbf"
         "a\n",
         "a", false, true},
        {"/a\n", "a", false, true},
        {"/a\n", "x/a", false, false},
        {"x/a\n", "x/a", false, true},
        {"x/a\n", "y/x/a", false, false},
        {"a/\n", "a", true, true},
        {"a/\n", "a", false, false},
        {"a/\n", "x/a", true, true},
        {"x/a/\n", "y/x/a", true, false},
        {"*.log\n!keep.log\n", "keep.log", false, false},
        {"*.log\n!keep.log\n", "other.log", false, true},
        {"!keep.log\n*.log\n", "keep.log", false, true},
        {"**/cache\n", "a/b/cache", true, true},
        {"doc/*.txt\n", "doc/a.txt", false, true},
        {"doc/*.txt\n", "doc/x/a.txt", false, false},
        {"**/\n", "a", true, true},
        {"**/\n", "a", false, false},
        {"/\n", "a", true, false},
        {"!\n", "a", false, false},
        {"", ".git", true, true},
        {"!.git\n", ".git", true, true},
        {"!node_modules\n", "x/node_modules", true, true},
        {"", "x/.DS_Store", false, true},
        {"", ".gitignore", false, false},
        {"", ".dialupignore", false, true},
        {"", ".dialup-manifest", false, true},
        {"", ".env", false, false},
    };
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        struct ignore *ignore = ignore_new();
        CHECK_INT(ignore_add(ignore, "", rows[i].text, strlen(rows[i].text), NULL), 0);
        if (!CHECK_INT(ignore_match(ignore, rows[i].path, rows[i].is_folder), rows[i].ignored)) {
            printf("# row %zu: path %s, patterns %s\n", i, rows[i].path, rows[i].text);
        }
        ignore_free(ignore);
    }
    ignore_free(NULL);
}

static void add(struct ignore *ignore, const char *folder, const char *text)
{
    CHECK_INT(ignore_add(ignore, folder, text, strlen(text), NULL), 0);
}

static void case_nested(void)
{
    struct ignore *ignore = ignore_new();
    add(ignore, "", "*.tmp\n/top\n");
    add(ignore, "sub", "!keep.tmp\n/inner\n");
    CHECK(ignore_match(ignore, "keep.tmp", false));
    CHECK(!ignore_match(ignore, "sub/keep.tmp", false));
    CHECK(!ignore_match(ignore, "sub/deep/keep.tmp", false));
    CHECK(ignore_match(ignore, "sub/inner", false));
    CHECK(!ignore_match(ignore, "sub/deep/inner", false));
    CHECK(!ignore_match(ignore, "subway/inner", false));
    CHECK(!ignore_match(ignore, "inner", false));
    CHECK(!ignore_match(ignore, "sub/top", false));
    ignore_free(ignore);
}

static void case_secrets(void)
{
    struct ignore *ignore = ignore_new();
    add(ignore, "", ignore_secrets);
    CHECK(ignore_match(ignore, ".env", false));
    CHECK(ignore_match(ignore, "x/.env.local", false));
    CHECK(!ignore_match(ignore, ".environment", false));
    add(ignore, "", "!.env.example\n");
    CHECK(!ignore_match(ignore, ".env.example", false));
    ignore_free(ignore);
}

static void case_too_many(void)
{
    struct ignore *ignore = ignore_new();
    struct error err = {0};
    int result = 0;
    for (int i = 0; i <= IGNORE_MAX_PATTERNS && result == 0; i++) {
        result = ignore_add(ignore, "", "a\n", 2, &err);
    }
    CHECK_INT(result, -ERR_TOO_LARGE);
    ignore_free(ignore);
}

int main(void)
{
    static const struct check_case cases[] = {
        {"globs", case_globs},
        {"patterns", case_patterns},
        {"files in sub-folders", case_nested},
        {"secrets of static sites", case_secrets},
        {"the limit of patterns", case_too_many},
    };
    return check_run(cases, ARRAY_COUNT(cases));
}
