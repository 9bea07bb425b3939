/*
 * The table team_shares, written by admind: what members bring in. See teams.h.
 */
#include "libdialup/store/internal.h"
#include "libdialup/store/teams.h"

enum { SUM, SUM_OF_USER, LIST, PUT, REMOVE, REMOVE_OF_MEMBER, REMOVE_OF_TEAM };

static const struct db_statement rows[] = {
    [SUM] = {"team_shares_sum", "SELECT dimension, sum(amount) FROM team_shares WHERE team_id = ?1 "
                                "GROUP BY dimension"},
    [SUM_OF_USER] = {"team_shares_sum_of_user",
                     "SELECT dimension, sum(amount) FROM team_shares WHERE user_id = ?1 "
                     "GROUP BY dimension"},
    [LIST] = {"team_shares_list",
              "SELECT user_id, dimension, amount FROM team_shares WHERE team_id = ?1 "
              "ORDER BY user_id"},
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

int store_read_shares(struct db *db, int64_t team_id, struct quota_team *team, struct error *err)
{
    AUTO_QUERY struct db_query q = db_query(db, &team_shares_statements, LIST, err);
    struct quota_member *member = NULL;
    int r;
    db_bind_i64(&q, team_id);
    while ((r = db_query_row(&q)) > 0) {
        int64_t user_id = db_column_i64(&q);
        enum quota_dimension dimension;
        member = member && member->user_id == user_id ? member : quota_team_find(team, user_id);
        if (quota_dimension_parse(db_column_word(&q), &dimension) && member) {
            member->share.of[dimension] = db_column_i64(&q);
        }
    }
    for (size_t i = 0; i < team->count; i++) {
        quota_add_up(&team->members[i].share);
    }
    return r;
}

int store_write_share(struct db *db, int64_t team_id, int64_t user_id,
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
