/*
 * What would help a team: moves that make a refused request fit, and the words for its leads. See
 * team.h.
 */
#include <stdio.h>

#include "libdialup/quota/team.h"

/* What a request misses against a limit that is being raised. */
struct missing {
    const struct quota_team *team;
    int64_t for_user;
    struct quota_amounts request; /* added up */
    struct quota_amounts moved;   /* already suggested, added up */
};

static int64_t missing_in(const struct missing *missing, enum quota_dimension dimension)
{
    int64_t limit;
    int64_t used;
    if (missing->for_user == QUOTA_NOBODY) {
        limit = quota_level_limit(&missing->team->level, dimension).hard;
        used = missing->team->level.used.of[dimension];
    } else {
        const struct quota_member *member = quota_team_find(missing->team, missing->for_user);
        limit = member->limit.of[dimension];
        used = member->used.of[dimension] + member->share.of[dimension];
    }
    int64_t wanted = used + missing->request.of[dimension] - missing->moved.of[dimension];
    return limit == QUOTA_UNLIMITED || missing->request.of[dimension] == 0 || wanted <= limit
               ? 0
               : wanted - limit;
}

/* What a member could take over, less what was suggested for them before. */
static int64_t left_of(const struct quota_member *member, enum quota_dimension dimension,
                       const struct quota_move *moves, size_t count)
{
    struct quota_member later = *member;
    for (size_t i = 0; i < count; i++) {
        if (moves[i].to == member->user_id) {
            later.share.of[moves[i].dimension] += moves[i].amount;
        }
    }
    quota_add_up(&later.share);
    return quota_member_left(&later, dimension);
}

static const struct quota_member *most_left(const struct missing *missing,
                                            enum quota_dimension dimension,
                                            const struct quota_move *moves, size_t count,
                                            int64_t *ret_left)
{
    const struct quota_member *best = NULL;
    *ret_left = 0;
    for (size_t i = 0; i < missing->team->count; i++) {
        const struct quota_member *member = &missing->team->members[i];
        int64_t left = left_of(member, dimension, moves, count);
        if (member->user_id != missing->for_user && left > *ret_left) {
            best = member;
            *ret_left = left;
        }
    }
    return best;
}

/* What may still be moved at all: from a member, what they bring in; from nobody, anything. */
static int64_t movable(const struct missing *missing, enum quota_dimension dimension)
{
    if (missing->for_user == QUOTA_NOBODY) {
        return QUOTA_MAX_AMOUNT;
    }
    const struct quota_member *member = quota_team_find(missing->team, missing->for_user);
    return member->share.of[dimension] - missing->moved.of[dimension];
}

/* Covers as much as can be of an amount in one dimension; false if that is not all. */
static bool cover(struct missing *missing, enum quota_dimension dimension, int64_t amount,
                  struct quota_move *moves, size_t *count)
{
    while (amount > 0 && *count < QUOTA_MOVES_MAX) {
        int64_t left;
        const struct quota_member *member = most_left(missing, dimension, moves, *count, &left);
        int64_t most = movable(missing, dimension);
        int64_t part = left < amount ? left : amount;
        part = part < most ? part : most;
        if (!member || part <= 0) {
            return false;
        }
        moves[(*count)++] =
            (struct quota_move){missing->for_user, member->user_id, dimension, part};
        missing->moved.of[dimension] += part;
        quota_add_up(&missing->moved);
        amount -= part;
    }
    return amount == 0;
}

static bool cover_parts(struct missing *missing, struct quota_move *moves, size_t *count)
{
    for (int i = 0; i < QUOTA_DIMENSION_COUNT; i++) {
        enum quota_dimension dimension = (enum quota_dimension)i;
        if (quota_dimension_is_sum(dimension)) {
            continue;
        }
        int64_t amount = missing_in(missing, dimension);
        if (amount > 0 && (!quota_dimension_is_shared(dimension) ||
                           !cover(missing, dimension, amount, moves, count))) {
            return false;
        }
    }
    return true;
}

