/*
 * Owners are held to their limits now, instead of when deployd looks next. Called through routes.c.
 */
#include "dialup-admind/access.h"
#include "dialup-admind/call.h"
#include "dialup-admind/handlers.h"
#include "dialup-admind/level.h"
#include "proto/deployd_rpc.h"
#include "proto/http_api.h"

static void answer_enforced(struct call *call, const void *result)
{
    const struct deployd_quota_enforce_result *enforced = result;
    const bool *is_dry = call->context;
    const struct http_enforcement answer = {*is_dry, enforced->steps, enforced->steps_count};
    http_reply_json(call->request, 200, &http_enforcement_shape, &answer);
}

/* One owner, who is there, or everybody. */
static int check_owner(const struct admind *admind, struct http_request *request,
                       const struct http_enforce_request *body, struct error *err)
{
    enum quota_entity entity = QUOTA_USER;
    struct quota_level level;
    if (!body->entity && !body->has_id) {
        return 0;
    }
    if (!body->entity || !body->has_id) {
        error_set_field(err, ERR_MISSING_FIELD, body->entity ? "id" : "entity",
                        "Whose limits is said by entity and id together");
        error_hint(err, "Leave both out for everybody");
        return -ERR_MISSING_FIELD;
    }
    quota_entity_parse(body->entity, &entity);
    int result = level_read(admind, http_request_arena(request), entity, body->id, &level, err);
    return result == -ERR_NOT_FOUND
               ? error_set_field(err, ERR_NOT_FOUND, "id", "There is no such %s", body->entity)
               : result;
}

int handle_quotas_enforce(struct http_request *request, void *context, struct error *err)
{
    struct admind *admind = context;
    const struct http_enforce_request *body = http_request_body(request);
    int result = check_owner(admind, request, body, err);
    if (result < 0) {
        return result;
    }
    struct call *call = call_new(admind, request, answer_enforced);
    bool *is_dry = arena_alloc(call->arena, sizeof(*is_dry));
    *is_dry = body->has_dry_run && body->dry_run;
    call->context = is_dry;
    if (!*is_dry) {
        call_record(call, "limits.enforce",
                    body->entity
                        ? arena_printf(call->arena, "%s:%lld", body->entity, (long long)body->id)
                        : "system:0");
    }
    const struct deployd_quota_enforce_params params = {
        .owner_kind = body->entity,
        .owner_id = body->id,
        .has_owner_id = body->has_id,
        .dry_run = *is_dry,
        .has_dry_run = true,
    };
    return call_send(call, PEER_DEPLOYD, &deployd_methods[DEPLOYD_QUOTA_ENFORCE], &params, err);
}
