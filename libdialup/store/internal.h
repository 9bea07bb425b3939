/*
 * What the files of the store share. Nobody else includes it, except the test that looks at the
 * query plan of every statement.
 */
#pragma once

#include <stdint.h>

#include "libdialup/base/arena.h"
#include "libdialup/base/memory.h"
#include "libdialup/db/db.h"
#include "libdialup/quota/quota.h"
#include "libdialup/quota/team.h"

#define STATEMENTS(noun) extern const struct db_statements noun##_statements;
#include "libdialup/store/statements.def"
#undef STATEMENTS

/* The first row of a find: 0, or -ERR_NOT_FOUND with "There is no such NOUN". */
int store_row(struct db_query *query, const char *noun);

/* Runs a change; -ERR_NOT_FOUND as above if no row was changed. */
int store_change(struct db_query *query, const char *noun);

/* An enum in a text column. The table's CHECK keeps other words out, so an unknown one panics. */
int store_column_enum(struct db_query *query, const char *const *names, size_t count);

/* "user" or "team" as it stands in owner_kind and entity_kind. */
enum quota_entity store_column_entity(struct db_query *query);

/* Room for one more row of row_size bytes: rows, or a copy of them in a larger place. Lists start
 * with rows NULL and count 0. */
void *store_grow(struct arena *arena, void *rows, size_t count, size_t row_size);

/* teams.c, for team_quota.c: with what they brought in. -ERR_NOT_FOUND. */
int store_remove_member(struct db *db, int64_t team_id, int64_t user_id, struct error *err);

/* team_shares.c, for team_quota.c: the shares of the members that stand in team. Amount 0: no row.
 */
int store_read_shares(struct db *db, int64_t team_id, struct quota_team *team, struct error *err);
int store_write_share(struct db *db, int64_t team_id, int64_t user_id,
                      enum quota_dimension dimension, int64_t amount, int64_t now,
                      struct error *err);

/* team_shares.c, for teams.c: who goes takes along what they brought in. */
int store_remove_shares_of_member(struct db *db, int64_t team_id, int64_t user_id,
                                  struct error *err);
int store_remove_shares_of_team(struct db *db, int64_t team_id, struct error *err);

/* The columns dimension, hard, soft_percent, burst_percent and percent of all rows, into limits. */
int store_read_limits(struct db_query *query, struct quota_limit limits[QUOTA_DIMENSION_COUNT]);
