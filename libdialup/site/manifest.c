/*
 * The list of a release's files; see the header for the format. Called by the command line, which
 * sends one, by the deploy job, which checks and stores it, and by the API, which hands it out.
 */
#include "libdialup/site/manifest.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libdialup/base/memory.h"
#include "libdialup/site/path.h"

#define MAGIC "dialup-manifest 1 "

/* Hash, mode, size, and a path of which each byte is escaped. */
enum { LINE_SIZE = 2 * MANIFEST_DIGEST_SIZE + 32 + 3 * SITE_PATH_MAX };

static int parse_header(struct manifest *manifest, const char *line, struct error *err);
static int parse_line(struct manifest *manifest, char *line, struct error *err);

void manifest_init(struct manifest *manifest)
{
    *manifest = (struct manifest){.arena = arena_new()};
}

void manifest_fini(struct manifest *manifest)
{
    free(manifest->entries);
    arena_free(manifest->arena);
    *manifest = (struct manifest){0};
}

int manifest_add(struct manifest *manifest, const char *path, unsigned mode, int64_t size_bytes,
                 const unsigned char digest[MANIFEST_DIGEST_SIZE], struct error *err)
{
    int result = site_path_check(path, err);
    if (result < 0) {
        return result;
    }
    if (mode > 0777) {
        return error_set_field(err, ERR_INVALID_ARGUMENT, "mode", "A file's mode is wrong: %.150s",
                               path);
    }
    if (size_bytes < 0 || size_bytes > MANIFEST_MAX_FILE_BYTES) {
        return error_set_field(err, ERR_INVALID_ARGUMENT, "size", "A file's size is wrong: %.150s",
                               path);
    }
    if (manifest->count == MANIFEST_MAX_ENTRIES) {
        return error_set(err, ERR_TOO_LARGE, "There are more than %d files", MANIFEST_MAX_ENTRIES);
    }
    if (manifest->count == manifest->capacity) {
        manifest->capacity = manifest->capacity ? 2 * manifest->capacity : 64;
        manifest->entries =
            xreallocarray(manifest->entries, manifest->capacity, sizeof(*manifest->entries));
    }
    struct manifest_entry *entry = &manifest->entries[manifest->count++];
    entry->path = arena_strdup(manifest->arena, path);
    entry->mode = mode;
    entry->size_bytes = size_bytes;
    memcpy(entry->digest, digest, MANIFEST_DIGEST_SIZE);
    return 0;
}

/* '/' first, so that what is in a folder stands right behind the folder's own name. */
static int compare_paths(const char *a, const char *b)
{
    while (*a == *b && *a != '\0') {
        a++;
        b++;
    }
    int left = *a == '/' ? 1 : *a == '\0' ? 0 : (unsigned char)*a + 1;
    int right = *b == '/' ? 1 : *b == '\0' ? 0 : (unsigned char)*b + 1;
    return left - right;
}

static int compare_entries(const void *a, const void *b)
{
    const struct manifest_entry *left = a;
    const struct manifest_entry *right = b;
    return compare_paths(left->path, right->path);
}

int manifest_sort(struct manifest *manifest, struct error *err)
{
    if (manifest->count > 1) {
        qsort(manifest->entries, manifest->count, sizeof(*manifest->entries), compare_entries);
    }
    for (size_t i = 1; i < manifest->count; i++) {
        const char *before = manifest->entries[i - 1].path;
        const char *path = manifest->entries[i].path;
        if (str_equal(before, path)) {
            return error_set_field(err, ERR_INVALID_ARGUMENT, "path",
                                   "A file is there twice: %.150s", path);
        }
        if (str_starts_with(path, before) && path[strlen(before)] == '/') {
            return error_set_field(err, ERR_INVALID_ARGUMENT, "path",
                                   "This is both a file and a folder: %.150s", before);
        }
    }
    return 0;
}

/* Copies the next line, without its end. */
static int take_line(const char **text, const char *end, char line[LINE_SIZE], struct error *err)
{
    const char *newline = memchr(*text, '\n', (size_t)(end - *text));
    size_t len = newline ? (size_t)(newline - *text) : 0;
    if (!newline || len >= LINE_SIZE) {
        return error_set(err, ERR_INVALID_ARGUMENT, "A line of the manifest %s",
                         newline ? "is too long" : "has no end");
    }
    memcpy(line, *text, len);
    line[len] = '\0';
    *text = newline + 1;
    return 0;
}

static void add_line_number(struct error *err, size_t number)
{
    if (err) {
        char field[sizeof(err->field)];
        snprintf(field, sizeof(field), "manifest[%zu].%.40s", number, err->field);
        str_copy(err->field, sizeof(err->field), field);
    }
}

int manifest_parse(struct manifest *manifest, const char *text, size_t size, struct error *err)
{
    if (size == 0) {
        return error_set_field(err, ERR_INVALID_ARGUMENT, "manifest", "The manifest is empty");
    }
    const char *end = text + size;
    char line[LINE_SIZE];
    if (memchr(text, '\0', size)) {
        return error_set_field(err, ERR_INVALID_ARGUMENT, "manifest", "The manifest holds a NUL");
    }
    for (size_t number = 1; text < end; number++) {
        int result = take_line(&text, end, line, err);
        if (result == 0) {
            result =
                number == 1 ? parse_header(manifest, line, err) : parse_line(manifest, line, err);
        }
        if (result < 0) {
            add_line_number(err, number);
            return result;
        }
    }
    return manifest_sort(manifest, err);
}

