/* Manifests: text to entries and back, what is refused, and what a difference says. */
#include "libdialup/base/memory.h"
#include "libdialup/base/str.h"
#include "libdialup/site/manifest.h"
#include "libdialup/site/path.h"
#include "tests/harness/check.h"

#define HASH_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define HASH_B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define HEADER "dialup-manifest 1 7\n"

static int parse(struct manifest *manifest, const char *text, struct error *err)
{
    manifest_init(manifest);
    return manifest_parse(manifest, text, strlen(text), err);
}

static void case_round_trip(void)
{
    static const char text[] = HEADER HASH_A
        " 0644 12 a.html\n" HASH_B " 0755 0 a/b%20c%25.sh\n" HASH_A " 0600 99 %C3%BC%28%29.txt\n";
    AUTO_MANIFEST struct manifest manifest;
    AUTO_STRBUF struct strbuf printed = STRBUF_INIT;
    struct error err = {0};
    CHECK_INT(parse(&manifest, text, &err), 0);
    CHECK_INT(manifest.deployment_id, 7);
    CHECK_INT(manifest.count, 3);
    CHECK_INT(manifest_size_bytes(&manifest), 111);
    const struct manifest_entry *entry = manifest_find(&manifest, "a/b c%.sh");
    if (CHECK(entry)) {
        CHECK_INT(entry->mode, 0755);
        CHECK_INT(entry->digest[31], 0xbb);
    }
    CHECK(!manifest_find(&manifest, "a/b"));
    manifest_print(&manifest, &printed);
    AUTO_MANIFEST struct manifest again;
    CHECK_INT(parse(&again, strbuf_text(&printed), &err), 0);
    CHECK(manifest_find(&again, "\xc3\xbc().txt"));
    CHECK_CONTAINS(strbuf_text(&printed), "0644 12 a.html\n");
    CHECK_CONTAINS(strbuf_text(&printed), " 0755 0 a/b%20c%25.sh\n");
}

static void case_only_header(void)
{
    AUTO_MANIFEST struct manifest manifest;
    struct error err = {0};
    CHECK_INT(parse(&manifest, "dialup-manifest 1 0\n", &err), 0);
    CHECK_INT(manifest.count, 0);
    CHECK(!manifest_find(&manifest, "a"));
}

