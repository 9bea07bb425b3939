/*
 * A whole team as the quota room wants it, and what the quota room must agree to: moves of shares,
 * members who leave. Stands above teams.c, team_shares.c and levels.c. See teams.h.
 */
#include "libdialup/db/transaction.h"
#include "libdialup/store/internal.h"
#include "libdialup/store/levels.h"
#include "libdialup/store/teams.h"

/* Their limit is what they may have without this team: what they bring into others is taken off. */
static void set_level(struct quota_member *member, const struct quota_level *level)
{
    struct quota_level elsewhere = *level;
    quota_amounts_take(&elsewhere.brought, &member->share);
    for (int i = 0; i < QUOTA_DIMENSION_COUNT; i++) {
        member->limit.of[i] = quota_level_limit(&elsewhere, (enum quota_dimension)i).hard;
    }
    member->used = level->used;
    member->name = level->name;
}

int teams_read_quota(struct db *db, struct arena *arena, int64_t team_id,
                     const struct quota_machine *machine, struct quota_team *ret_team,
                     struct error *err)
{
    struct team_members_list list = {0};
    struct owner_levels levels;
    struct quota_team team = {0};
    int r;
    if ((r = levels_read_owner(db, arena, QUOTA_TEAM, team_id, machine, &team.level, err)) < 0 ||
        (r = team_members_list(db, arena, team_id, &list, err)) < 0 ||
        (r = levels_list(db, arena, LEVELS_OF_MEMBERS, team_id, machine, &levels, err)) < 0) {
        return r;
    }
    team.members = arena_calloc(arena, list.count ? list.count : 1, sizeof(*team.members));
    for (size_t i = 0; i < list.count; i++) {
        const struct team_member *row = &list.rows[i];
        /* Outside of a transaction a member may have left between two queries. */
        if (levels_find(&levels, row->user_id)) {
            team.members[team.count++] = (struct quota_member){
                .user_id = row->user_id, .is_lead = row->role == TEAM_ROLE_LEAD && row->is_active};
        }
    }
    if ((r = store_read_shares(db, team_id, &team, err)) < 0) {
        return r;
    }
    for (size_t i = 0; i < team.count; i++) {
        set_level(&team.members[i], levels_find(&levels, team.members[i].user_id));
    }
    *ret_team = team;
    return 0;
}

/* Moves -------------------------------------------------------------------------------------- */

static int write_moved(struct db *db, int64_t team_id, const struct quota_team *team,
                       const struct quota_move *move, int64_t now, struct error *err)
{
    const int64_t both[] = {move->from, move->to};
    int r = 0;
    for (size_t i = 0; r == 0 && i < ARRAY_COUNT(both); i++) {
        const struct quota_member *member = quota_team_find(team, both[i]);
        if (member) {
            r = store_write_share(db, team_id, both[i], move->dimension,
                                  member->share.of[move->dimension], now, err);
        }
    }
    return r;
}

int teams_redistribute(struct db *db, struct arena *arena, int64_t team_id,
                       const struct quota_machine *machine, const struct quota_move *moves,
                       size_t count, int64_t now, struct quota_team *ret_team, struct error *err)
{
    AUTO_TRANSACTION struct db_transaction transaction = {0};
    struct quota_team team;
    int r = db_transaction_begin(&transaction, db, err);
    if (r < 0 || (r = teams_read_quota(db, arena, team_id, machine, &team, err)) < 0 ||
        (r = quota_team_redistribute(&team, moves, count, err)) < 0) {
        return r;
    }
    for (size_t i = 0; r == 0 && i < count; i++) {
        r = write_moved(db, team_id, &team, &moves[i], now, err);
    }
    if (r < 0 || (r = db_transaction_commit(&transaction, err)) < 0) {
        return r;
    }
    if (ret_team) {
        *ret_team = team;
    }
    return 0;
}

int team_members_remove(struct db *db, int64_t team_id, int64_t user_id,
                        const struct quota_machine *machine, struct error *err)
{
    AUTO_ARENA struct arena *arena = arena_new();
    AUTO_TRANSACTION struct db_transaction transaction = {0};
    struct quota_team team;
    int r = db_transaction_begin(&transaction, db, err);
    if (r < 0 || (r = teams_read_quota(db, arena, team_id, machine, &team, err)) < 0 ||
        (r = quota_team_check_leave(&team, user_id, err)) < 0 ||
        (r = store_remove_member(db, team_id, user_id, err)) < 0) {
        return r;
    }
    return db_transaction_commit(&transaction, err);
}
