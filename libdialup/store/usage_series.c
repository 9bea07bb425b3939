/*
 * History and summaries: roll-ups, and for the last minutes the samples themselves. Reads alone.
 */
#include "libdialup/store/internal.h"
#include "libdialup/store/rollups.h"
#include "libdialup/store/usage_sums.h"

/* Parameters of samples: 1 and 2 from and to, 3 the step, 4 and 5 whose. */
#define SAMPLES(cycles, traffic)                                                                   \
    "SELECT b, " SUMS_OF_ROWS "FROM (SELECT at / ?3 * ?3 AS b, " SUMS_OF_CYCLES                    \
    "FROM " SUMS_CYCLES("",                                                                        \
                        cycles " GROUP BY at") "GROUP BY b UNION ALL SELECT at / ?3 * ?3 AS "      \
                                               "b, " SUMS_OF_TRAFFIC "FROM " traffic               \
                                               "AND at >= ?1 AND at < ?2 GROUP BY b) GROUP BY b"

enum {
    ROLLUPS,
    SAMPLES_FIRST, /* + scope_kind */
};

/* The planner would read everybody's rows of that time. */
static const struct db_statement rows[] = {
    [ROLLUPS] = {"usage_series_of_rollups",
                 "SELECT at / ?3 * ?3 AS b, " SUMS_OF_ROWS
                 "FROM usage_rollups INDEXED BY usage_rollups_by_entity "
                 "WHERE at >= ?1 AND at < ?2 AND entity_kind = ?4 AND entity_id = ?5 "
                 "AND step_s = ?6 GROUP BY b ORDER BY b"},
    [SAMPLES_FIRST +
        SCOPE_SITE] = {"usage_series_of_site", SAMPLES("AND ?4 = 'site' AND site_id = ?5",
                                                       "traffic_samples WHERE site_id = ?5 ")},
    [SAMPLES_FIRST + SCOPE_OWNER] = {"usage_series_of_owner",
                                     SAMPLES("AND owner_kind = ?4 AND owner_id = ?5",
                                             "sites CROSS JOIN traffic_samples ON site_id = id "
                                             "WHERE owner_kind = ?4 AND owner_id = ?5 ")},
    [SAMPLES_FIRST +
        SCOPE_SYSTEM] = {"usage_series_of_system",
                         SAMPLES("AND ?4 = 'system' AND ?5 = 0", "traffic_samples WHERE 1 ")},
};

const struct db_statements usage_series_statements = {rows, ARRAY_COUNT(rows)};

static const char *kind_of(const struct scope *scope)
{
    return scope->kind == SCOPE_SITE    ? "site"
           : scope->kind == SCOPE_OWNER ? quota_entity_name(scope->owner_kind)
                                        : quota_entity_name(QUOTA_SYSTEM);
}

/* A range that is read in steps. */
struct range {
    int64_t from;
    int64_t to;
    int64_t step_s;
    int64_t tier_s; /* of the roll-ups that are read; 0: samples */
};

static void bind_range(struct db_query *q, const struct scope *scope, const struct range *range)
{
    db_bind_i64(q, range->from);
    db_bind_i64(q, range->to);
    db_bind_i64(q, range->step_s);
    db_bind_text(q, kind_of(scope));
    db_bind_i64(q, scope->kind == SCOPE_SYSTEM ? 0 : scope->id);
}

/* A step that stands there already, from another source, is added to. */
static void append(struct arena *arena, struct usage_series *series, const struct usage_step *step)
{
    struct usage_step *last = series->count > 0 ? &series->rows[series->count - 1] : NULL;
    if (last && last->at == step->at) {
        store_add_sums(&last->sums, &step->sums);
        return;
    }
    series->rows = store_grow(arena, series->rows, series->count, sizeof(*series->rows));
    series->rows[series->count++] = *step;
}

static int read_steps(struct db_query *q, struct arena *arena, struct usage_series *series)
{
    int r;
    while ((r = db_query_row(q)) > 0) {
        struct usage_step step = {.at = db_column_i64(q)};
        store_read_sums(q, &step.sums);
        append(arena, series, &step);
    }
    return r;
}

static int read_rollups(struct db *db, struct arena *arena, const struct scope *scope,
                        const struct range *range, struct usage_series *series, struct error *err)
{
    AUTO_QUERY struct db_query q = db_query(db, &usage_series_statements, ROLLUPS, err);
    bind_range(&q, scope, range);
    db_bind_i64(&q, range->tier_s);
    return read_steps(&q, arena, series);
}

static int read_samples(struct db *db, struct arena *arena, const struct scope *scope,
                        const struct range *range, struct usage_series *series, struct error *err)
{
    AUTO_QUERY struct db_query q =
        db_query(db, &usage_series_statements, SAMPLES_FIRST + scope->kind, err);
    bind_range(&q, scope, range);
    return read_steps(&q, arena, series);
}

