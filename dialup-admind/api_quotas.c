/*
 * Limits of accounts, teams and the server. Called through routes.c. Limits are written here;
 * making running containers follow is deployd's.
 */
#include "dialup-admind/access.h"
#include "dialup-admind/call.h"
#include "dialup-admind/handlers.h"
#include "dialup-admind/quotas.h"
#include "dialup-admind/views.h"
#include "libdialup/base/log.h"

/* Reading ------------------------------------------------------------------------------------ */

static int find_subject(const struct admind *admind, struct http_request *request,
                        enum quota_entity entity, struct quotas_subject *ret_subject,
                        struct error *err)
{
    struct access_team team;
    struct user user = {0};
    int result = 0;
    *ret_subject = (struct quotas_subject){.entity = entity};
    if (entity == QUOTA_USER) {
        result = access_find_user(admind, request, &user, err);
        ret_subject->id = user.id;
        ret_subject->profile = user.profile;
    } else if (entity == QUOTA_TEAM) {
        result = access_find_team(admind, request, ACCESS_MEMBER, &team, err);
        ret_subject->id = result == 0 ? team.team.id : 0;
    }
    return result;
}

static int read_quotas(const struct admind *admind, struct arena *arena,
                       const struct quotas_subject *subject, struct http_quotas *ret_quotas,
                       struct error *err)
{
    struct quota_limit raw[QUOTA_DIMENSION_COUNT];
    struct quota_level level;
    int result = quotas_read(admind, arena, subject, &level, raw, err);
    if (result == 0) {
        *ret_quotas = (struct http_quotas){
            .entity = quota_entity_name(subject->entity),
            .entity_id = subject->id,
            .name = level.name,
            .user_id = subject->id,
            .has_user_id = subject->entity == QUOTA_USER,
            .profile = subject->profile,
        };
        ret_quotas->limits =
            view_limits(arena, subject->entity, raw, &level, &ret_quotas->limits_count);
    }
    return result;
}

static int get(const struct admind *admind, struct http_request *request, enum quota_entity entity,
               struct error *err)
{
    struct http_quotas quotas;
    struct quotas_subject subject;
    int result = find_subject(admind, request, entity, &subject, err);
    if (result == 0) {
        result = read_quotas(admind, http_request_arena(request), &subject, &quotas, err);
    }
    if (result == 0) {
        http_reply_json(request, 200, &http_quotas_shape, &quotas);
    }
    return result;
}

int handle_quotas_get(struct http_request *request, void *context, struct error *err)
{
    return get(context, request, QUOTA_USER, err);
}

int handle_quotas_team_get(struct http_request *request, void *context, struct error *err)
{
    return get(context, request, QUOTA_TEAM, err);
}

int handle_quotas_system_get(struct http_request *request, void *context, struct error *err)
{
    return get(context, request, QUOTA_SYSTEM, err);
}

/* Changing ----------------------------------------------------------------------------------- */

/* What is needed after deployd's answer; in the call's arena. */
struct saved {
    struct quotas_subject subject;
    struct quotas_saved said;
};

static void answer_applied(struct call *call, const void *result)
{
    const struct deployd_limits_apply_result *applied = result;
    const struct saved *saved = call->context;
    struct http_quotas quotas;
    struct error err;
    if (read_quotas(call->admind, call->arena, &saved->subject, &quotas, &err) < 0) {
        http_reply_error(call->request, &err);
        return;
    }
    quotas.applied = applied->sites;
    quotas.applied_count = applied->sites_count;
    quotas.over = applied->over;
    quotas.over_count = applied->over_count;
    quotas.note = saved->said.note;
    quotas.warnings = saved->said.warnings;
    quotas.warnings_count = saved->said.warnings_count;
    http_reply_json(call->request, 200, &http_quotas_shape, &quotas);
}

/* The change stands: saying only that deployd is away would make people save it again. */
static void explain_saved(struct call *call, struct error *err)
{
    log_warning("limits are saved and not applied yet: %s", err->message);
    error_set(err, ERR_UNAVAILABLE, "The limits are saved, but running sites do not follow yet: %s",
              error_info(err->code)->sentence);
    error_hint(err, "They follow by themselves once dialup-deployd answers again");
}

static int put(struct admind *admind, struct http_request *request, enum quota_entity entity,
               struct error *err)
{
    const struct http_quotas_change *body = http_request_body(request);
    struct quotas_subject subject;
    int result = find_subject(admind, request, entity, &subject, err);
    if (result < 0) {
        return result;
    }
    struct call *call = call_new(admind, request, answer_applied);
    struct saved *saved = arena_alloc(call->arena, sizeof(*saved));
    subject.profile = subject.profile ? arena_strdup(call->arena, subject.profile) : NULL;
    const struct quotas_actor actor = {{call->actor, call->request_id}, access_user_id(request)};
    saved->subject = subject;
    result = quotas_save(admind, call->arena, &subject, body->limits, body->limits_count, &actor,
                         &saved->said, err);
    if (result < 0) {
        call_drop(call);
        return result;
    }
    call->context = saved;
    call->on_failed = explain_saved;
    const struct deployd_limits_apply_params params = quotas_apply_params(entity, subject.id);
    return call_send(call, PEER_DEPLOYD, &deployd_methods[DEPLOYD_LIMITS_APPLY], &params, err);
}

int handle_quotas_put(struct http_request *request, void *context, struct error *err)
{
    return put(context, request, QUOTA_USER, err);
}

int handle_quotas_team_put(struct http_request *request, void *context, struct error *err)
{
    return put(context, request, QUOTA_TEAM, err);
}

int handle_quotas_system_put(struct http_request *request, void *context, struct error *err)
{
    return put(context, request, QUOTA_SYSTEM, err);
}
