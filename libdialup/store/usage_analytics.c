/*
 * Who used how much: roll-ups of all sites, users or teams in a period. Reads alone.
 */
#include "libdialup/base/str.h"
#include "libdialup/store/internal.h"
#include "libdialup/store/rollups.h"
#include "libdialup/store/usage_sums.h"

/* ?1 the step, ?2 and ?3 from and to, ?4 the order, ?5 how many. */
#define CONSUMERS(kind, name, owner)                                                               \
    "SELECT i, ifnull(" name ", ''), ifnull(" owner ", ''), " SUMS_NAMES                           \
    " FROM (SELECT entity_id AS i, " SUMS_OF_ROWS "FROM usage_rollups "                            \
    "WHERE step_s = ?1 AND at >= ?2 AND at < ?3 AND entity_kind = '" kind "' "                     \
    "GROUP BY entity_id) WHERE runtime_ms + requests + max(storage_mib, 0) > 0 "                   \
    "ORDER BY CASE ?4 WHEN 'cpu' THEN cpu_us WHEN 'memory' THEN memory_kib_s "                     \
    "WHEN 'requests' THEN requests WHEN 'traffic' THEN bytes_in + bytes_out "                      \
    "WHEN 'storage' THEN storage_mib ELSE runtime_ms END DESC, i LIMIT ?5"

#define OWNER_OF_SITE                                                                              \
    "(SELECT CASE owner_kind WHEN 'team' THEN (SELECT name FROM teams WHERE id = owner_id) "       \
    "ELSE (SELECT email FROM users WHERE id = owner_id) END FROM sites WHERE id = i)"

static const struct db_statement rows[] = {
    [USAGE_OF_SITE] = {"usage_consumers_sites",
                       CONSUMERS("site", "(SELECT domain FROM sites WHERE id = i)", OWNER_OF_SITE)},
    [USAGE_OF_USER] = {"usage_consumers_users",
                       CONSUMERS("user", "(SELECT email FROM users WHERE id = i)", "''")},
    [USAGE_OF_TEAM] = {"usage_consumers_teams",
                       CONSUMERS("team", "(SELECT name FROM teams WHERE id = i)", "''")},
};

const struct db_statements usage_analytics_statements = {rows, ARRAY_COUNT(rows)};

static const char *const order_names[] = {
    [USAGE_BY_CPU] = "cpu",           [USAGE_BY_MEMORY] = "memory",
    [USAGE_BY_REQUESTS] = "requests", [USAGE_BY_TRAFFIC] = "traffic",
    [USAGE_BY_STORAGE] = "storage",   [USAGE_BY_RUNTIME] = "runtime",
};

const char *usage_order_name(enum usage_order order)
{
    return order_names[order];
}

bool usage_order_parse(const char *name, enum usage_order *ret_order)
{
    for (size_t i = 0; i < ARRAY_COUNT(order_names); i++) {
        if (str_equal(order_names[i], name)) {
            *ret_order = (enum usage_order)i;
            return true;
        }
    }
    return false;
}

static int read_list(struct db_query *q, struct arena *arena, struct usage_consumers *consumers)
{
    int r;
    while ((r = db_query_row(q)) > 0) {
        consumers->rows =
            store_grow(arena, consumers->rows, consumers->count, sizeof(*consumers->rows));
        struct usage_consumer *row = &consumers->rows[consumers->count++];
        row->id = db_column_i64(q);
        row->name = db_column_text(q, arena);
        row->owner = db_column_text(q, arena);
        store_read_sums(q, &row->sums);
    }
    return r;
}

/* Hours as long as they are few, and kept. */
static int64_t step_of(int64_t from, int64_t to, int64_t until)
{
    enum { HOURS_MAX_S = 3 * ROLLUP_DAY };
    bool in_hours = to - from <= HOURS_MAX_S && until - from <= rollups_keep_s(ROLLUP_HOUR);
    return in_hours ? ROLLUP_HOUR : ROLLUP_DAY;
}

int usage_consumers_list(struct db *db, struct arena *arena, enum usage_entity entity, int64_t from,
                         int64_t to, enum usage_order order, int64_t limit,
                         struct usage_consumers *ret_consumers, struct error *err)
{
    int64_t until = 0;
    int r = rollups_until(db, &until, err);
    if (r < 0 || from >= to) {
        return r < 0 ? r
                     : error_set_field(err, ERR_INVALID_ARGUMENT, "from",
                                       "The time asked for is empty");
    }
    int64_t step_s = step_of(from, to, until);
    struct usage_consumers consumers = {
        .from = from / step_s * step_s,
        .to = (to + step_s - 1) / step_s * step_s,
        .step_s = step_s,
    };
    AUTO_QUERY struct db_query q = db_query(db, &usage_analytics_statements, entity, err);
    db_bind_i64(&q, step_s);
    db_bind_i64(&q, consumers.from);
    db_bind_i64(&q, consumers.to);
    db_bind_text(&q, usage_order_name(order));
    db_bind_i64(&q, limit);
    r = read_list(&q, arena, &consumers);
    if (r == 0) {
        *ret_consumers = consumers;
    }
    return r;
}
