/*
 * What an account or a team uses now. Called through routes.c; reads the database, and asks
 * monitord what passes the gate. Without monitord that is left out.
 */
#include "dialup-admind/access.h"
#include "dialup-admind/call.h"
#include "dialup-admind/handlers.h"
#include "dialup-admind/level.h"
#include "dialup-admind/usage_view.h"
#include "proto/monitord_rpc.h"

enum { WARNING_SIZE = 4096 };

/* In the call's arena. */
struct wanted {
    struct scope owner;
    bool with_warning;
};

/* What is near its limit is for who leads the team. */
static int warn(const struct admind *admind, struct arena *arena, int64_t team_id,
                const char **ret_warning, struct error *err)
{
    const struct quota_machine machine = level_machine(admind);
    struct quota_team quota;
    int result = teams_read_quota(admind->run->db, arena, team_id, &machine, &quota, err);
    if (result == 0) {
        char *text = arena_alloc(arena, WARNING_SIZE);
        quota_team_warn(&quota, text, WARNING_SIZE);
        *ret_warning = *text ? text : NULL;
    }
    return result;
}

static void answer_usage(struct call *call, const void *result)
{
    const struct wanted *wanted = call->context;
    const struct monitord_usage_of_owner_result *now = result;
    const struct gate_use gate = {now ? now->connections : 0, now ? now->kbit_per_s : 0};
    struct http_usage usage;
    struct error err;
    int code =
        usage_view(call->admind, call->arena, &wanted->owner, now ? &gate : NULL, &usage, &err);
    if (code == 0 && wanted->with_warning) {
        code = warn(call->admind, call->arena, wanted->owner.id, &usage.warning, &err);
    }
    if (code == 0) {
        http_reply_json(call->request, 200, &http_usage_shape, &usage);
    } else {
        http_reply_error(call->request, &err);
    }
}

static int reply(struct admind *admind, struct http_request *request, enum quota_entity entity,
                 int64_t id, bool with_warning, struct error *err)
{
    struct call *call = call_new(admind, request, answer_usage);
    struct wanted *wanted = arena_alloc(call->arena, sizeof(*wanted));
    const struct monitord_usage_of_owner_params params = {quota_entity_name(entity), id};
    *wanted = (struct wanted){{SCOPE_OWNER, entity, id}, with_warning};
    call->context = wanted;
    call->answers_anyway = true;
    if (!ipc_client_is_connected(admind->peers[PEER_MONITORD])) {
        answer_usage(call, NULL);
        call_drop(call);
        return 0;
    }
    return call_send(call, PEER_MONITORD, &monitord_methods[MONITORD_USAGE_OF_OWNER], &params, err);
}

int handle_usage(struct http_request *request, void *context, struct error *err)
{
    struct user user;
    int result = access_find_user(context, request, &user, err);
    return result == 0 ? reply(context, request, QUOTA_USER, user.id, false, err) : result;
}

int handle_team_usage(struct http_request *request, void *context, struct error *err)
{
    struct access_team team;
    int result = access_find_team(context, request, ACCESS_MEMBER, &team, err);
    return result == 0 ? reply(context, request, QUOTA_TEAM, team.team.id, team.may_lead, err)
                       : result;
}
