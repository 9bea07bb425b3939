/*
 * What a path of a site may look like. Called for each line of a manifest, each member of an
 * archive, and each file the command line finds.
 */
#include "libdialup/site/path.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "libdialup/base/str.h"
#include "libdialup/base/utf8.h"

#define FIELD "path"

enum { SHOWN_SIZE = 160 };

static int refuse(struct error *err, const char *why, const char *path)
{
    return error_set_field(err, ERR_INVALID_ARGUMENT, FIELD, "%s: %.150s", why, path);
}

/* Writes path for people: control characters and what is not UTF-8 as \xNN. */
static void escape(const char *path, char *out, size_t size)
{
    size_t used = 0;
    for (size_t len = strlen(path); len > 0 && used + sizeof("\\xNN") < size;) {
        size_t valid = utf8_valid_len(path, len < 4 ? len : 4);
        bool is_plain = valid > 0 && (unsigned char)path[0] >= 0x20 && path[0] != 0x7f;
        if (is_plain) {
            out[used++] = path[0];
        } else {
            used += (size_t)snprintf(out + used, size - used, "\\x%02x", (unsigned char)path[0]);
        }
        path++;
        len--;
        while (is_plain && len > 0 && ((unsigned char)path[0] & 0xc0) == 0x80) {
            out[used++] = *path++;
            len--;
        }
    }
    out[used] = '\0';
}

static int refuse_characters(struct error *err, const char *path)
{
    char shown[SHOWN_SIZE];
    bool is_text = utf8_is_valid(path, strlen(path));
    escape(path, shown, sizeof(shown));
    return refuse(err, is_text ? "A path has control characters" : "A path is not UTF-8", shown);
}

static bool has_control_character(const char *path)
{
    for (const char *c = path; *c != '\0'; c++) {
        if ((unsigned char)*c < 0x20 || *c == 0x7f) {
            return true;
        }
    }
    return false;
}

static int check_part(const char *part, size_t len, const char *path, struct error *err)
{
    if (len == 0) {
        return refuse(err, "A path has an empty part", path);
    }
    if ((len == 1 && part[0] == '.') || (len == 2 && part[0] == '.' && part[1] == '.')) {
        return refuse(err, "A path may not go through . or ..", path);
    }
    if (len > SITE_PATH_NAME_MAX) {
        return refuse(err, "A file's name is longer than 255 bytes", path);
    }
    return 0;
}

static int check_parts(const char *path, struct error *err)
{
    int depth = 0;
    for (const char *part = path;; part++) {
        size_t len = strcspn(part, "/");
        int result = check_part(part, len, path, err);
        if (result < 0) {
            return result;
        }
        if (++depth > SITE_PATH_DEPTH_MAX) {
            return refuse(err, "A path is more than 64 folders deep", path);
        }
        part += len;
        if (*part == '\0') {
            return 0;
        }
    }
}

int site_path_check(const char *path, struct error *err)
{
    size_t len = strlen(path);
    if (len == 0) {
        return error_set_field(err, ERR_INVALID_ARGUMENT, FIELD, "A path is empty");
    }
    if (len > SITE_PATH_MAX) {
        return refuse(err, "A path is longer than 1024 bytes", path);
    }
    if (has_control_character(path) || !utf8_is_valid(path, len)) {
        return refuse_characters(err, path);
    }
    if (path[0] == '/') {
        return refuse(err, "A path must be relative", path);
    }
    if (strchr(path, '\\')) {
        return refuse(err, "A path has a backslash", path);
    }
    if (str_equal(path, SITE_MANIFEST_PATH)) {
        return refuse(err, "This name is kept for the list of files", path);
    }
    return check_parts(path, err);
}
