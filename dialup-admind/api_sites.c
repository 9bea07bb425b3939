/*
 * Sites: shown from the database, changed by deployd. Called through routes.c.
 */
#include <stdlib.h>

#include "dialup-admind/access.h"
#include "dialup-admind/call.h"
#include "dialup-admind/handlers.h"
#include "dialup-admind/views.h"
#include "libdialup/base/str.h"

enum { PAGE = 100, TAIL = 200 };

/* Reading ------------------------------------------------------------------------------------ */

/* Those of one owner come all at once: quotas keep them few. */
static void cut_page(struct sites_list *list, int64_t after, int64_t limit)
{
    size_t first = 0;
    while (first < list->count && list->rows[first].id <= after) {
        first++;
    }
    list->rows += first;
    list->count -= first;
    list->count = list->count > (size_t)limit ? (size_t)limit : list->count;
}

static int by_id(const void *left, const void *right)
{
    int64_t a = ((const struct site *)left)->id;
    int64_t b = ((const struct site *)right)->id;
    return (a > b) - (a < b);
}

static void append(struct arena *arena, struct sites_list *list, const struct sites_list *more)
{
    struct site *rows = arena_calloc(arena, list->count + more->count, sizeof(*rows));
    for (size_t i = 0; i < list->count + more->count; i++) {
        rows[i] = i < list->count ? list->rows[i] : more->rows[i - list->count];
    }
    *list = (struct sites_list){rows, list->count + more->count};
}

/* One's own, and those of all teams that one is in. */
static int read_own(const struct admind *admind, struct http_request *request,
                    struct sites_list *ret_list, struct error *err)
{
    struct arena *arena = http_request_arena(request);
    int64_t user_id = access_user_id(request);
    struct teams_list teams;
    struct sites_list list;
    int result = sites_list_by_owner(admind->run->db, arena, QUOTA_USER, user_id, &list, err);
    if (result == 0) {
        result = teams_list_of_user(admind->run->db, arena, user_id, &teams, err);
    }
    for (size_t i = 0; result == 0 && i < teams.count; i++) {
        struct sites_list more;
        result =
            sites_list_by_owner(admind->run->db, arena, QUOTA_TEAM, teams.rows[i].id, &more, err);
        if (result == 0 && more.count > 0) {
            append(arena, &list, &more);
        }
    }
    if (result == 0 && list.count > 1) {
        qsort(list.rows, list.count, sizeof(*list.rows), by_id);
    }
    if (result == 0) {
        *ret_list = list;
    }
    return result;
}

static int read_team(const struct admind *admind, struct http_request *request, int64_t team_id,
                     struct sites_list *ret_list, struct error *err)
{
    struct access_team team;
    int result = access_team(admind, request, team_id, ACCESS_MEMBER, &team, err);
    if (result < 0) {
        return result == -ERR_NOT_FOUND
                   ? error_set_field(err, ERR_NOT_FOUND, "team", "There is no such team")
                   : result;
    }
    return sites_list_by_owner(admind->run->db, http_request_arena(request), QUOTA_TEAM, team_id,
                               ret_list, err);
}

static int read_list(const struct admind *admind, struct http_request *request, int64_t limit,
                     struct sites_list *ret_list, struct error *err)
{
    const struct http_get_sites_query *query = http_request_query(request);
    struct arena *arena = http_request_arena(request);
    if (query->all) {
        const struct sites_page page = {query->after, limit, NULL};
        return sites_list(admind->run->db, arena, &page, ret_list, err);
    }
    int result = query->has_team ? read_team(admind, request, query->team, ret_list, err)
                                 : read_own(admind, request, ret_list, err);
    if (result == 0 && ret_list->count > 0) {
        cut_page(ret_list, query->after, limit);
    }
    return result;
}

int handle_sites_list(struct http_request *request, void *context, struct error *err)
{
    const struct admind *admind = context;
    const struct http_get_sites_query *query = http_request_query(request);
    struct arena *arena = http_request_arena(request);
    int64_t limit = query->has_limit ? query->limit : PAGE;
    struct sites_list list = {0};
    if (query->all && !access_is_admin(request)) {
        return error_set_field(err, ERR_FORBIDDEN, "all", "Only an admin sees everybody's sites");
    }
    int result = read_list(admind, request, limit + 1, &list, err);
    if (result < 0) {
        return result;
    }
    bool has_more = list.count > (size_t)limit;
    size_t count = has_more ? (size_t)limit : list.count;
    struct http_site *sites = arena_calloc(arena, count, sizeof(*sites));
    for (size_t i = 0; result == 0 && i < count; i++) {
        result = view_whole_site(admind, arena, &list.rows[i], &sites[i], err);
    }
    if (result < 0) {
        return result;
    }
    const struct http_site_list answer = {
        .sites = sites,
        .sites_count = count,
        .has_next_after = has_more,
        .next_after = has_more ? sites[count - 1].site.id : 0,
    };
    http_reply_json(request, 200, &http_site_list_shape, &answer);
    return 0;
}

