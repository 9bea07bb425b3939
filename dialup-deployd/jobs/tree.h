/*
 * Folders of a release: listed, given away, searched for links that lead out.
 *
 * What is in them came from a stranger: nothing here follows a symlink. Paths handed to callers are
 * relative to the folder. Blocks; for job programs. Changes nothing but what its name says.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "libdialup/base/arena.h"
#include "libdialup/base/error.h"
#include "libdialup/site/site_type.h"

/* Regular files and symlinks below the folder, sorted, in the arena; a "node_modules" at its top
 * is left out. Names that no site may have (see site_path_check) are left out, too. */
int tree_list(struct arena *arena, const char *folder, struct site_files *ret_files,
              struct error *err);

/* Gives everything below the folder, and the folder, to a user and group. */
int tree_give(const char *folder, uid_t owner, struct error *err);

/* ERR_INVALID_ARGUMENT if a symlink leads out of the folder (one that leads nowhere is fine), or if
 * something in it is neither a file nor a folder nor a symlink. */
int tree_check_links(const char *folder, struct error *err);

/* If the folder holds one folder and nothing else, puts that one's contents in its place. */
int tree_strip_top(const char *folder, bool *ret_stripped, struct error *err);

/*
 * Builds `to` (which must not be there) as a second tree of hard links to the files of `from`.
 * Folders are new and belong to owner; symlinks are copied; nothing else is taken along. ERR_IO if
 * `from` changes meanwhile.
 */
int tree_link(const char *from, const char *to, uid_t owner, struct error *err);

/* Makes a tree that nobody but us can change: ours, readable for all, no set-id bits. */
int tree_freeze(const char *folder, struct error *err);
