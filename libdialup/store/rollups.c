/*
 * The tables usage_rollups and usage_rolled_up, written by monitord.
 *
 * The three parts share a query: they differ in the keys k and i by which they group.
 */
#include "libdialup/store/rollups.h"

#include "libdialup/db/transaction.h"
#include "libdialup/store/internal.h"
#include "libdialup/store/usage_sums.h"

#define DAYS(count) ((int64_t)(count)*ROLLUP_DAY)

#define PART(cycles, traffic, ledger)                                                              \
    "SELECT k, i, " SUMS_OF_ROWS "FROM (" cycles "UNION ALL " traffic ledger ") GROUP BY k, i"
#define CYCLES(keys)                                                                               \
    "SELECT k, i, " SUMS_OF_CYCLES "FROM " SUMS_CYCLES(keys, "GROUP BY k, i, at") "GROUP BY k, i "
#define TRAFFIC(keys, from)                                                                        \
    "SELECT " keys SUMS_OF_TRAFFIC "FROM " from "WHERE at >= ?1 AND at < ?2 GROUP BY k, i "
#define LEDGER(keys, from)                                                                         \
    "UNION ALL SELECT " keys SUMS_OF_LEDGER "FROM " from "WHERE ?3 GROUP BY k, i"

enum {
    UNTIL,
    SET_UNTIL,
    OLDEST,
    SUM,
    PUT,
    EXPIRE,
    SAMPLES_FIRST, /* + rollup_part */
};

static const struct db_statement rows[] = {
    [UNTIL] = {"rollups_until", "SELECT until_at FROM usage_rolled_up WHERE id = 1"},
    [SET_UNTIL] = {"rollups_set_until",
                   "INSERT INTO usage_rolled_up (id, until_at) VALUES (1, ?1) "
                   "ON CONFLICT (id) DO UPDATE SET until_at = excluded.until_at"},
    [OLDEST] = {"rollups_oldest",
                "SELECT min(?2, ifnull((SELECT min(at) FROM usage_samples WHERE at >= ?1), ?2), "
                "ifnull((SELECT min(at) FROM traffic_samples WHERE at >= ?1), ?2))"},
    [SUM] = {"rollups_sum", "SELECT entity_kind, entity_id, " SUMS_OF_ROWS
                            "FROM usage_rollups WHERE step_s = ?1 AND at >= ?2 AND at < ?3 "
                            "GROUP BY entity_kind, entity_id"},
    [PUT] = {"rollups_put",
             "INSERT OR REPLACE INTO usage_rollups (step_s, at, entity_kind, entity_id, " SUMS_NAMES
             ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, "
             "?17, ?18, ?19, ?20, ?21, ?22, ?23)"},
    [EXPIRE] = {"rollups_expire",
                "DELETE FROM usage_rollups WHERE step_s = ?1 AND at < min(?2, "
                "(SELECT min(at) FROM usage_rollups WHERE step_s = ?1) + 12 * ?1)"},
    [SAMPLES_FIRST +
        ROLLUP_SITES] = {"rollups_of_sites",
                         PART(CYCLES("'site' AS k, site_id AS i, "),
                              TRAFFIC("'site' AS k, site_id AS i, ", "traffic_samples "), "")},
    [SAMPLES_FIRST +
        ROLLUP_OWNERS] = {"rollups_of_owners",
                          PART(CYCLES("owner_kind AS k, owner_id AS i, "),
                               TRAFFIC("owner_kind AS k, owner_id AS i, ",
                                       "traffic_samples CROSS JOIN sites ON id = site_id "),
                               LEDGER("entity_kind AS k, entity_id AS i, ", "reservations "))},
    [SAMPLES_FIRST +
        ROLLUP_SYSTEM] = {"rollups_of_system",
                          PART(CYCLES("'system' AS k, 0 AS i, "),
                               TRAFFIC("'system' AS k, 0 AS i, ", "traffic_samples "),
                               LEDGER("'system' AS k, 0 AS i, ", "reservation_sums "))},
};

const struct db_statements rollups_statements = {rows, ARRAY_COUNT(rows)};

int64_t rollups_keep_s(int64_t step_s)
{
    return step_s == ROLLUP_5_MINUTES ? DAYS(8) : step_s == ROLLUP_HOUR ? DAYS(100) : DAYS(3500);
}

int rollups_until(struct db *db, int64_t *ret_until, struct error *err)
{
    AUTO_QUERY struct db_query q = db_query(db, &rollups_statements, UNTIL, err);
    int r = db_query_row(&q);
    if (r >= 0) {
        *ret_until = r > 0 ? db_column_i64(&q) : 0;
    }
    return r < 0 ? r : 0;
}

