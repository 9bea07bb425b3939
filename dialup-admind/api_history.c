/*
 * Use over time, and who uses the server: read from what monitord rolled up. Called through
 * routes.c.
 */
#include "dialup-admind/access.h"
#include "dialup-admind/handlers.h"
#include "dialup-admind/level.h"
#include "dialup-admind/usage_view.h"
#include "libdialup/base/clock.h"
#include "libdialup/base/memory.h"
#include "libdialup/store/usage.h"

enum { HOUR_S = 3600, DAY_HOURS = 24, LIST = 20 };

/* Sums as a point of time and as a consumer show them: the members have the same names. */
#define PUT_SUMS(shown, s)                                                                         \
    do {                                                                                           \
        (shown)->runtime_hours = usage_runtime_hours(s);                                           \
        (shown)->container_hours = usage_container_hours(s);                                       \
        (shown)->cpu_core_hours = usage_core_hours(s);                                             \
        (shown)->memory_gib_hours = usage_gib_hours(s);                                            \
        (shown)->cpu_millicores_peak = (s)->cpu_millicores_peak;                                   \
        (shown)->memory_bytes_peak = (s)->memory_bytes_peak;                                       \
        (shown)->containers_peak = (s)->containers_peak;                                           \
        (shown)->requests = (s)->requests;                                                         \
        (shown)->status_5xx = (s)->status_5xx;                                                     \
        (shown)->bytes_in = (s)->bytes_in;                                                         \
        (shown)->bytes_out = (s)->bytes_out;                                                       \
        (shown)->reserved_memory_mib = (s)->reserved_memory_mib;                                   \
        (shown)->has_reserved_memory_mib = (s)->reserved_memory_mib != USAGE_UNKNOWN;              \
        (shown)->reserved_cpu_millicores = (s)->reserved_cpu_millicores;                           \
        (shown)->has_reserved_cpu_millicores = (s)->reserved_cpu_millicores != USAGE_UNKNOWN;      \
        (shown)->storage_mib = (s)->storage_mib;                                                   \
        (shown)->has_storage_mib = (s)->storage_mib != USAGE_UNKNOWN;                              \
    } while (0)

/* History ------------------------------------------------------------------------------------ */

static const struct http_usage_point *view_points(struct arena *arena,
                                                  const struct usage_series *series)
{
    struct http_usage_point *points = arena_calloc(arena, series->count, sizeof(*points));
    for (size_t i = 0; i < series->count; i++) {
        const struct usage_sums *sums = &series->rows[i].sums;
        points[i] = (struct http_usage_point){
            .at = series->rows[i].at,
            .cpu_millicores = usage_mean_millicores(sums),
            .memory_bytes = usage_mean_memory_bytes(sums),
            .network_in_bytes = sums->rx_bytes,
            .network_out_bytes = sums->tx_bytes,
            .disk_read_bytes = sums->read_bytes,
            .disk_write_bytes = sums->write_bytes,
        };
        PUT_SUMS(&points[i], sums);
    }
    return points;
}

static const struct trend {
    const char *name;
    const char *unit;
    enum usage_measure measure;
    enum quota_dimension dimension; /* QUOTA_DIMENSION_COUNT: nothing limits it */
} trends[] = {
    {"memory", "MiB", USAGE_MEASURE_RESERVED_MEMORY, QUOTA_MEMORY},
    {"cpu", "millicores", USAGE_MEASURE_RESERVED_CPU, QUOTA_CPU},
    {"storage", "MiB", USAGE_MEASURE_STORAGE, QUOTA_STORAGE},
    {"requests", "count", USAGE_MEASURE_REQUESTS, QUOTA_DIMENSION_COUNT},
};

/* A whole that is not limited itself may have no more than its parts, if all of them are. */
static int64_t limit_of(const struct quota_level *level, enum quota_dimension whole)
{
    int64_t limit = quota_level_limit(level, whole).hard;
    int64_t sum = 0;
    for (int i = 0; limit == QUOTA_UNLIMITED && i < QUOTA_DIMENSION_COUNT; i++) {
        if (i == (int)whole || quota_dimension_info((enum quota_dimension)i)->whole != whole) {
            continue;
        }
        int64_t part = quota_level_limit(level, (enum quota_dimension)i).hard;
        if (part == QUOTA_UNLIMITED) {
            return QUOTA_UNLIMITED;
        }
        sum += part;
    }
    return limit == QUOTA_UNLIMITED && sum > 0 ? sum : limit;
}

static const struct http_usage_trend *
view_trends(struct arena *arena, const struct usage_series *series, const struct quota_level *level)
{
    struct http_usage_trend *shown = arena_calloc(arena, ARRAY_COUNT(trends), sizeof(*shown));
    for (size_t i = 0; i < ARRAY_COUNT(trends); i++) {
        const struct quota_trend line = usage_trend(series, trends[i].measure);
        int64_t limit = trends[i].dimension == QUOTA_DIMENSION_COUNT
                            ? QUOTA_UNLIMITED
                            : limit_of(level, trends[i].dimension);
        int64_t at = limit == QUOTA_UNLIMITED ? 0 : quota_trend_reaches(&line, (double)limit);
        shown[i] = (struct http_usage_trend){
            .measure = trends[i].name,
            .unit = trends[i].unit,
            .level = line.level,
            .per_day = line.per_day,
            .fit = line.fit,
            .limit = limit,
            .has_limit = limit != QUOTA_UNLIMITED,
            .reaches_limit_at = at,
            .has_reaches_limit_at = at != 0,
        };
    }
    return shown;
}

