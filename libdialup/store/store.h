/*
 * The store: the meaning of the tables. All SQL of the house stands in this room, a pair of files
 * per noun; this one opens the database with all of their statements.
 *
 * Rules for all nouns: times are seconds since 1970 and come from the caller; texts of rows are
 * owned by the arena that was passed in; `find` gives -ERR_NOT_FOUND with a sentence; a write of a
 * table that another program owns gives -ERR_INTERNAL (tables.def). Every call may block on the
 * disk; a change that shares a sync with others goes through libdialup/db/batch.h.
 */
#pragma once

#include <stdbool.h>

#include "libdialup/db/db.h"

/* Where the database is, below the state directory. In a folder of its own: SQLite makes and
 * removes files beside it, so whoever uses the database has to be able to write to its folder. */
#define STORE_PATH "db/dialup.db"

/* For db_migrate(). */
extern const struct db_schema store_schema;

/* owner is "admind", "deployd" or "monitord"; NULL opens for reading only. Close with db_close. */
int store_open(const char *path, const char *owner, struct db **ret_db, struct error *err);
