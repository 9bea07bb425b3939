/*
 * Statements: prepared when first used, and kept. Called by the store room for everything it does.
 * A prepared statement takes some 3 KiB, and each program uses but a few of the store's.
 *
 * A mistake of the caller (a forgotten bind, a column too many, a statement used inside itself) is
 * a panic; what the world does wrong is an error.
 */
#include <string.h>

#include "libdialup/base/log.h"
#include "libdialup/base/memory.h"
#include "libdialup/db/internal.h"

static int prepare(struct db *db, struct db_prepared *prepared)
{
    const char *rest = "";
    db->refused_table = NULL;
    int code = sqlite3_prepare_v3(db->handle, prepared->row->sql, -1, SQLITE_PREPARE_PERSISTENT,
                                  &prepared->stmt, &rest);
    ASSERT(code != SQLITE_OK || (prepared->stmt && !*rest));
    return code;
}

/* Whether it can be prepared, and the program may write what it writes. */
static int check(struct db *db, struct db_prepared *prepared, struct error *err)
{
    int code = prepare(db, prepared);
    sqlite3_finalize(prepared->stmt);
    prepared->stmt = NULL;
    if ((code & 0xff) == SQLITE_AUTH && db->refused_table) {
        prepared->refused_table = db->refused_table;
    } else if (code != SQLITE_OK) {
        db_fail(db, code, prepared->row->name, err);
        return error_set(err, ERR_INTERNAL, "The statement \"%s\" cannot be prepared",
                         prepared->row->name);
    }
    return 0;
}

int db_add_statements(struct db *db, const struct db_statements *statements, struct error *err)
{
    db->sets = xreallocarray(db->sets, db->set_count + 1, sizeof(*db->sets));
    struct db_set *set = &db->sets[db->set_count++];
    set->statements = statements;
    set->count = statements->count;
    set->prepared = xcalloc(statements->count, sizeof(*set->prepared));
    for (size_t i = 0; i < statements->count; i++) {
        ASSERT(statements->rows[i].sql);
        set->prepared[i].row = &statements->rows[i];
        int r = check(db, &set->prepared[i], err);
        if (r < 0) {
            return r;
        }
    }
    return 0;
}

/* There is one set for each noun of the store, so a walk is as good as a hash. */
static struct db_prepared *find_prepared(struct db *db, const struct db_statements *statements,
                                         size_t index)
{
    ASSERT(index < statements->count);
    for (size_t i = 0; i < db->set_count; i++) {
        if (db->sets[i].statements == statements) {
            return &db->sets[i].prepared[index];
        }
    }
    log_panic("the statements of \"%s\" were not added", statements->rows[index].name);
}

struct db_query db_query(struct db *db, const struct db_statements *statements, size_t index,
                         struct error *err)
{
    struct db_query query = {.db = db, .err = err};
    query.prepared = find_prepared(db, statements, index);
    if (query.prepared->refused_table) {
        query.failed = db_fail_owner(query.prepared->refused_table, db->owner, err);
        return query;
    }
    int code = query.prepared->stmt ? SQLITE_OK : prepare(db, query.prepared);
    if (code != SQLITE_OK) {
        query.failed = db_fail(db, code, query.prepared->row->name, err);
        return query;
    }
    ASSERT(!sqlite3_stmt_busy(query.prepared->stmt));
    return query;
}

void db_query_end(struct db_query *query)
{
    if (query->prepared && query->prepared->stmt) {
        sqlite3_reset(query->prepared->stmt);
        sqlite3_clear_bindings(query->prepared->stmt);
    }
    query->prepared = NULL;
}

static void check_bind(struct db_query *query, int code)
{
    if (code == SQLITE_TOOBIG) {
        query->failed = db_fail(query->db, code, query->prepared->row->name, query->err);
    } else if (code != SQLITE_OK) {
        log_panic("%s: bind %d failed (%d)", query->prepared->row->name, query->bound, code);
    }
}

