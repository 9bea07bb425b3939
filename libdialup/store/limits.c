/*
 * The limits table, written by admind.
 */
#include "libdialup/store/limits.h"

#include "libdialup/db/transaction.h"
#include "libdialup/store/internal.h"

enum { READ, PUT, DELETE };

static const struct db_statement rows[] = {
    [READ] = {"limits_read",
              "SELECT dimension, ifnull(hard, -1), soft_percent, "
              "burst_percent, percent FROM limits WHERE entity_kind = ?1 AND entity_id = ?2"},
    [PUT] =
        {"limits_put",
         "INSERT INTO limits (entity_kind, entity_id, dimension, hard, soft_percent, "
         "burst_percent, percent, updated_at) VALUES (?1, ?2, ?3, nullif(?4, -1), ?5, ?6, ?7, ?8) "
         "ON CONFLICT (entity_kind, entity_id, dimension) DO UPDATE SET hard = excluded.hard, "
         "soft_percent = excluded.soft_percent, burst_percent = excluded.burst_percent, "
         "percent = excluded.percent, updated_at = excluded.updated_at"},
    [DELETE] = {"limits_delete", "DELETE FROM limits WHERE entity_kind = ?1 AND entity_id = ?2 "
                                 "AND dimension = ?3"},
};

const struct db_statements limits_statements = {rows, ARRAY_COUNT(rows)};

int store_read_limits(struct db_query *query, struct quota_limit limits[QUOTA_DIMENSION_COUNT])
{
    int r;
    while ((r = db_query_row(query)) > 0) {
        enum quota_dimension dimension;
        /* A row of a dimension that this release does not know binds nothing. */
        if (quota_dimension_parse(db_column_word(query), &dimension)) {
            limits[dimension].hard = db_column_i64(query);
            limits[dimension].soft_percent = db_column_i64(query);
            limits[dimension].burst_percent = db_column_i64(query);
            limits[dimension].percent = db_column_i64(query);
        }
    }
    return r;
}

int limits_read(struct db *db, enum quota_entity entity, int64_t entity_id,
                struct quota_limit limits[QUOTA_DIMENSION_COUNT], struct error *err)
{
    AUTO_QUERY struct db_query q = db_query(db, &limits_statements, READ, err);
    db_bind_text(&q, quota_entity_name(entity));
    db_bind_i64(&q, entity_id);
    return store_read_limits(&q, limits);
}

static int delete_row(struct db *db, enum quota_entity entity, int64_t entity_id,
                      enum quota_dimension dimension, struct error *err)
{
    AUTO_QUERY struct db_query q = db_query(db, &limits_statements, DELETE, err);
    db_bind_text(&q, quota_entity_name(entity));
    db_bind_i64(&q, entity_id);
    db_bind_text(&q, quota_dimension_info(dimension)->name);
    return db_query_run(&q);
}

int limits_put(struct db *db, enum quota_entity entity, int64_t entity_id,
               enum quota_dimension dimension, const struct quota_limit *limit, int64_t now,
               struct error *err)
{
    if (limit->hard == QUOTA_UNLIMITED && limit->percent == 0) {
        return delete_row(db, entity, entity_id, dimension, err);
    }
    AUTO_QUERY struct db_query q = db_query(db, &limits_statements, PUT, err);
    db_bind_text(&q, quota_entity_name(entity));
    db_bind_i64(&q, entity_id);
    db_bind_text(&q, quota_dimension_info(dimension)->name);
    db_bind_i64(&q, limit->hard);
    db_bind_i64(&q, limit->soft_percent);
    db_bind_i64(&q, limit->burst_percent);
    db_bind_i64(&q, limit->percent);
    db_bind_i64(&q, now);
    return db_query_run(&q);
}

int limits_put_all(struct db *db, enum quota_entity entity, int64_t entity_id,
                   const struct quota_limit limits[QUOTA_DIMENSION_COUNT], int64_t now,
                   struct error *err)
{
    AUTO_TRANSACTION struct db_transaction transaction = {0};
    int r = db_transaction_begin(&transaction, db, err);
    for (int i = 0; r == 0 && i < QUOTA_DIMENSION_COUNT; i++) {
        r = limits_put(db, entity, entity_id, (enum quota_dimension)i, &limits[i], now, err);
    }
    return r == 0 ? db_transaction_commit(&transaction, err) : r;
}
