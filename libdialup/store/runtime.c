/*
 * The runtime_days table, written by deployd.
 */
#include "libdialup/store/runtime.h"

#include "libdialup/store/internal.h"

enum { READ, LIST, ADD, EXPIRE };

static const struct db_statement rows[] = {
    [READ] = {"runtime_read", "SELECT awake_s FROM runtime_days WHERE owner_kind = ?1 "
                              "AND owner_id = ?2 AND day = ?3"},
    [LIST] = {"runtime_list", "SELECT owner_kind, owner_id, awake_s FROM runtime_days "
                              "WHERE day = ?1"},
    [ADD] = {"runtime_add", "INSERT INTO runtime_days (owner_kind, owner_id, day, awake_s) "
                            "VALUES (?1, ?2, ?3, ?4) ON CONFLICT (owner_kind, owner_id, day) "
                            "DO UPDATE SET awake_s = awake_s + excluded.awake_s"},
    [EXPIRE] = {"runtime_expire", "DELETE FROM runtime_days WHERE day < ?1"},
};

const struct db_statements runtime_statements = {rows, ARRAY_COUNT(rows)};

int64_t runtime_day(int64_t unix_s)
{
    return unix_s / RUNTIME_DAY_S;
}

int runtime_read(struct db *db, enum quota_entity owner_kind, int64_t owner_id, int64_t day,
                 int64_t *ret_awake_s, struct error *err)
{
    AUTO_QUERY struct db_query q = db_query(db, &runtime_statements, READ, err);
    db_bind_text(&q, quota_entity_name(owner_kind));
    db_bind_i64(&q, owner_id);
    db_bind_i64(&q, day);
    int r = db_query_row(&q);
    *ret_awake_s = r > 0 ? db_column_i64(&q) : 0;
    return r < 0 ? r : 0;
}

int runtime_list(struct db *db, struct arena *arena, int64_t day, struct runtime_list *ret_list,
                 struct error *err)
{
    AUTO_QUERY struct db_query q = db_query(db, &runtime_statements, LIST, err);
    struct runtime_list list = {0};
    int r;
    db_bind_i64(&q, day);
    while ((r = db_query_row(&q)) > 0) {
        list.rows = store_grow(arena, list.rows, list.count, sizeof(*list.rows));
        struct runtime *row = &list.rows[list.count++];
        row->owner_kind = store_column_entity(&q);
        row->owner_id = db_column_i64(&q);
        row->awake_s = db_column_i64(&q);
    }
    if (r == 0) {
        *ret_list = list;
    }
    return r;
}

int runtime_add(struct db *db, enum quota_entity owner_kind, int64_t owner_id, int64_t day,
                int64_t awake_s, struct error *err)
{
    AUTO_QUERY struct db_query q = db_query(db, &runtime_statements, ADD, err);
    db_bind_text(&q, quota_entity_name(owner_kind));
    db_bind_i64(&q, owner_id);
    db_bind_i64(&q, day);
    db_bind_i64(&q, awake_s);
    return db_query_run(&q);
}

int runtime_expire(struct db *db, int64_t before_day, struct error *err)
{
    AUTO_QUERY struct db_query q = db_query(db, &runtime_statements, EXPIRE, err);
    db_bind_i64(&q, before_day);
    return db_query_run(&q);
}
