/*
 * Would it fit, and what would. Called through routes.c. The first is deployd's to say, with the
 * levels that bind; the second is read from the same tables here.
 */
#include "dialup-admind/access.h"
#include "dialup-admind/call.h"
#include "dialup-admind/handlers.h"
#include "dialup-admind/level.h"
#include "proto/deployd_rpc.h"
#include "proto/http_api.h"

/* For whom something would be asked. */
struct owner {
    enum quota_entity entity;
    int64_t id;
};

/* A user's: oneself, or for admins anybody; a team's: for who is in it. 0: not given. */
static int find_owner(const struct admind *admind, struct http_request *request, int64_t user_id,
                      int64_t team_id, const char *user_field, struct owner *ret_owner,
                      struct error *err)
{
    struct access_team team;
    struct user user;
    int result = 0;
    *ret_owner = (struct owner){QUOTA_USER, access_user_id(request)};
    if (team_id && user_id) {
        error_set_field(err, ERR_INVALID_ARGUMENT, "team",
                        "This is asked for an account or for a team, not for both");
        error_hint(err, "Leave one of the two out");
        return -ERR_INVALID_ARGUMENT;
    }
    if (team_id) {
        *ret_owner = (struct owner){QUOTA_TEAM, team_id};
        result = access_team(admind, request, team_id, ACCESS_MEMBER, &team, err);
        return result == -ERR_NOT_FOUND
                   ? error_set_field(err, ERR_NOT_FOUND, "team", "There is no such team")
                   : result;
    }
    if (user_id && user_id != ret_owner->id) {
        ret_owner->id = user_id;
        result = access_is_admin(request)
                     ? users_find(admind->run->db, http_request_arena(request), user_id, &user, err)
                     : -ERR_NOT_FOUND;
    }
    return result == -ERR_NOT_FOUND
               ? error_set_field(err, ERR_NOT_FOUND, user_field, "There is no such account")
               : result;
}

/* Validate ----------------------------------------------------------------------------------- */

/* What the account may not at all comes before any sum. */
static void answer_verdict(struct call *call, const void *result)
{
    struct deployd_verdict verdict = *(const struct deployd_verdict *)result;
    const struct error *forbidden = call->context;
    if (forbidden) {
        verdict.message = verdict.allowed ? forbidden->message
                                          : arena_printf(call->arena, "%s. %.700s",
                                                         forbidden->message, verdict.message);
        verdict.hint = forbidden->hint;
        verdict.allowed = false;
    }
    http_reply_json(call->request, 200, &deployd_verdict_shape, &verdict);
}

/* Whether the account may make sites and use the editor; who asks for a team is asked themselves.
 * *ret_forbidden is in the arena, NULL if nothing stands against it. */
static int check_account(const struct admind *admind, struct arena *arena, int64_t user_id,
                         const struct deployd_quota_validate_params *wanted,
                         struct error **ret_forbidden, struct error *err)
{
    struct user user;
    struct error *forbidden = arena_alloc(arena, sizeof(*forbidden));
    int result = users_find(admind->run->db, arena, user_id, &user, err);
    *ret_forbidden = NULL;
    if (result < 0) {
        return result;
    }
    if (wanted->development && !user.can_use_editor) {
        quota_refuse_editor("Cannot start editor", forbidden);
        *ret_forbidden = forbidden;
    } else if (wanted->new_site && !user.can_create_sites) {
        error_set(forbidden, ERR_FORBIDDEN,
                  "Cannot create site: creating sites is disabled for your account");
        error_hint(forbidden, "Contact admin to enable it");
        *ret_forbidden = forbidden;
    }
    return 0;
}

/* A name that is not a site of the owner yet stands for a new one. Where nobody is named, the site
 * of a team says whose it is. */
static bool find_site(const struct admind *admind, struct http_request *request,
                      const struct http_validate_request *body, struct owner *owner,
                      struct site *ret_site)
{
    if (!body->domain ||
        access_find_site_by_name(admind, request, body->domain, ret_site, NULL) < 0) {
        return false;
    }
    if (ret_site->owner_kind == QUOTA_TEAM && !body->has_user_id && !body->has_team) {
        *owner = (struct owner){QUOTA_TEAM, ret_site->owner_id};
    }
    return ret_site->owner_kind == owner->entity && ret_site->owner_id == owner->id;
}

int handle_quotas_validate(struct http_request *request, void *context, struct error *err)
{
    struct admind *admind = context;
    const struct http_validate_request *body = http_request_body(request);
    struct site site = {0};
    struct owner owner;
    int result = find_owner(admind, request, body->user_id, body->team, "user_id", &owner, err);
    if (result < 0) {
        return result;
    }
    bool exists = find_site(admind, request, body, &owner, &site);
    const struct deployd_quota_validate_params params = {
        .owner_kind = quota_entity_name(owner.entity),
        .owner_id = owner.id,
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
    struct error *forbidden;
    int64_t person = owner.entity == QUOTA_USER ? owner.id : access_user_id(request);
    result = check_account(admind, call->arena, person, &params, &forbidden, err);
    if (result < 0) {
        call_drop(call);
        return result;
    }
    call->context = forbidden;
    return call_send(call, PEER_DEPLOYD, &deployd_methods[DEPLOYD_QUOTA_VALIDATE], &params, err);
}

/* Fit ---------------------------------------------------------------------------------------- */

enum { LEVELS = 2 };

static int read_levels(const struct admind *admind, struct arena *arena, const struct owner *owner,
                       struct quota_level levels[LEVELS], struct error *err)
{
    int result = level_read(admind, arena, owner->entity, owner->id, &levels[0], err);
    return result == 0 ? level_read(admind, arena, QUOTA_SYSTEM, 0, &levels[1], err) : result;
}

static const struct http_fit_row *view_rows(struct arena *arena,
                                            const struct quota_amounts *largest,
                                            enum quota_entity entity, size_t *ret_count)
{
    struct http_fit_row *rows = arena_calloc(arena, QUOTA_DIMENSION_COUNT, sizeof(*rows));
    size_t count = 0;
    for (int i = 0; i < QUOTA_DIMENSION_COUNT; i++) {
        const struct quota_dimension_info *info = quota_dimension_info((enum quota_dimension)i);
        if (quota_dimension_is_counted((enum quota_dimension)i) &&
            quota_dimension_binds((enum quota_dimension)i, entity)) {
            rows[count++] = (struct http_fit_row){info->name, info->label,
                                                  quota_unit_name(info->unit), largest->of[i]};
        }
    }
    *ret_count = count;
    return rows;
}

int handle_quotas_fit(struct http_request *request, void *context, struct error *err)
{
    const struct admind *admind = context;
    const struct http_get_quotas_fit_query *query = http_request_query(request);
    struct arena *arena = http_request_arena(request);
    struct quota_level levels[LEVELS];
    struct quota_amounts largest;
    struct owner owner;
    int result = find_owner(admind, request, query->user, query->team, "user", &owner, err);
    if (result == 0) {
        result = read_levels(admind, arena, &owner, levels, err);
    }
    if (result < 0) {
        return result;
    }
    quota_fit(levels, LEVELS, &largest);
    struct http_fit fit = {
        .entity = quota_entity_name(owner.entity), .entity_id = owner.id, .name = levels[0].name};
    fit.dimensions = view_rows(arena, &largest, owner.entity, &fit.dimensions_count);
    http_reply_json(request, 200, &http_fit_shape, &fit);
    return 0;
}
