/*
 * Patterns of paths, as in Git: "*" and "?" stop at '/', "**" between slashes or at an end does
 * not, "[a-z]", "[!a]" and "[[:alpha:]]" are one character, "\" takes the next one as it is.
 *
 * Bytes, not characters. Time is at most proportional to pattern times path. Pure.
 */
#pragma once

#include <stdbool.h>

/* Whether all of path matches; a broken pattern matches nothing. */
bool glob_match(const char *pattern, const char *path);
