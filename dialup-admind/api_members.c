/*
 * Who is in a team, in which role, and what each brings in. Called through routes.c.
 */
#include "dialup-admind/access.h"
#include "dialup-admind/handlers.h"
#include "dialup-admind/level.h"
#include "dialup-admind/quotas.h"
#include "dialup-admind/shares.h"
#include "dialup-admind/team_view.h"
#include "libdialup/base/clock.h"
#include "libdialup/base/str.h"
#include "libdialup/db/transaction.h"

static void record(const struct admind *admind, struct http_request *request, const char *action,
                   const struct access_team *team, int64_t user_id)
{
    struct arena *arena = http_request_arena(request);
    access_audit(admind, request, action,
                 arena_printf(arena, "team:%lld", (long long)team->team.id),
                 arena_printf(arena, "{\"user\":%lld}", (long long)user_id));
}

/* The store speaks of "user_id"; these requests say "user". */
static int name_field(int result, struct error *err)
{
    if (result < 0 && err && str_equal(err->field, "user_id")) {
        snprintf(err->field, sizeof(err->field), "user");
    }
    return result;
}

/* Whether leads may is the person's own to say, or an admin's. */
static int check_trust(const struct http_request *request, int64_t user_id, struct error *err)
{
    if (access_is_admin(request) || user_id == access_user_id(request)) {
        return 0;
    }
    error_set_field(err, ERR_FORBIDDEN, "leads_may_move",
                    "Only they themselves, or an admin, may say this");
    error_hint(err, "Ask them to");
    return -ERR_FORBIDDEN;
}

/* Adding ------------------------------------------------------------------------------------- */

static int add(const struct admind *admind, struct http_request *request,
               const struct access_team *team, const struct user *user, struct error *err)
{
    const struct http_team_member_add *body = http_request_body(request);
    const struct share_wish wish = {body->brings, body->brings_count, body->has_percent,
                                    body->percent};
    enum team_role role = TEAM_ROLE_MEMBER;
    int64_t id = team->team.id;
    struct db *db = admind->run->db;
    AUTO_TRANSACTION struct db_transaction transaction = {0};
    if (body->role) {
        team_role_parse(body->role, &role);
    }
    int r = db_transaction_begin(&transaction, db, err);
    if (r < 0 || (r = team_members_add(db, id, user->id, role, clock_unix(), err)) < 0 ||
        (r = team_members_set_leads_may_move(
             db, id, user->id, body->has_leads_may_move && body->leads_may_move, err)) < 0 ||
        (r = shares_set(admind, request, team, user->id, &wish, err)) < 0 ||
        (r = shares_tell(admind, request, team, user->id,
                         arena_printf(http_request_arena(request), "You are in the team %s now",
                                      team->team.name),
                         err)) < 0) {
        return r;
    }
    return db_transaction_commit(&transaction, err);
}

int handle_members_add(struct http_request *request, void *context, struct error *err)
{
    struct admind *admind = context;
    const struct http_team_member_add *body = http_request_body(request);
    struct access_team team;
    struct user user;
    int r = access_find_team(admind, request, ACCESS_LEAD, &team, err);
    if (r < 0 || (r = access_find_person(admind, request, body->user, "user", &user, err)) < 0 ||
        (r = body->has_leads_may_move ? check_trust(request, user.id, err) : 0) < 0 ||
        (r = name_field(add(admind, request, &team, &user, err), err)) < 0) {
        return r;
    }
    quotas_apply_to(admind, QUOTA_TEAM, team.team.id);
    record(admind, request, "team.member_add", &team, user.id);
    return team_reply(admind, request, 201, &team, err);
}

/* Changing ----------------------------------------------------------------------------------- */

static int find_member(const struct admind *admind, struct http_request *request,
                       const struct access_team *team, struct team_member *ret_member,
                       struct error *err)
{
    int64_t user_id;
    int result = http_request_param_id(request, "user", &user_id, err);
    if (result < 0) {
        return result;
    }
    ret_member->user_id = user_id;
    bool is_member = false;
    result = team_members_find(admind->run->db, team->team.id, user_id, &is_member,
                               &ret_member->role, err);
    if (result == 0 && !is_member) {
        error_set_field(err, ERR_NOT_FOUND, "user", "They are not in this team");
        error_hint(err, "GET /api/teams/%lld lists its members", (long long)team->team.id);
        return -ERR_NOT_FOUND;
    }
    return result;
}

