/*
 * From rows to the structs of the API that no daemon shares; see the header. Called by the
 * handlers.
 */
#include "dialup-admind/views.h"

#include <stdlib.h>

#include "libdialup/base/clock.h"
#include "libdialup/base/memory.h"
#include "libdialup/store/traffic.h"
#include "libdialup/store/usage.h"
#include "libdialup/view/view.h"

enum { PART_BYTES = 4 * 1024 * 1024, DAY_S = 24 * 3600, CYCLES = 3 };

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
    int64_t since = now - CYCLES * config_integer(admind->run->config, CONFIG_monitord_interval_s);
    struct usage_now usage;
    struct traffic traffic;
    int result = usage_now(admind->run->db, &scope, since, &usage, err);
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

/* The address of who owns it; NULL for a team. */
static int find_owner(const struct admind *admind, struct arena *arena, const struct site *site,
                      const char **ret_email, struct error *err)
{
    struct user owner = {0};
    *ret_email = NULL;
    if (site->owner_kind != QUOTA_USER) {
        return 0;
    }
    int result = users_find(admind->run->db, arena, site->owner_id, &owner, err);
    *ret_email = owner.email;
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
    int result = find_owner(admind, arena, site, &shown.owner, err);
    if (result == 0) {
        result = measure_site(admind, site->id, measured, err);
    }
    if (result == 0) {
        *ret_site = shown;
    }
    return result;
}

const struct http_limit *view_limits(struct arena *arena,
                                     const struct quota_limit limits[QUOTA_DIMENSION_COUNT],
                                     size_t *ret_count)
{
    struct http_limit *shown = arena_calloc(arena, QUOTA_DIMENSION_COUNT, sizeof(*shown));
    *ret_count = 0;
    for (int i = 0; i < QUOTA_DIMENSION_COUNT; i++) {
        const struct quota_dimension_info *info = quota_dimension_info((enum quota_dimension)i);
        if (!quota_dimension_binds((enum quota_dimension)i, QUOTA_USER)) {
            continue;
        }
        shown[(*ret_count)++] = (struct http_limit){
            .dimension = info->name,
            .unit = quota_unit_name(info->unit),
            .hard = limits[i].hard,
            .soft_percent = limits[i].soft_percent,
            .burst_percent = limits[i].burst_percent,
        };
    }
    return shown;
}
