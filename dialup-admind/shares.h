/*
 * What members bring into a team, changed on somebody's behalf. A lead may give back what anybody
 * brings in, and has others bring in more only if they, or an admin, said that leads may: without
 * that, whoever makes a team and adds somebody to it could use what is theirs.
 */
#pragma once

#include "dialup-admind/access.h"
#include "libdialup/quota/team.h"
#include "proto/http_api.h"

struct share_moves {
    struct quota_move rows[QUOTA_MOVES_MAX];
    size_t count;
};

/* From what a member is to bring in, by dimension or as a part of all that they may have: the moves
 * that lead there. brings wins where both are given; -ERR_INVALID_ARGUMENT with "brings[1].amount"
 * and the like, or "percent", as field. */
struct share_wish {
    const struct http_share_change *brings;
    size_t brings_count;
    bool has_percent;
    int64_t percent;
};
int shares_plan(struct arena *arena, const struct share_wish *wish,
                const struct quota_member *member, struct share_moves *ret_moves,
                struct error *err);

/* Carries out all moves or none, in the caller's transaction or one of its own, and tells those
 * whose share it is. Fields of errors are "moves[2].to" and so on. */
int shares_move(const struct admind *admind, struct http_request *request,
                const struct access_team *team, const struct share_moves *moves, struct error *err);

/* shares_plan and shares_move for one member, with the plan's names in errors. */
int shares_set(const struct admind *admind, struct http_request *request,
               const struct access_team *team, int64_t user_id, const struct share_wish *wish,
               struct error *err);

/* A notice for one person about a team, unless it is who asks. */
int shares_tell(const struct admind *admind, const struct http_request *request,
                const struct access_team *team, int64_t user_id, const char *text,
                struct error *err);
