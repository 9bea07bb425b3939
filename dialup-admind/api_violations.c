/*
 * Where limits were reached or passed: read from what monitord wrote. Called through routes.c.
 */
#include "dialup-admind/access.h"
#include "dialup-admind/handlers.h"
#include "dialup-admind/violation_view.h"
#include "libdialup/base/str.h"
#include "libdialup/store/violations.h"
#include "proto/http_api.h"

enum { PAGE = 100 };

/* Whose: one's own unless a team that one leads is named; admins see all, and whose they like. */
static int choose(const struct admind *admind, struct http_request *request,
                  const struct http_get_quotas_violations_query *query,
                  struct violations_filter *filter, struct error *err)
{
    struct access_team team;
    bool is_admin = access_is_admin(request);
    filter->has_entity = query->entity || query->has_id || !is_admin;
    filter->entity = QUOTA_USER;
    filter->entity_id = query->has_id ? query->id : access_user_id(request);
    if (query->entity) {
        quota_entity_parse(query->entity, &filter->entity);
    }
    if (filter->entity == QUOTA_SYSTEM) {
        filter->entity_id = 0;
    }
    if (filter->entity == QUOTA_TEAM && !query->has_id) {
        error_set_field(err, ERR_MISSING_FIELD, "id", "Which team is not said");
        error_hint(err, "GET /api/teams lists yours");
        return -ERR_MISSING_FIELD;
    }
    if (filter->entity == QUOTA_TEAM) {
        return access_team(admind, request, filter->entity_id, ACCESS_LEAD, &team, err);
    }
    if (!is_admin && filter->entity == QUOTA_SYSTEM) {
        return error_set_field(err, ERR_FORBIDDEN, "entity", "Only an admin sees the server's");
    }
    if (!is_admin && filter->entity_id != access_user_id(request)) {
        return error_set_field(err, ERR_NOT_FOUND, "id", "There is no such account");
    }
    return 0;
}

static int read_filter(const struct admind *admind, struct http_request *request,
                       struct violations_filter *ret_filter, struct error *err)
{
    const struct http_get_quotas_violations_query *query = http_request_query(request);
    enum quota_dimension dimension;
    struct violations_filter filter = {
        .dimension = query->dimension,
        .open_only = query->open,
        .since = query->since,
        .before_id = query->before,
        .limit = (query->has_limit ? query->limit : PAGE) + 1,
    };
    int result = choose(admind, request, query, &filter, err);
    if (result == 0 && query->dimension) {
        result = quota_dimension_find(query->dimension, &dimension, err);
    }
    filter.has_kind = query->kind && violation_kind_parse(query->kind, &filter.kind);
    *ret_filter = filter;
    return result;
}

int handle_violations(struct http_request *request, void *context, struct error *err)
{
    const struct admind *admind = context;
    struct arena *arena = http_request_arena(request);
    struct violations_filter filter;
    struct violations_list list = {0};
    int result = read_filter(admind, request, &filter, err);
    if (result == 0) {
        result = violations_list(admind->run->db, arena, &filter, &list, err);
    }
    if (result < 0) {
        return result;
    }
    bool has_more = list.count == (size_t)filter.limit;
    size_t count = has_more ? list.count - 1 : list.count;
    struct admind_violation *rows = arena_calloc(arena, count, sizeof(*rows));
    for (size_t i = 0; i < count; i++) {
        rows[i] = violation_view(admind, arena, &list.rows[i]);
    }
    const struct http_violation_list answer = {
        .violations = rows,
        .violations_count = count,
        .has_next_before = has_more,
        .next_before = has_more ? rows[count - 1].id : 0,
    };
    http_reply_json(request, 200, &http_violation_list_shape, &answer);
    return 0;
}
