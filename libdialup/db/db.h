/*
 * The database: one SQLite file in WAL mode, opened once by each program on its loop's thread.
 *
 * This room is the only one that includes sqlite3 and knows nothing of users or sites: what stands
 * in the file is told to it by a `struct db_schema`. The statements stand in the store room, in
 * constant tables that are tried at start, so that a typo stops a program before it serves.
 *
 * Every call may block on the disk, a write at most some 50 ms for another program's write (then
 * -ERR_BUSY). Not thread-safe. Texts of SQLite never reach users: errors carry our own words, and
 * db_detail() has the rest for the log.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "libdialup/base/arena.h"
#include "libdialup/base/error.h"

struct db;

/* Who may write a table. */
struct db_table {
    const char *name;
    const char *owner;
};

/* Versions count up from 1 without gaps. */
struct db_migration {
    int version;
    const char *name; /* "0001_initial" */
    const char *sql;
};

struct db_schema {
    const struct db_table *tables;
    size_t table_count;
    const struct db_migration *migrations;
    size_t migration_count;
};

struct db_options {
    const struct db_schema *schema;
    const char *owner; /* who may write its own tables and no others; NULL: no guard */
    bool read_only;
};

/* Opens a database that exists and has exactly the schema's newest version; otherwise an error
 * says what to run. The schema and the owner's name are borrowed until db_close. */
int db_open(const char *path, const struct db_options *options, struct db **ret_db,
            struct error *err);

/* Rolls back what is open. NULL is fine. */
void db_close(struct db *db);

/* What SQLite said about the last failure, for the log only. Borrowed, never NULL. */
const char *db_detail(const struct db *db);

/* Statements ------------------------------------------------------------------------------ */

struct db_statement {
    const char *name; /* for the log: "users_insert" */
    const char *sql;
};

/* Indexed by an enum of the file that owns it. */
struct db_statements {
    const struct db_statement *rows;
    size_t count;
};

/* Tries all rows; a mistake in one is an error that names it. A row that writes a table of another
 * program fails with that table's name when it is used. The table is borrowed until db_close. */
int db_add_statements(struct db *db, const struct db_statements *statements, struct error *err);

/*
 * One use of a statement. Binds and columns are written in the order in which they stand in the
 * SQL, so nothing is counted by hand; too few binds or too many columns is a panic.
 *
 *     AUTO_QUERY struct db_query q = db_query(db, &statements, FIND_BY_ID, err);
 *     db_bind_i64(&q, id);
 *     while ((r = db_query_row(&q)) > 0) {
 *         name = db_column_text(&q, arena);
 *     }
 */
struct db_query {
    struct db *db;
    struct db_prepared *prepared;
    struct error *err;
    int failed; /* the negative error that the query ends with, from db_query() on */
    int bound;
    int column;
};

struct db_query db_query(struct db *db, const struct db_statements *statements, size_t index,
                         struct error *err);

/* Gives the statement back; done by AUTO_QUERY. */
void db_query_end(struct db_query *query);

#define AUTO_QUERY __attribute__((cleanup(db_query_end)))

/* Texts and blobs are borrowed until the query ends. NULL binds NULL. */
void db_bind_i64(struct db_query *query, int64_t value);
void db_bind_text(struct db_query *query, const char *text);
void db_bind_blob(struct db_query *query, const void *data, size_t size);

/* NULL for 0: the columns where "none" is NULL count from 1. */
void db_bind_i64_or_null(struct db_query *query, int64_t value);

/* 1: there is a row; 0: no more; negative: an error. */
int db_query_row(struct db_query *query);

/* Runs to the end and gives the statement back; rows are dropped. */
int db_query_run(struct db_query *query);

/* As db_query_run, with the id of the row that was inserted. */
int db_query_insert(struct db_query *query, int64_t *ret_id);

/* As db_query_run, with the number of rows that were changed. */
int db_query_change(struct db_query *query, int64_t *ret_changed);

/* 0 for NULL. */
int64_t db_column_i64(struct db_query *query);
bool db_column_bool(struct db_query *query);

/* A copy in the arena; NULL for NULL. */
char *db_column_text(struct db_query *query, struct arena *arena);

/* Borrowed until the next row, for a word that is looked up and not kept; NULL for NULL. */
const char *db_column_word(struct db_query *query);

/* Copies a blob of exactly size bytes; panics if it has another size. */
void db_column_blob(struct db_query *query, void *out, size_t size);
