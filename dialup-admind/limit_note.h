/*
 * What an admin should know of limits that were just set: those that promise more than there is,
 * and those below what is in use or what a type of site needs.
 */
#pragma once

#include "dialup-admind/admind.h"
#include "libdialup/quota/quota.h"

/* Sentences in the arena; NULL if there is nothing to say. changed tells which limits were given.
 */
const char *limit_note(const struct admind *admind, struct arena *arena, enum quota_entity entity,
                       const struct quota_limit *limits, const bool *changed);

/* What changed limits mean for what is used and for the types of sites, such as "Memory is over by
 * 64MB now: ...". level is as it is after the change; sentences in the arena. */
const char *const *limit_warnings(struct arena *arena, const struct quota_level *level,
                                  const bool *changed, size_t *ret_count);
