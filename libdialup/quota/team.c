/*
 * See the header. Called by admind, when a lead or an admin changes a team.
 */
#include "libdialup/quota/team.h"

#include <stdio.h>
#include <string.h>

#include "libdialup/base/log.h"

void quota_team_add_up(struct quota_team *team)
{
    team->level.brought = (struct quota_amounts){0};
    for (size_t i = 0; i < team->count; i++) {
        quota_add_up(&team->members[i].share);
        quota_amounts_add(&team->level.brought, &team->members[i].share);
    }
}

struct quota_member *quota_team_find(const struct quota_team *team, int64_t user_id)
{
    for (size_t i = 0; i < team->count; i++) {
        if (team->members[i].user_id == user_id) {
            return &team->members[i];
        }
    }
    return NULL;
}

/* Negative: the member uses more than they keep. */
static int64_t left_in(const struct quota_member *member, enum quota_dimension dimension)
{
    int64_t limit = member->limit.of[dimension];
    return limit == QUOTA_UNLIMITED
               ? QUOTA_MAX_AMOUNT
               : limit - member->share.of[dimension] - member->used.of[dimension];
}

int64_t quota_member_left(const struct quota_member *member, enum quota_dimension dimension)
{
    int64_t part = left_in(member, dimension);
    int64_t whole = left_in(member, quota_dimension_info(dimension)->whole);
    int64_t left = part < whole ? part : whole;
    return left < 0 ? 0 : left;
}

/* Moves -------------------------------------------------------------------------------------- */

static int refuse_move(size_t index, const char *field, enum error_code code, const char *hint,
                       const char *message, struct error *err)
{
    char path[96];
    snprintf(path, sizeof(path), "moves[%zu].%s", index, field);
    int result = error_set_field(err, code, path, "%s", message);
    error_hint(err, "%s", hint);
    return result;
}

static int refuse_stranger(size_t index, const char *field, int64_t user_id, struct error *err)
{
    char text[96];
    snprintf(text, sizeof(text), "Nobody with the number %lld is in this team", (long long)user_id);
    return refuse_move(index, field, ERR_INVALID_ARGUMENT, "Choose one of its members", text, err);
}

static int check_shape(const struct quota_move *move, size_t index, struct error *err)
{
    if (!quota_dimension_is_shared(move->dimension)) {
        return refuse_move(index, "dimension", ERR_INVALID_ARGUMENT,
                           "Name one of its parts, or something that adds up",
                           "This cannot be brought into a team", err);
    }
    if (move->amount <= 0 || move->amount > QUOTA_MAX_AMOUNT) {
        return refuse_move(index, "amount", ERR_INVALID_ARGUMENT,
                           "Give a whole number above zero; the direction says who gives",
                           move->amount <= 0 ? "Nothing or less cannot be moved"
                                             : "This amount is too large",
                           err);
    }
    if (move->from == move->to) {
        return refuse_move(index, "to", ERR_INVALID_ARGUMENT, "Choose somebody else",
                           "Nothing moves from somebody to themselves", err);
    }
    return 0;
}

static int move_one(struct quota_team *team, const struct quota_move *move, size_t index,
                    struct error *err)
{
    struct quota_member *from = quota_team_find(team, move->from);
    struct quota_member *to = quota_team_find(team, move->to);
    int result = check_shape(move, index, err);
    if (result < 0) {
        return result;
    }
    if (!from && move->from != QUOTA_NOBODY) {
        return refuse_stranger(index, "from", move->from, err);
    }
    if (!to && move->to != QUOTA_NOBODY) {
        return refuse_stranger(index, "to", move->to, err);
    }
    if (from && from->share.of[move->dimension] < move->amount) {
        char text[200];
        char has[32];
        quota_format(quota_dimension_info(move->dimension)->unit, from->share.of[move->dimension],
                     has, sizeof(has));
        snprintf(text, sizeof(text), "%.64s brings in %s of this, not more", from->name, has);
        return refuse_move(index, "amount", ERR_CONFLICT, "Move at most so much", text, err);
    }
    if (to && to->share.of[move->dimension] > QUOTA_MAX_AMOUNT - move->amount) {
        return refuse_move(index, "amount", ERR_INVALID_ARGUMENT, "Move less",
                           "This amount is too large", err);
    }
    if (from) {
        from->share.of[move->dimension] -= move->amount;
    }
    if (to) {
        to->share.of[move->dimension] += move->amount;
    }
    return 0;
}

