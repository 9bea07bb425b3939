/*
 * Limits are held to now. Handler of proto/deployd.openrpc.json; the table of them is in rpc.c.
 */
#include "dialup-deployd/rpc.h"

#include "dialup-deployd/deployd.h"
#include "dialup-deployd/pressure/enforcer.h"
#include "dialup-deployd/pressure/pressure.h"
#include "proto/deployd_rpc.h"

int handle_quota_enforce(void *context, struct ipc_request *request, const void *params,
                         void *result, struct error *err)
{
    const struct deployd_quota_enforce_params *wanted = params;
    struct deployd *deployd = rpc_deployd(context);
    struct arena *arena = ipc_request_arena(request);
    struct deployd_quota_enforce_result *answer = result;
    struct enforced_list list;
    bool is_dry = wanted->has_dry_run && wanted->dry_run;
    if (wanted->has_owner_id != (wanted->owner_kind != NULL)) {
        return error_set_field(err, ERR_INVALID_ARGUMENT, "owner_id",
                               "An owner is named by its kind and its id, or by neither");
    }
    enum quota_entity kind = wanted->owner_kind ? rpc_owner_kind(wanted->owner_kind) : QUOTA_SYSTEM;
    int status = enforcer_run(deployd, arena, kind, wanted->owner_id, is_dry, &list, err);
    if (status < 0) {
        return status;
    }
    if (!is_dry) {
        pressure_kick(deployd->pressure);
    }
    struct deployd_enforcement_step *steps = arena_calloc(arena, list.count, sizeof(*steps));
    for (size_t i = 0; i < list.count; i++) {
        const struct enforced *row = &list.rows[i];
        steps[i] = (struct deployd_enforcement_step){
            .step = row->step,
            .owner_kind = quota_entity_name(row->owner_kind),
            .owner_id = row->owner_id,
            .site = row->site,
            .reason = row->reason,
            .done = row->done,
        };
    }
    *answer = (struct deployd_quota_enforce_result){.steps = steps, .steps_count = list.count};
    return 0;
}
