/*
 * Migrations: forward only, compiled in, run by one program (`dialupctl migrate`) before the
 * daemons start.
 *
 * Each runs in one immediate transaction together with the new version number, so a crash leaves
 * the database before or after it, never in between. A file is plain SQL: COMMIT, PRAGMA and ATTACH
 * in it are refused before they do harm. Foreign keys are checked as a whole at the end of each,
 * not on the way, so that a table can be rebuilt.
 *
 * Before a database that is in use is changed, a consistent copy is made beside it, "PATH.before-N"
 * with N the first version that is applied; the newest three copies are kept. Blocks for as long
 * as it takes.
 */
#pragma once

#include "libdialup/base/error.h"
#include "libdialup/db/db.h"

struct db_migrate_result {
    int from_version; /* 0: the database was made */
    int to_version;
    char copy_path[512]; /* "" if no copy was needed */
};

/* Called before each migration, outside of any transaction, for progress. */
typedef void db_migrate_progress_fn(void *context, const struct db_migration *migration);

/* Brings the database at path to the newest version, and makes it if it is not there. progress may
 * be NULL. */
int db_migrate(const char *path, const struct db_schema *schema, db_migrate_progress_fn *progress,
               void *context, struct db_migrate_result *ret_result, struct error *err);