static void case_refused(void)
{
    static const struct {
        const char *name;
        const char *text;
        const char *field;
    } rows[] = {
        {"empty", "", "manifest"},
        {"no header", HASH_A " 0644 1 a\n", "manifest[1]."},
        {"other version", "dialup-manifest 2 0\n", "manifest[1]."},
        {"negative id", "dialup-manifest 1 -1\n", "manifest[1].deployment"},
        {"no newline at the end", HEADER HASH_A " 0644 1 a", "manifest[2]."},
        {"short hash", HEADER "aaaa 0644 1 a\n", "manifest[2].hash"},
        {"capital hash", HEADER "A" HASH_A " 0644 1 a\n", "manifest[2].hash"},
        {"no mode", HEADER HASH_A "\n", "manifest[2].hash"},
        {"decimal mode", HEADER HASH_A " 0689 1 a\n", "manifest[2].mode"},
        {"setuid", HEADER HASH_A " 4755 1 a\n", "manifest[2].mode"},
        {"negative size", HEADER HASH_A " 0644 -1 a\n", "manifest[2].size"},
        {"huge size", HEADER HASH_A " 0644 9223372036854775807 a\n", "manifest[2].size"},
        {"size overflow", HEADER HASH_A " 0644 9223372036854775808 a\n", "manifest[2].size"},
        {"no path", HEADER HASH_A " 0644 1 \n", "manifest[2].path"},
        {"absolute", HEADER HASH_A " 0644 1 /etc/passwd\n", "manifest[2].path"},
        {"dot dot", HEADER HASH_A " 0644 1 a/../b\n", "manifest[2].path"},
        {"escaped dot dot", HEADER HASH_A " 0644 1 a/%2E%2E/b\n", "manifest[2].path"},
        {"dot", HEADER HASH_A " 0644 1 ./b\n", "manifest[2].path"},
        {"double slash", HEADER HASH_A " 0644 1 a//b\n", "manifest[2].path"},
        {"slash at the end", HEADER HASH_A " 0644 1 a/\n", "manifest[2].path"},
        {"backslash", HEADER HASH_A " 0644 1 a%5Cb\n", "manifest[2].path"},
        {"newline", HEADER HASH_A " 0644 1 a%0Ab\n", "manifest[2].path"},
        {"nul", HEADER HASH_A " 0644 1 a%00b\n", "manifest[2].path"},
        {"cut escape", HEADER HASH_A " 0644 1 a%4\n", "manifest[2].path"},
        {"bad escape", HEADER HASH_A " 0644 1 a%GG\n", "manifest[2].path"},
        {"space not escaped", HEADER HASH_A " 0644 1 a b\n", "manifest[2].path"},
        {"not UTF-8", HEADER HASH_A " 0644 1 a%FF\n", "manifest[2].path"},
        {"carriage return", HEADER HASH_A " 0644 1 a\r\n", "manifest[2].path"},
        {"the manifest itself", HEADER HASH_A " 0644 1 .dialup-manifest\n", "manifest[2].path"},
        {"twice", HEADER HASH_A " 0644 1 a\n" HASH_A " 0644 1 b\n" HASH_B " 0644 1 a\n", "path"},
        {"file and folder",
         HEADER HASH_A " 0644 1 a\n" HASH_A " 0644 1 a-b\n" HASH_B " 0644 1 a/b\n", "path"},
    };
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        AUTO_MANIFEST struct manifest manifest;
        struct error err = {0};
        if (!CHECK_INT(parse(&manifest, rows[i].text, &err), -ERR_INVALID_ARGUMENT) ||
            !CHECK_CONTAINS(err.field, rows[i].field)) {
            printf("# %s\n", rows[i].name);
        }
    }
    AUTO_MANIFEST struct manifest manifest;
    manifest_init(&manifest);
    CHECK_INT(manifest_parse(&manifest, HEADER "\0", sizeof(HEADER), NULL), -ERR_INVALID_ARGUMENT);
}

static void case_path_limits(void)
{
    char path[1100];
    struct error err;
    memset(path, 'a', sizeof(path));
    path[255] = '\0';
    CHECK_INT(site_path_check(path, &err), 0);
    path[255] = 'a';
    path[256] = '\0';
    CHECK_INT(site_path_check(path, &err), -ERR_INVALID_ARGUMENT);
    for (size_t i = 0; i < sizeof(path); i++) {
        path[i] = i % 2 ? '/' : 'a';
    }
    path[127] = '\0';
    CHECK_INT(site_path_check(path, &err), 0);
    path[127] = '/';
    path[129] = '\0';
    CHECK_INT(site_path_check(path, &err), -ERR_INVALID_ARGUMENT);
    CHECK_CONTAINS(err.message, "64 folders");
    memset(path, 'a', sizeof(path));
    path[250] = path[500] = path[750] = path[1000] = '/';
    path[1024] = '\0';
    CHECK_INT(site_path_check(path, &err), 0);
    path[1024] = 'a';
    path[1025] = '\0';
    CHECK_INT(site_path_check(path, &err), -ERR_INVALID_ARGUMENT);
}

static void case_path_refusals_name_the_path(void)
{
    static const struct {
        const char *path;
        const char *wanted;
    } rows[] = {
        {"a\nb.txt", "control characters: a\\x0ab.txt"},
        {"caf\xe9.txt", "not UTF-8: caf\\xe9.txt"},
        {"\xc3\xa9\xe6\x97\xa5\xf0\x9f\x92\xa1\x7f", "\xc3\xa9\xe6\x97\xa5\xf0\x9f\x92\xa1\\x7f"},
        {"\xe6\x97", "not UTF-8: \\xe6\\x97"},
        {"a\\b", "backslash: a\\b"},
    };
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        struct error err;
        CHECK_INT(site_path_check(rows[i].path, &err), -ERR_INVALID_ARGUMENT);
        CHECK_CONTAINS(err.message, rows[i].wanted);
    }
    char path[300];
    struct error err;
    memset(path, '\x01', sizeof(path));
    path[255] = '\0';
    CHECK_INT(site_path_check(path, &err), -ERR_INVALID_ARGUMENT);
    CHECK_CONTAINS(err.message, "\\x01\\x01");
}

