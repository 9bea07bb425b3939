/*
 * What an account or a team uses now. Called through routes.c; reads the database alone.
 */
#include "dialup-admind/access.h"
#include "dialup-admind/handlers.h"
#include "dialup-admind/level.h"
#include "dialup-admind/usage_view.h"

enum { WARNING_SIZE = 4096 };

static int reply(const struct admind *admind, struct http_request *request,
                 const struct scope *owner, const char *warning, struct error *err)
{
    struct http_usage usage;
    int result = usage_view(admind, http_request_arena(request), owner, &usage, err);
    if (result == 0) {
        usage.warning = warning;
        http_reply_json(request, 200, &http_usage_shape, &usage);
    }
    return result;
}

int handle_usage(struct http_request *request, void *context, struct error *err)
{
    struct user user;
    int result = access_find_user(context, request, &user, err);
    const struct scope owner = {SCOPE_OWNER, QUOTA_USER, result == 0 ? user.id : 0};
    return result == 0 ? reply(context, request, &owner, NULL, err) : result;
}

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

int handle_team_usage(struct http_request *request, void *context, struct error *err)
{
    const char *warning = NULL;
    struct access_team team;
    int result = access_find_team(context, request, ACCESS_MEMBER, &team, err);
    if (result == 0 && team.may_lead) {
        result = warn(context, http_request_arena(request), team.team.id, &warning, err);
    }
    const struct scope owner = {SCOPE_OWNER, QUOTA_TEAM, result == 0 ? team.team.id : 0};
    return result == 0 ? reply(context, request, &owner, warning, err) : result;
}
