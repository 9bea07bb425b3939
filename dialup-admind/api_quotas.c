/*
 * Limits and profiles. Called through routes.c. Limits are written here; making running containers
 * follow, and saying what would fit, is deployd's.
 */
#include "dialup-admind/access.h"
#include "dialup-admind/call.h"
#include "dialup-admind/handlers.h"
#include "dialup-admind/limit_note.h"
#include "dialup-admind/people.h"
#include "dialup-admind/views.h"
#include "libdialup/base/clock.h"
#include "libdialup/base/log.h"
#include "libdialup/base/str.h"
#include "libdialup/store/limits.h"

int handle_profiles(struct http_request *request, void *context, struct error *err)
{
    struct arena *arena = http_request_arena(request);
    size_t count = 0;
    while (quota_profile_at(count)) {
        count++;
    }
    struct http_profile *profiles = arena_calloc(arena, count, sizeof(*profiles));
    for (size_t i = 0; i < count; i++) {
        const struct quota_profile *profile = quota_profile_at(i);
        size_t limits_count;
        const struct http_limit *limits = view_limits(arena, profile->limits, &limits_count);
        profiles[i] = (struct http_profile){
            .name = profile->name,
            .limits = limits,
            .limits_count = limits_count,
            .can_create_sites = profile->can_create_sites,
            .can_use_editor = profile->can_use_editor,
        };
    }
    const struct http_profile_list answer = {.profiles = profiles, .profiles_count = count};
    http_reply_json(request, 200, &http_profile_list_shape, &answer);
    return 0;
}

static int read_quotas(const struct admind *admind, struct arena *arena, const struct user *user,
                       struct http_quotas *ret_quotas, struct error *err)
{
    struct quota_level level;
    quota_level_init(&level, QUOTA_USER, user->email);
    int result = limits_read(admind->run->db, QUOTA_USER, user->id, level.limits, err);
    if (result == 0) {
        *ret_quotas = (struct http_quotas){.user_id = user->id, .profile = user->profile};
        ret_quotas->limits = view_limits(arena, level.limits, &ret_quotas->limits_count);
    }
    return result;
}

int handle_quotas_get(struct http_request *request, void *context, struct error *err)
{
    const struct admind *admind = context;
    struct http_quotas quotas;
    struct user user;
    int result = access_find_user(admind, request, &user, err);
    if (result == 0) {
        result = read_quotas(admind, http_request_arena(request), &user, &quotas, err);
    }
    if (result == 0) {
        http_reply_json(request, 200, &http_quotas_shape, &quotas);
    }
    return result;
}

static int apply_one(const struct http_limit_change *change, struct quota_limit *limits,
                     bool *is_set, struct error *err)
{
    enum quota_dimension dimension;
    int result = quota_dimension_find(change->dimension, &dimension, err);
    if (result < 0) {
        return result;
    }
    if (is_set[dimension]) {
        return error_set_field(err, ERR_INVALID_ARGUMENT, "dimension",
                               "The limit of \"%s\" is given twice", change->dimension);
    }
    if (change->hard < QUOTA_UNLIMITED || change->hard > QUOTA_MAX_AMOUNT) {
        error_set_field(err, ERR_INVALID_ARGUMENT, "hard", "%lld cannot be the limit of \"%s\"",
                        (long long)change->hard, change->dimension);
        error_hint(err, "Give 0 to %lld %s, or -1 for no limit", (long long)QUOTA_MAX_AMOUNT,
                   quota_unit_name(quota_dimension_info(dimension)->unit));
        return -ERR_INVALID_ARGUMENT;
    }
    struct quota_limit *limit = &limits[dimension];
    is_set[dimension] = true;
    limit->hard = change->hard;
    limit->soft_percent = change->has_soft_percent ? change->soft_percent : limit->soft_percent;
    limit->burst_percent = change->has_burst_percent ? change->burst_percent : limit->burst_percent;
    return quota_limit_check(limit, dimension, QUOTA_USER, err);
}

static int apply_all(struct arena *arena, const struct http_quotas_change *body,
                     struct quota_limit *limits, struct error *err)
{
    bool is_set[QUOTA_DIMENSION_COUNT] = {0};
    int result = 0;
    for (size_t i = 0; result == 0 && i < body->limits_count; i++) {
        result = apply_one(&body->limits[i], limits, is_set, err);
        if (result < 0) {
            error_prefix_field(err, arena_printf(arena, "limits[%zu]", i));
        }
    }
    return result;
}

/* {"memory":512,...}: what was asked for. */
static const char *describe(const struct http_quotas_change *body, struct arena *arena)
{
    AUTO_STRBUF struct strbuf text = STRBUF_INIT;
    struct json_writer writer;
    json_writer_init(&writer, &text);
    json_begin_object(&writer);
    for (size_t i = 0; i < body->limits_count; i++) {
        json_put_integer(&writer, body->limits[i].dimension, body->limits[i].hard);
    }
    json_end_object(&writer);
    return arena_strdup(arena, strbuf_text(&text));
}

/* What is needed after deployd's answer; in the call's arena. */
struct saved {
    int64_t user_id;
    const char *note; /* NULL: nothing to say */
};

/* Of the limits that the body gave, once they stand. */
static const char *note_of(const struct admind *admind, struct arena *arena,
                           const struct http_quotas_change *body, const struct quota_limit *limits)
{
    bool is_changed[QUOTA_DIMENSION_COUNT] = {0};
    for (size_t i = 0; i < body->limits_count; i++) {
        enum quota_dimension dimension;
        if (quota_dimension_parse(body->limits[i].dimension, &dimension)) {
            is_changed[dimension] = true;
        }
    }
    return limit_note(admind, arena, limits, is_changed);
}

