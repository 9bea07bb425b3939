/*
 * Limits of accounts, teams and the server. Called through routes.c. Limits are written here;
 * making running containers follow is deployd's.
 */
#include "dialup-admind/access.h"
#include "dialup-admind/call.h"
#include "dialup-admind/handlers.h"
#include "dialup-admind/level.h"
#include "dialup-admind/limit_input.h"
#include "dialup-admind/limit_note.h"
#include "dialup-admind/views.h"
#include "libdialup/base/clock.h"
#include "libdialup/base/log.h"
#include "libdialup/base/str.h"
#include "libdialup/db/transaction.h"
#include "libdialup/store/limits.h"
#include "libdialup/store/notices.h"

enum { AMOUNT_SIZE = 64, SYSTEM_AT_DEPLOYD = 1 };

/* Whose limits. The system's id is 0. */
struct subject {
    enum quota_entity entity;
    int64_t id;
    const char *profile; /* of an account */
};

/* Reading ------------------------------------------------------------------------------------ */

static int find_subject(const struct admind *admind, struct http_request *request,
                        enum quota_entity entity, struct subject *ret_subject, struct error *err)
{
    struct access_team team;
    struct user user = {0};
    int result = 0;
    *ret_subject = (struct subject){.entity = entity};
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

/* What binds; and what was given, in raw. */
static int read_level(const struct admind *admind, struct arena *arena,
                      const struct subject *subject, struct quota_level *ret_level,
                      struct quota_limit raw[QUOTA_DIMENSION_COUNT], struct error *err)
{
    int result = level_read(admind, arena, subject->entity, subject->id, ret_level, err);
    for (int i = 0; i < QUOTA_DIMENSION_COUNT; i++) {
        raw[i] = QUOTA_NO_LIMIT;
    }
    return result == 0 ? limits_read(admind->run->db, subject->entity, subject->id, raw, err)
                       : result;
}

static int read_quotas(const struct admind *admind, struct arena *arena,
                       const struct subject *subject, struct http_quotas *ret_quotas,
                       struct error *err)
{
    struct quota_limit raw[QUOTA_DIMENSION_COUNT];
    struct quota_level level;
    int result = read_level(admind, arena, subject, &level, raw, err);
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
    struct subject subject;
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

/* "Memory is 512MB now, it was 256MB"; NULL if nothing is different. */
static const char *describe_change(struct arena *arena, const struct quota_level *before,
                                   const struct quota_level *after)
{
    AUTO_STRBUF struct strbuf text = STRBUF_INIT;
    for (int i = 0; i < QUOTA_DIMENSION_COUNT; i++) {
        const struct quota_dimension_info *info = quota_dimension_info((enum quota_dimension)i);
        const int64_t limits[] = {quota_level_limit(after, (enum quota_dimension)i).hard,
                                  quota_level_limit(before, (enum quota_dimension)i).hard};
        char words[2][AMOUNT_SIZE];
        if (limits[0] == limits[1]) {
            continue;
        }
        for (int side = 0; side < 2; side++) {
            if (limits[side] == QUOTA_UNLIMITED) {
                snprintf(words[side], AMOUNT_SIZE, "without limit");
            } else {
                quota_format(info->unit, limits[side], words[side], AMOUNT_SIZE);
            }
        }
        strbuf_printf(&text, "%s%s is %s now, it was %s", text.size ? "; " : "", info->name,
                      words[0], words[1]);
    }
    return text.size ? arena_strdup(arena, strbuf_text(&text)) : NULL;
}

/* The owner of changed limits, a team's leads, or the other admins, read of it. */
static int tell(const struct admind *admind, const struct http_request *request,
                const struct subject *subject, const char *change, struct error *err)
{
    AUTO_STRBUF struct strbuf text = STRBUF_INIT;
    bool is_own = subject->entity == QUOTA_USER;
    strbuf_printf(&text, "%s were changed: %.900s",
                  is_own                          ? "Your limits"
                  : subject->entity == QUOTA_TEAM ? "Limits of your team"
                                                  : "The server's limits",
                  change);
    const struct notice notice = {
        .user_id = is_own ? subject->id : access_user_id(request),
        .kind = NOTICE_LIMITS,
        .entity = subject->entity,
        .entity_id = subject->id,
        .text = strbuf_text(&text),
        .at = clock_unix(),
    };
    return is_own                          ? notices_add(admind->run->db, &notice, err)
           : subject->entity == QUOTA_TEAM ? notices_add_for_leads(admind->run->db, &notice, err)
                                           : notices_add_for_admins(admind->run->db, &notice, err);
}

/* What is needed after deployd's answer; in the call's arena. */
struct saved {
    struct subject subject;
    const char *note; /* NULL: nothing to say */
    const char *const *warnings;
    size_t warnings_count;
};

/* Limits, notice and record together. */
static int save(struct admind *admind, struct http_request *request, const struct subject *subject,
                struct arena *arena, struct saved *ret_saved, struct error *err)
{
    const struct http_quotas_change *body = http_request_body(request);
    struct quota_limit raw[QUOTA_DIMENSION_COUNT];
    bool is_changed[QUOTA_DIMENSION_COUNT];
    struct quota_level before;
    struct quota_level after;
    AUTO_TRANSACTION struct db_transaction transaction = {0};
    int r = db_transaction_begin(&transaction, admind->run->db, err);
    if (r < 0 || (r = read_level(admind, arena, subject, &before, raw, err)) < 0 ||
        (r = limit_input_apply(arena, body->limits, body->limits_count, subject->entity, raw,
                               is_changed, err)) < 0 ||
        (r = limits_put_all(admind->run->db, subject->entity, subject->id, raw, clock_unix(),
                            err)) < 0 ||
        (r = read_level(admind, arena, subject, &after, raw, err)) < 0) {
        return r;
    }
    const char *change = describe_change(arena, &before, &after);
    if ((change && (r = tell(admind, request, subject, change, err)) < 0) ||
        (r = db_transaction_commit(&transaction, err)) < 0) {
        return r;
    }
    *ret_saved =
        (struct saved){.subject = *subject, .note = limit_note(admind, arena, raw, is_changed)};
    ret_saved->warnings = limit_warnings(arena, &after, is_changed, &ret_saved->warnings_count);
    return 0;
}

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
    quotas.note = saved->note;
    quotas.warnings = saved->warnings;
    quotas.warnings_count = saved->warnings_count;
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

static struct deployd_limits_apply_params params_of(enum quota_entity entity, int64_t id)
{
    return (struct deployd_limits_apply_params){quota_entity_name(entity),
                                                entity == QUOTA_SYSTEM ? SYSTEM_AT_DEPLOYD : id};
}

static int put(struct admind *admind, struct http_request *request, enum quota_entity entity,
               struct error *err)
{
    const struct http_quotas_change *body = http_request_body(request);
    struct subject subject;
    int result = find_subject(admind, request, entity, &subject, err);
    if (result < 0) {
        return result;
    }
    struct call *call = call_new(admind, request, answer_applied);
    struct saved *saved = arena_alloc(call->arena, sizeof(*saved));
    subject.profile = subject.profile ? arena_strdup(call->arena, subject.profile) : NULL;
    result = save(admind, request, &subject, call->arena, saved, err);
    if (result < 0) {
        call_drop(call);
        return result;
    }
    access_audit(
        admind, request, "limits.change",
        arena_printf(call->arena, "%s:%lld", quota_entity_name(entity), (long long)subject.id),
        limit_input_describe(call->arena, body->limits, body->limits_count));
    call->context = saved;
    call->on_failed = explain_saved;
    const struct deployd_limits_apply_params params = params_of(entity, subject.id);
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

static void on_applied(void *context, const void *result, const struct error *err)
{
    if (err) {
        log_warning("limits are saved and not applied yet: %s", err->message);
    }
}

void quotas_apply_to(struct admind *admind, enum quota_entity entity, int64_t id)
{
    const struct deployd_limits_apply_params params = params_of(entity, id);
    struct error err;
    if (deployd_call_limits_apply(admind->peers[PEER_DEPLOYD], &params, NULL, on_applied, NULL,
                                  &err) < 0) {
        on_applied(NULL, NULL, &err);
    }
}