/* Roll-ups as far as they go, samples for the rest. */
static int read_range(struct db *db, struct arena *arena, const struct scope *scope,
                      const struct range *range, struct usage_series *series, struct error *err)
{
    struct range rest = *range;
    int64_t until = 0;
    int r = range->tier_s > 0 ? rollups_until(db, &until, err) : 0;
    if (r == 0 && range->tier_s > 0) {
        r = read_rollups(db, arena, scope, range, series, err);
    }
    rest.from = until > rest.from ? until : rest.from;
    if (r == 0 && rest.from < rest.to) {
        r = read_samples(db, arena, scope, &rest, series, err);
    }
    return r;
}

/* History ---------------------------------------------------------------------------------- */

/* From fine to coarse. The longest is without an end. */
static const struct {
    int32_t step_s;
    int32_t tier_s;
} steps[] = {
    {60, 0},
    {300, ROLLUP_5_MINUTES},
    {900, ROLLUP_5_MINUTES},
    {1800, ROLLUP_5_MINUTES},
    {3600, ROLLUP_HOUR},
    {2 * 3600, ROLLUP_HOUR},
    {4 * 3600, ROLLUP_HOUR},
    {24 * 3600, ROLLUP_DAY},
    {7 * 24 * 3600, ROLLUP_DAY},
};

/* Samples are many: a range of them is short, and lies in what is kept surely. */
enum { SAMPLES_RANGE_MAX_S = 2 * 3600 };

static bool can_read(size_t i, int64_t from, int64_t to, int64_t now)
{
    if ((to - from) / steps[i].step_s > USAGE_POINTS_MAX - 2) {
        return false;
    }
    return steps[i].tier_s > 0 ? now - from <= rollups_keep_s(steps[i].tier_s)
                               : now - from <= SAMPLES_RANGE_MAX_S;
}

static struct range choose(int64_t from, int64_t to, int64_t now)
{
    size_t i = 0;
    while (i + 1 < ARRAY_COUNT(steps) && !can_read(i, from, to, now)) {
        i++;
    }
    return (struct range){from, to, steps[i].step_s, steps[i].tier_s};
}

int usage_series_read(struct db *db, struct arena *arena, const struct scope *scope, int64_t from,
                      int64_t to, int64_t now, struct usage_series *ret_series, struct error *err)
{
    /* The most that is kept; in weeks it fits into the points. */
    int64_t oldest = now - rollups_keep_s(ROLLUP_DAY);
    if (from >= to) {
        return error_set_field(err, ERR_INVALID_ARGUMENT, "from", "The time asked for is empty");
    }
    struct range range = choose(from > oldest ? from : oldest, to < now + 1 ? to : now + 1, now);
    struct usage_series series = {.from = from, .to = to, .step_s = range.step_s};
    /* A roll-up counts whole: the one that from lies in, too. */
    range.from = range.tier_s > 0 ? range.from / range.tier_s * range.tier_s : range.from;
    int r = read_range(db, arena, scope, &range, &series, err);
    if (r == 0) {
        *ret_series = series;
    }
    return r;
}

/* Summary ---------------------------------------------------------------------------------- */

/* One step that holds all. */
static int read_sums(struct db *db, const struct scope *scope, int64_t from, int64_t to,
                     int64_t tier_s, struct usage_sums *ret_sums, struct error *err)
{
    enum { ALL_TIME_S = INT32_MAX };
    AUTO_ARENA struct arena *arena = arena_new();
    struct usage_series series = {0};
    const struct range range = {from / tier_s * tier_s, to, ALL_TIME_S, tier_s};
    int r = read_range(db, arena, scope, &range, &series, err);
    *ret_sums = (struct usage_sums){
        .reserved_memory_mib = USAGE_UNKNOWN,
        .reserved_cpu_millicores = USAGE_UNKNOWN,
        .storage_mib = USAGE_UNKNOWN,
    };
    for (size_t i = 0; r == 0 && i < series.count; i++) {
        store_add_sums(ret_sums, &series.rows[i].sums);
    }
    return r;
}

int usage_summarize(struct db *db, const struct scope *scope, int64_t now, int64_t since,
                    struct usage_summary *ret_summary, struct error *err)
{
    struct usage_summary summary;
    int r = usage_now(db, scope, since, &summary.now, err);
    if (r == 0) {
        r = read_sums(db, scope, now - ROLLUP_DAY, now + 1, ROLLUP_5_MINUTES, &summary.day, err);
    }
    if (r == 0) {
        r = read_sums(db, scope, 0, now + 1, ROLLUP_DAY, &summary.ever, err);
    }
    if (r == 0) {
        *ret_summary = summary;
    }
    return r;
}