int handle_sites_get(struct http_request *request, void *context, struct error *err)
{
    const struct admind *admind = context;
    struct http_site shown;
    struct site site;
    int result = access_find_site(admind, request, &site, err);
    if (result == 0) {
        result = view_whole_site(admind, http_request_arena(request), &site, &shown, err);
    }
    if (result == 0) {
        http_reply_json(request, 200, &http_site_shape, &shown);
    }
    return result;
}

/* Changing ----------------------------------------------------------------------------------- */

/* deployd has written the row: what is shown is what stands there. */
static void answer_site(struct call *call, const void *result)
{
    const struct deployd_site *changed = result;
    const int *status = call->context;
    struct http_site shown;
    struct site site;
    struct error err;
    int found = sites_find(call->admind->run->db, call->arena, changed->id, &site, &err);
    if (found == 0) {
        found = view_whole_site(call->admind, call->arena, &site, &shown, &err);
    }
    if (found == 0) {
        http_reply_json(call->request, *status, &http_site_shape, &shown);
    } else {
        http_reply_error(call->request, &err);
    }
}

static struct call *new_site_call(struct admind *admind, struct http_request *request, int status,
                                  const char *action, const char *domain)
{
    struct call *call = call_new(admind, request, answer_site);
    call_record(call, action, arena_printf(call->arena, "site:%s", domain));
    int *context = arena_alloc(call->arena, sizeof(*context));
    *context = status;
    call->context = context;
    return call;
}

/* A team's site is made by who is in the team, if they may make sites at all: deployd, which looks
 * at the owner, does not know who asks. */
static int check_team_site(const struct admind *admind, struct http_request *request,
                           int64_t team_id, struct error *err)
{
    struct access_team team;
    struct user user;
    int result = access_team(admind, request, team_id, ACCESS_MEMBER, &team, err);
    if (result == -ERR_NOT_FOUND) {
        error_set_field(err, ERR_NOT_FOUND, "team", "There is no such team");
        error_hint(err, "GET /api/teams lists those that you are in");
    }
    if (result == 0) {
        result = users_find(admind->run->db, http_request_arena(request), access_user_id(request),
                            &user, err);
    }
    if (result == 0 && !user.can_create_sites) {
        error_set(err, ERR_FORBIDDEN, "Your account may not create sites");
        error_hint(err, "Ask an admin, or somebody else in the team");
        return -ERR_FORBIDDEN;
    }
    return result;
}

int handle_sites_create(struct http_request *request, void *context, struct error *err)
{
    const struct http_site_create *body = http_request_body(request);
    int result = body->has_team ? check_team_site(context, request, body->team, err) : 0;
    if (result < 0) {
        return result;
    }
    struct call *call = new_site_call(context, request, 201, "site.create", body->domain);
    struct deployd_site_create_params params = {
        .owner_kind = quota_entity_name(body->has_team ? QUOTA_TEAM : QUOTA_USER),
        .owner_id = body->has_team ? body->team : access_user_id(request),
        .domain = body->domain,
        .type = body->type,
        .strategy = body->strategy,
        .idle_minutes = body->idle_minutes,
        .has_idle_minutes = body->has_idle_minutes,
        .memory_mib = body->memory_mib,
        .has_memory_mib = body->has_memory_mib,
        .cpu_millicores = body->cpu_millicores,
        .has_cpu_millicores = body->has_cpu_millicores,
    };
    result = call_idempotency_key(call, &params.idempotency_key, err);
    if (result < 0) {
        call_drop(call);
        return result;
    }
    return call_send(call, PEER_DEPLOYD, &deployd_methods[DEPLOYD_SITE_CREATE], &params, err);
}

/* The site that the path names, and a key: what every change below starts with. */
static int begin_change(struct admind *admind, struct http_request *request, const char *action,
                        struct site *ret_site, struct call **ret_call, const char **ret_key,
                        struct error *err)
{
    int result = access_find_site(admind, request, ret_site, err);
    if (result < 0) {
        return result;
    }
    *ret_call = new_site_call(admind, request, 200, action, ret_site->domain);
    result = call_idempotency_key(*ret_call, ret_key, err);
    if (result < 0) {
        call_drop(*ret_call);
    }
    return result;
}

