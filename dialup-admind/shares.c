/*
 * See the header. Called by the handlers of teams.
 */
#include "dialup-admind/shares.h"

#include <stdio.h>
#include <string.h>

#include "dialup-admind/level.h"
#include "libdialup/base/clock.h"
#include "libdialup/base/str.h"
#include "libdialup/db/transaction.h"
#include "libdialup/store/notices.h"

enum { AMOUNT_SIZE = 80, PERCENT_MAX = 100, NAME_SIZE = 32 };

/* From wishes to moves ------------------------------------------------------------------------- */

static void add_move(struct share_moves *moves, const struct quota_member *member,
                     enum quota_dimension dimension, int64_t wanted)
{
    int64_t more = wanted - member->share.of[dimension];
    if (more > 0) {
        moves->rows[moves->count++] =
            (struct quota_move){QUOTA_NOBODY, member->user_id, dimension, more};
    } else if (more < 0) {
        moves->rows[moves->count++] =
            (struct quota_move){member->user_id, QUOTA_NOBODY, dimension, -more};
    }
}

static int check_bring(const struct http_share_change *bring, bool *is_given,
                       enum quota_dimension *ret_dimension, struct error *err)
{
    int result = quota_dimension_find(bring->dimension, ret_dimension, err);
    if (result < 0) {
        return result;
    }
    if (!quota_dimension_is_shared(*ret_dimension)) {
        error_set_field(err, ERR_INVALID_ARGUMENT, "dimension",
                        "\"%s\" cannot be brought into a team", bring->dimension);
        error_hint(err, "Name one of its parts, or something that adds up");
        return -ERR_INVALID_ARGUMENT;
    }
    if (is_given[*ret_dimension]) {
        return error_set_field(err, ERR_INVALID_ARGUMENT, "dimension", "\"%s\" is given twice",
                               bring->dimension);
    }
    is_given[*ret_dimension] = true;
    result = quota_amount_check(*ret_dimension, bring->amount, err);
    return result < 0 ? error_set_field(err, ERR_INVALID_ARGUMENT, "amount",
                                        "%lld of \"%s\" cannot be brought in; give 0 to %lld",
                                        (long long)bring->amount, bring->dimension,
                                        (long long)QUOTA_MAX_AMOUNT)
                      : 0;
}

static int plan_brings(struct arena *arena, const struct share_wish *wish,
                       const struct quota_member *member, struct share_moves *moves,
                       struct error *err)
{
    bool is_given[QUOTA_DIMENSION_COUNT] = {0};
    int result = 0;
    for (size_t i = 0; result == 0 && i < wish->brings_count; i++) {
        enum quota_dimension dimension;
        result = check_bring(&wish->brings[i], is_given, &dimension, err);
        if (result == 0) {
            add_move(moves, member, dimension, wish->brings[i].amount);
        } else {
            error_prefix_field(err, arena_printf(arena, "brings[%zu]", i));
        }
    }
    return result;
}

static int plan_percent(const struct share_wish *wish, const struct quota_member *member,
                        struct share_moves *moves, struct error *err)
{
    if (wish->percent < 0 || wish->percent > PERCENT_MAX) {
        error_set_field(err, ERR_INVALID_ARGUMENT, "percent", "%lld %% cannot be brought in",
                        (long long)wish->percent);
        error_hint(err, "Give 0 to %d", PERCENT_MAX);
        return -ERR_INVALID_ARGUMENT;
    }
    for (int i = 0; i < QUOTA_DIMENSION_COUNT; i++) {
        int64_t limit = member->limit.of[i];
        if (quota_dimension_is_shared((enum quota_dimension)i) && limit != QUOTA_UNLIMITED) {
            add_move(moves, member, (enum quota_dimension)i, limit * wish->percent / PERCENT_MAX);
        }
    }
    return 0;
}

int shares_plan(struct arena *arena, const struct share_wish *wish,
                const struct quota_member *member, struct share_moves *ret_moves, struct error *err)
{
    ret_moves->count = 0;
    if (wish->has_percent && wish->brings_count > 0) {
        error_set_field(err, ERR_INVALID_ARGUMENT, "percent",
                        "What they bring in is said twice, by dimension and as a part of all");
        error_hint(err, "Leave one of the two out");
        return -ERR_INVALID_ARGUMENT;
    }
    return wish->has_percent ? plan_percent(wish, member, ret_moves, err)
                             : plan_brings(arena, wish, member, ret_moves, err);
}

/* Moving --------------------------------------------------------------------------------------- */

static int check_trust(const struct admind *admind, struct http_request *request,
                       const struct access_team *team, int64_t user_id, struct error *err)
{
    struct team_members_list list;
    int result =
        team_members_list(admind->run->db, http_request_arena(request), team->team.id, &list, err);
    for (size_t i = 0; result == 0 && i < list.count; i++) {
        if (list.rows[i].user_id == user_id && !list.rows[i].leads_may_move) {
            error_set_field(err, ERR_FORBIDDEN, "to",
                            "They did not say that leads may have them bring in more");
            error_hint(err, "They can do it themselves, or agree to it (leads_may_move); an admin "
                            "can, too");
            return -ERR_FORBIDDEN;
        }
    }
    return result;
}

