/*
 * Installed packages, kept for the next build with the same lock file.
 *
 * A cached tree belongs to us: sites get hard links to its files in folders of their own, so
 * nobody can change what another build will use. The key covers everything that decides what npm
 * installs: lock file, package.json, .npmrc, and the image. Each owner has the newest few.
 */
#pragma once

#include <stdbool.h>

#include "dialup-deployd/jobs/build_work.h"

enum { MODULES_CACHE_KEEP = 3, MODULES_CACHE_KEY_SIZE = 65 };

/* false if what is installed could depend on more than the key covers. */
bool modules_cache_key(struct build *build, const char *image_id,
                       char ret_key[MODULES_CACHE_KEY_SIZE]);

/* Puts node_modules into the release; false if there are none for this key. */
bool modules_cache_take(struct build *build, const char *key);

/* Keeps the release's node_modules, which only a successful installation may have made. */
int modules_cache_keep(struct build *build, const char *key, struct error *err);