int handle_sites_change(struct http_request *request, void *context, struct error *err)
{
    const struct http_site_change *body = http_request_body(request);
    struct deployd_site_update_params params = {
        .strategy = body->strategy,
        .idle_minutes = body->idle_minutes,
        .has_idle_minutes = body->has_idle_minutes,
        .memory_mib = body->memory_mib,
        .has_memory_mib = body->has_memory_mib,
        .cpu_millicores = body->cpu_millicores,
        .has_cpu_millicores = body->has_cpu_millicores,
    };
    struct site site;
    struct call *call;
    int result =
        begin_change(context, request, "site.change", &site, &call, &params.idempotency_key, err);
    if (result < 0) {
        return result;
    }
    params.site_id = site.id;
    return call_send(call, PEER_DEPLOYD, &deployd_methods[DEPLOYD_SITE_UPDATE], &params, err);
}

static int set_desired(struct admind *admind, struct http_request *request, const char *action,
                       const char *desired, struct error *err)
{
    struct deployd_site_set_desired_params params = {.desired = desired};
    struct site site;
    struct call *call;
    int result = begin_change(admind, request, action, &site, &call, &params.idempotency_key, err);
    if (result < 0) {
        return result;
    }
    params.site_id = site.id;
    return call_send(call, PEER_DEPLOYD, &deployd_methods[DEPLOYD_SITE_SET_DESIRED], &params, err);
}

int handle_sites_start(struct http_request *request, void *context, struct error *err)
{
    return set_desired(context, request, "site.start", "running", err);
}

int handle_sites_stop(struct http_request *request, void *context, struct error *err)
{
    return set_desired(context, request, "site.stop", "stopped", err);
}

int handle_sites_restart(struct http_request *request, void *context, struct error *err)
{
    struct deployd_site_restart_params params = {0};
    struct site site;
    struct call *call;
    int result =
        begin_change(context, request, "site.restart", &site, &call, &params.idempotency_key, err);
    if (result < 0) {
        return result;
    }
    params.site_id = site.id;
    return call_send(call, PEER_DEPLOYD, &deployd_methods[DEPLOYD_SITE_RESTART], &params, err);
}

/* A team's site is everybody's in it; that it ends is for those who lead. */
static int check_delete(const struct admind *admind, struct http_request *request,
                        struct error *err)
{
    struct access_team team;
    struct site site;
    int result = access_find_site(admind, request, &site, err);
    if (result == 0 && site.owner_kind == QUOTA_TEAM) {
        result = access_team(admind, request, site.owner_id, ACCESS_LEAD, &team, err);
    }
    return result;
}

int handle_sites_delete(struct http_request *request, void *context, struct error *err)
{
    struct deployd_site_delete_params params = {0};
    struct site site;
    struct call *call;
    int result = check_delete(context, request, err);
    if (result < 0) {
        return result;
    }
    result =
        begin_change(context, request, "site.delete", &site, &call, &params.idempotency_key, err);
    if (result < 0) {
        return result;
    }
    params.site_id = site.id;
    return call_send(call, PEER_DEPLOYD, &deployd_methods[DEPLOYD_SITE_DELETE], &params, err);
}

/* What only deployd knows ---------------------------------------------------------------------- */

static void answer_logs(struct call *call, const void *result)
{
    const struct deployd_site_logs_result *logs = result;
    const struct http_logs answer = {logs->text};
    http_reply_json(call->request, 200, &http_logs_shape, &answer);
}

int handle_sites_logs(struct http_request *request, void *context, struct error *err)
{
    const struct http_get_sites_domain_logs_query *query = http_request_query(request);
    struct site site;
    int result = access_find_site(context, request, &site, err);
    if (result < 0) {
        return result;
    }
    const struct deployd_site_logs_params params = {site.id, query->has_tail ? query->tail : TAIL};
    return call_send(call_new(context, request, answer_logs), PEER_DEPLOYD,
                     &deployd_methods[DEPLOYD_SITE_LOGS], &params, err);
}

static void answer_limits(struct call *call, const void *result)
{
    http_reply_json(call->request, 200, &deployd_limits_in_force_shape, result);
}

int handle_sites_limits(struct http_request *request, void *context, struct error *err)
{
    struct site site;
    int result = access_find_site(context, request, &site, err);
    if (result < 0) {
        return result;
    }
    const struct deployd_site_limits_params params = {site.id};
    return call_send(call_new(context, request, answer_limits), PEER_DEPLOYD,
                     &deployd_methods[DEPLOYD_SITE_LIMITS], &params, err);
}