static void case_too_many_entries(void)
{
    AUTO_MANIFEST struct manifest manifest;
    manifest_init(&manifest);
    unsigned char digest[MANIFEST_DIGEST_SIZE] = {0};
    char path[32];
    struct error err = {0};
    for (int i = 0; i < MANIFEST_MAX_ENTRIES; i++) {
        snprintf(path, sizeof(path), "f%d", i);
        if (manifest_add(&manifest, path, 0644, 1, digest, &err) < 0) {
            break;
        }
    }
    CHECK_INT(manifest.count, MANIFEST_MAX_ENTRIES);
    CHECK_INT(manifest_add(&manifest, "more", 0644, 1, digest, &err), -ERR_TOO_LARGE);
    CHECK_INT(manifest_sort(&manifest, &err), 0);
}

static void case_diff(void)
{
    AUTO_MANIFEST struct manifest base;
    AUTO_MANIFEST struct manifest wanted;
    struct error err = {0};
    CHECK_INT(parse(&base,
                    HEADER HASH_A " 0644 1 changed\n" HASH_A " 0644 2 gone\n" HASH_B
                                  " 0644 3 moved/old\n" HASH_A " 0644 4 same\n" HASH_A
                                  " 0644 5 executable\n",
                    &err),
              0);
    CHECK_INT(parse(&wanted,
                    HEADER HASH_B " 0644 1 changed\n" HASH_B " 0644 3 moved/new\n" HASH_B
                                  " 0644 10 new\n" HASH_A " 0644 4 same\n" HASH_A
                                  " 0755 5 executable\n",
                    &err),
              0);
    struct manifest_diff diff;
    manifest_diff_init(&diff, &base, &wanted);
    CHECK_INT(diff.send_count, 3);
    CHECK_INT(diff.send_bytes, 16);
    CHECK_INT(diff.gone_count, 2);
    CHECK_STR(diff.gone[0]->path, "gone");
    CHECK_STR(diff.gone[1]->path, "moved/old");
    for (size_t i = 0; i < wanted.count; i++) {
        const char *path = wanted.entries[i].path;
        const char *source = diff.sources[i] ? diff.sources[i]->path : "sent";
        if (str_equal(path, "same")) {
            CHECK_STR(source, "same");
        } else if (str_equal(path, "moved/new")) {
            CHECK_STR(source, "moved/old");
        } else {
            CHECK_STR(source, "sent");
        }
    }
    manifest_diff_fini(&diff);
}

static void case_diff_against_nothing(void)
{
    AUTO_MANIFEST struct manifest base;
    AUTO_MANIFEST struct manifest wanted;
    manifest_init(&base);
    CHECK_INT(parse(&wanted, HEADER HASH_B " 0644 1 a\n", NULL), 0);
    AUTO_MANIFEST_DIFF struct manifest_diff diff;
    manifest_diff_init(&diff, &base, &wanted);
    CHECK_INT(diff.send_count, 1);
    AUTO_MANIFEST_DIFF struct manifest_diff back;
    manifest_diff_init(&back, &wanted, &base);
    CHECK_INT(back.send_count, 0);
    CHECK_INT(back.gone_count, 1);
}

int main(void)
{
    static const struct check_case cases[] = {
        {"text to entries and back", case_round_trip},
        {"a release without files", case_only_header},
        {"broken text is refused, with its line", case_refused},
        {"limits of paths", case_path_limits},
        {"refusals name the path", case_path_refusals_name_the_path},
        {"the limit of entries", case_too_many_entries},
        {"what is sent, linked and gone", case_diff},
        {"a first deployment", case_diff_against_nothing},
    };
    return check_run(cases, ARRAY_COUNT(cases));
}
