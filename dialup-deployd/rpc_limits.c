/*
 * Would it fit, what is in force, what runs. Handlers of
 * proto/deployd.openrpc.json; the table of them is in rpc.c.
 */
#include "dialup-deployd/rpc.h"

#include "dialup-deployd/admission.h"
#include "dialup-deployd/converge/converge.h"
#include "dialup-deployd/deployd.h"
#include "dialup-deployd/inspect.h"
#include "dialup-deployd/owner_limits.h"
#include "dialup-deployd/pressure/enforcer.h"
#include "dialup-deployd/views.h"
#include "libdialup/base/log.h"
#include "libdialup/site/site_type.h"
#include "libdialup/store/reservations.h"
#include "libdialup/store/teams.h"
#include "proto/deployd_rpc.h"

enum { APPLY_TIMEOUT_MS = 20000 };

/* Quotas ------------------------------------------------------------------------------------- */

static struct quota_amounts amounts_of(const struct deployd_quota_validate_params *params)
{
    const struct site_type *type = params->type ? site_type_find(params->type) : NULL;
    struct site site = {
        .owner_kind = rpc_owner_kind(params->owner_kind),
        .memory_mib = params->has_memory_mib ? params->memory_mib
                      : type                 ? type->memory_mib
                                             : 0,
        .cpu_millicores = params->has_cpu_millicores ? params->cpu_millicores
                          : type                     ? type->cpu_millicores
                                                     : 0,
    };
    struct quota_amounts amounts = {0};
    if (params->development) {
        amounts.of[QUOTA_DEV_CONTAINERS] = 1;
        amounts.of[QUOTA_MEMORY_DEVELOPMENT] = site.memory_mib;
        amounts.of[QUOTA_CPU_DEVELOPMENT] = site.cpu_millicores;
    } else {
        const struct quota_amounts existing = admission_for_existing(&site);
        amounts = admission_for_running(&site);
        amounts.of[QUOTA_CONTAINERS] = existing.of[QUOTA_CONTAINERS];
    }
    if (params->new_site) {
        amounts.of[QUOTA_SITES] = 1;
        amounts.of[QUOTA_APPLICATIONS] = site.owner_kind == QUOTA_TEAM;
    }
    if (params->has_storage_mib) {
        amounts.of[params->development ? QUOTA_STORAGE_DEVELOPMENT : QUOTA_STORAGE_PRODUCTION] =
            params->storage_mib;
    }
    return amounts;
}

int handle_quota_validate(void *context, struct ipc_request *request, const void *params,
                          void *result, struct error *err)
{
    const struct deployd_quota_validate_params *wanted = params;
    struct deployd *deployd = rpc_deployd(context);
    struct arena *arena = ipc_request_arena(request);
    struct admission admission =
        admission_for(deployd, rpc_owner_kind(wanted->owner_kind), wanted->owner_id);
    struct admission_levels *levels = arena_alloc(arena, sizeof(*levels));
    struct quota_amounts held = {0};
    int status = admission_read_levels(&admission, arena, levels, err);
    if (status == 0 && wanted->has_site_id) {
        status = reservations_sum_site(deployd->run->db, wanted->site_id, &held, err);
    }
    if (status < 0) {
        return status;
    }
    admission_take_off(levels, &held);
    struct quota_amounts amounts = amounts_of(wanted);
    struct quota_verdict verdict;
    quota_admit(levels->levels, levels->count, &amounts, &verdict);
    if (!verdict.allowed) {
        admission_name_leads(&admission, arena, levels);
    }
    *(struct deployd_verdict *)result = view_verdict(
        &verdict, wanted->development ? "Cannot start editor" : "Cannot deploy", arena);
    return 0;
}

/* Containers --------------------------------------------------------------------------------- */

struct apply {
    struct deployd *deployd;
    struct ipc_request *request;
    enum quota_entity owner_kind;
    int64_t owner_id;
};