static int set_role(const struct admind *admind, struct http_request *request,
                    const struct access_team *team, const struct team_member *member,
                    const char *name, struct error *err)
{
    enum team_role role = member->role;
    team_role_parse(name, &role);
    if (role == member->role) {
        return 0;
    }
    if (!team->may_lead) {
        error_set_field(err, ERR_FORBIDDEN, "role", "Only a lead of the team changes roles");
        error_hint(err, "Ask one of its leads");
        return -ERR_FORBIDDEN;
    }
    const char *text =
        arena_printf(http_request_arena(request), "You are a %s of the team %s now",
                     role == TEAM_ROLE_LEAD ? "lead" : "plain member", team->team.name);
    int result = team_members_set_role(admind->run->db, team->team.id, member->user_id, role, err);
    return result == 0 ? shares_tell(admind, request, team, member->user_id, text, err) : result;
}

/* All that the body says, or nothing of it. */
static int change(const struct admind *admind, struct http_request *request,
                  const struct access_team *team, const struct team_member *member,
                  struct error *err)
{
    const struct http_team_member_change *body = http_request_body(request);
    const struct share_wish wish = {body->brings, body->brings_count, body->has_percent,
                                    body->percent};
    AUTO_TRANSACTION struct db_transaction transaction = {0};
    int r = db_transaction_begin(&transaction, admind->run->db, err);
    if (r == 0 && body->role) {
        r = set_role(admind, request, team, member, body->role, err);
    }
    if (r == 0 && body->has_leads_may_move) {
        r = check_trust(request, member->user_id, err);
    }
    if (r == 0 && body->has_leads_may_move) {
        r = team_members_set_leads_may_move(admind->run->db, team->team.id, member->user_id,
                                            body->leads_may_move, err);
    }
    if (r == 0) {
        r = shares_set(admind, request, team, member->user_id, &wish, err);
    }
    return r == 0 ? db_transaction_commit(&transaction, err) : r;
}

int handle_members_change(struct http_request *request, void *context, struct error *err)
{
    struct admind *admind = context;
    struct team_member member;
    struct access_team team;
    int r = access_find_team(admind, request, ACCESS_MEMBER, &team, err);
    if (r < 0 || (r = find_member(admind, request, &team, &member, err)) < 0 ||
        (r = name_field(change(admind, request, &team, &member, err), err)) < 0) {
        return r;
    }
    quotas_apply_to(admind, QUOTA_TEAM, team.team.id);
    record(admind, request, "team.member_change", &team, member.user_id);
    r = access_find_team(admind, request, ACCESS_MEMBER, &team, err);
    return r == 0 ? team_reply(admind, request, 200, &team, err) : r;
}

/* Leaving ------------------------------------------------------------------------------------ */

static int remove_member(const struct admind *admind, struct http_request *request,
                         const struct access_team *team, int64_t user_id, struct error *err)
{
    const struct quota_machine machine = level_machine(admind);
    AUTO_TRANSACTION struct db_transaction transaction = {0};
    int r = db_transaction_begin(&transaction, admind->run->db, err);
    if (r < 0 ||
        (r = team_members_remove(admind->run->db, team->team.id, user_id, &machine, err)) < 0 ||
        (r = shares_tell(admind, request, team, user_id,
                         arena_printf(http_request_arena(request),
                                      "You are not in the team %s any more; what you brought in "
                                      "is yours again",
                                      team->team.name),
                         err)) < 0) {
        return r;
    }
    return db_transaction_commit(&transaction, err);
}

int handle_members_remove(struct http_request *request, void *context, struct error *err)
{
    struct admind *admind = context;
    const struct http_done done = {0};
    struct team_member member = {0};
    struct access_team team;
    int r = access_find_team(admind, request, ACCESS_MEMBER, &team, err);
    if (r == 0) {
        r = find_member(admind, request, &team, &member, err);
    }
    if (r == 0 && !team.may_lead && member.user_id != access_user_id(request)) {
        r = error_set_field(err, ERR_FORBIDDEN, "user", "Only a lead of the team removes others");
        error_hint(err, "Ask one of its leads");
    }
    if (r < 0 ||
        (r = name_field(remove_member(admind, request, &team, member.user_id, err), err)) < 0) {
        return r;
    }
    quotas_apply_to(admind, QUOTA_TEAM, team.team.id);
    quotas_apply_to(admind, QUOTA_USER, member.user_id);
    record(admind, request, "team.member_remove", &team, member.user_id);
    http_reply_json(request, 200, &http_done_shape, &done);
    return 0;
}
