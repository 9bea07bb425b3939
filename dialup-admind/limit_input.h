/*
 * New limits as a request gives them, put over those that stand. For accounts, teams, the server
 * and profiles alike.
 */
#pragma once

#include "libdialup/base/arena.h"
#include "libdialup/quota/quota.h"
#include "proto/http_api.h"

/* Changes limits, and tells which. -ERR_INVALID_ARGUMENT with "limits[2].hard" and the like as
 * field; limits are spoiled then. */
int limit_input_apply(struct arena *arena, const struct admind_limit_change *changes, size_t count,
                      enum quota_entity entity, struct quota_limit limits[QUOTA_DIMENSION_COUNT],
                      bool ret_changed[QUOTA_DIMENSION_COUNT], struct error *err);

/* {"memory":{"hard":512},...}: what was asked for, for the record. */
const char *limit_input_describe(struct arena *arena, const struct admind_limit_change *changes,
                                 size_t count);
