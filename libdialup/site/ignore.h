/*
 * Which files of a folder are not sent: the rules of .gitignore.
 *
 * Patterns are gitignore(5): comments, "!" to take back, "/" to anchor, a "/" at the end for
 * folders only, "*", "?", "[a-z]", "**", and files in sub-folders that hold for what is below
 * them. The last pattern that matches decides, so the caller adds a folder's files before those of
 * its sub-folders, .gitignore before .dialupignore. As in Git, nothing in an ignored folder can be
 * taken back: do not walk into one. Our own code and not libgit2's: that is 1 MB of library for
 * these lines. Pure.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "libdialup/base/error.h"

enum { IGNORE_MAX_PATTERNS = 10000, IGNORE_PATTERN_MAX = 1024 };

/* What a caller should read at most of one file of patterns. */
#define IGNORE_FILE_MAX_BYTES ((size_t)1024 * 1024)

struct ignore;

struct ignore *ignore_new(void);
void ignore_free(struct ignore *ignore);

/* Adds the patterns of a file that lies in folder ("" for the top, else without '/' at the end).
 * Patterns longer than IGNORE_PATTERN_MAX match nothing. ERR_TOO_LARGE above IGNORE_MAX_PATTERNS;
 * those before stay in force. */
int ignore_add(struct ignore *ignore, const char *folder, const char *text, size_t size,
               struct error *err);

/* Whether path (relative to the top) is to be left out. Some names always are, whatever the
 * patterns say: .git, node_modules, .DS_Store, and our own .dialupignore and manifest. */
bool ignore_match(const struct ignore *ignore, const char *path, bool is_folder);

/* Patterns for folders whose files anybody can read once they are live: a static site's .env is
 * not sent. Add them first, so that .dialupignore can take them back. */
extern const char ignore_secrets[];
