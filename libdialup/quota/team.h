/*
 * Teams: people who share. A team's limit in a dimension is its pool and what its members bring in;
 * what a member brings in is not theirs meanwhile. Pure: a table in, a table out; the store reads
 * and writes it (store/teams.h, store/levels.h).
 *
 * Members are people, never teams: a circle cannot be built.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "libdialup/base/error.h"
#include "libdialup/quota/admission.h"

enum { QUOTA_TEAM_MEMBERS_MAX = 500, QUOTA_MOVES_MAX = 200 };

/* A member, as seen from one team. Amounts have their wholes added up. */
struct quota_member {
    int64_t user_id;
    const char *name;           /* borrowed */
    bool is_lead;               /* whose account is active */
    struct quota_amounts limit; /* effective, less what is brought into other teams; or
                                   QUOTA_UNLIMITED */
    struct quota_amounts used;  /* by what is the member's own */
    struct quota_amounts share; /* brought into this team */
};

struct quota_team {
    struct quota_level
        level; /* pool as limits, what the team's sites use; brought is the sum below */
    struct quota_member *members;
    size_t count;
};

/* Sets level.brought to the sum of the members' shares. */
void quota_team_add_up(struct quota_team *team);

/* NULL if there is no such member. */
struct quota_member *quota_team_find(const struct quota_team *team, int64_t user_id);

/* What a member could still bring in: neither used nor brought in already. Wholes bind, too.
 * QUOTA_MAX_AMOUNT at most. */
int64_t quota_member_left(const struct quota_member *member, enum quota_dimension dimension);

/* A part of what members bring in changes hands: from gets it back, to brings it in instead.
 * Between two members the team keeps what it has; from nobody, the member brings in more; to
 * nobody, the member takes it back. */
enum { QUOTA_NOBODY = 0 };
struct quota_move {
    int64_t from; /* user id, or QUOTA_NOBODY */
    int64_t to;
    enum quota_dimension dimension;
    int64_t amount;
};

/*
 * Carries out all moves in order, or none: the shares in team are the new ones if it returns 0.
 * Otherwise -ERR_INVALID_ARGUMENT or -ERR_CONFLICT with the first thing that is wrong, its field
 * ("moves[2].from", "moves[2].amount", ...) and what to do:
 * unknown member, a dimension that cannot be shared, an amount that is not above zero, more than a
 * member brings in; and, when all are done, a member who would fall below what they use, or a team
 * that would.
 */
int quota_team_redistribute(struct quota_team *team, const struct quota_move *moves, size_t count,
                            struct error *err);

/*
 * Moves that would make a refused request fit, most from the member with most left: for the team's
 * own (for_user QUOTA_NOBODY) from nobody, for that member's own sites from that member to others.
 * Returns how many; 0 if nothing is missing or if no moves would do. Levels above the team, and
 * dimensions that cannot be shared, are not looked at.
 */
size_t quota_team_suggest(const struct quota_team *team, int64_t for_user,
                          const struct quota_amounts *request,
                          struct quota_move ret_moves[QUOTA_MOVES_MAX]);

/* "ann could bring in 256MB of memory": one move in words. */
void quota_move_describe(const struct quota_team *team, const struct quota_move *move, char *out,
                         size_t size);

/* What is near its limit in a team, for its leads: the sentence of each dimension from soft on, and
 * a move that would help. "" if all is well. */
void quota_team_warn(const struct quota_team *team, char *out, size_t size);

/* Whether a member may leave, or be no lead any more: -ERR_CONFLICT if nobody would lead, or if the
 * team would fall below what it uses without what they bring in. -ERR_NOT_FOUND: no member. */
int quota_team_check_leave(const struct quota_team *team, int64_t user_id, struct error *err);
int quota_team_check_step_down(const struct quota_team *team, int64_t user_id, struct error *err);
