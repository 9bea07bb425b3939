/*
 * The traffic_samples table, written by monitord. Parameters as in usage.c.
 */
#include "libdialup/store/traffic.h"

#include "libdialup/db/transaction.h"
#include "libdialup/store/internal.h"

#define OF_SITE "traffic_samples AS t WHERE t.site_id = ?2"
#define OF_OWNER                                                                                   \
    "sites AS s CROSS JOIN traffic_samples AS t ON t.site_id = s.id "                              \
    "WHERE s.owner_kind = ?1 AND s.owner_id = ?2"
#define OF_SYSTEM "traffic_samples AS t WHERE 1"

#define SUMS                                                                                       \
    "coalesce(sum(t.requests), 0), coalesce(sum(t.bytes_in), 0), coalesce(sum(t.bytes_out), 0), "  \
    "coalesce(sum(t.duration_us), 0), coalesce(sum(t.status_2xx), 0), "                            \
    "coalesce(sum(t.status_3xx), 0), coalesce(sum(t.status_4xx), 0), "                             \
    "coalesce(sum(t.status_5xx), 0) "
#define SUM(scope)                                                                                 \
    "SELECT coalesce(min(t.at), 0), " SUMS "FROM " scope " AND t.at >= ?3 AND t.at < ?4"
#define HISTORY(scope)                                                                             \
    "SELECT t.at / ?5 * ?5 AS bucket, " SUMS "FROM " scope                                         \
    " AND t.at >= ?3 AND t.at < ?4 GROUP BY bucket ORDER BY bucket"

enum {
    ADD,
    EXPIRE,
    SUM_FIRST, /* + scope_kind, also below */
    HISTORY_FIRST = SUM_FIRST + SCOPE_KIND_COUNT,
};

static const struct db_statement rows[] = {
    [ADD] = {"traffic_add",
             "INSERT INTO traffic_samples (at, site_id, requests, bytes_in, bytes_out, "
             "duration_us, status_2xx, status_3xx, status_4xx, status_5xx) "
             "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10) "
             "ON CONFLICT (site_id, at) DO UPDATE SET requests = requests + excluded.requests, "
             "bytes_in = bytes_in + excluded.bytes_in, "
             "bytes_out = bytes_out + excluded.bytes_out, "
             "duration_us = duration_us + excluded.duration_us, "
             "status_2xx = status_2xx + excluded.status_2xx, "
             "status_3xx = status_3xx + excluded.status_3xx, "
             "status_4xx = status_4xx + excluded.status_4xx, "
             "status_5xx = status_5xx + excluded.status_5xx"},
    [EXPIRE] = {"traffic_expire", "DELETE FROM traffic_samples WHERE at < "
                                  "min(?1, (SELECT min(at) FROM traffic_samples) + 600)"},
    [SUM_FIRST + SCOPE_SITE] = {"traffic_sum_of_site", SUM(OF_SITE)},
    [SUM_FIRST + SCOPE_OWNER] = {"traffic_sum_of_owner", SUM(OF_OWNER)},
    [SUM_FIRST + SCOPE_SYSTEM] = {"traffic_sum_of_system", SUM(OF_SYSTEM)},
    [HISTORY_FIRST + SCOPE_SITE] = {"traffic_history_of_site", HISTORY(OF_SITE)},
    [HISTORY_FIRST + SCOPE_OWNER] = {"traffic_history_of_owner", HISTORY(OF_OWNER)},
    [HISTORY_FIRST + SCOPE_SYSTEM] = {"traffic_history_of_system", HISTORY(OF_SYSTEM)},
};

const struct db_statements traffic_statements = {rows, ARRAY_COUNT(rows)};

static int add(struct db *db, const struct traffic_sample *sample, struct error *err)
{
    AUTO_QUERY struct db_query q = db_query(db, &traffic_statements, ADD, err);
    const struct traffic *traffic = &sample->traffic;
    db_bind_i64(&q, traffic->at);
    db_bind_i64(&q, sample->site_id);
    db_bind_i64(&q, traffic->requests);
    db_bind_i64(&q, traffic->bytes_in);
    db_bind_i64(&q, traffic->bytes_out);
    db_bind_i64(&q, traffic->duration_us);
    db_bind_i64(&q, traffic->status_2xx);
    db_bind_i64(&q, traffic->status_3xx);
    db_bind_i64(&q, traffic->status_4xx);
    db_bind_i64(&q, traffic->status_5xx);
    return db_query_run(&q);
}

int traffic_add(struct db *db, const struct traffic_sample *samples, size_t count,
                struct error *err)
{
    AUTO_TRANSACTION struct db_transaction transaction = {0};
    int r = db_transaction_begin(&transaction, db, err);
    for (size_t i = 0; r == 0 && i < count; i++) {
        r = add(db, &samples[i], err);
    }
    return r == 0 ? db_transaction_commit(&transaction, err) : r;
}

static void bind_range(struct db_query *q, const struct scope *scope, int64_t from, int64_t to)
{
    db_bind_text(q, scope->kind == SCOPE_OWNER ? quota_entity_name(scope->owner_kind) : NULL);
    db_bind_i64(q, scope->id);
    db_bind_i64(q, from);
    db_bind_i64(q, to);
}

static void read_traffic(struct db_query *q, struct traffic *traffic)
{
    traffic->at = db_column_i64(q);
    traffic->requests = db_column_i64(q);
    traffic->bytes_in = db_column_i64(q);
    traffic->bytes_out = db_column_i64(q);
    traffic->duration_us = db_column_i64(q);
    traffic->status_2xx = db_column_i64(q);
    traffic->status_3xx = db_column_i64(q);
    traffic->status_4xx = db_column_i64(q);
    traffic->status_5xx = db_column_i64(q);
}

int traffic_sum(struct db *db, const struct scope *scope, int64_t from, int64_t to,
                struct traffic *ret_sum, struct error *err)
{
    AUTO_QUERY struct db_query q = db_query(db, &traffic_statements, SUM_FIRST + scope->kind, err);
    bind_range(&q, scope, from, to);
    int r = store_row(&q, "sample");
    if (r == 0) {
        read_traffic(&q, ret_sum);
    }
    return r;
}

int traffic_history(struct db *db, struct arena *arena, const struct scope *scope, int64_t from,
                    int64_t to, int64_t bucket_s, struct traffic_history *ret_history,
                    struct error *err)
{
    AUTO_QUERY struct db_query q =
        db_query(db, &traffic_statements, HISTORY_FIRST + scope->kind, err);
    struct traffic_history history = {0};
    bind_range(&q, scope, from, to);
    db_bind_i64(&q, bucket_s);
    int r;
    while ((r = db_query_row(&q)) > 0) {
        history.rows = store_grow(arena, history.rows, history.count, sizeof(*history.rows));
        read_traffic(&q, &history.rows[history.count++]);
    }
    if (r == 0) {
        *ret_history = history;
    }
    return r;
}

int traffic_expire(struct db *db, int64_t before, int64_t *ret_removed, struct error *err)
{
    AUTO_QUERY struct db_query q = db_query(db, &traffic_statements, EXPIRE, err);
    db_bind_i64(&q, before);
    return db_query_change(&q, ret_removed);
}
