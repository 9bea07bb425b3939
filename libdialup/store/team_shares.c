/*
 * The table team_shares, written by admind: what members bring in, and a whole team as the quota
 * room wants it. See teams.h.
 */
#include "libdialup/db/transaction.h"
#include "libdialup/store/internal.h"
#include "libdialup/store/levels.h"
#include "libdialup/store/teams.h"

enum { SUM, SUM_OF_USER, LIST, PUT, REMOVE, REMOVE_OF_MEMBER, REMOVE_OF_TEAM };

static const struct db_statement rows[] = {
    [SUM] = {"team_shares_sum", "SELECT dimension, sum(amount) FROM team_shares WHERE team_id = ?1 "
                                "GROUP BY dimension"},
    [SUM_OF_USER] = {"team_shares_sum_of_user",
                     "SELECT dimension, sum(amount) FROM team_shares WHERE user_id = ?1 "
                     "GROUP BY dimension"},
    [LIST] = {"team_shares_list",
              "SELECT dimension, amount FROM team_shares WHERE team_id = ?1 AND user_id = ?2"},
    [PUT] = {"team_shares_put",
             "INSERT INTO team_shares (team_id, user_id, dimension, amount, updated_at) "
             "VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (team_id, user_id, dimension) "
             "DO UPDATE SET amount = excluded.amount, updated_at = excluded.updated_at "
             "WHERE amount <> excluded.amount"},
    [REMOVE] = {"team_shares_remove", "DELETE FROM team_shares WHERE team_id = ?1 "
                                      "AND user_id = ?2 AND dimension = ?3"},
    [REMOVE_OF_MEMBER] = {"team_shares_remove_of_member",
                          "DELETE FROM team_shares WHERE team_id = ?1 AND user_id = ?2"},
    [REMOVE_OF_TEAM] = {"team_shares_remove_of_team", "DELETE FROM team_shares WHERE team_id = ?1"},
};

const struct db_statements team_shares_statements = {rows, ARRAY_COUNT(rows)};

static int read_amounts(struct db_query *q, struct quota_amounts *ret_amounts)
{
    struct quota_amounts amounts = {0};
    int r;
    while ((r = db_query_row(q)) > 0) {
        enum quota_dimension dimension;
        if (quota_dimension_parse(db_column_word(q), &dimension)) {
            amounts.of[dimension] = db_column_i64(q);
        }
    }
    if (r == 0) {
        quota_add_up(&amounts);
        *ret_amounts = amounts;
    }
    return r;
}

int team_shares_sum(struct db *db, int64_t team_id, struct quota_amounts *ret_amounts,
                    struct error *err)
{
    AUTO_QUERY struct db_query q = db_query(db, &team_shares_statements, SUM, err);
    db_bind_i64(&q, team_id);
    return read_amounts(&q, ret_amounts);
}

int team_shares_sum_of_user(struct db *db, int64_t user_id, struct quota_amounts *ret_amounts,
                            struct error *err)
{
    AUTO_QUERY struct db_query q = db_query(db, &team_shares_statements, SUM_OF_USER, err);
    db_bind_i64(&q, user_id);
    return read_amounts(&q, ret_amounts);
}

int store_remove_shares_of_member(struct db *db, int64_t team_id, int64_t user_id,
                                  struct error *err)
{
    AUTO_QUERY struct db_query q = db_query(db, &team_shares_statements, REMOVE_OF_MEMBER, err);
    db_bind_i64(&q, team_id);
    db_bind_i64(&q, user_id);
    return db_query_run(&q);
}

int store_remove_shares_of_team(struct db *db, int64_t team_id, struct error *err)
{
    AUTO_QUERY struct db_query q = db_query(db, &team_shares_statements, REMOVE_OF_TEAM, err);
    db_bind_i64(&q, team_id);
    return db_query_run(&q);
}

/* A whole team ------------------------------------------------------------------------------- */

static int read_share(struct db *db, int64_t team_id, int64_t user_id,
                      struct quota_amounts *ret_share, struct error *err)
{
    AUTO_QUERY struct db_query q = db_query(db, &team_shares_statements, LIST, err);
    db_bind_i64(&q, team_id);
    db_bind_i64(&q, user_id);
    return read_amounts(&q, ret_share);
}

/* What they may have without this team: what they bring into others is taken off. */
static void set_limits(struct quota_member *member, const struct quota_level *level)
{
    struct quota_level elsewhere = *level;
    quota_amounts_take(&elsewhere.brought, &member->share);
    for (int i = 0; i < QUOTA_DIMENSION_COUNT; i++) {
        member->limit.of[i] = quota_level_limit(&elsewhere, (enum quota_dimension)i).hard;
    }
    member->used = level->used;
}

static int read_member(struct db *db, struct arena *arena, const struct team_member *row,
                       const struct quota_machine *machine, struct quota_member *member,
                       struct error *err)
{
    struct quota_level level;
    int r = levels_read_owner(db, arena, QUOTA_USER, row->user_id, machine, &level, err);
    if (r == 0) {
        r = read_share(db, row->team_id, row->user_id, &member->share, err);
    }
    if (r == 0) {
        member->user_id = row->user_id;
        member->name = level.name;
        member->is_lead = row->role == TEAM_ROLE_LEAD;
        set_limits(member, &level);
    }
    return r;
}

int teams_read_quota(struct db *db, struct arena *arena, int64_t team_id,
                     const struct quota_machine *machine, struct quota_team *ret_team,
                     struct error *err)
{
    struct team_members_list list = {0};
    struct quota_team team = {0};
    int r = levels_read_owner(db, arena, QUOTA_TEAM, team_id, machine, &team.level, err);
    if (r == 0) {
        r = team_members_list(db, arena, team_id, &list, err);
    }
    if (r < 0) {
        return r;
    }
    team.members = arena_calloc(arena, list.count ? list.count : 1, sizeof(*team.members));
    team.count = list.count;
    for (size_t i = 0; r == 0 && i < list.count; i++) {
        r = read_member(db, arena, &list.rows[i], machine, &team.members[i], err);
    }
    if (r == 0) {
        *ret_team = team;
    }
    return r;
}

/* Moves -------------------------------------------------------------------------------------- */

static int write_share(struct db *db, int64_t team_id, int64_t user_id,
                       enum quota_dimension dimension, int64_t amount, int64_t now,
                       struct error *err)
{
    AUTO_QUERY struct db_query q =
        db_query(db, &team_shares_statements, amount > 0 ? PUT : REMOVE, err);
    db_bind_i64(&q, team_id);
    db_bind_i64(&q, user_id);
    db_bind_text(&q, quota_dimension_info(dimension)->name);
    if (amount > 0) {
        db_bind_i64(&q, amount);
        db_bind_i64(&q, now);
    }
    return db_query_run(&q);
}

static int write_moved(struct db *db, int64_t team_id, const struct quota_team *team,
                       const struct quota_move *move, int64_t now, struct error *err)
{
    const int64_t both[] = {move->from, move->to};
    int r = 0;
    for (size_t i = 0; r == 0 && i < ARRAY_COUNT(both); i++) {
        const struct quota_member *member = quota_team_find(team, both[i]);
        if (member) {
            r = write_share(db, team_id, both[i], move->dimension,
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
