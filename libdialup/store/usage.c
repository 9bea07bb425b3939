/*
 * The usage_samples table, written by monitord.
 *
 * The three scopes share a query: they differ in the rows that they look at. Parameters 1 and 2 say
 * whose, 3 from when on. Longer times are read in usage_series.c.
 */
#include "libdialup/store/usage.h"

#include "libdialup/db/transaction.h"
#include "libdialup/store/internal.h"

#define OF_SITE "site_id = ?2"
#define OF_OWNER "owner_kind = ?1 AND owner_id = ?2"
#define OF_SYSTEM "1"

#define NOW(scope)                                                                                 \
    "SELECT coalesce(max(at), 0), count(*), coalesce(sum(cpu_us / max(interval_ms, 1)), 0), "      \
    "coalesce(sum(memory_bytes), 0), coalesce(sum(memory_limit_bytes), 0), "                       \
    "coalesce(sum(pids), 0) FROM usage_samples WHERE " scope                                       \
    " AND at = (SELECT max(at) FROM usage_samples) AND +at >= ?3"

enum {
    ADD,
    EXPIRE,
    NOW_FIRST, /* + scope_kind */
};

static const struct db_statement rows[] = {
    [ADD] = {"usage_add",
             "INSERT INTO usage_samples (at, site_id, container_id, owner_kind, owner_id, kind, "
             "interval_ms, cpu_us, memory_bytes, memory_limit_bytes, pids, rx_bytes, tx_bytes, "
             "read_bytes, write_bytes) "
             "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15) "
             "ON CONFLICT (site_id, at, container_id) DO UPDATE SET "
             "interval_ms = interval_ms + excluded.interval_ms, cpu_us = cpu_us + excluded.cpu_us, "
             "memory_bytes = excluded.memory_bytes, "
             "memory_limit_bytes = excluded.memory_limit_bytes, pids = excluded.pids, "
             "rx_bytes = rx_bytes + excluded.rx_bytes, tx_bytes = tx_bytes + excluded.tx_bytes, "
             "read_bytes = read_bytes + excluded.read_bytes, "
             "write_bytes = write_bytes + excluded.write_bytes"},
    [EXPIRE] = {"usage_expire", "DELETE FROM usage_samples WHERE at < "
                                "min(?1, (SELECT min(at) FROM usage_samples) + 600)"},
    [NOW_FIRST + SCOPE_SITE] = {"usage_now_of_site", NOW(OF_SITE)},
    [NOW_FIRST + SCOPE_OWNER] = {"usage_now_of_owner", NOW(OF_OWNER)},
    [NOW_FIRST + SCOPE_SYSTEM] = {"usage_now_of_system", NOW(OF_SYSTEM)},
};

const struct db_statements usage_statements = {rows, ARRAY_COUNT(rows)};

static const char *const kind_names[] = {
    [USAGE_PRODUCTION] = "production",
    [USAGE_DEVELOPMENT] = "development",
    [USAGE_BUILD] = "build",
};

const char *usage_kind_name(enum usage_kind kind)
{
    return kind_names[kind];
}

static int add(struct db *db, const struct usage_sample *sample, struct error *err)
{
    AUTO_QUERY struct db_query q = db_query(db, &usage_statements, ADD, err);
    db_bind_i64(&q, sample->at);
    db_bind_i64(&q, sample->site_id);
    db_bind_text(&q, sample->container_id);
    db_bind_text(&q, quota_entity_name(sample->owner_kind));
    db_bind_i64(&q, sample->owner_id);
    db_bind_text(&q, usage_kind_name(sample->kind));
    db_bind_i64(&q, sample->interval_ms);
    db_bind_i64(&q, sample->cpu_us);
    db_bind_i64(&q, sample->memory_bytes);
    db_bind_i64(&q, sample->memory_limit_bytes);
    db_bind_i64(&q, sample->pids);
    db_bind_i64(&q, sample->rx_bytes);
    db_bind_i64(&q, sample->tx_bytes);
    db_bind_i64(&q, sample->read_bytes);
    db_bind_i64(&q, sample->write_bytes);
    return db_query_run(&q);
}

int usage_add(struct db *db, const struct usage_sample *samples, size_t count, struct error *err)
{
    AUTO_TRANSACTION struct db_transaction transaction = {0};
    int r = db_transaction_begin(&transaction, db, err);
    for (size_t i = 0; r == 0 && i < count; i++) {
        r = add(db, &samples[i], err);
    }
    return r == 0 ? db_transaction_commit(&transaction, err) : r;
}

static void bind_scope(struct db_query *q, const struct scope *scope)
{
    db_bind_text(q, scope->kind == SCOPE_OWNER ? quota_entity_name(scope->owner_kind) : NULL);
    db_bind_i64(q, scope->id);
}

int usage_now(struct db *db, const struct scope *scope, int64_t since, struct usage_now *ret_now,
              struct error *err)
{
    AUTO_QUERY struct db_query q = db_query(db, &usage_statements, NOW_FIRST + scope->kind, err);
    bind_scope(&q, scope);
    db_bind_i64(&q, since);
    int r = store_row(&q, "sample");
    if (r == 0) {
        ret_now->at = db_column_i64(&q);
        ret_now->containers = db_column_i64(&q);
        ret_now->cpu_millicores = db_column_i64(&q);
        ret_now->memory_bytes = db_column_i64(&q);
        ret_now->memory_limit_bytes = db_column_i64(&q);
        ret_now->pids = db_column_i64(&q);
    }
    return r;
}

int usage_expire(struct db *db, int64_t before, int64_t *ret_removed, struct error *err)
{
    AUTO_QUERY struct db_query q = db_query(db, &usage_statements, EXPIRE, err);
    db_bind_i64(&q, before);
    return db_query_change(&q, ret_removed);
}