static int save(struct admind *admind, struct http_request *request, const struct user *user,
                const char **ret_note, struct error *err)
{
    struct arena *arena = http_request_arena(request);
    const struct http_quotas_change *body = http_request_body(request);
    struct quota_level level;
    quota_level_init(&level, QUOTA_USER, user->email);
    int result = limits_read(admind->run->db, QUOTA_USER, user->id, level.limits, err);
    if (result == 0) {
        result = apply_all(arena, body, level.limits, err);
    }
    if (result == 0) {
        result =
            limits_put_all(admind->run->db, QUOTA_USER, user->id, level.limits, clock_unix(), err);
    }
    if (result == 0) {
        access_audit(admind, request, "limits.change",
                     arena_printf(arena, "user:%lld", (long long)user->id), describe(body, arena));
        *ret_note = note_of(admind, arena, body, level.limits);
    }
    return result;
}

static void answer_applied(struct call *call, const void *result)
{
    const struct deployd_limits_apply_result *applied = result;
    const struct saved *saved = call->context;
    struct arena *arena = call->arena;
    struct http_quotas quotas;
    struct user user;
    struct error err;
    int status = users_find(call->admind->run->db, arena, saved->user_id, &user, &err);
    if (status == 0) {
        status = read_quotas(call->admind, arena, &user, &quotas, &err);
    }
    if (status < 0) {
        http_reply_error(call->request, &err);
        return;
    }
    quotas.applied = applied->sites;
    quotas.applied_count = applied->sites_count;
    quotas.note = saved->note;
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

int handle_quotas_put(struct http_request *request, void *context, struct error *err)
{
    struct admind *admind = context;
    const char *note = NULL;
    struct user user;
    int result = access_find_user(admind, request, &user, err);
    if (result == 0) {
        result = save(admind, request, &user, &note, err);
    }
    if (result < 0) {
        return result;
    }
    struct call *call = call_new(admind, request, answer_applied);
    struct saved *saved = arena_alloc(call->arena, sizeof(*saved));
    *saved = (struct saved){user.id, note ? arena_strdup(call->arena, note) : NULL};
    call->context = saved;
    call->on_failed = explain_saved;
    const struct deployd_limits_apply_params params = {"user", user.id};
    return call_send(call, PEER_DEPLOYD, &deployd_methods[DEPLOYD_LIMITS_APPLY], &params, err);
}

static void on_applied(void *context, const void *result, const struct error *err)
{
    if (err) {
        log_warning("limits are saved and not applied yet: %s", err->message);
    }
}

void quotas_apply_to(struct admind *admind, int64_t user_id)
{
    const struct deployd_limits_apply_params params = {"user", user_id};
    struct error err;
    if (deployd_call_limits_apply(admind->peers[PEER_DEPLOYD], &params, NULL, on_applied, NULL,
                                  &err) < 0) {
        on_applied(NULL, NULL, &err);
    }
}

static void answer_verdict(struct call *call, const void *result)
{
    http_reply_json(call->request, 200, &deployd_verdict_shape, result);
}

/* For whom: oneself, or for admins anybody. */
static int find_subject(const struct admind *admind, struct http_request *request,
                        const struct http_validate_request *body, int64_t *ret_id,
                        struct error *err)
{
    struct user user;
    *ret_id = access_user_id(request);
    if (!body->has_user_id || body->user_id == *ret_id) {
        return 0;
    }
    if (!access_is_admin(request)) {
        return error_set_field(err, ERR_NOT_FOUND, "user_id", "There is no such account");
    }
    *ret_id = body->user_id;
    int result =
        users_find(admind->run->db, http_request_arena(request), body->user_id, &user, err);
    if (result == -ERR_NOT_FOUND) {
        return error_set_field(err, ERR_NOT_FOUND, "user_id", "There is no such account");
    }
    return result;
}

/* A name that is not a site of the account yet stands for a new one. */
static bool is_owned(const struct admind *admind, struct http_request *request, const char *domain,
                     int64_t owner_id, struct site *ret_site)
{
    return domain && access_find_site_by_name(admind, request, domain, ret_site, NULL) == 0 &&
           ret_site->owner_kind == QUOTA_USER && ret_site->owner_id == owner_id;
}

int handle_quotas_validate(struct http_request *request, void *context, struct error *err)
{
    struct admind *admind = context;
    const struct http_validate_request *body = http_request_body(request);
    struct site site = {0};
    int64_t owner_id;
    int result = find_subject(admind, request, body, &owner_id, err);
    if (result < 0) {
        return result;
    }
    bool exists = is_owned(admind, request, body->domain, owner_id, &site);
    const struct deployd_quota_validate_params params = {
        .owner_kind = "user",
        .owner_id = owner_id,
        .new_site = body->has_new_site ? body->new_site : !exists,
        .site_id = site.id,
        .has_site_id = exists,
        .type = body->type ? body->type
                : exists   ? site.type
                           : NULL,
        .memory_mib = body->memory_mib,
        .has_memory_mib = body->has_memory_mib,
        .cpu_millicores = body->cpu_millicores,
        .has_cpu_millicores = body->has_cpu_millicores,
        .storage_mib = body->storage_mib,
        .has_storage_mib = body->has_storage_mib,
        .development = body->development,
        .has_development = body->has_development,
    };
    struct call *call = call_new(admind, request, answer_verdict);
    return call_send(call, PEER_DEPLOYD, &deployd_methods[DEPLOYD_QUOTA_VALIDATE], &params, err);
}