int rollups_set_until(struct db *db, int64_t until, struct error *err)
{
    AUTO_QUERY struct db_query q = db_query(db, &rollups_statements, SET_UNTIL, err);
    db_bind_i64(&q, until);
    return db_query_run(&q);
}

static int read_oldest(struct db *db, int64_t until, int64_t newest, int64_t *ret_at,
                       struct error *err)
{
    AUTO_QUERY struct db_query q = db_query(db, &rollups_statements, OLDEST, err);
    db_bind_i64(&q, until);
    db_bind_i64(&q, newest);
    int r = store_row(&q, "sample");
    if (r == 0) {
        *ret_at = db_column_i64(&q) / ROLLUP_5_MINUTES * ROLLUP_5_MINUTES;
    }
    return r;
}

int rollups_next(struct db *db, int64_t cycle_at, int64_t *ret_at, struct error *err)
{
    int64_t newest = (cycle_at / ROLLUP_5_MINUTES - 1) * ROLLUP_5_MINUTES;
    int64_t until = 0;
    int64_t at = -1;
    int r = rollups_until(db, &until, err);
    if (r == 0 && until > newest + ROLLUP_5_MINUTES) {
        until = newest; /* the clock was set back */
    }
    if (r == 0 && until <= newest) {
        r = read_oldest(db, until, newest, &at, err);
    }
    if (r == 0) {
        *ret_at = at;
    }
    return r;
}

static int read_list(struct db_query *q, struct arena *arena, struct usage_rollups_list *ret_list)
{
    struct usage_rollups_list list = {0};
    int r;
    while ((r = db_query_row(q)) > 0) {
        list.rows = store_grow(arena, list.rows, list.count, sizeof(*list.rows));
        struct usage_rollup *row = &list.rows[list.count++];
        row->entity_kind = db_column_text(q, arena);
        row->entity_id = db_column_i64(q);
        store_read_sums(q, &row->sums);
    }
    if (r == 0) {
        *ret_list = list;
    }
    return r;
}

int rollups_sum_samples(struct db *db, struct arena *arena, enum rollup_part part, int64_t at,
                        bool with_ledger, struct usage_rollups_list *ret_list, struct error *err)
{
    AUTO_QUERY struct db_query q = db_query(db, &rollups_statements, SAMPLES_FIRST + part, err);
    db_bind_i64(&q, at);
    db_bind_i64(&q, at + ROLLUP_5_MINUTES);
    if (part != ROLLUP_SITES) {
        db_bind_i64(&q, with_ledger);
    }
    return read_list(&q, arena, ret_list);
}

int rollups_sum(struct db *db, struct arena *arena, int64_t step_s, int64_t at,
                struct usage_rollups_list *ret_list, struct error *err)
{
    int64_t begin = at / step_s * step_s;
    AUTO_QUERY struct db_query q = db_query(db, &rollups_statements, SUM, err);
    db_bind_i64(&q, step_s == ROLLUP_DAY ? ROLLUP_HOUR : ROLLUP_5_MINUTES);
    db_bind_i64(&q, begin);
    db_bind_i64(&q, begin + step_s);
    return read_list(&q, arena, ret_list);
}

static int put(struct db *db, int64_t step_s, int64_t at, const struct usage_rollup *row,
               struct error *err)
{
    AUTO_QUERY struct db_query q = db_query(db, &rollups_statements, PUT, err);
    db_bind_i64(&q, step_s);
    db_bind_i64(&q, at / step_s * step_s);
    db_bind_text(&q, row->entity_kind);
    db_bind_i64(&q, row->entity_id);
    store_bind_sums(&q, &row->sums);
    return db_query_run(&q);
}

int rollups_put(struct db *db, int64_t step_s, int64_t at, const struct usage_rollup *list,
                size_t count, struct error *err)
{
    AUTO_TRANSACTION struct db_transaction transaction = {0};
    int r = db_transaction_begin(&transaction, db, err);
    for (size_t i = 0; r == 0 && i < count; i++) {
        r = put(db, step_s, at, &list[i], err);
    }
    return r == 0 ? db_transaction_commit(&transaction, err) : r;
}

int rollups_expire(struct db *db, int64_t step_s, int64_t now, int64_t *ret_removed,
                   struct error *err)
{
    AUTO_QUERY struct db_query q = db_query(db, &rollups_statements, EXPIRE, err);
    db_bind_i64(&q, step_s);
    db_bind_i64(&q, now - rollups_keep_s(step_s));
    return db_query_change(&q, ret_removed);
}