static int check_right(const struct admind *admind, struct http_request *request,
                       const struct access_team *team, const struct quota_move *move,
                       struct error *err)
{
    int64_t me = access_user_id(request);
    bool touches_others = (move->from != QUOTA_NOBODY && move->from != me) ||
                          (move->to != QUOTA_NOBODY && move->to != me);
    if (access_is_admin(request) || !touches_others) {
        return 0;
    }
    if (!team->may_lead) {
        error_set_field(err, ERR_FORBIDDEN,
                        move->to != QUOTA_NOBODY && move->to != me ? "to" : "from",
                        "Only a lead of the team changes what others bring in");
        error_hint(err, "What you bring in yourself is yours to change");
        return -ERR_FORBIDDEN;
    }
    return move->to != QUOTA_NOBODY && move->to != me
               ? check_trust(admind, request, team, move->to, err)
               : 0;
}

int shares_tell(const struct admind *admind, const struct http_request *request,
                const struct access_team *team, int64_t user_id, const char *text,
                struct error *err)
{
    const struct notice notice = {
        .user_id = user_id,
        .kind = NOTICE_TEAM,
        .entity = QUOTA_TEAM,
        .entity_id = team->team.id,
        .text = text,
        .at = clock_unix(),
    };
    return user_id == access_user_id(request) ? 0 : notices_add(admind->run->db, &notice, err);
}

static int tell_of_move(const struct admind *admind, struct http_request *request,
                        const struct access_team *team, const struct quota_move *move,
                        struct error *err)
{
    const int64_t sides[] = {move->from, move->to};
    static const char *const words[] = {"less", "more"};
    char amount[AMOUNT_SIZE];
    int result = 0;
    quota_format_noun(move->dimension, move->amount, amount, sizeof(amount));
    for (int i = 0; result == 0 && i < 2; i++) {
        const char *text =
            arena_printf(http_request_arena(request), "You bring %s %s into the team %s now",
                         amount, words[i], team->team.name);
        result =
            sides[i] == QUOTA_NOBODY ? 0 : shares_tell(admind, request, team, sides[i], text, err);
    }
    return result;
}

int shares_move(const struct admind *admind, struct http_request *request,
                const struct access_team *team, const struct share_moves *moves, struct error *err)
{
    struct arena *arena = http_request_arena(request);
    const struct quota_machine machine = level_machine(admind);
    AUTO_TRANSACTION struct db_transaction transaction = {0};
    int result = db_transaction_begin(&transaction, admind->run->db, err);
    for (size_t i = 0; result == 0 && i < moves->count; i++) {
        result = check_right(admind, request, team, &moves->rows[i], err);
        if (result < 0) {
            error_prefix_field(err, arena_printf(arena, "moves[%zu]", i));
        }
    }
    if (result == 0) {
        result = teams_redistribute(admind->run->db, arena, team->team.id, &machine, moves->rows,
                                    moves->count, clock_unix(), NULL, err);
    }
    for (size_t i = 0; result == 0 && i < moves->count; i++) {
        result = tell_of_move(admind, request, team, &moves->rows[i], err);
    }
    return result == 0 ? db_transaction_commit(&transaction, err) : result;
}

/* "moves[2].amount" is the words of the quota room: of a wish the member named a dimension. */
static void rename_field(const struct share_moves *moves, const struct share_wish *wish,
                         struct error *err)
{
    size_t index = 0;
    char name[NAME_SIZE];
    do {
        snprintf(name, sizeof(name), "moves[%zu].", index);
    } while (err && !str_starts_with(err->field, name) && ++index < moves->count);
    if (!err || index >= moves->count) {
        return;
    }
    const char *dimension = quota_dimension_info(moves->rows[index].dimension)->name;
    for (size_t i = 0; i < wish->brings_count; i++) {
        if (str_equal(wish->brings[i].dimension, dimension)) {
            snprintf(err->field, sizeof(err->field), "brings[%zu].amount", i);
            return;
        }
    }
    snprintf(err->field, sizeof(err->field), "percent");
}

int shares_set(const struct admind *admind, struct http_request *request,
               const struct access_team *team, int64_t user_id, const struct share_wish *wish,
               struct error *err)
{
    struct arena *arena = http_request_arena(request);
    const struct quota_machine machine = level_machine(admind);
    struct share_moves *moves = arena_alloc(arena, sizeof(*moves));
    struct quota_team quota;
    int result = teams_read_quota(admind->run->db, arena, team->team.id, &machine, &quota, err);
    const struct quota_member *member = result == 0 ? quota_team_find(&quota, user_id) : NULL;
    if (result == 0 && !member) {
        result = error_set_field(err, ERR_NOT_FOUND, "user", "They are not in this team");
    }
    if (result == 0) {
        result = shares_plan(arena, wish, member, moves, err);
    }
    if (result == 0 && moves->count > 0) {
        result = shares_move(admind, request, team, moves, err);
        if (result < 0) {
            rename_field(moves, wish, err);
        }
    }
    return result;
}
