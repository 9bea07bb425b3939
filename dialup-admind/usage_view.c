/*
 * What is promised (reservations against limits) and what was measured (what the kernel said). See
 * the header.
 */
#include "dialup-admind/usage_view.h"

#include "dialup-admind/level.h"
#include "libdialup/base/clock.h"
#include "libdialup/store/runtime.h"
#include "libdialup/store/storage.h"
#include "libdialup/store/uploads.h"
#include "libdialup/store/usage.h"

enum { HOUR_S = 3600, BYTES_PER_MIB = 1 << 20, KBIT_PER_MBIT = 1000 };

enum quota_entity usage_entity_of(const struct scope *whose)
{
    return whose->kind == SCOPE_OWNER ? whose->owner_kind : QUOTA_SYSTEM;
}

/* Monitord may be late, or restarted, without everybody's use being zero. */
int64_t usage_fresh_since(const struct admind *admind, int64_t at)
{
    enum { CYCLES = 3 };
    return at - CYCLES * config_integer(admind->run->config, CONFIG_monitord_interval_s);
}

static int64_t percent_of(int64_t used, int64_t limit)
{
    if (limit == QUOTA_UNLIMITED) {
        return 0;
    }
    int64_t percent = limit > 0 ? used * 100 / limit : used > 0 ? 100 : 0;
    return percent < 0 ? 0 : percent > 1000000 ? 1000000 : percent;
}

/* Uploads are a person's, for whichever site. */
static int read_held(const struct admind *admind, const struct scope *owner,
                     struct uploads_held *ret_held, struct error *err)
{
    *ret_held = (struct uploads_held){0};
    return usage_entity_of(owner) == QUOTA_USER
               ? uploads_sum_held(admind->run->db, owner->id, ret_held, err)
               : 0;
}

bool usage_is_known(enum quota_dimension dimension, const struct gate_use *gate)
{
    enum quota_kind kind = quota_dimension_info(dimension)->kind;
    return quota_dimension_is_counted(dimension) || kind == QUOTA_INTEGRAL ||
           (gate && (kind == QUOTA_RATE || kind == QUOTA_GAUGE));
}

int usage_read_beside(const struct admind *admind, const struct scope *owner,
                      const struct gate_use *gate, struct quota_amounts *used, struct error *err)
{
    struct uploads_held held;
    int64_t awake_s = 0;
    int result = read_held(admind, owner, &held, err);
    if (result == 0 && owner->kind == SCOPE_OWNER) {
        result = runtime_read(admind->run->db, owner->owner_kind, owner->id,
                              runtime_day(clock_unix()), &awake_s, err);
    }
    if (result == 0) {
        used->of[QUOTA_TEMP_STORAGE] = (held.bytes + BYTES_PER_MIB - 1) / BYTES_PER_MIB;
        used->of[QUOTA_RUNTIME_HOURS] = awake_s / HOUR_S;
        used->of[QUOTA_CONNECTIONS] = gate ? gate->connections : 0;
        used->of[QUOTA_BANDWIDTH] =
            gate ? (gate->kbit_per_s + KBIT_PER_MBIT / 2) / KBIT_PER_MBIT : 0;
    }
    return result;
}

static int read_dimensions(const struct admind *admind, struct arena *arena,
                           const struct scope *owner, const struct gate_use *gate,
                           struct http_usage *usage, struct error *err)
{
    struct http_dimension_usage *rows = arena_calloc(arena, QUOTA_DIMENSION_COUNT, sizeof(*rows));
    struct quota_level level;
    enum quota_entity entity = usage_entity_of(owner);
    int result = level_read(admind, arena, entity, owner->id, &level, err);
    if (result == 0) {
        usage->name = level.name;
        result = usage_read_beside(admind, owner, gate, &level.used, err);
    }
    for (int i = 0; result == 0 && i < QUOTA_DIMENSION_COUNT; i++) {
        const struct quota_dimension_info *info = quota_dimension_info((enum quota_dimension)i);
        int64_t used = level.used.of[i];
        int64_t limit = quota_level_limit(&level, (enum quota_dimension)i).hard;
        if (!usage_is_known((enum quota_dimension)i, gate) ||
            !quota_dimension_binds((enum quota_dimension)i, entity)) {
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

static int read_measured(const struct admind *admind, const struct scope *scope, int64_t at,
                         struct http_measured *measured, struct error *err)
{
    int64_t fresh = usage_fresh_since(admind, at);
    struct usage_summary summary;
    int result = usage_summarize(admind->run->db, scope, at, fresh, &summary, err);
    if (result == 0) {
        *measured = (struct http_measured){
            .cpu_millicores = summary.now.cpu_millicores,
            .memory_bytes = summary.now.memory_bytes,
            .containers = summary.now.containers,
            .peak_cpu_millicores_24h = summary.day.cpu_millicores_peak,
            .peak_memory_bytes_24h = summary.day.memory_bytes_peak,
            .peak_containers_24h = summary.day.containers_peak,
            .cpu_core_hours = usage_core_hours(&summary.day),
            .memory_gib_hours = usage_gib_hours(&summary.day),
            .runtime_hours = usage_runtime_hours(&summary.day),
            .requests_24h = summary.day.requests,
            .bytes_out_24h = summary.day.bytes_out,
            .total_cpu_core_hours = usage_core_hours(&summary.ever),
            .total_memory_gib_hours = usage_gib_hours(&summary.ever),
            .total_runtime_hours = usage_runtime_hours(&summary.ever),
            .total_requests = summary.ever.requests,
            .total_bytes_out = summary.ever.bytes_out,
        };
    }
    return result;
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

int usage_view(const struct admind *admind, struct arena *arena, const struct scope *whose,
               const struct gate_use *gate, struct http_usage *ret_usage, struct error *err)
{
    struct http_measured *measured = arena_calloc(arena, 1, sizeof(*measured));
    struct http_storage *storage = arena_calloc(arena, 1, sizeof(*storage));
    *ret_usage = (struct http_usage){
        .at = clock_unix(),
        .entity = quota_entity_name(usage_entity_of(whose)),
        .entity_id = whose->id,
        .measured = measured,
        .storage = storage,
    };
    int r = read_dimensions(admind, arena, whose, gate, ret_usage, err);
    if (r < 0 || (r = read_measured(admind, whose, ret_usage->at, measured, err)) < 0) {
        return r;
    }
    return whose->kind == SCOPE_OWNER ? read_storage(admind, whose, storage, err) : 0;
}
