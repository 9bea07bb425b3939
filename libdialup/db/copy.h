/*
 * The copies of the database that are made before a migration. For migrate.c alone.
 */
#pragma once

#include <sqlite3.h>
#include <stddef.h>

#include "libdialup/base/error.h"

/* Makes "PATH.before-VERSION", whole and on the disk, or nothing; then removes all such copies but
 * the three of the highest versions. Writes the copy's path. */
int db_copy_before(sqlite3 *handle, const char *path, int version, char *ret_path,
                   size_t ret_path_size, struct error *err);
