/*
 * Levels of many owners at once: four queries, however many they are. See levels.h.
 */
#include <stdlib.h>

#include "libdialup/store/internal.h"
#include "libdialup/store/levels.h"

/* ?1 is the team of members, 0 of others. */
#define OF_MEMBERS "IN (SELECT user_id FROM team_members WHERE team_id = ?1) "
#define LIMITS(kind, which)                                                                        \
    "SELECT entity_id, dimension, ifnull(hard, -1), soft_percent, burst_percent, percent "         \
    "FROM limits WHERE entity_kind = '" kind "' AND entity_id " which
#define USED(kind, which)                                                                          \
    "SELECT entity_id, dimension, sum(amount) FROM reservations WHERE entity_kind = '" kind        \
    "' AND entity_id " which "GROUP BY entity_id, dimension"
#define BROUGHT(id, which)                                                                         \
    "SELECT " id ", dimension, sum(amount) FROM team_shares WHERE " id " " which "GROUP BY " id    \
    ", dimension"

enum query { NAMES, LIMITS, BROUGHT, USED, QUERY_COUNT };

#define ROW(of, query) [(of)*QUERY_COUNT + (query)]

static const struct db_statement rows[] = {
    ROW(LEVELS_OF_USERS, NAMES) = {"levels_users",
                                   "SELECT id, email FROM users WHERE id > ?1 ORDER BY id"},
    ROW(LEVELS_OF_USERS, LIMITS) = {"levels_limits_of_users", LIMITS("user", "> ?1 ")},
    ROW(LEVELS_OF_USERS, BROUGHT) = {"levels_brought_by_users", BROUGHT("user_id", "> ?1 ")},
    ROW(LEVELS_OF_USERS, USED) = {"levels_used_by_users", USED("user", "> ?1 ")},
    ROW(LEVELS_OF_TEAMS, NAMES) = {"levels_teams", "SELECT id, name FROM teams WHERE id > ?1 "
                                                   "AND deleted_at IS NULL ORDER BY id"},
    ROW(LEVELS_OF_TEAMS, LIMITS) = {"levels_limits_of_teams", LIMITS("team", "> ?1 ")},
    ROW(LEVELS_OF_TEAMS, BROUGHT) = {"levels_brought_into_teams", BROUGHT("team_id", "> ?1 ")},
    ROW(LEVELS_OF_TEAMS, USED) = {"levels_used_by_teams", USED("team", "> ?1 ")},
    ROW(LEVELS_OF_MEMBERS, NAMES) = {"levels_members",
                                     "SELECT id, email FROM users WHERE id " OF_MEMBERS
                                     "ORDER BY id"},
    ROW(LEVELS_OF_MEMBERS, LIMITS) = {"levels_limits_of_members", LIMITS("user", OF_MEMBERS)},
    ROW(LEVELS_OF_MEMBERS, BROUGHT) = {"levels_brought_by_members", BROUGHT("user_id", OF_MEMBERS)},
    ROW(LEVELS_OF_MEMBERS, USED) = {"levels_used_by_members", USED("user", OF_MEMBERS)},
};

const struct db_statements levels_statements = {rows, ARRAY_COUNT(rows)};

static struct db_query start(struct db *db, enum levels_of of, enum query query, int64_t team_id,
                             struct error *err)
{
    struct db_query q =
        db_query(db, &levels_statements, (size_t)of * QUERY_COUNT + (size_t)query, err);
    db_bind_i64(&q, team_id);
    return q;
}

static int compare_id(const void *id, const void *row)
{
    int64_t left = *(const int64_t *)id;
    int64_t right = ((const struct owner_level *)row)->id;
    return (left > right) - (left < right);
}

struct quota_level *levels_find(const struct owner_levels *levels, int64_t id)
{
    struct owner_level *row = levels->count > 0 ? bsearch(&id, levels->rows, levels->count,
                                                          sizeof(*levels->rows), compare_id)
                                                : NULL;
    return row ? &row->level : NULL;
}

static int read_names(struct db_query *q, struct arena *arena, enum quota_entity entity,
                      const struct quota_machine *machine, struct owner_levels *levels)
{
    int r;
    while ((r = db_query_row(q)) > 0) {
        levels->rows = store_grow(arena, levels->rows, levels->count, sizeof(*levels->rows));
        struct owner_level *row = &levels->rows[levels->count++];
        row->id = db_column_i64(q);
        quota_level_init(&row->level, entity, db_column_text(q, arena));
        row->level.machine = *machine;
    }
    return r;
}

/* Rows of an owner that is gone, or of a dimension that this release does not know, bind nothing.
 */
static int read_limits(struct db_query *q, const struct owner_levels *levels)
{
    int r;
    while ((r = db_query_row(q)) > 0) {
        struct quota_level *level = levels_find(levels, db_column_i64(q));
        enum quota_dimension dimension;
        if (quota_dimension_parse(db_column_word(q), &dimension) && level) {
            struct quota_limit *limit = &level->limits[dimension];
            limit->hard = db_column_i64(q);
            limit->soft_percent = db_column_i64(q);
            limit->burst_percent = db_column_i64(q);
            limit->percent = db_column_i64(q);
        }
    }
    return r;
}

static int read_amounts(struct db_query *q, const struct owner_levels *levels, bool are_used)
{
    int r;
    while ((r = db_query_row(q)) > 0) {
        struct quota_level *level = levels_find(levels, db_column_i64(q));
        enum quota_dimension dimension;
        if (quota_dimension_parse(db_column_word(q), &dimension) && level) {
            struct quota_amounts *amounts = are_used ? &level->used : &level->brought;
            amounts->of[dimension] = db_column_i64(q);
        }
    }
    return r;
}

int levels_list(struct db *db, struct arena *arena, enum levels_of of, int64_t team_id,
                const struct quota_machine *machine, struct owner_levels *ret_levels,
                struct error *err)
{
    AUTO_QUERY struct db_query names = start(db, of, NAMES, team_id, err);
    AUTO_QUERY struct db_query limits = start(db, of, LIMITS, team_id, err);
    AUTO_QUERY struct db_query brought = start(db, of, BROUGHT, team_id, err);
    AUTO_QUERY struct db_query used = start(db, of, USED, team_id, err);
    enum quota_entity entity = of == LEVELS_OF_TEAMS ? QUOTA_TEAM : QUOTA_USER;
    struct owner_levels levels = {0};
    int r;
    if ((r = read_names(&names, arena, entity, machine, &levels)) < 0 ||
        (r = read_limits(&limits, &levels)) < 0 ||
        (r = read_amounts(&brought, &levels, false)) < 0 ||
        (r = read_amounts(&used, &levels, true)) < 0) {
        return r;
    }
    for (size_t i = 0; i < levels.count; i++) {
        quota_add_up(&levels.rows[i].level.brought);
        quota_add_up(&levels.rows[i].level.used);
    }
    *ret_levels = levels;
    return 0;
}
