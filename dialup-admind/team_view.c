/*
 * See the header. Called by the handlers of teams.
 */
#include "dialup-admind/team_view.h"

#include "dialup-admind/level.h"
#include "dialup-admind/views.h"
#include "libdialup/store/limits.h"

enum { WARNING_SIZE = 4096 };

typedef int64_t amount_fn(const struct quota_member *member, enum quota_dimension dimension);

static int64_t brought(const struct quota_member *member, enum quota_dimension dimension)
{
    return member->share.of[dimension];
}

/* Without a limit of their own there is nothing to tell. */
static int64_t left(const struct quota_member *member, enum quota_dimension dimension)
{
    return member->limit.of[dimension] == QUOTA_UNLIMITED ? 0
                                                          : quota_member_left(member, dimension);
}

static const struct http_team_share *view_shares(struct arena *arena,
                                                 const struct quota_member *member,
                                                 amount_fn *amount_of, size_t *ret_count)
{
    struct http_team_share *rows = arena_calloc(arena, QUOTA_DIMENSION_COUNT, sizeof(*rows));
    size_t count = 0;
    for (int i = 0; i < QUOTA_DIMENSION_COUNT; i++) {
        enum quota_dimension dimension = (enum quota_dimension)i;
        const struct quota_dimension_info *info = quota_dimension_info(dimension);
        int64_t amount = quota_dimension_is_shared(dimension) ? amount_of(member, dimension) : 0;
        if (amount > 0) {
            rows[count++] = (struct http_team_share){info->name, info->label,
                                                     quota_unit_name(info->unit), amount};
        }
    }
    *ret_count = count;
    return rows;
}

static int view_member(const struct admind *admind, struct arena *arena,
                       const struct team_member *row, const struct quota_member *quota,
                       bool with_left, struct http_team_member *ret_shown, struct error *err)
{
    struct user user;
    int result = users_find(admind->run->db, arena, row->user_id, &user, err);
    if (result < 0) {
        return result;
    }
    *ret_shown = (struct http_team_member){
        .user_id = user.id,
        .name = user.name,
        .email = user.email,
        .role = team_role_name(row->role),
        .joined_at = row->joined_at,
        .leads_may_move = row->leads_may_move,
        .is_active = user.is_active,
    };
    ret_shown->brings = view_shares(arena, quota, brought, &ret_shown->brings_count);
    if (with_left) {
        ret_shown->left = view_shares(arena, quota, left, &ret_shown->left_count);
    }
    return 0;
}

static int view_members(const struct admind *admind, struct http_request *request,
                        const struct access_team *team, const struct quota_team *quota,
                        struct http_team *shown, struct error *err)
{
    struct arena *arena = http_request_arena(request);
    struct team_members_list list;
    int result = team_members_list(admind->run->db, arena, team->team.id, &list, err);
    if (result < 0) {
        return result;
    }
    struct http_team_member *rows = arena_calloc(arena, list.count, sizeof(*rows));
    for (size_t i = 0; result == 0 && i < list.count; i++) {
        int64_t id = list.rows[i].user_id;
        const struct quota_member *member = quota_team_find(quota, id);
        if (member) {
            result = view_member(admind, arena, &list.rows[i], member,
                                 team->may_lead || id == access_user_id(request),
                                 &rows[shown->members_count++], err);
        }
    }
    shown->members = rows;
    return result;
}

static const char *warn(struct arena *arena, const struct quota_team *quota)
{
    char *text = arena_alloc(arena, WARNING_SIZE);
    quota_team_warn(quota, text, WARNING_SIZE);
    return *text ? text : NULL;
}

int team_reply(const struct admind *admind, struct http_request *request, int status,
               const struct access_team *team, struct error *err)
{
    struct arena *arena = http_request_arena(request);
    struct db *db = admind->run->db;
    const struct quota_machine machine = level_machine(admind);
    struct quota_limit pool[QUOTA_DIMENSION_COUNT];
    struct http_team shown = {
        .id = team->team.id,
        .name = team->team.name,
        .created_at = team->team.created_at,
        .role = team->is_member ? team_role_name(team->role) : NULL,
    };
    struct team_counts counts;
    struct quota_team quota;
    for (int i = 0; i < QUOTA_DIMENSION_COUNT; i++) {
        pool[i] = QUOTA_NO_LIMIT;
    }
    int r = teams_read_quota(db, arena, team->team.id, &machine, &quota, err);
    if (r == 0) {
        quota_team_add_up(&quota);
    }
    if (r < 0 || (r = limits_read(db, QUOTA_TEAM, team->team.id, pool, err)) < 0 ||
        (r = teams_count(db, team->team.id, &counts, err)) < 0 ||
        (r = view_members(admind, request, team, &quota, &shown, err)) < 0) {
        return r;
    }
    shown.sites = counts.sites;
    shown.limits = view_limits(arena, QUOTA_TEAM, pool, &quota.level, &shown.limits_count);
    shown.warning = team->may_lead ? warn(arena, &quota) : NULL;
    http_reply_json(request, status, &http_team_shape, &shown);
    return 0;
}
