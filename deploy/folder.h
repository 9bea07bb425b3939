/*
 * A folder on this machine, as a site: which files belong to it, what kind of site they are, and
 * their manifest. Blocks on the disk.
 *
 * Symbolic links to files inside the folder count as those files; others, and devices, are left
 * out and counted. Ignored files are never opened.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "libdialup/base/arena.h"
#include "libdialup/base/error.h"
#include "libdialup/site/manifest.h"
#include "libdialup/site/site_type.h"

struct folder {
    struct arena *arena;
    const char *path; /* as given */
    int fd;
    const char **files; /* sorted, relative */
    size_t count;
    size_t capacity;
    size_t ignored_count; /* folders count once */
    size_t skipped_count; /* links and devices */
    const char *first_skipped;
};

/* Opens and walks the folder. hide_secrets: leave out .env files too, unless an ignore file takes
 * them back. ERR_NOT_FOUND, ERR_INVALID_ARGUMENT for names that no site may have, ERR_IO. */
int folder_open(struct folder *folder, const char *path, bool hide_secrets, struct error *err);
void folder_close(struct folder *folder);

/* What the files are. package.json is read if there is one. */
int folder_detect(const struct folder *folder, struct site_detection *ret_detection,
                  struct error *err);

/* Whether a site of this type needs a build in this folder; for a type that is known already. */
int folder_needs_build(const struct folder *folder, const struct site_type *type,
                       bool *ret_needs_build, struct error *err);

/* Reads every file and fills an initialized manifest, sorted. */
int folder_hash(const struct folder *folder, struct manifest *manifest, struct error *err);

/* Opens a file of the folder for reading. */
int folder_open_file(const struct folder *folder, const char *path, struct error *err);
