/*
 * What a package.json says, as far as a build needs it.
 *
 * The file comes from a stranger and is bounded; texts live in the arena. Reads a file; the parsing
 * itself is pure.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "libdialup/base/arena.h"
#include "libdialup/base/error.h"
#include "libdialup/site/site_type.h"

enum { PACKAGE_MAX_BYTES = 1 << 20, PACKAGE_MAX_ARGUMENTS = 32 };

struct package {
    struct site_package site;
    bool has_dependencies; /* packages of others, also for the build only */
    bool has_workspaces;
    bool has_install_scripts; /* of its own: what is installed depends on more than its packages */
    bool wraps_start;         /* prestart or poststart */
};

/* ERR_INVALID_ARGUMENT with line and column. */
int package_parse(struct arena *arena, const char *text, size_t size, struct package *ret_package,
                  struct error *err);

/* The package.json in a folder; none is fine. */
int package_read(struct arena *arena, int dir_fd, struct package *ret_package, struct error *err);

/* Whether a start script is a plain "node FILE ARGUMENTS", which needs no npm and no shell: then
 * its words, in the arena. Pure. */
bool package_split_start(struct arena *arena, const char *script, const char *const **ret_argv,
                         size_t *ret_count);
