/*
 * What somebody may use and uses, and what this machine has: whoever shows limits or changes them
 * reads the same here. Blocks on the database alone.
 */
#pragma once

#include "dialup-admind/admind.h"
#include "libdialup/quota/quota.h"

/* What limits in parts of the machine are parts of. */
struct quota_machine level_machine(const struct admind *admind);

/* An account's, a team's or the server's (id 0). The name is in the arena. -ERR_NOT_FOUND. */
int level_read(const struct admind *admind, struct arena *arena, enum quota_entity entity,
               int64_t id, struct quota_level *ret_level, struct error *err);
