/*
 * Unpacking what somebody sent: a tar, plain or gzipped, into one folder and never outside.
 *
 * Refused, with the entry's name: absolute paths, "..", links that lead out, devices and the like,
 * names that are not UTF-8 or hold control characters, the same path twice, more files or bytes
 * than allowed (counted while writing, so a bomb ends at the limit). Set-id bits and owners of the
 * archive are ignored. Blocks; for job programs.
 *
 * A first entry named SITE_MANIFEST_PATH is not a file of the site: it is the manifest of an
 * archive that holds only what changed (libdialup/site/manifest.h).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "libdialup/base/error.h"
#include "libdialup/base/str.h"

struct unpack_options {
    const char *archive_path;
    int dir_fd; /* an empty folder */
    int64_t max_bytes;
    int64_t max_files;
    uid_t owner;         /* of what is made, if we are root */
    int64_t modified_at; /* unix: the time of every file; those in the archive do not count */
};

struct unpack_result {
    int64_t files;
    int64_t size_bytes; /* of the files' contents */
    bool has_manifest;
    struct strbuf manifest; /* to be freed by the caller */
};

/* ERR_INVALID_ARGUMENT for what is refused, ERR_TOO_LARGE at a limit, ERR_IO, ERR_NO_SPACE. What
 * was written before a failure stays: the caller removes the folder. */
int unpack_archive(const struct unpack_options *options, struct unpack_result *ret_result,
                   struct error *err);

/* Whether a symlink at path may point at target: relative, leading ".." only and no more of them
 * than there are folders above. Pure. */
bool unpack_link_is_safe(const char *path, const char *target);
