/*
 * The migrator. The copies that it makes are in copy.c.
 */
#include "libdialup/db/migrate.h"

#include <stdio.h>

#include "libdialup/base/log.h"
#include "libdialup/base/str.h"
#include "libdialup/db/copy.h"
#include "libdialup/db/internal.h"

enum { BUSY_TIMEOUT_MS = 5000 };

static int fail_migration(sqlite3 *handle, const struct db_migration *migration, int code,
                          struct error *err)
{
    struct error cause = {0};
    db_fail_code(code, &cause);
    enum error_code kind =
        cause.code == ERR_NO_SPACE || cause.code == ERR_BUSY || cause.code == ERR_IO ? cause.code
                                                                                     : ERR_INTERNAL;
    /* The reader is an operator at a terminal, so SQLite's own words are right here. */
    error_set(err, kind, "The migration %s failed and was rolled back: %s", migration->name,
              sqlite3_errmsg(handle));
    error_hint(err, "%s", cause.hint);
    return -(int)kind;
}

/* What ends or leaves the migration's transaction, or silently does nothing inside one. */
static int judge_migration(void *context, int action, const char *first, const char *second,
                           const char *schema_name, const char *trigger)
{
    /* ALTER TABLE ADD COLUMN asks for this one itself, to test a new CHECK on the rows there are.
     */
    if (action == SQLITE_PRAGMA && str_equal(first, "quick_check")) {
        return SQLITE_OK;
    }
    switch (action) {
    case SQLITE_TRANSACTION:
    case SQLITE_SAVEPOINT:
    case SQLITE_ATTACH:
    case SQLITE_DETACH:
    case SQLITE_PRAGMA:
        *(bool *)context = true;
        return SQLITE_DENY;
    default:
        return SQLITE_OK;
    }
}

static int run_sql(sqlite3 *handle, const struct db_migration *migration, struct error *err)
{
    bool is_forbidden = false;
    sqlite3_set_authorizer(handle, judge_migration, &is_forbidden);
    int code = db_exec(handle, migration->sql);
    int r = code == SQLITE_OK ? 0 : fail_migration(handle, migration, code, err);
    sqlite3_set_authorizer(handle, NULL, NULL);
    if (is_forbidden) {
        return error_set(err, ERR_INTERNAL,
                         "The migration %s was rolled back: it must not contain BEGIN, COMMIT, "
                         "PRAGMA or ATTACH",
                         migration->name);
    }
    return r;
}

static int check_foreign_keys(sqlite3 *handle, const struct db_migration *migration,
                              struct error *err)
{
    int64_t broken = 0;
    int code = db_read_i64(handle, "SELECT count(*) FROM pragma_foreign_key_check", &broken);
    if (code != SQLITE_OK) {
        return fail_migration(handle, migration, code, err);
    }
    if (broken > 0) {
        return error_set(err, ERR_INTERNAL,
                         "The migration %s was rolled back: %jd rows would refer to nothing",
                         migration->name, (intmax_t)broken);
    }
    return 0;
}

/* A pragma takes no parameters, hence the number in the text. */
static int set_version(sqlite3 *handle, const struct db_migration *migration, struct error *err)
{
    char sql[64];
    snprintf(sql, sizeof(sql), "PRAGMA user_version = %d", migration->version);
    int code = db_exec(handle, sql);
    return code == SQLITE_OK ? 0 : fail_migration(handle, migration, code, err);
}

static int apply_inside(sqlite3 *handle, const struct db_migration *migration, struct error *err)
{
    int r = run_sql(handle, migration, err);
    if (r == 0) {
        r = check_foreign_keys(handle, migration, err);
    }
    if (r == 0) {
        r = set_version(handle, migration, err);
    }
    if (r == 0) {
        int code = db_exec(handle, "COMMIT");
        r = code == SQLITE_OK ? 0 : fail_migration(handle, migration, code, err);
    }
    return r;
}

static int apply(sqlite3 *handle, const struct db_migration *migration, struct error *err)
{
    int code = db_exec(handle, "BEGIN IMMEDIATE");
    if (code != SQLITE_OK) {
        return fail_migration(handle, migration, code, err);
    }
    int64_t version = 0;
    code = db_read_i64(handle, "PRAGMA user_version", &version);
    int r = code == SQLITE_OK ? 0 : fail_migration(handle, migration, code, err);
    /* Another migrator may have been here since we looked. */
    if (r == 0 && version != migration->version - 1) {
        r = error_set(err, ERR_CONFLICT, "Somebody else migrates this database at the moment");
    }
    if (r == 0) {
        r = apply_inside(handle, migration, err);
    }
    if (r < 0 && !sqlite3_get_autocommit(handle)) {
        db_exec(handle, "ROLLBACK");
    }
    return r;
}

static int read_version(sqlite3 *handle, const struct db_schema *schema, int *ret_version,
                        struct error *err)
{
    int64_t version = 0;
    int64_t objects = 0;
    int code = db_read_i64(handle, "PRAGMA user_version", &version);
    if (code == SQLITE_OK) {
        code = db_read_i64(handle, "SELECT count(*) FROM sqlite_schema", &objects);
    }
    if (code != SQLITE_OK) {
        return db_fail_code(code, err);
    }
    if (version > db_schema_version(schema)) {
        return db_fail_newer(version, db_schema_version(schema), err);
    }
    if (version < 0 || (version == 0 && objects > 0)) {
        error_set(err, ERR_CONFLICT, "The file holds a database of another program");
        error_hint(err, "Check the path; nothing was changed.");
        return -ERR_CONFLICT;
    }
    *ret_version = (int)version;
    return 0;
}

static int apply_all(sqlite3 *handle, const struct db_schema *schema,
                     db_migrate_progress_fn *progress, void *context,
                     struct db_migrate_result *result, struct error *err)
{
    for (size_t i = (size_t)result->from_version; i < schema->migration_count; i++) {
        const struct db_migration *migration = &schema->migrations[i];
        ASSERT(migration->version == (int)i + 1);
        if (progress) {
            progress(context, migration);
        }
        int r = apply(handle, migration, err);
        if (r < 0) {
            return r;
        }
        result->to_version = migration->version;
    }
    return 0;
}

static int migrate_handle(sqlite3 *handle, const char *path, const struct db_schema *schema,
                          db_migrate_progress_fn *progress, void *context,
                          struct db_migrate_result *result, struct error *err)
{
    int r = read_version(handle, schema, &result->from_version, err);
    if (r < 0) {
        return r;
    }
    result->to_version = result->from_version;
    if (result->from_version > 0 && result->from_version < db_schema_version(schema)) {
        r = db_copy_before(handle, path, result->from_version + 1, result->copy_path,
                           sizeof(result->copy_path), err);
    }
    if (r == 0) {
        sqlite3_db_config(handle, SQLITE_DBCONFIG_ENABLE_FKEY, 0, NULL);
        r = apply_all(handle, schema, progress, context, result, err);
    }
    return r;
}

int db_migrate(const char *path, const struct db_schema *schema, db_migrate_progress_fn *progress,
               void *context, struct db_migrate_result *ret_result, struct error *err)
{
    sqlite3 *handle = NULL;
    struct db_migrate_result result = {0};
    int r = db_open_handle(path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, BUSY_TIMEOUT_MS,
                           &handle, err);
    if (r < 0) {
        return r;
    }
    r = migrate_handle(handle, path, schema, progress, context, &result, err);
    sqlite3_close(handle);
    if (r == 0) {
        *ret_result = result;
    }
    return r;
}
