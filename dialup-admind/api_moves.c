/*
 * What changes hands in a team, and what would help it. Called through routes.c.
 */
#include "dialup-admind/access.h"
#include "dialup-admind/handlers.h"
#include "dialup-admind/level.h"
#include "dialup-admind/quotas.h"
#include "dialup-admind/shares.h"
#include "dialup-admind/team_view.h"
#include "libdialup/site/site_type.h"

enum { TEXT_SIZE = 4096, MOVE_TEXT_SIZE = 256 };

/* Moves -------------------------------------------------------------------------------------- */

static int read_moves(struct http_request *request, struct share_moves *ret_moves,
                      struct error *err)
{
    const struct http_team_move *body = http_request_body(request);
    ret_moves->count = body->moves_count;
    for (size_t i = 0; i < body->moves_count; i++) {
        const struct http_share_move *move = &body->moves[i];
        ret_moves->rows[i] =
            (struct quota_move){.from = move->from, .to = move->to, .amount = move->amount};
        int result = quota_dimension_find(move->dimension, &ret_moves->rows[i].dimension, err);
        if (result < 0) {
            error_prefix_field(err, arena_printf(http_request_arena(request), "moves[%zu]", i));
            return result;
        }
    }
    return 0;
}

int handle_teams_move(struct http_request *request, void *context, struct error *err)
{
    struct admind *admind = context;
    struct arena *arena = http_request_arena(request);
    struct share_moves *moves = arena_alloc(arena, sizeof(*moves));
    struct access_team team;
    int r = access_find_team(admind, request, ACCESS_MEMBER, &team, err);
    if (r < 0 || (r = read_moves(request, moves, err)) < 0 ||
        (r = shares_move(admind, request, &team, moves, err)) < 0) {
        return r;
    }
    quotas_apply_to(admind, QUOTA_TEAM, team.team.id);
    access_audit(admind, request, "team.move",
                 arena_printf(arena, "team:%lld", (long long)team.team.id),
                 arena_printf(arena, "{\"moves\":%zu}", moves->count));
    return team_reply(admind, request, 200, &team, err);
}

/* Advice ------------------------------------------------------------------------------------- */

/* A new site of a type, an amount of one dimension, or both together. */
static int read_request(const struct http_get_teams_id_advice_query *query,
                        struct quota_amounts *ret_request, struct error *err)
{
    const struct site_type *type;
    enum quota_dimension dimension;
    int result = 0;
    *ret_request = (struct quota_amounts){0};
    if (query->type && (result = site_type_parse(query->type, &type, err)) == 0) {
        ret_request->of[QUOTA_SITES] = 1;
        ret_request->of[QUOTA_APPLICATIONS] = 1;
        ret_request->of[QUOTA_CONTAINERS] = type->served == SITE_SERVED_CONTAINER;
        ret_request->of[QUOTA_CONCURRENT_CONTAINERS] = type->served == SITE_SERVED_CONTAINER;
        ret_request->of[QUOTA_MEMORY_PRODUCTION] = type->memory_mib;
        ret_request->of[QUOTA_CPU_PRODUCTION] = type->cpu_millicores;
    }
    if (result < 0 || (!query->dimension && !query->has_amount)) {
        return result;
    }
    if (!query->dimension || !query->has_amount) {
        error_set_field(err, ERR_MISSING_FIELD, query->dimension ? "amount" : "dimension",
                        "Dimension and amount belong together");
        return -ERR_MISSING_FIELD;
    }
    result = quota_dimension_find(query->dimension, &dimension, err);
    if (result == 0) {
        result = quota_amount_check(dimension, query->amount, err);
    }
    if (result == 0) {
        ret_request->of[dimension] = query->amount;
    }
    return result;
}

/* In what the team has, or in what a member has for themselves. */
static bool fits(const struct quota_team *team, const struct quota_member *member,
                 const struct quota_amounts *wanted)
{
    struct quota_amounts request = *wanted;
    quota_add_up(&request);
    for (int i = 0; i < QUOTA_DIMENSION_COUNT; i++) {
        int64_t limit = quota_level_limit(&team->level, (enum quota_dimension)i).hard;
        int64_t used = team->level.used.of[i];
        if (member) {
            limit = member->limit.of[i];
            used = member->used.of[i] + member->share.of[i];
        }
        if (request.of[i] > 0 && limit != QUOTA_UNLIMITED && used + request.of[i] > limit) {
            return false;
        }
    }
    return true;
}

static const struct http_suggested_move *
view_moves(struct arena *arena, const struct quota_team *team, const struct share_moves *moves)
{
    struct http_suggested_move *rows = arena_calloc(arena, moves->count, sizeof(*rows));
    for (size_t i = 0; i < moves->count; i++) {
        const struct quota_dimension_info *info = quota_dimension_info(moves->rows[i].dimension);
        char *text = arena_alloc(arena, MOVE_TEXT_SIZE);
        quota_move_describe(team, &moves->rows[i], text, MOVE_TEXT_SIZE);
        rows[i] = (struct http_suggested_move){
            .dimension = info->name,
            .unit = quota_unit_name(info->unit),
            .amount = moves->rows[i].amount,
            .from = moves->rows[i].from,
            .to = moves->rows[i].to,
            .text = text,
        };
    }
    return rows;
}

static int find_quota_member(const struct quota_team *quota, int64_t user_id,
                             const struct quota_member **ret_member, struct error *err)
{
    *ret_member = user_id ? quota_team_find(quota, user_id) : NULL;
    return user_id && !*ret_member
               ? error_set_field(err, ERR_NOT_FOUND, "member", "They are not in this team")
               : 0;
}

int handle_teams_advice(struct http_request *request, void *context, struct error *err)
{
    const struct admind *admind = context;
    const struct http_get_teams_id_advice_query *query = http_request_query(request);
    struct arena *arena = http_request_arena(request);
    const struct quota_machine machine = level_machine(admind);
    struct share_moves *moves = arena_alloc(arena, sizeof(*moves));
    const struct quota_member *member;
    struct quota_amounts wanted;
    struct access_team team;
    struct quota_team quota;
    int r = access_find_team(admind, request, ACCESS_MEMBER, &team, err);
    if (r < 0 || (r = read_request(query, &wanted, err)) < 0 ||
        (r = teams_read_quota(admind->run->db, arena, team.team.id, &machine, &quota, err)) < 0 ||
        (r = find_quota_member(&quota, query->member, &member, err)) < 0) {
        return r;
    }
    char *message = arena_alloc(arena, TEXT_SIZE);
    quota_team_add_up(&quota);
    quota_team_warn(&quota, message, TEXT_SIZE);
    struct http_team_advice answer = {.message = message, .fits = fits(&quota, member, &wanted)};
    moves->count =
        answer.fits ? 0 : quota_team_suggest(&quota, query->member, &wanted, moves->rows);
    answer.moves = view_moves(arena, &quota, moves);
    answer.moves_count = moves->count;
    http_reply_json(request, 200, &http_team_advice_shape, &answer);
    return 0;
}
