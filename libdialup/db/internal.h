/*
 * What the files of this room share. Nobody else may include it: it shows sqlite3.
 */
#pragma once

#include <sqlite3.h>

#include "libdialup/db/db.h"

enum db_control {
    DB_BEGIN,
    DB_COMMIT,
    DB_ROLLBACK,
    DB_SAVEPOINT,
    DB_RELEASE,
    DB_ROLLBACK_TO,
    DB_CONTROL_COUNT
};

struct db_prepared {
    sqlite3_stmt *stmt; /* NULL: not used yet */
    const struct db_statement *row;
    const struct db_table *refused_table; /* NULL: may be used */
};

struct db_set {
    const struct db_statements *statements;
    struct db_prepared *prepared;
    size_t count;
};

struct db {
    sqlite3 *handle;
    const struct db_schema *schema;
    const char *owner;
    const struct db_table *refused_table; /* set by the guard while a statement is prepared */
    struct db_set *sets;
    size_t set_count;
    sqlite3_stmt *control[DB_CONTROL_COUNT];
    unsigned depth; /* transactions that are open, one inside the other */
    char detail[512];
    int broken; /* the file's last failure since a write that worked, or 0; see db_note_write */
};

/* Turns the result code of the last sqlite3 call on db into an error; doing says what failed, for
 * the log. Returns the negative error. */
int db_fail(struct db *db, int code, const char *doing, struct error *err);

/* The same for a handle that has no struct db (yet). */
int db_fail_code(int code, struct error *err);

/* A write has reached the file: what failed before is over, but for damage. */
void db_note_write(struct db *db);

/* The error of a write to another program's table. */
int db_fail_owner(const struct db_table *table, const char *program, struct error *err);

/* Runs one constant statement without parameters; rows are dropped. */
int db_exec(sqlite3 *handle, const char *sql);

/* The first column of the first row of a constant statement. Returns a result code of SQLite. */
int db_read_i64(sqlite3 *handle, const char *sql, int64_t *ret_value);

/* Opens the file with the settings that every connection of the house has. On failure the handle
 * is closed. */
int db_open_handle(const char *path, int flags, int busy_timeout_ms, sqlite3 **ret_handle,
                   struct error *err);

/* The refusal of a database that a newer program has written. */
int db_fail_newer(int64_t found, int known, struct error *err);

/* The newest version that the schema knows, 0 if it has none. */
int db_schema_version(const struct db_schema *schema);

/* Installs the ownership guard: from here on reads, and writes of the owner's tables. */
void db_guard(struct db *db);
