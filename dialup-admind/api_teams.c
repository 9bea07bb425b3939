/*
 * Teams: made, listed, shown, renamed, deleted. Called through routes.c. Who is in them is in
 * api_members.c, what changes hands in api_moves.c.
 */
#include <stdio.h>
#include <string.h>

#include "dialup-admind/access.h"
#include "dialup-admind/handlers.h"
#include "dialup-admind/quotas.h"
#include "dialup-admind/shares.h"
#include "dialup-admind/team_view.h"
#include "libdialup/base/clock.h"
#include "libdialup/base/str.h"
#include "libdialup/db/transaction.h"

enum { PAGE = 100, TEAMS_OF_ONE_MAX = 20 };

static void record(const struct admind *admind, struct http_request *request, const char *action,
                   int64_t team_id)
{
    access_audit(admind, request, action,
                 arena_printf(http_request_arena(request), "team:%lld", (long long)team_id), NULL);
}

/* Listing ------------------------------------------------------------------------------------ */

/* One's own come all at once and are few. */
static void cut_page(struct teams_list *list, int64_t after)
{
    size_t first = 0;
    while (first < list->count && list->rows[first].id <= after) {
        first++;
    }
    list->rows = first > 0 ? list->rows + first : list->rows;
    list->count -= first;
}

static int read_list(const struct admind *admind, struct http_request *request, int64_t limit,
                     struct teams_list *ret_list, struct error *err)
{
    const struct http_get_teams_query *query = http_request_query(request);
    struct arena *arena = http_request_arena(request);
    if (query->all) {
        return teams_list(admind->run->db, arena, query->after, limit, ret_list, err);
    }
    int result = teams_list_of_user(admind->run->db, arena, access_user_id(request), ret_list, err);
    if (result == 0) {
        cut_page(ret_list, query->after);
    }
    return result;
}

static int view_row(const struct admind *admind, const struct http_request *request,
                    const struct team *team, struct http_team_row *ret_row, struct error *err)
{
    struct team_counts counts;
    enum team_role role;
    bool is_member;
    int result = teams_count(admind->run->db, team->id, &counts, err);
    if (result == 0) {
        result = team_members_find(admind->run->db, team->id, access_user_id(request), &is_member,
                                   &role, err);
    }
    if (result == 0) {
        *ret_row = (struct http_team_row){
            .id = team->id,
            .name = team->name,
            .created_at = team->created_at,
            .role = is_member ? team_role_name(role) : NULL,
            .members = counts.members,
            .sites = counts.sites,
        };
    }
    return result;
}

int handle_teams_list(struct http_request *request, void *context, struct error *err)
{
    const struct admind *admind = context;
    const struct http_get_teams_query *query = http_request_query(request);
    int64_t limit = query->has_limit ? query->limit : PAGE;
    struct teams_list list;
    if (query->all && !access_is_admin(request)) {
        return error_set_field(err, ERR_FORBIDDEN, "all", "Only an admin sees everybody's teams");
    }
    int result = read_list(admind, request, limit + 1, &list, err);
    if (result < 0) {
        return result;
    }
    bool has_more = list.count > (size_t)limit;
    size_t count = has_more ? (size_t)limit : list.count;
    struct http_team_row *rows = arena_calloc(http_request_arena(request), count, sizeof(*rows));
    for (size_t i = 0; result == 0 && i < count; i++) {
        result = view_row(admind, request, &list.rows[i], &rows[i], err);
    }
    const struct http_team_list answer = {
        .teams = rows,
        .teams_count = count,
        .has_next_after = has_more,
        .next_after = has_more ? rows[count - 1].id : 0,
    };
    if (result == 0) {
        http_reply_json(request, 200, &http_team_list_shape, &answer);
    }
    return result;
}

int handle_teams_get(struct http_request *request, void *context, struct error *err)
{
    struct access_team team;
    int result = access_find_team(context, request, ACCESS_MEMBER, &team, err);
    return result == 0 ? team_reply(context, request, 200, &team, err) : result;
}

/* Making and changing ------------------------------------------------------------------------ */

/* Oneself, or whom an admin names. */
static int find_lead(const struct admind *admind, struct http_request *request, const char *named,
                     int64_t *ret_id, struct error *err)
{
    struct user user;
    *ret_id = access_user_id(request);
    if (!named) {
        return 0;
    }
    int result = access_find_person(admind, request, named, "lead", &user, err);
    if (result == 0 && user.id != *ret_id && !access_is_admin(request)) {
        error_set_field(err, ERR_FORBIDDEN, "lead", "Only an admin makes a team for somebody else");
        error_hint(err, "Leave \"lead\" out, and make them a lead afterwards");
        return -ERR_FORBIDDEN;
    }
    if (result == 0) {
        *ret_id = user.id;
    }
    return result;
}