static int check_member(const struct quota_member *member, const struct quota_move *move,
                        size_t index, struct error *err)
{
    const enum quota_dimension both[] = {move->dimension,
                                         quota_dimension_info(move->dimension)->whole};
    for (size_t i = 0; i < 2; i++) {
        int64_t left = left_in(member, both[i]);
        if (left >= 0) {
            continue;
        }
        char text[200];
        char amount[80];
        quota_format_noun(both[i], -left, amount, sizeof(amount));
        snprintf(text, sizeof(text), "%.64s would have %s less than they use or may have",
                 member->name, amount);
        return refuse_move(index, "amount", ERR_CONFLICT,
                           "Move less, or let them stop something first", text, err);
    }
    return 0;
}

/* A team that is over its limit already may be helped, but not be taken more from. */
static int check_team(const struct quota_team *before, const struct quota_team *after,
                      const struct quota_move *move, size_t index, struct error *err)
{
    const enum quota_dimension both[] = {move->dimension,
                                         quota_dimension_info(move->dimension)->whole};
    for (size_t i = 0; i < 2; i++) {
        struct quota_effective limit = quota_level_limit(&after->level, both[i]);
        int64_t over = after->level.used.of[both[i]] - limit.hard;
        if (limit.hard == QUOTA_UNLIMITED || over <= 0 ||
            limit.hard >= quota_level_limit(&before->level, both[i]).hard) {
            continue;
        }
        char text[200];
        char amount[80];
        quota_format_noun(both[i], over, amount, sizeof(amount));
        snprintf(text, sizeof(text), "The team would have %s less than it uses", amount);
        return refuse_move(index, "amount", ERR_CONFLICT,
                           "Move it to another member instead, or stop one of the team's sites",
                           text, err);
    }
    return 0;
}

static int check_after(const struct quota_team *before, const struct quota_team *after,
                       const struct quota_move *moves, size_t count, struct error *err)
{
    int result = 0;
    for (size_t i = 0; result == 0 && i < count; i++) {
        const struct quota_member *to = quota_team_find(after, moves[i].to);
        result = to ? check_member(to, &moves[i], i, err) : 0;
        if (result == 0) {
            result = check_team(before, after, &moves[i], i, err);
        }
    }
    return result;
}

int quota_team_redistribute(struct quota_team *team, const struct quota_move *moves, size_t count,
                            struct error *err)
{
    struct quota_member members[QUOTA_TEAM_MEMBERS_MAX];
    struct quota_team after = *team;
    ASSERT(team->count <= QUOTA_TEAM_MEMBERS_MAX);
    after.members = members;
    memcpy(members, team->members, team->count * sizeof(*members));
    int result = 0;
    for (size_t i = 0; result == 0 && i < count; i++) {
        result = move_one(&after, &moves[i], i, err);
    }
    if (result == 0) {
        quota_team_add_up(&after);
        result = check_after(team, &after, moves, count, err);
    }
    if (result == 0) {
        memcpy(team->members, members, team->count * sizeof(*members));
        quota_team_add_up(team);
    }
    return result;
}

/* Who may leave ------------------------------------------------------------------------------ */

int quota_team_check_step_down(const struct quota_team *team, int64_t user_id, struct error *err)
{
    const struct quota_member *member = quota_team_find(team, user_id);
    size_t leads = 0;
    for (size_t i = 0; i < team->count; i++) {
        leads += team->members[i].is_lead;
    }
    if (!member) {
        return error_set_field(err, ERR_NOT_FOUND, "user_id", "They are not in this team");
    }
    if (member->is_lead && leads == 1) {
        int result = error_set_field(err, ERR_CONFLICT, "user_id",
                                     "%.64s is the last lead of this team", member->name);
        error_hint(err, "Make somebody else a lead first, or delete the team");
        return result;
    }
    return 0;
}

static int refuse_to_let_go(const struct quota_member *member, enum quota_dimension dimension,
                            int64_t over, struct error *err)
{
    char amount[80];
    quota_format_noun(dimension, over, amount, sizeof(amount));
    int result =
        error_set_field(err, ERR_CONFLICT, "user_id", "The team uses %s that only %.64s brings in",
                        amount, member->name);
    error_hint(err, "Move their share to another member, or stop one of the team's sites");
    return result;
}

int quota_team_check_leave(const struct quota_team *team, int64_t user_id, struct error *err)
{
    int result = quota_team_check_step_down(team, user_id, err);
    if (result < 0) {
        return result;
    }
    const struct quota_member *member = quota_team_find(team, user_id);
    for (int i = 0; i < QUOTA_DIMENSION_COUNT; i++) {
        struct quota_effective limit = quota_level_limit(&team->level, (enum quota_dimension)i);
        int64_t over = team->level.used.of[i] - (limit.hard - member->share.of[i]);
        if (limit.hard != QUOTA_UNLIMITED && member->share.of[i] > 0 && over > 0) {
            return refuse_to_let_go(member, (enum quota_dimension)i, over, err);
        }
    }
    return 0;
}
