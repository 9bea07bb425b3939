/*
 * The audit table, written by admind.
 */
#include "libdialup/store/audit.h"

#include "libdialup/store/internal.h"

#define COLUMNS "id, at, actor, action, subject, detail, request_id "

enum { ADD, LIST, LIST_BY_SUBJECT };

static const struct db_statement rows[] = {
    [ADD] = {"audit_add", "INSERT INTO audit (at, actor, action, subject, detail, request_id) "
                          "VALUES (?1, ?2, ?3, ?4, ?5, ?6)"},
    [LIST] = {"audit_list", "SELECT " COLUMNS "FROM audit WHERE id < ?1 ORDER BY id DESC LIMIT ?2"},
    [LIST_BY_SUBJECT] = {"audit_list_by_subject",
                         "SELECT " COLUMNS "FROM audit WHERE subject = ?3 AND id < ?1 "
                         "ORDER BY at DESC, id DESC LIMIT ?2"},
};

const struct db_statements audit_statements = {rows, ARRAY_COUNT(rows)};

int audit_add(struct db *db, const struct audit_entry *entry, struct error *err)
{
    AUTO_QUERY struct db_query q = db_query(db, &audit_statements, ADD, err);
    db_bind_i64(&q, entry->at);
    db_bind_text(&q, entry->actor);
    db_bind_text(&q, entry->action);
    db_bind_text(&q, entry->subject);
    db_bind_text(&q, entry->detail);
    db_bind_text(&q, entry->request_id);
    return db_query_run(&q);
}

static void read_entry(struct db_query *q, struct arena *arena, struct audit_entry *entry)
{
    entry->id = db_column_i64(q);
    entry->at = db_column_i64(q);
    entry->actor = db_column_text(q, arena);
    entry->action = db_column_text(q, arena);
    entry->subject = db_column_text(q, arena);
    entry->detail = db_column_text(q, arena);
    entry->request_id = db_column_text(q, arena);
}

int audit_list(struct db *db, struct arena *arena, const char *subject, int64_t before_id,
               int64_t limit, struct audit_list *ret_list, struct error *err)
{
    AUTO_QUERY struct db_query q =
        db_query(db, &audit_statements, subject ? LIST_BY_SUBJECT : LIST, err);
    struct audit_list list = {0};
    db_bind_i64(&q, before_id ? before_id : INT64_MAX);
    db_bind_i64(&q, limit);
    if (subject) {
        db_bind_text(&q, subject);
    }
    int r;
    while ((r = db_query_row(&q)) > 0) {
        list.rows = store_grow(arena, list.rows, list.count, sizeof(*list.rows));
        read_entry(&q, arena, &list.rows[list.count++]);
    }
    if (r == 0) {
        *ret_list = list;
    }
    return r;
}
