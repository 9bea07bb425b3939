/*
 * What the system, a team or a user may use: a row per dimension. No row: no limit at this level;
 * a team has nothing then but what its members bring in (quota_level_init).
 */
#pragma once

#include <stdint.h>

#include "libdialup/base/error.h"
#include "libdialup/quota/quota.h"

struct db;

/* Writes the limits that have a row and leaves the others alone, so start from quota_level_init or
 * quota_level_init_system. The system's id is 0. */
int limits_read(struct db *db, enum quota_entity entity, int64_t entity_id,
                struct quota_limit limits[QUOTA_DIMENSION_COUNT], struct error *err);

/* hard = QUOTA_UNLIMITED and percent 0 take the limit away: the row goes. */
int limits_put(struct db *db, enum quota_entity entity, int64_t entity_id,
               enum quota_dimension dimension, const struct quota_limit *limit, int64_t now,
               struct error *err);

/* All dimensions at once, or none. */
int limits_put_all(struct db *db, enum quota_entity entity, int64_t entity_id,
                   const struct quota_limit limits[QUOTA_DIMENSION_COUNT], int64_t now,
                   struct error *err);