static bool is_plain(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c != '\0' && strchr("_.-~/", c));
}

static void print_digest(const unsigned char *digest, struct strbuf *out)
{
    static const char hex[] = "0123456789abcdef";
    for (int i = 0; i < MANIFEST_DIGEST_SIZE; i++) {
        strbuf_putc(out, hex[digest[i] >> 4]);
        strbuf_putc(out, hex[digest[i] & 15]);
    }
}

static void print_path(const char *path, struct strbuf *out)
{
    for (const char *c = path; *c != '\0'; c++) {
        if (is_plain(*c)) {
            strbuf_putc(out, *c);
        } else {
            strbuf_printf(out, "%%%02X", (unsigned char)*c);
        }
    }
}

void manifest_print(const struct manifest *manifest, struct strbuf *out)
{
    strbuf_printf(out, MAGIC "%" PRId64 "\n", manifest->deployment_id);
    for (size_t i = 0; i < manifest->count; i++) {
        const struct manifest_entry *entry = &manifest->entries[i];
        print_digest(entry->digest, out);
        strbuf_printf(out, " %04o %" PRId64 " ", entry->mode, entry->size_bytes);
        print_path(entry->path, out);
        strbuf_putc(out, '\n');
    }
}

const struct manifest_entry *manifest_find(const struct manifest *manifest, const char *path)
{
    if (manifest->count == 0) {
        return NULL;
    }
    struct manifest_entry wanted = {.path = path};
    return bsearch(&wanted, manifest->entries, manifest->count, sizeof(wanted), compare_entries);
}

int64_t manifest_size_bytes(const struct manifest *manifest)
{
    int64_t total = 0;
    for (size_t i = 0; i < manifest->count; i++) {
        total += manifest->entries[i].size_bytes;
    }
    return total;
}

static int parse_header(struct manifest *manifest, const char *line, struct error *err)
{
    size_t magic_len = strlen(MAGIC);
    if (strncmp(line, MAGIC, magic_len) != 0) {
        return error_set(err, ERR_INVALID_ARGUMENT, "The manifest does not begin with \"%s\"",
                         MAGIC);
    }
    if (!str_parse_i64(line + magic_len, 0, INT64_MAX, &manifest->deployment_id)) {
        return error_set_field(err, ERR_INVALID_ARGUMENT, "deployment",
                               "The manifest's deployment is not a number");
    }
    return 0;
}

/* The text up to the next space, which becomes its end; NULL if there is none. */
static char *take_word(char **line)
{
    char *space = strchr(*line, ' ');
    if (!space) {
        return NULL;
    }
    char *word = *line;
    *space = '\0';
    *line = space + 1;
    return word;
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static bool parse_digest(const char *text, unsigned char *digest)
{
    if (strlen(text) != (size_t)2 * MANIFEST_DIGEST_SIZE ||
        strspn(text, "0123456789abcdef") != (size_t)2 * MANIFEST_DIGEST_SIZE) {
        return false;
    }
    for (size_t i = 0; i < MANIFEST_DIGEST_SIZE; i++) {
        digest[i] = (unsigned char)(hex_value(text[2 * i]) * 16 + hex_value(text[2 * i + 1]));
    }
    return true;
}

static bool parse_mode(const char *text, unsigned *ret_mode)
{
    size_t len = strlen(text);
    if (len < 3 || len > 4 || strspn(text, "01234567") != len || (len == 4 && text[0] != '0')) {
        return false;
    }
    *ret_mode = (unsigned)strtoul(text, NULL, 8);
    return true;
}

/* In place; false for bytes that had to be escaped, a broken escape, or an escaped NUL. */
static bool unescape(char *text)
{
    char *out = text;
    for (const char *c = text; *c != '\0'; c++) {
        if (is_plain(*c)) {
            *out++ = *c;
            continue;
        }
        int high = c[0] == '%' ? hex_value(c[1]) : -1;
        int low = high >= 0 ? hex_value(c[2]) : -1;
        if (low < 0 || (high | low) == 0) {
            return false;
        }
        *out++ = (char)(high << 4 | low);
        c += 2;
    }
    *out = '\0';
    return true;
}

static int parse_line(struct manifest *manifest, char *line, struct error *err)
{
    unsigned char digest[MANIFEST_DIGEST_SIZE];
    unsigned mode;
    int64_t size_bytes;
    const char *word = take_word(&line);
    if (!word || !parse_digest(word, digest)) {
        return error_set_field(err, ERR_INVALID_ARGUMENT, "hash",
                               "A line does not begin with 64 hex digits and a space");
    }
    word = take_word(&line);
    if (!word || !parse_mode(word, &mode)) {
        return error_set_field(err, ERR_INVALID_ARGUMENT, "mode",
                               "A file's mode is not an octal number up to 0777");
    }
    word = take_word(&line);
    if (!word || !str_parse_i64(word, 0, INT64_MAX, &size_bytes)) {
        return error_set_field(err, ERR_INVALID_ARGUMENT, "size", "A file's size is not a number");
    }
    if (!unescape(line)) {
        return error_set_field(err, ERR_INVALID_ARGUMENT, "path",
                               "A path is not escaped as it should be");
    }
    return manifest_add(manifest, line, mode, size_bytes, digest, err);
}