void db_bind_i64(struct db_query *query, int64_t value)
{
    query->bound++;
    if (!query->failed) {
        check_bind(query, sqlite3_bind_int64(query->prepared->stmt, query->bound, value));
    }
}

void db_bind_i64_or_null(struct db_query *query, int64_t value)
{
    if (value) {
        db_bind_i64(query, value);
    } else {
        query->bound++; /* NULL since the bindings were cleared */
    }
}

void db_bind_text(struct db_query *query, const char *text)
{
    query->bound++;
    if (!query->failed) {
        check_bind(query, sqlite3_bind_text64(query->prepared->stmt, query->bound, text,
                                              text ? strlen(text) : 0, SQLITE_STATIC, SQLITE_UTF8));
    }
}

void db_bind_blob(struct db_query *query, const void *data, size_t size)
{
    query->bound++;
    if (!query->failed) {
        check_bind(query, sqlite3_bind_blob64(query->prepared->stmt, query->bound, data, size,
                                              SQLITE_STATIC));
    }
}

static void check_bound(const struct db_query *query)
{
    int wanted = sqlite3_bind_parameter_count(query->prepared->stmt);
    if (query->bound != wanted) {
        log_panic("%s: %d values bound, %d wanted", query->prepared->row->name, query->bound,
                  wanted);
    }
}

int db_query_row(struct db_query *query)
{
    if (query->failed) {
        return query->failed;
    }
    check_bound(query);
    query->column = 0;
    int code = sqlite3_step(query->prepared->stmt);
    if (code == SQLITE_ROW) {
        return 1;
    }
    if (code == SQLITE_DONE && !sqlite3_stmt_readonly(query->prepared->stmt) &&
        sqlite3_get_autocommit(query->db->handle)) {
        db_note_write(query->db);
    }
    if (code != SQLITE_DONE) {
        query->failed = db_fail(query->db, code, query->prepared->row->name, query->err);
    }
    return query->failed;
}

int db_query_run(struct db_query *query)
{
    int r;
    do {
        r = db_query_row(query);
    } while (r > 0);
    db_query_end(query);
    return r;
}

int db_query_insert(struct db_query *query, int64_t *ret_id)
{
    int r = db_query_run(query);
    if (r == 0) {
        *ret_id = sqlite3_last_insert_rowid(query->db->handle);
    }
    return r;
}

int db_query_change(struct db_query *query, int64_t *ret_changed)
{
    int r = db_query_run(query);
    if (r == 0) {
        *ret_changed = sqlite3_changes64(query->db->handle);
    }
    return r;
}

static int next_column(struct db_query *query)
{
    if (query->column >= sqlite3_data_count(query->prepared->stmt)) {
        log_panic("%s: there is no column %d", query->prepared->row->name, query->column);
    }
    return query->column++;
}

int64_t db_column_i64(struct db_query *query)
{
    return sqlite3_column_int64(query->prepared->stmt, next_column(query));
}

bool db_column_bool(struct db_query *query)
{
    return db_column_i64(query) != 0;
}

char *db_column_text(struct db_query *query, struct arena *arena)
{
    int column = next_column(query);
    const char *text = (const char *)sqlite3_column_text(query->prepared->stmt, column);
    if (!text) {
        return NULL;
    }
    return arena_strndup(arena, text, (size_t)sqlite3_column_bytes(query->prepared->stmt, column));
}

const char *db_column_word(struct db_query *query)
{
    return (const char *)sqlite3_column_text(query->prepared->stmt, next_column(query));
}

void db_column_blob(struct db_query *query, void *out, size_t size)
{
    int column = next_column(query);
    const void *data = sqlite3_column_blob(query->prepared->stmt, column);
    ASSERT(data && (size_t)sqlite3_column_bytes(query->prepared->stmt, column) == size);
    memcpy(out, data, size);
}
