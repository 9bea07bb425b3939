/*
 * From rows and from deployd's answers to the structs of the API; see the header. Called by the
 * handlers.
 */
#include "dialup-admind/views.h"

#include <stdlib.h>

#include "libdialup/base/clock.h"
#include "libdialup/base/memory.h"
#include "libdialup/store/traffic.h"
#include "libdialup/store/usage.h"

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

struct http_deployment view_deployment(const struct deployment *deployment)
{
    return (struct http_deployment){
        .id = deployment->id,
        .site_id = deployment->site_id,
        .number = deployment->number,
        .kind = deployment_kind_name(deployment->kind),
        .state = deployment_state_name(deployment->state),
        .step = deployment->step,
        .commit_ref = deployment->commit_ref,
        .message = deployment->message,
        .created_by = deployment->created_by,
        .files = deployment->files,
        .size_bytes = deployment->size_bytes,
        .received_bytes = deployment->received_bytes,
        .error_name = deployment->error_name,
        .error_message = deployment->error_message,
        .error_hint = deployment->error_hint,
        .created_at = deployment->created_at,
        .started_at = deployment->started_at,
        .has_started_at = deployment->started_at != 0,
        .finished_at = deployment->finished_at,
        .has_finished_at = deployment->finished_at != 0,
        .duration_ms = deployment->duration_ms,
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

static struct http_site plain_site(const struct site *site)
{
    return (struct http_site){
        .id = site->id,
        .owner_kind = quota_entity_name(site->owner_kind),
        .owner_id = site->owner_id,
        .domain = site->domain,
        .type = site->type,
        .strategy = site->strategy,
        .memory_mib = site->memory_mib,
        .cpu_millicores = site->cpu_millicores,
        .desired = site_desired_name(site->desired),
        .state = site_state_name(site->state),
        .state_reason = site->state_reason,
        .live_deployment = site->live_deployment,
        .has_live_deployment = site->live_deployment != 0,
        .desired_deployment = site->desired_deployment,
        .has_desired_deployment = site->desired_deployment != 0,
        .storage_bytes = site->storage_bytes,
        .created_at = site->created_at,
        .updated_at = site->updated_at,
    };
}

int view_site(const struct admind *admind, struct arena *arena, const struct site *site,
              struct http_site *ret_site, struct error *err)
{
    struct http_site_measured *measured = arena_alloc(arena, sizeof(*measured));
    struct http_site shown = plain_site(site);
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
                                     const struct quota_limit limits[QUOTA_DIMENSION_COUNT])
{
    struct http_limit *shown = arena_calloc(arena, QUOTA_DIMENSION_COUNT, sizeof(*shown));
    for (int i = 0; i < QUOTA_DIMENSION_COUNT; i++) {
        const struct quota_dimension_info *info = quota_dimension_info((enum quota_dimension)i);
        shown[i] = (struct http_limit){
            .dimension = info->name,
            .unit = quota_unit_name(info->unit),
            .hard = limits[i].hard,
            .soft_percent = limits[i].soft_percent,
            .burst_percent = limits[i].burst_percent,
        };
    }
    return shown;
}

struct http_deployment view_rpc_deployment(const struct deployd_deployment *deployment)
{
    return (struct http_deployment){
        .id = deployment->id,
        .site_id = deployment->site_id,
        .number = deployment->number,
        .kind = deployment->kind,
        .state = deployment->state,
        .step = deployment->step,
        .commit_ref = deployment->commit_ref,
        .message = deployment->message,
        .created_by = deployment->created_by,
        .files = deployment->files,
        .size_bytes = deployment->size_bytes,
        .received_bytes = deployment->received_bytes,
        .error_name = deployment->error_name,
        .error_message = deployment->error_message,
        .error_hint = deployment->error_hint,
        .created_at = deployment->created_at,
        .started_at = deployment->started_at,
        .has_started_at = deployment->has_started_at,
        .finished_at = deployment->finished_at,
        .has_finished_at = deployment->has_finished_at,
        .duration_ms = deployment->duration_ms,
    };
}

struct http_limits_in_force view_rpc_limits(const struct deployd_limits_in_force *limits)
{
    return (struct http_limits_in_force){
        .site_id = limits->site_id,
        .container_id = limits->container_id,
        .memory_declared_bytes = limits->memory_declared_bytes,
        .memory_in_force_bytes = limits->memory_in_force_bytes,
        .cpu_declared_millicores = limits->cpu_declared_millicores,
        .cpu_in_force_millicores = limits->cpu_in_force_millicores,
        .pids_declared = limits->pids_declared,
        .pids_in_force = limits->pids_in_force,
        .agrees = limits->agrees,
    };
}

const struct http_check *view_rpc_checks(struct arena *arena, const struct deployd_check *checks,
                                         size_t count)
{
    struct http_check *shown = arena_calloc(arena, count, sizeof(*shown));
    for (size_t i = 0; i < count; i++) {
        const struct deployd_check *check = &checks[i];
        shown[i] = (struct http_check){
            .level = check->level,
            .level_name = check->level_name,
            .dimension = check->dimension,
            .unit = check->unit,
            .used = check->used,
            .requested = check->requested,
            .limit = check->limit,
            .projected = check->projected,
            .allowed = check->allowed,
            .soft_reached = check->soft_reached,
        };
    }
    return shown;
}
