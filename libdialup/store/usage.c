/*
 * The usage_samples table, written by monitord.
 *
 * The three scopes share each query: they differ in the rows that they look at. Parameters 1 and 2
 * say whose, 3 and 4 the time from and to (exclusive).
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

#define CYCLES(scope)                                                                              \
    "(SELECT at, count(*) AS containers, sum(cpu_us) AS cpu_us, "                                  \
    "sum(cpu_us / max(interval_ms, 1)) AS millicores, sum(memory_bytes) AS memory, "               \
    "sum(rx_bytes) AS rx, sum(tx_bytes) AS tx, sum(read_bytes) AS rd, sum(write_bytes) AS wr "     \
    "FROM usage_samples WHERE " scope " AND at >= ?3 AND at < ?4 GROUP BY at)"

#define PEAKS(scope)                                                                               \
    "SELECT coalesce(max(millicores), 0), coalesce(max(memory), 0), coalesce(max(containers), 0) " \
    "FROM " CYCLES(scope)

#define HISTORY(scope)                                                                             \
    "SELECT at / ?5 * ?5 AS bucket, sum(cpu_us), sum(millicores) / count(*), max(millicores), "    \
    "sum(memory) / count(*), max(memory), sum(rx), sum(tx), sum(rd), sum(wr) "                     \
    "FROM " CYCLES(scope) " GROUP BY bucket ORDER BY bucket"

enum {
    ADD,
    EXPIRE,
    NOW_FIRST, /* + scope_kind, also below */
    PEAKS_FIRST = NOW_FIRST + SCOPE_KIND_COUNT,
    HISTORY_FIRST = PEAKS_FIRST + SCOPE_KIND_COUNT,
};

static const struct db_statement rows[] = {
    [ADD] = {"usage_add",
             "INSERT INTO usage_samples (at, site_id, container_id, owner_kind, owner_id, kind, "
             "interval_ms, cpu_us, memory_bytes, memory_limit_bytes, pids, rx_bytes, tx_bytes, "
             "read_bytes, write_bytes) "
             "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)"},
    [EXPIRE] = {"usage_expire", "DELETE FROM usage_samples WHERE at < "
                                "min(?1, (SELECT min(at) FROM usage_samples) + 600)"},
    [NOW_FIRST + SCOPE_SITE] = {"usage_now_of_site", NOW(OF_SITE)},
    [NOW_FIRST + SCOPE_OWNER] = {"usage_now_of_owner", NOW(OF_OWNER)},
    [NOW_FIRST + SCOPE_SYSTEM] = {"usage_now_of_system", NOW(OF_SYSTEM)},
    [PEAKS_FIRST + SCOPE_SITE] = {"usage_peaks_of_site", PEAKS(OF_SITE)},
    [PEAKS_FIRST + SCOPE_OWNER] = {"usage_peaks_of_owner", PEAKS(OF_OWNER)},
    [PEAKS_FIRST + SCOPE_SYSTEM] = {"usage_peaks_of_system", PEAKS(OF_SYSTEM)},
    [HISTORY_FIRST + SCOPE_SITE] = {"usage_history_of_site", HISTORY(OF_SITE)},
    [HISTORY_FIRST + SCOPE_OWNER] = {"usage_history_of_owner", HISTORY(OF_OWNER)},
    [HISTORY_FIRST + SCOPE_SYSTEM] = {"usage_history_of_system", HISTORY(OF_SYSTEM)},
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

int usage_peaks(struct db *db, const struct scope *scope, int64_t since,
                struct usage_peaks *ret_peaks, struct error *err)
{
    AUTO_QUERY struct db_query q = db_query(db, &usage_statements, PEAKS_FIRST + scope->kind, err);
    bind_scope(&q, scope);
    db_bind_i64(&q, since);
    db_bind_i64(&q, INT64_MAX);
    int r = store_row(&q, "sample");
    if (r == 0) {
        ret_peaks->cpu_millicores = db_column_i64(&q);
        ret_peaks->memory_bytes = db_column_i64(&q);
        ret_peaks->containers = db_column_i64(&q);
    }
    return r;
}

static void read_point(struct db_query *q, struct usage_point *point)
{
    point->at = db_column_i64(q);
    point->cpu_us = db_column_i64(q);
    point->cpu_millicores = db_column_i64(q);
    point->cpu_millicores_peak = db_column_i64(q);
    point->memory_bytes = db_column_i64(q);
    point->memory_bytes_peak = db_column_i64(q);
    point->rx_bytes = db_column_i64(q);
    point->tx_bytes = db_column_i64(q);
    point->read_bytes = db_column_i64(q);
    point->write_bytes = db_column_i64(q);
}

int usage_history(struct db *db, struct arena *arena, const struct scope *scope, int64_t from,
                  int64_t to, int64_t bucket_s, struct usage_history *ret_history,
                  struct error *err)
{
    AUTO_QUERY struct db_query q =
        db_query(db, &usage_statements, HISTORY_FIRST + scope->kind, err);
    struct usage_history history = {0};
    bind_scope(&q, scope);
    db_bind_i64(&q, from);
    db_bind_i64(&q, to);
    db_bind_i64(&q, bucket_s);
    int r;
    while ((r = db_query_row(&q)) > 0) {
        history.rows = store_grow(arena, history.rows, history.count, sizeof(*history.rows));
        read_point(&q, &history.rows[history.count++]);
    }
    if (r == 0) {
        *ret_history = history;
    }
    return r;
}

int usage_expire(struct db *db, int64_t before, int64_t *ret_removed, struct error *err)
{
    AUTO_QUERY struct db_query q = db_query(db, &usage_statements, EXPIRE, err);
    db_bind_i64(&q, before);
    return db_query_change(&q, ret_removed);
}
