/*
 * From rows to the structs of the API that no daemon shares; see the header. Called by the
 * handlers.
 */
#include "dialup-admind/views.h"

#include <stdlib.h>

#include "dialup-admind/usage_view.h"
#include "libdialup/base/clock.h"
#include "libdialup/base/memory.h"
#include "libdialup/store/teams.h"
#include "libdialup/store/traffic.h"
#include "libdialup/store/usage.h"
#include "libdialup/view/view.h"

enum { PART_BYTES = 4 * 1024 * 1024, DAY_S = 24 * 3600 };

struct http_user view_user(const struct user *user)
{
    return (struct http_user){
        .id = user->id,
        .email = user->email,
        .name = user->name,
        .role = user_role_name(user->role),
        .profile = user->profile,
        .can_create_sites = user->can_create_sites,
        .can_use_editor = user->can_use_editor,
        .is_active = user->is_active,
        .created_at = user->created_at,
    };
}

struct http_upload view_upload(const struct upload *upload)
{
    return (struct http_upload){
        .id = upload->id,
        .part_bytes = PART_BYTES,
        .received_bytes = upload->received_bytes,
        .max_bytes = upload->max_bytes,
    };
}

static int measure_site(const struct admind *admind, int64_t site_id,
                        struct http_site_measured *measured, struct error *err)
{
    const struct scope scope = {.kind = SCOPE_SITE, .id = site_id};
    int64_t now = clock_unix();
    struct usage_now usage;
    struct traffic traffic;
    int result = usage_now(admind->run->db, &scope, usage_fresh_since(admind, now), &usage, err);
    if (result == 0) {
        result = traffic_sum(admind->run->db, &scope, now - DAY_S, now + 1, &traffic, err);
    }
    if (result == 0) {
        *measured = (struct http_site_measured){
            .cpu_millicores = usage.cpu_millicores,
            .memory_bytes = usage.memory_bytes,
            .memory_limit_bytes = usage.memory_limit_bytes,
            .pids = usage.pids,
            .requests_24h = traffic.requests,
            .bytes_out_24h = traffic.bytes_out,
            .sampled_at = usage.at,
        };
    }
    return result;
}

/* The address of who owns it, or the team's name. */
static int find_owner(const struct admind *admind, struct arena *arena, const struct site *site,
                      struct http_site *shown, struct error *err)
{
    struct user owner = {0};
    struct team team = {0};
    int result = site->owner_kind == QUOTA_TEAM
                     ? teams_find(admind->run->db, arena, site->owner_id, &team, err)
                     : users_find(admind->run->db, arena, site->owner_id, &owner, err);
    shown->owner = owner.email;
    shown->team = team.name;
    return result == -ERR_NOT_FOUND ? 0 : result;
}

int view_whole_site(const struct admind *admind, struct arena *arena, const struct site *site,
                    struct http_site *ret_site, struct error *err)
{
    struct http_site_measured *measured = arena_alloc(arena, sizeof(*measured));
    struct http_site shown = {.site = view_site(site)};
    AUTO_FREE char *address = config_public_url(admind->run->config, site->domain);
    shown.address = arena_strdup(arena, address);
    shown.measured = measured;
    int result = find_owner(admind, arena, site, &shown, err);
    if (result == 0) {
        result = measure_site(admind, site->id, measured, err);
    }
    if (result == 0) {
        *ret_site = shown;
    }
    return result;
}

static void view_level(const struct quota_level *level, enum quota_dimension dimension,
                       struct http_limit *limit)
{
    const struct quota_effective effective = quota_level_limit(level, dimension);
    limit->effective = effective.hard;
    limit->has_effective = true;
    limit->by = quota_bound_name(effective.by);
    limit->brought = level->brought.of[dimension];
    limit->has_brought = true;
}

const struct http_limit *view_limits(struct arena *arena, enum quota_entity entity,
                                     const struct quota_limit limits[QUOTA_DIMENSION_COUNT],
                                     const struct quota_level *level, size_t *ret_count)
{
    struct http_limit *shown = arena_calloc(arena, QUOTA_DIMENSION_COUNT, sizeof(*shown));
    *ret_count = 0;
    for (int i = 0; i < QUOTA_DIMENSION_COUNT; i++) {
        const struct quota_dimension_info *info = quota_dimension_info((enum quota_dimension)i);
        if (!quota_dimension_binds((enum quota_dimension)i, entity)) {
            continue;
        }
        struct http_limit *limit = &shown[(*ret_count)++];
        *limit = (struct http_limit){
            .dimension = info->name,
            .label = info->label,
            .unit = quota_unit_name(info->unit),
            .hard = limits[i].hard,
            .percent = limits[i].percent,
            .soft_percent = limits[i].soft_percent,
            .burst_percent = limits[i].burst_percent,
        };
        if (level) {
            view_level(level, (enum quota_dimension)i, limit);
        }
    }
    return shown;
}
