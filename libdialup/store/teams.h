/*
 * Teams, who is in them, and what each brings in. Written by admind.
 *
 * Members are people, so teams cannot be in circles; a person may be in several. A team that still
 * has sites is not deleted, and nobody leaves who leads alone or whose share is in use: those rules
 * are libdialup/quota/team.h, looked at here in the transaction that would break them.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "libdialup/base/arena.h"
#include "libdialup/base/error.h"
#include "libdialup/quota/team.h"

struct db;

enum team_role { TEAM_ROLE_MEMBER, TEAM_ROLE_LEAD };

const char *team_role_name(enum team_role role); /* "member", "lead" */
bool team_role_parse(const char *name, enum team_role *ret_role);

struct team {
    int64_t id;
    const char *name;
    int64_t created_at;
    int64_t updated_at;
    int64_t deleted_at; /* 0: it is not */
};

struct teams_list {
    struct team *rows;
    size_t count;
};

struct team_member {
    int64_t team_id;
    int64_t user_id;
    enum team_role role;
    int64_t joined_at;
    bool leads_may_move; /* a lead may have them bring in more */
    bool is_active;      /* their account: who is not leads nothing */
    const char *email;
};

struct team_members_list {
    struct team_member *rows;
    size_t count;
};

/* With its first lead, in one transaction. -ERR_ALREADY_EXISTS, field "name", if a team has that
 * name in any case; -ERR_INVALID_ARGUMENT for a name that is empty or longer than 64. */
int teams_create(struct db *db, const char *name, int64_t lead_user_id, int64_t now,
                 int64_t *ret_id, struct error *err);
int teams_rename(struct db *db, int64_t id, const char *name, int64_t now, struct error *err);

/* -ERR_CONFLICT, with how many, while it has sites. Members and shares go, the row stays. */
int teams_delete(struct db *db, int64_t id, int64_t now, struct error *err);

/* -ERR_NOT_FOUND for a deleted one, too. */
int teams_find(struct db *db, struct arena *arena, int64_t id, struct team *ret_team,
               struct error *err);
/* By id, from after_id on. */
int teams_list(struct db *db, struct arena *arena, int64_t after_id, int64_t limit,
               struct teams_list *ret_list, struct error *err);
int teams_list_of_user(struct db *db, struct arena *arena, int64_t user_id,
                       struct teams_list *ret_list, struct error *err);

/* Those that nobody active would lead if this user did not. */
int teams_list_led_alone(struct db *db, struct arena *arena, int64_t user_id,
                         struct teams_list *ret_list, struct error *err);

/* How many there are of a team; members that are not active count, too, but not as leads. */
struct team_counts {
    int64_t members;
    int64_t leads;
    int64_t sites;
};
int teams_count(struct db *db, int64_t team_id, struct team_counts *ret_counts, struct error *err);

/* Leads first, then by id. */
int team_members_list(struct db *db, struct arena *arena, int64_t team_id,
                      struct team_members_list *ret_list, struct error *err);

/* False: not in it, or the team is deleted. For the question who may see and change. */
int team_members_find(struct db *db, int64_t team_id, int64_t user_id, bool *ret_is_member,
                      enum team_role *ret_role, struct error *err);

/* -ERR_ALREADY_EXISTS, field "user_id", for who is in it; -ERR_CONFLICT for an account that is not
 * active, and for a team that is full (QUOTA_TEAM_MEMBERS_MAX). */
int team_members_add(struct db *db, int64_t team_id, int64_t user_id, enum team_role role,
                     int64_t now, struct error *err);

/* -ERR_CONFLICT for the last lead who would be none. */
int team_members_set_role(struct db *db, int64_t team_id, int64_t user_id, enum team_role role,
                          struct error *err);

/* Whether a lead may have them bring in more than they do. */
int team_members_set_leads_may_move(struct db *db, int64_t team_id, int64_t user_id, bool may_move,
                                    struct error *err);

/* Takes what they brought in out with them: -ERR_CONFLICT as quota_team_check_leave says. */
int team_members_remove(struct db *db, int64_t team_id, int64_t user_id,
                        const struct quota_machine *machine, struct error *err);

/* What all members bring into a team, and what a user brings into all teams; wholes added up. */
int team_shares_sum(struct db *db, int64_t team_id, struct quota_amounts *ret_amounts,
                    struct error *err);
int team_shares_sum_of_user(struct db *db, int64_t user_id, struct quota_amounts *ret_amounts,
                            struct error *err);

/* All that quota/team.h needs: the pool and its use, and of each member limit, use and share. In
 * the arena. */
int teams_read_quota(struct db *db, struct arena *arena, int64_t team_id,
                     const struct quota_machine *machine, struct quota_team *ret_team,
                     struct error *err);

/* Reads, moves (quota_team_redistribute), writes: in one transaction. ret_team may be NULL. */
int teams_redistribute(struct db *db, struct arena *arena, int64_t team_id,
                       const struct quota_machine *machine, const struct quota_move *moves,
                       size_t count, int64_t now, struct quota_team *ret_team, struct error *err);