/* What a whole misses beyond its parts can be moved as any of them. */
static bool cover_wholes(struct missing *missing, struct quota_move *moves, size_t *count)
{
    for (int i = 0; i < QUOTA_DIMENSION_COUNT; i++) {
        enum quota_dimension whole = quota_dimension_info((enum quota_dimension)i)->whole;
        if (quota_dimension_is_sum((enum quota_dimension)i)) {
            continue;
        }
        int64_t amount = (int)whole == i ? 0 : missing_in(missing, whole);
        if (amount > 0) {
            cover(missing, (enum quota_dimension)i, amount, moves, count);
        }
    }
    for (int i = 0; i < QUOTA_DIMENSION_COUNT; i++) {
        if (missing_in(missing, (enum quota_dimension)i) > 0) {
            return false;
        }
    }
    return true;
}

size_t quota_team_suggest(const struct quota_team *team, int64_t for_user,
                          const struct quota_amounts *request,
                          struct quota_move ret_moves[QUOTA_MOVES_MAX])
{
    struct missing missing = {.team = team, .for_user = for_user, .request = *request};
    size_t count = 0;
    if (for_user != QUOTA_NOBODY && !quota_team_find(team, for_user)) {
        return 0;
    }
    quota_add_up(&missing.request);
    return cover_parts(&missing, ret_moves, &count) && cover_wholes(&missing, ret_moves, &count)
               ? count
               : 0;
}

/* Words -------------------------------------------------------------------------------------- */

void quota_move_describe(const struct quota_team *team, const struct quota_move *move, char *out,
                         size_t size)
{
    const struct quota_member *from = quota_team_find(team, move->from);
    const struct quota_member *to = quota_team_find(team, move->to);
    char amount[80];
    quota_format_noun(move->dimension, move->amount, amount, sizeof(amount));
    if (from && to) {
        snprintf(out, size, "%.64s could bring in %s instead of %.64s", to->name, amount,
                 from->name);
    } else if (to) {
        snprintf(out, size, "%.64s could bring in %s", to->name, amount);
    } else {
        snprintf(out, size, "%.64s could take back %s", from ? from->name : "Somebody", amount);
    }
}

/* What would bring a dimension below its soft limit again: a tenth more. */
static bool find_help(const struct quota_team *team, enum quota_dimension dimension, int64_t limit,
                      struct quota_move *ret_move)
{
    struct missing missing = {.team = team, .for_user = QUOTA_NOBODY};
    int64_t left;
    int64_t wanted = limit / 10 > 0 ? limit / 10 : 1;
    const struct quota_member *member = quota_dimension_is_shared(dimension)
                                            ? most_left(&missing, dimension, NULL, 0, &left)
                                            : NULL;
    if (!member) {
        return false;
    }
    *ret_move = (struct quota_move){QUOTA_NOBODY, member->user_id, dimension,
                                    left < wanted ? left : wanted};
    return true;
}

static void describe_pressure(const struct quota_team *team, enum quota_dimension dimension,
                              char *out, size_t size)
{
    int64_t limit = quota_level_limit(&team->level, dimension).hard;
    char used[32];
    char limit_text[80];
    char help[200] = "";
    struct quota_move move;
    quota_format(quota_dimension_info(dimension)->unit, team->level.used.of[dimension], used,
                 sizeof(used));
    quota_format_noun(dimension, limit, limit_text, sizeof(limit_text));
    if (find_help(team, dimension, limit, &move)) {
        quota_move_describe(team, &move, help, sizeof(help));
    }
    snprintf(out, size, "%.64s uses %s of %s%s%s", team->level.name, used, limit_text,
             help[0] ? ": " : "", help);
}

void quota_team_warn(const struct quota_team *team, char *out, size_t size)
{
    size_t used = 0;
    out[0] = '\0';
    for (int i = 0; i < QUOTA_DIMENSION_COUNT; i++) {
        if (quota_level_state(&team->level, (enum quota_dimension)i) == QUOTA_OK || used >= size) {
            continue;
        }
        char sentence[400];
        describe_pressure(team, (enum quota_dimension)i, sentence, sizeof(sentence));
        used += (size_t)snprintf(out + used, size - used, "%s%s", used ? ". " : "", sentence);
    }
}
