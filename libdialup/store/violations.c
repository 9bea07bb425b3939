/*
 * The violations table, written by monitord.
 */
#include "libdialup/store/violations.h"

#include "libdialup/base/log.h"
#include "libdialup/base/str.h"
#include "libdialup/store/internal.h"

#define COLUMNS                                                                                    \
    "id, entity_kind, entity_id, dimension, kind, began_at, limit_value, peak, ended_at, action "
#define FILTERS                                                                                    \
    "AND (?2 IS NULL OR dimension = ?2) AND (?3 IS NULL OR kind = ?3) "                            \
    "AND (?4 = 0 OR ended_at IS NULL) AND (ended_at IS NULL OR ended_at >= ?5) "                   \
    "ORDER BY id DESC LIMIT ?6"

enum { BEGIN, UPDATE, SET_ACTION, END, LIST_OPEN, LIST, LIST_BY_ENTITY, EXPIRE };

static const struct db_statement rows[] = {
    [BEGIN] = {"violations_begin",
               "INSERT INTO violations (entity_kind, entity_id, dimension, kind, began_at, "
               "limit_value, peak) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)"},
    [UPDATE] = {"violations_update", "UPDATE violations SET kind = ?2, limit_value = ?3, peak = ?4 "
                                     "WHERE id = ?1 AND ended_at IS NULL"},
    [SET_ACTION] = {"violations_set_action", "UPDATE violations SET action = ?2 WHERE id = ?1"},
    [END] = {"violations_end",
             "UPDATE violations SET ended_at = ?2 WHERE id = ?1 AND ended_at IS NULL"},
    [LIST_OPEN] = {"violations_list_open",
                   "SELECT " COLUMNS "FROM violations WHERE ended_at IS NULL ORDER BY id"},
    [LIST] = {"violations_list", "SELECT " COLUMNS "FROM violations WHERE id < ?1 " FILTERS},
    [LIST_BY_ENTITY] = {"violations_list_by_entity",
                        "SELECT " COLUMNS "FROM violations WHERE entity_kind = ?7 "
                        "AND entity_id = ?8 AND id < ?1 " FILTERS},
    [EXPIRE] = {"violations_expire", "DELETE FROM violations WHERE ended_at < ?1"},
};

const struct db_statements violations_statements = {rows, ARRAY_COUNT(rows)};

static const char *const kind_names[] = {
    [VIOLATION_SOFT] = "soft",
    [VIOLATION_HARD] = "hard",
    [VIOLATION_OVER] = "over",
    [VIOLATION_IN_FORCE] = "in_force",
};

const char *violation_kind_name(enum violation_kind kind)
{
    return kind_names[kind];
}

bool violation_kind_parse(const char *name, enum violation_kind *ret_kind)
{
    for (size_t i = 0; i < ARRAY_COUNT(kind_names); i++) {
        if (str_equal(kind_names[i], name)) {
            *ret_kind = (enum violation_kind)i;
            return true;
        }
    }
    return false;
}

enum violation_kind violation_kind_of(enum quota_state worst)
{
    ASSERT(worst != QUOTA_OK);
    return worst == QUOTA_SOFT   ? VIOLATION_SOFT
           : worst == QUOTA_HARD ? VIOLATION_HARD
                                 : VIOLATION_OVER;
}

int violations_begin(struct db *db, const struct violation *violation, int64_t *ret_id,
                     struct error *err)
{
    AUTO_QUERY struct db_query q = db_query(db, &violations_statements, BEGIN, err);
    db_bind_text(&q, quota_entity_name(violation->entity));
    db_bind_i64(&q, violation->entity_id);
    db_bind_text(&q, violation->dimension);
    db_bind_text(&q, violation_kind_name(violation->kind));
    db_bind_i64(&q, violation->began_at);
    db_bind_i64(&q, violation->limit);
    db_bind_i64(&q, violation->peak);
    return db_query_insert(&q, ret_id);
}

int violations_update(struct db *db, int64_t id, enum violation_kind kind, int64_t limit,
                      int64_t peak, struct error *err)
{
    AUTO_QUERY struct db_query q = db_query(db, &violations_statements, UPDATE, err);
    db_bind_i64(&q, id);
    db_bind_text(&q, violation_kind_name(kind));
    db_bind_i64(&q, limit);
    db_bind_i64(&q, peak);
    return store_change(&q, "violation");
}

int violations_set_action(struct db *db, int64_t id, const char *action, struct error *err)
{
    AUTO_QUERY struct db_query q = db_query(db, &violations_statements, SET_ACTION, err);
    db_bind_i64(&q, id);
    db_bind_text(&q, action);
    return store_change(&q, "violation");
}

int violations_end(struct db *db, int64_t id, int64_t ended_at, struct error *err)
{
    AUTO_QUERY struct db_query q = db_query(db, &violations_statements, END, err);
    db_bind_i64(&q, id);
    db_bind_i64(&q, ended_at);
    return store_change(&q, "violation");
}

static void read_violation(struct db_query *q, struct arena *arena, struct violation *row)
{
    row->id = db_column_i64(q);
    row->entity = store_column_entity(q);
    row->entity_id = db_column_i64(q);
    row->dimension = db_column_text(q, arena);
    row->kind = (enum violation_kind)store_column_enum(q, kind_names, ARRAY_COUNT(kind_names));
    row->began_at = db_column_i64(q);
    row->limit = db_column_i64(q);
    row->peak = db_column_i64(q);
    row->ended_at = db_column_i64(q);
    row->action = db_column_text(q, arena);
}

static int read_list(struct db_query *q, struct arena *arena, struct violations_list *ret_list)
{
    struct violations_list list = {0};
    int r;
    while ((r = db_query_row(q)) > 0) {
        list.rows = store_grow(arena, list.rows, list.count, sizeof(*list.rows));
        read_violation(q, arena, &list.rows[list.count++]);
    }
    if (r == 0) {
        *ret_list = list;
    }
    return r;
}

int violations_list_open(struct db *db, struct arena *arena, struct violations_list *ret_list,
                         struct error *err)
{
    AUTO_QUERY struct db_query q = db_query(db, &violations_statements, LIST_OPEN, err);
    return read_list(&q, arena, ret_list);
}

int violations_list(struct db *db, struct arena *arena, const struct violations_filter *filter,
                    struct violations_list *ret_list, struct error *err)
{
    AUTO_QUERY struct db_query q =
        db_query(db, &violations_statements, filter->has_entity ? LIST_BY_ENTITY : LIST, err);
    db_bind_i64(&q, filter->before_id ? filter->before_id : INT64_MAX);
    db_bind_text(&q, filter->dimension);
    db_bind_text(&q, filter->has_kind ? violation_kind_name(filter->kind) : NULL);
    db_bind_i64(&q, filter->open_only);
    db_bind_i64(&q, filter->since);
    db_bind_i64(&q, filter->limit);
    if (filter->has_entity) {
        db_bind_text(&q, quota_entity_name(filter->entity));
        db_bind_i64(&q, filter->entity_id);
    }
    return read_list(&q, arena, ret_list);
}

int violations_expire(struct db *db, int64_t before, int64_t *ret_removed, struct error *err)
{
    AUTO_QUERY struct db_query q = db_query(db, &violations_statements, EXPIRE, err);
    db_bind_i64(&q, before);
    return db_query_change(&q, ret_removed);
}
