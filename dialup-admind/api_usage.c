/*
 * What an account or a team uses: promised (reservations against limits) and measured (what the
 * kernel said). Called through routes.c; reads the database alone.
 */
#include "dialup-admind/access.h"
#include "dialup-admind/handlers.h"
#include "dialup-admind/limit_note.h"
#include "dialup-admind/views.h"
#include "libdialup/base/clock.h"
#include "libdialup/store/levels.h"
#include "libdialup/store/storage.h"
#include "libdialup/store/traffic.h"
#include "libdialup/store/uploads.h"
#include "libdialup/store/usage.h"

enum { DAY_S = 24 * 3600, BUCKET_S = 60, CYCLES = 3, BYTES_PER_MIB = 1 << 20, WARNING_SIZE = 4096 };

#define HOUR_US 3.6e9
#define GIB (1024.0 * 1024 * 1024)

static int64_t percent_of(int64_t used, int64_t limit)
{
    if (limit == QUOTA_UNLIMITED) {
        return 0;
    }
    int64_t percent = limit > 0 ? used * 100 / limit : 100;
    return percent < 0 ? 0 : percent > 1000000 ? 1000000 : percent;
}

/* Uploads are a person's, for whichever site. */
static int read_held(const struct admind *admind, const struct scope *owner,
                     struct uploads_held *ret_held, struct error *err)
{
    *ret_held = (struct uploads_held){0};
    return owner->owner_kind == QUOTA_USER
               ? uploads_sum_held(admind->run->db, owner->id, ret_held, err)
               : 0;
}

/* Uploads on their way are all that is kept for a while. */
static int read_temp_storage(const struct admind *admind, const struct scope *owner,
                             struct quota_amounts *used, struct error *err)
{
    struct uploads_held held;
    int result = read_held(admind, owner, &held, err);
    if (result == 0) {
        used->of[QUOTA_TEMP_STORAGE] = (held.bytes + BYTES_PER_MIB - 1) / BYTES_PER_MIB;
    }
    return result;
}

static int read_dimensions(const struct admind *admind, struct arena *arena,
                           const struct scope *owner, struct http_usage *usage, struct error *err)
{
    struct http_dimension_usage *rows = arena_calloc(arena, QUOTA_DIMENSION_COUNT, sizeof(*rows));
    struct quota_level level;
    const struct quota_machine machine = limit_note_machine(admind);
    int result = levels_read_owner(admind->run->db, arena, owner->owner_kind, owner->id, &machine,
                                   &level, err);
    if (result == 0) {
        usage->name = level.name;
        result = read_temp_storage(admind, owner, &level.used, err);
    }
    for (int i = 0; result == 0 && i < QUOTA_DIMENSION_COUNT; i++) {
        const struct quota_dimension_info *info = quota_dimension_info((enum quota_dimension)i);
        int64_t used = level.used.of[i];
        int64_t limit = quota_level_limit(&level, (enum quota_dimension)i).hard;
        if (!quota_dimension_is_counted((enum quota_dimension)i) ||
            !quota_dimension_binds((enum quota_dimension)i, owner->owner_kind)) {
            continue;
        }
        rows[usage->dimensions_count++] = (struct http_dimension_usage){
            .dimension = info->name,
            .label = info->label,
            .unit = quota_unit_name(info->unit),
            .used = used,
            .limit = limit,
            .percent = percent_of(used, limit),
            .state = quota_state_name(quota_level_state(&level, (enum quota_dimension)i)),
        };
    }
    usage->dimensions = rows;
    return result;
}

/* Sums over the last day. A bucket that has samples counts whole. */
static int read_hours(const struct admind *admind, struct arena *arena, const struct scope *scope,
                      int64_t now, struct http_measured *measured, struct error *err)
{
    struct usage_history history;
    int result =
        usage_history(admind->run->db, arena, scope, now - DAY_S, now + 1, BUCKET_S, &history, err);
    for (size_t i = 0; result == 0 && i < history.count; i++) {
        const struct usage_point *point = &history.rows[i];
        measured->cpu_core_hours += (double)point->cpu_us / HOUR_US;
        measured->memory_gib_hours += (double)point->memory_bytes / GIB * BUCKET_S / 3600;
        measured->runtime_hours += BUCKET_S / 3600.0;
    }
    return result;
}

