/*
 * Opening and closing. Called once by each program at start, and by the migrator.
 *
 * The order matters: settings, then the version check, then the guard, which refuses PRAGMA and
 * whatever else is not a read or a write of the program's own tables.
 */
#include "libdialup/db/db.h"

#include <stdlib.h>

#include "libdialup/base/log.h"
#include "libdialup/base/memory.h"
#include "libdialup/db/internal.h"

/* A loop does not wait for others; but after a crash whoever opens first repairs, and the others,
 * who are just starting, have time. */
enum { BUSY_TIMEOUT_MS = 50, OPEN_TIMEOUT_MS = 5000 };

static const char *const control_sql[DB_CONTROL_COUNT] = {
    [DB_BEGIN] = "BEGIN IMMEDIATE",      [DB_COMMIT] = "COMMIT",
    [DB_ROLLBACK] = "ROLLBACK",          [DB_SAVEPOINT] = "SAVEPOINT inner_part",
    [DB_RELEASE] = "RELEASE inner_part", [DB_ROLLBACK_TO] = "ROLLBACK TO inner_part",
};

int db_exec(sqlite3 *handle, const char *sql)
{
    return sqlite3_exec(handle, sql, NULL, NULL, NULL);
}

int db_read_i64(sqlite3 *handle, const char *sql, int64_t *ret_value)
{
    sqlite3_stmt *stmt = NULL;
    int code = sqlite3_prepare_v2(handle, sql, -1, &stmt, NULL);
    if (code == SQLITE_OK) {
        code = sqlite3_step(stmt);
    }
    if (code == SQLITE_ROW) {
        *ret_value = sqlite3_column_int64(stmt, 0);
        code = SQLITE_OK;
    } else if (code == SQLITE_DONE) {
        code = SQLITE_NOTFOUND;
    }
    sqlite3_finalize(stmt);
    return code;
}

/* Double quotes are names, never strings; SQL in the file's own schema is not trusted; nothing may
 * write to SQLite's own tables. */
static int set_safety(sqlite3 *handle)
{
    static const struct {
        int option;
        int value;
    } settings[] = {
        {SQLITE_DBCONFIG_DQS_DML, 0},        {SQLITE_DBCONFIG_DQS_DDL, 0},
        {SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0}, {SQLITE_DBCONFIG_DEFENSIVE, 1},
        {SQLITE_DBCONFIG_ENABLE_FKEY, 1},    {SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0},
    };
    int code = SQLITE_OK;
    for (size_t i = 0; i < ARRAY_COUNT(settings) && code == SQLITE_OK; i++) {
        code = sqlite3_db_config(handle, settings[i].option, settings[i].value, NULL);
    }
    return code;
}

static int set_modes(sqlite3 *handle, bool read_only)
{
    if (!read_only) {
        int code = db_exec(handle, "PRAGMA journal_mode = WAL");
        if (code != SQLITE_OK) {
            return code;
        }
    }
    /* FULL syncs at each commit; what queues up in one turn of the loop shares one (batch.h). */
    return db_exec(handle, "PRAGMA synchronous = FULL; PRAGMA cache_size = -1024");
}

int db_open_handle(const char *path, int flags, int busy_timeout_ms, sqlite3 **ret_handle,
                   struct error *err)
{
    sqlite3 *handle = NULL;
    int code = sqlite3_open_v2(
        path, &handle,
        flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE | SQLITE_OPEN_PRIVATECACHE, NULL);
    if (code == SQLITE_OK) {
        sqlite3_busy_timeout(handle, busy_timeout_ms);
        code = set_safety(handle);
    }
    if (code == SQLITE_OK) {
        code = set_modes(handle, flags & SQLITE_OPEN_READONLY);
    }
    if (code != SQLITE_OK) {
        sqlite3_close(handle);
        return db_fail_code(code, err);
    }
    *ret_handle = handle;
    return 0;
}

int db_schema_version(const struct db_schema *schema)
{
    size_t count = schema->migration_count;
    return count ? schema->migrations[count - 1].version : 0;
}

static int check_version(struct db *db, struct error *err)
{
    int64_t found = 0;
    int code = db_read_i64(db->handle, "PRAGMA user_version", &found);
    if (code != SQLITE_OK) {
        return db_fail(db, code, "reading the version", err);
    }
    int known = db_schema_version(db->schema);
    if (found < known) {
        error_set(err, ERR_UNAVAILABLE, "The database is of version %jd and this program needs %d",
                  (intmax_t)found, known);
        error_hint(err, "Run `dialupctl migrate`.");
        return -ERR_UNAVAILABLE;
    }
    if (found > known) {
        return db_fail_newer(found, known, err);
    }
    return 0;
}

static int prepare_control(struct db *db, struct error *err)
{
    for (size_t i = 0; i < DB_CONTROL_COUNT; i++) {
        int code = sqlite3_prepare_v3(db->handle, control_sql[i], -1, SQLITE_PREPARE_PERSISTENT,
                                      &db->control[i], NULL);
        if (code != SQLITE_OK) {
            return db_fail(db, code, control_sql[i], err);
        }
    }
    return 0;
}

static int set_up(struct db *db, struct error *err)
{
    int r = check_version(db, err);
    if (r < 0) {
        return r;
    }
    if (db->owner) {
        db_guard(db);
    }
    return prepare_control(db, err);
}

static int explain_open(int r, const char *path, struct error *err)
{
    if (r == -ERR_IO && access(path, F_OK) != 0) {
        r = error_set(err, ERR_NOT_FOUND, "There is no database at %s", path);
        error_hint(err, "Run `dialupctl migrate`.");
    }
    return r;
}

int db_open(const char *path, const struct db_options *options, struct db **ret_db,
            struct error *err)
{
    struct db *db = xcalloc(1, sizeof(*db));
    db->schema = options->schema;
    db->owner = options->owner;
    int flags = options->read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE;
    int r = db_open_handle(path, flags, OPEN_TIMEOUT_MS, &db->handle, err);
    r = r < 0 ? explain_open(r, path, err) : set_up(db, err);
    if (r < 0) {
        db_close(db);
        return r;
    }
    sqlite3_busy_timeout(db->handle, BUSY_TIMEOUT_MS);
    *ret_db = db;
    return 0;
}

static void free_set(struct db_set *set)
{
    for (size_t i = 0; i < set->count; i++) {
        sqlite3_finalize(set->prepared[i].stmt);
    }
    free(set->prepared);
}

void db_close(struct db *db)
{
    if (!db) {
        return;
    }
    for (size_t i = 0; i < db->set_count; i++) {
        free_set(&db->sets[i]);
    }
    for (size_t i = 0; i < DB_CONTROL_COUNT; i++) {
        sqlite3_finalize(db->control[i]);
    }
    int code = sqlite3_close(db->handle);
    ASSERT(code == SQLITE_OK);
    free(db->sets);
    free(db);
}
