/*
 * What a path of a site may look like. Called for each line of a manifest, each member of an
 * archive, and each file the command line finds.
 */
#include "libdialup/site/path.h"

#include <stdbool.h>
#include <string.h>

#include "libdialup/base/str.h"
#include "libdialup/base/utf8.h"

#define FIELD "path"

static int refuse(struct error *err, const char *why, const char *path)
{
    return error_set_field(err, ERR_INVALID_ARGUMENT, FIELD, "%s: %.150s", why, path);
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
        return error_set_field(err, ERR_INVALID_ARGUMENT, FIELD,
                               "A path has control characters or is not UTF-8");
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