static int read_measured(const struct admind *admind, struct arena *arena,
                         const struct scope *scope, int64_t at, struct http_measured *measured,
                         struct error *err)
{
    struct db *db = admind->run->db;
    int64_t fresh = at - CYCLES * config_integer(admind->run->config, CONFIG_monitord_interval_s);
    struct usage_now usage;
    struct usage_peaks peaks;
    struct traffic traffic;
    int result = usage_now(db, scope, fresh, &usage, err);
    if (result == 0) {
        result = usage_peaks(db, scope, at - DAY_S, &peaks, err);
    }
    if (result == 0) {
        result = traffic_sum(db, scope, at - DAY_S, at + 1, &traffic, err);
    }
    if (result < 0) {
        return result;
    }
    *measured = (struct http_measured){
        .cpu_millicores = usage.cpu_millicores,
        .memory_bytes = usage.memory_bytes,
        .containers = usage.containers,
        .peak_cpu_millicores_24h = peaks.cpu_millicores,
        .peak_memory_bytes_24h = peaks.memory_bytes,
        .requests_24h = traffic.requests,
        .bytes_out_24h = traffic.bytes_out,
    };
    return read_hours(admind, arena, scope, at, measured, err);
}

static int read_storage(const struct admind *admind, const struct scope *owner,
                        struct http_storage *storage, struct error *err)
{
    struct storage_parts parts;
    struct uploads_held held;
    int result = storage_sum(admind->run->db, owner->owner_kind, owner->id, &parts, err);
    if (result == 0) {
        result = read_held(admind, owner, &held, err);
    }
    if (result == 0) {
        *storage = (struct http_storage){
            .releases_bytes = parts.releases_bytes,
            .images_bytes = parts.images_bytes,
            .container_bytes = parts.container_bytes,
            .logs_bytes = parts.logs_bytes,
            .uploads_bytes = held.bytes,
        };
    }
    return result;
}

static int reply(const struct admind *admind, struct http_request *request,
                 const struct scope *owner, const char *warning, struct error *err)
{
    struct arena *arena = http_request_arena(request);
    struct http_measured measured = {0};
    struct http_storage storage = {0};
    struct http_usage usage = {
        .at = clock_unix(),
        .entity = quota_entity_name(owner->owner_kind),
        .entity_id = owner->id,
        .measured = &measured,
        .storage = &storage,
        .warning = warning,
    };
    int r = read_dimensions(admind, arena, owner, &usage, err);
    if (r < 0 || (r = read_measured(admind, arena, owner, usage.at, &measured, err)) < 0 ||
        (r = read_storage(admind, owner, &storage, err)) < 0) {
        return r;
    }
    http_reply_json(request, 200, &http_usage_shape, &usage);
    return 0;
}

int handle_usage(struct http_request *request, void *context, struct error *err)
{
    struct user user;
    int result = access_find_user(context, request, &user, err);
    const struct scope owner = {SCOPE_OWNER, QUOTA_USER, result == 0 ? user.id : 0};
    return result == 0 ? reply(context, request, &owner, NULL, err) : result;
}

/* What is near its limit is for who leads the team. */
static int warn(const struct admind *admind, struct arena *arena, int64_t team_id,
                const char **ret_warning, struct error *err)
{
    const struct quota_machine machine = limit_note_machine(admind);
    struct quota_team quota;
    int result = teams_read_quota(admind->run->db, arena, team_id, &machine, &quota, err);
    if (result == 0) {
        char *text = arena_alloc(arena, WARNING_SIZE);
        quota_team_warn(&quota, text, WARNING_SIZE);
        *ret_warning = *text ? text : NULL;
    }
    return result;
}

int handle_team_usage(struct http_request *request, void *context, struct error *err)
{
    const char *warning = NULL;
    struct access_team team;
    int result = access_find_team(context, request, ACCESS_MEMBER, &team, err);
    if (result == 0 && team.may_lead) {
        result = warn(context, http_request_arena(request), team.team.id, &warning, err);
    }
    const struct scope owner = {SCOPE_OWNER, QUOTA_TEAM, result == 0 ? team.team.id : 0};
    return result == 0 ? reply(context, request, &owner, warning, err) : result;
}