/* Of the owner's own level, or of the server's. */
static const struct deployd_over_limit *list_over(const struct apply *apply, struct arena *arena,
                                                  size_t *ret_count)
{
    struct quota_level level;
    struct deployd_over_limit *over = arena_calloc(arena, QUOTA_DIMENSION_COUNT, sizeof(*over));
    const struct admission admission =
        admission_for(apply->deployd, apply->owner_kind, apply->owner_id);
    *ret_count = 0;
    if (admission_read_level(&admission, arena, &level, NULL) < 0) {
        return over;
    }
    for (int i = 0; i < QUOTA_DIMENSION_COUNT; i++) {
        enum quota_dimension dimension = (enum quota_dimension)i;
        int64_t limit = quota_level_limit(&level, dimension).hard;
        if (limit != QUOTA_UNLIMITED && level.used.of[i] > limit) {
            over[(*ret_count)++] = (struct deployd_over_limit){
                .dimension = quota_dimension_info(dimension)->name,
                .unit = quota_unit_name(quota_dimension_info(dimension)->unit),
                .used = level.used.of[i],
                .limit = limit,
                .over_by = level.used.of[i] - limit,
            };
        }
    }
    return over;
}

static void on_applied(void *context)
{
    struct apply *apply = context;
    struct deployd_limits_apply_result result = {0};
    result.sites = inspect_owner_limits(apply->deployd, ipc_request_arena(apply->request),
                                        apply->owner_kind, apply->owner_id, &result.sites_count);
    result.over = list_over(apply, ipc_request_arena(apply->request), &result.over_count);
    ipc_request_reply(apply->request, &result);
}

/* The gate, the enforcer and the converger; the rest is theirs. */
static void tell(struct deployd *deployd, enum quota_entity owner_kind, int64_t owner_id)
{
    enforcer_look(deployd, owner_kind, owner_id);
    if (owner_kind == QUOTA_SYSTEM) {
        owner_limits_tell_all(deployd->owner_limits);
    } else {
        owner_limits_tell(deployd->owner_limits, owner_kind, owner_id);
    }
    converger_kick_owner(deployd->converger, owner_kind, owner_id);
}

/* What a team's members bring in is not theirs meanwhile. */
static void tell_members(struct deployd *deployd, struct arena *arena, const struct apply *apply)
{
    struct team_members_list list = {0};
    if (apply->owner_kind != QUOTA_TEAM ||
        team_members_list(deployd->run->db, arena, apply->owner_id, &list, NULL) < 0) {
        return;
    }
    for (size_t i = 0; i < list.count; i++) {
        tell(deployd, QUOTA_USER, list.rows[i].user_id);
    }
}

int handle_limits_apply(void *context, struct ipc_request *request, const void *params,
                        void *result, struct error *err)
{
    const struct deployd_limits_apply_params *wanted = params;
    struct deployd *deployd = rpc_deployd(context);
    struct apply *apply = arena_alloc(ipc_request_arena(request), sizeof(*apply));
    *apply = (struct apply){deployd, request, QUOTA_USER, wanted->owner_id};
    ASSERT(quota_entity_parse(wanted->owner_kind, &apply->owner_kind)); /* the contract's words */
    tell(deployd, apply->owner_kind, apply->owner_id);
    tell_members(deployd, ipc_request_arena(request), apply);
    converger_when_settled(deployd->converger, apply->owner_kind, apply->owner_id, APPLY_TIMEOUT_MS,
                           on_applied, apply);
    return IPC_LATER;
}

int handle_site_limits(void *context, struct ipc_request *request, const void *params, void *result,
                       struct error *err)
{
    const struct deployd_site_limits_params *wanted = params;
    return inspect_site_limits(rpc_deployd(context), ipc_request_arena(request), wanted->site_id,
                               result, err);
}

int handle_site_logs(void *context, struct ipc_request *request, const void *params, void *result,
                     struct error *err)
{
    const struct deployd_site_logs_params *wanted = params;
    struct deployd *deployd = rpc_deployd(context);
    struct site site;
    int status =
        rpc_find_site(deployd->run->db, ipc_request_arena(request), wanted->site_id, &site, err);
    return status < 0 ? status
                      : inspect_start_logs(deployd, request, site.id, wanted->tail, result, err);
}

int handle_containers(void *context, struct ipc_request *request, const void *params, void *result,
                      struct error *err)
{
    struct deployd_containers_result *list = result;
    list->containers = inspect_containers(rpc_deployd(context), ipc_request_arena(request),
                                          &list->containers_count);
    return 0;
}