static int check_count(const struct admind *admind, struct http_request *request, int64_t lead_id,
                       struct error *err)
{
    struct teams_list list;
    int result =
        teams_list_of_user(admind->run->db, http_request_arena(request), lead_id, &list, err);
    if (result == 0 && list.count >= TEAMS_OF_ONE_MAX && !access_is_admin(request)) {
        error_set(err, ERR_CONFLICT, "You are in %zu teams, that is enough", list.count);
        error_hint(err, "Leave or delete one that is not used any more, or ask an admin");
        return -ERR_CONFLICT;
    }
    return result;
}

static int create(const struct admind *admind, struct http_request *request, int64_t lead_id,
                  struct access_team *ret_team, struct error *err)
{
    const struct http_team_create *body = http_request_body(request);
    AUTO_TRANSACTION struct db_transaction transaction = {0};
    int64_t id;
    int r = db_transaction_begin(&transaction, admind->run->db, err);
    if (r < 0) {
        return r;
    }
    r = teams_create(admind->run->db, body->name, lead_id, clock_unix(), &id, err);
    if (r < 0) {
        if (err && str_equal(err->field, "user_id")) {
            snprintf(err->field, sizeof(err->field), "lead");
        }
        return r;
    }
    if ((r = access_team(admind, request, id, ACCESS_MEMBER, ret_team, err)) < 0 ||
        (r = shares_tell(
             admind, request, ret_team, lead_id,
             arena_printf(http_request_arena(request), "You lead the new team %s", body->name),
             err)) < 0) {
        return r;
    }
    return db_transaction_commit(&transaction, err);
}

int handle_teams_create(struct http_request *request, void *context, struct error *err)
{
    const struct admind *admind = context;
    const struct http_team_create *body = http_request_body(request);
    struct access_team team;
    int64_t lead_id;
    int r = find_lead(admind, request, body->lead, &lead_id, err);
    if (r < 0 || (r = check_count(admind, request, lead_id, err)) < 0 ||
        (r = create(admind, request, lead_id, &team, err)) < 0) {
        return r;
    }
    record(admind, request, "team.create", team.team.id);
    return team_reply(admind, request, 201, &team, err);
}

int handle_teams_change(struct http_request *request, void *context, struct error *err)
{
    const struct admind *admind = context;
    const struct http_team_change *body = http_request_body(request);
    struct access_team team;
    int result = access_find_team(admind, request, ACCESS_LEAD, &team, err);
    if (result == 0) {
        result = teams_rename(admind->run->db, team.team.id, body->name, clock_unix(), err);
    }
    if (result < 0) {
        return result;
    }
    record(admind, request, "team.rename", team.team.id);
    team.team.name = body->name;
    return team_reply(admind, request, 200, &team, err);
}

/* Everybody in it has back what they brought in, and is told. */
static int delete (const struct admind *admind, struct http_request *request,
                   const struct access_team *team, const struct team_members_list *members,
                   struct error *err)
{
    const char *text = arena_printf(http_request_arena(request),
                                    "The team %s was deleted; what you brought in is yours again",
                                    team->team.name);
    AUTO_TRANSACTION struct db_transaction transaction = {0};
    int result = db_transaction_begin(&transaction, admind->run->db, err);
    if (result == 0) {
        result = teams_delete(admind->run->db, team->team.id, clock_unix(), err);
    }
    for (size_t i = 0; result == 0 && i < members->count; i++) {
        result = shares_tell(admind, request, team, members->rows[i].user_id, text, err);
    }
    return result == 0 ? db_transaction_commit(&transaction, err) : result;
}

int handle_teams_delete(struct http_request *request, void *context, struct error *err)
{
    struct admind *admind = context;
    const struct http_done done = {0};
    struct team_members_list members;
    struct access_team team;
    int r = access_find_team(admind, request, ACCESS_LEAD, &team, err);
    if (r < 0 ||
        (r = team_members_list(admind->run->db, http_request_arena(request), team.team.id, &members,
                               err)) < 0 ||
        (r = delete (admind, request, &team, &members, err)) < 0) {
        return r;
    }
    for (size_t i = 0; i < members.count; i++) {
        quotas_apply_to(admind, QUOTA_USER, members.rows[i].user_id);
    }
    record(admind, request, "team.delete", team.team.id);
    http_reply_json(request, 200, &http_done_shape, &done);
    return 0;
}