static int read_history(const struct admind *admind, struct arena *arena, const struct scope *whose,
                        int64_t hours, struct http_usage_history *ret, struct error *err)
{
    int64_t now = clock_unix();
    struct usage_series series = {0};
    struct quota_level level;
    int result = level_read(admind, arena, usage_entity_of(whose), whose->id, &level, err);
    if (result == 0) {
        result = usage_series_read(admind->run->db, arena, whose, now - hours * HOUR_S, now + 1,
                                   now, &series, err);
    }
    if (result < 0) {
        return result;
    }
    *ret = (struct http_usage_history){
        .entity = quota_entity_name(usage_entity_of(whose)),
        .entity_id = whose->id,
        .from = series.from,
        .to = series.to,
        .step_s = series.step_s,
        .points = view_points(arena, &series),
        .points_count = series.count,
        .trends = view_trends(arena, &series, &level),
        .trends_count = ARRAY_COUNT(trends),
    };
    return 0;
}

static int reply_history(const struct admind *admind, struct http_request *request,
                         const struct scope *whose, int64_t hours, struct error *err)
{
    struct http_usage_history history;
    int result = read_history(admind, http_request_arena(request), whose, hours, &history, err);
    if (result == 0) {
        http_reply_json(request, 200, &http_usage_history_shape, &history);
    }
    return result;
}

int handle_usage_history(struct http_request *request, void *context, struct error *err)
{
    const struct http_get_usage_user_id_history_query *query = http_request_query(request);
    struct user user;
    int result = access_find_user(context, request, &user, err);
    if (result < 0) {
        return result;
    }
    const struct scope whose = {SCOPE_OWNER, QUOTA_USER, user.id};
    return reply_history(context, request, &whose, query->has_hours ? query->hours : DAY_HOURS,
                         err);
}

int handle_team_history(struct http_request *request, void *context, struct error *err)
{
    const struct http_get_usage_team_id_history_query *query = http_request_query(request);
    struct access_team team;
    int result = access_find_team(context, request, ACCESS_MEMBER, &team, err);
    if (result < 0) {
        return result;
    }
    const struct scope whose = {SCOPE_OWNER, QUOTA_TEAM, team.team.id};
    return reply_history(context, request, &whose, query->has_hours ? query->hours : DAY_HOURS,
                         err);
}

/* Analytics ---------------------------------------------------------------------------------- */

static int read_consumers(const struct admind *admind, struct arena *arena,
                          enum usage_entity entity, const struct usage_series *period,
                          enum usage_order order, int64_t limit,
                          const struct http_usage_consumer **ret_rows, size_t *ret_count,
                          struct error *err)
{
    struct usage_consumers list;
    *ret_rows = NULL;
    *ret_count = 0;
    if (entity == USAGE_OF_SITE && order == USAGE_BY_STORAGE) {
        order = USAGE_BY_CPU; /* a site's storage is not rolled up */
    }
    int result = usage_consumers_list(admind->run->db, arena, entity, period->from, period->to,
                                      order, limit, &list, err);
    if (result < 0) {
        return result;
    }
    struct http_usage_consumer *rows = arena_calloc(arena, list.count, sizeof(*rows));
    for (size_t i = 0; i < list.count; i++) {
        rows[i] = (struct http_usage_consumer){
            .id = list.rows[i].id,
            .name = list.rows[i].name,
            .owner = entity == USAGE_OF_SITE ? list.rows[i].owner : NULL,
        };
        PUT_SUMS(&rows[i], &list.rows[i].sums);
    }
    *ret_rows = rows;
    *ret_count = list.count;
    return 0;
}

int handle_usage_analytics(struct http_request *request, void *context, struct error *err)
{
    static const struct scope everybody = {.kind = SCOPE_SYSTEM};
    const struct admind *admind = context;
    const struct http_get_usage_analytics_query *query = http_request_query(request);
    struct arena *arena = http_request_arena(request);
    int64_t hours = query->has_hours ? query->hours : DAY_HOURS;
    int64_t limit = query->has_limit ? query->limit : LIST;
    int64_t now = clock_unix();
    const struct usage_series period = {.from = now - hours * HOUR_S, .to = now + 1};
    enum usage_order order = USAGE_BY_CPU;
    struct http_usage_history system;
    struct http_usage level;
    if (query->by) {
        usage_order_parse(query->by, &order);
    }
    struct http_usage_analytics answer = {
        .from = period.from,
        .to = period.to,
        .by = usage_order_name(order),
        .system = &system,
        .level = &level,
    };
    int r = read_consumers(admind, arena, USAGE_OF_USER, &period, order, limit, &answer.users,
                           &answer.users_count, err);
    if (r < 0 ||
        (r = read_consumers(admind, arena, USAGE_OF_TEAM, &period, order, limit, &answer.teams,
                            &answer.teams_count, err)) < 0 ||
        (r = read_consumers(admind, arena, USAGE_OF_SITE, &period, order, limit, &answer.sites,
                            &answer.sites_count, err)) < 0 ||
        (r = read_history(admind, arena, &everybody, hours, &system, err)) < 0 ||
        (r = usage_view(admind, arena, &everybody, NULL, &level, err)) < 0) {
        return r;
    }
    http_reply_json(request, 200, &http_usage_analytics_shape, &answer);
    return 0;
}
