/*
 * The enforcements table, written by deployd.
 */
#include "libdialup/store/enforcements.h"

#include "libdialup/base/str.h"
#include "libdialup/store/internal.h"

#define COLUMNS                                                                                    \
    "id, at, cause, step, owner_kind, owner_id, site_id, deployment_id, memory_mib, reason, "      \
    "ended_at "

enum { ADD, END, LIST_LASTING, LIST_BY_OWNER, LIST_AFTER, EXPIRE };

static const struct db_statement rows[] = {
    [ADD] = {"enforcements_add",
             "INSERT INTO enforcements (at, cause, step, owner_kind, owner_id, site_id, "
             "deployment_id, memory_mib, reason, ended_at) "
             "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)"},
    [END] = {"enforcements_end", "UPDATE enforcements SET ended_at = ?3 WHERE site_id = ?1 "
                                 "AND deployment_id = ?2 AND ended_at IS NULL"},
    [LIST_LASTING] = {"enforcements_list_lasting", "SELECT " COLUMNS "FROM enforcements "
                                                   "WHERE ended_at IS NULL AND site_id > 0 "
                                                   "ORDER BY site_id, id"},
    [LIST_BY_OWNER] = {"enforcements_list_by_owner",
                       "SELECT " COLUMNS "FROM enforcements WHERE owner_kind = ?1 "
                       "AND owner_id = ?2 AND id > ?3 ORDER BY id LIMIT ?4"},
    [LIST_AFTER] = {"enforcements_list_after",
                    "SELECT " COLUMNS "FROM enforcements WHERE id > ?1 ORDER BY id LIMIT ?2"},
    [EXPIRE] = {"enforcements_expire",
                "DELETE FROM enforcements WHERE at < ?1 AND ended_at IS NOT NULL"},
};

const struct db_statements enforcements_statements = {rows, ARRAY_COUNT(rows)};

static const char *const cause_names[] = {
    [ENFORCED_BY_MEMORY] = "memory",
    [ENFORCED_BY_RUNTIME] = "runtime",
    [ENFORCED_BY_LIMITS] = "limits",
};

const char *enforcement_cause_name(enum enforcement_cause cause)
{
    return cause_names[cause];
}

int enforcements_add(struct db *db, const struct enforcement *row, struct error *err)
{
    AUTO_QUERY struct db_query q = db_query(db, &enforcements_statements, ADD, err);
    db_bind_i64(&q, row->at);
    db_bind_text(&q, enforcement_cause_name(row->cause));
    db_bind_text(&q, row->step);
    db_bind_text(&q, quota_entity_name(row->owner_kind));
    db_bind_i64(&q, row->owner_id);
    db_bind_i64(&q, row->site_id);
    db_bind_i64(&q, row->deployment_id);
    db_bind_i64(&q, row->memory_mib);
    db_bind_text(&q, row->reason);
    db_bind_i64_or_null(&q, row->ended_at);
    return db_query_run(&q);
}

int enforcements_end(struct db *db, int64_t site_id, int64_t deployment_id, int64_t now,
                     struct error *err)
{
    AUTO_QUERY struct db_query q = db_query(db, &enforcements_statements, END, err);
    db_bind_i64(&q, site_id);
    db_bind_i64(&q, deployment_id);
    db_bind_i64(&q, now);
    return db_query_run(&q);
}

static void read_row(struct db_query *q, struct arena *arena, struct enforcement *row)
{
    row->id = db_column_i64(q);
    row->at = db_column_i64(q);
    row->cause =
        (enum enforcement_cause)store_column_enum(q, cause_names, ARRAY_COUNT(cause_names));
    row->step = db_column_text(q, arena);
    row->owner_kind = store_column_entity(q);
    row->owner_id = db_column_i64(q);
    row->site_id = db_column_i64(q);
    row->deployment_id = db_column_i64(q);
    row->memory_mib = db_column_i64(q);
    row->reason = db_column_text(q, arena);
    row->ended_at = db_column_i64(q);
}

static int read_list(struct db_query *q, struct arena *arena, struct enforcements_list *ret_list)
{
    struct enforcements_list list = {0};
    int r;
    while ((r = db_query_row(q)) > 0) {
        list.rows = store_grow(arena, list.rows, list.count, sizeof(*list.rows));
        read_row(q, arena, &list.rows[list.count++]);
    }
    if (r == 0) {
        *ret_list = list;
    }
    return r;
}

int enforcements_list_lasting(struct db *db, struct arena *arena,
                              struct enforcements_list *ret_list, struct error *err)
{
    AUTO_QUERY struct db_query q = db_query(db, &enforcements_statements, LIST_LASTING, err);
    return read_list(&q, arena, ret_list);
}

int enforcements_list_by_owner(struct db *db, struct arena *arena, enum quota_entity owner_kind,
                               int64_t owner_id, int64_t after_id, int64_t limit,
                               struct enforcements_list *ret_list, struct error *err)
{
    AUTO_QUERY struct db_query q = db_query(db, &enforcements_statements, LIST_BY_OWNER, err);
    db_bind_text(&q, quota_entity_name(owner_kind));
    db_bind_i64(&q, owner_id);
    db_bind_i64(&q, after_id);
    db_bind_i64(&q, limit);
    return read_list(&q, arena, ret_list);
}

int enforcements_list_after(struct db *db, struct arena *arena, int64_t after_id, int64_t limit,
                            struct enforcements_list *ret_list, struct error *err)
{
    AUTO_QUERY struct db_query q = db_query(db, &enforcements_statements, LIST_AFTER, err);
    db_bind_i64(&q, after_id);
    db_bind_i64(&q, limit);
    return read_list(&q, arena, ret_list);
}

int enforcements_expire(struct db *db, int64_t before, struct error *err)
{
    AUTO_QUERY struct db_query q = db_query(db, &enforcements_statements, EXPIRE, err);
    db_bind_i64(&q, before);
    return db_query_run(&q);
}
