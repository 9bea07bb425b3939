/*
 * Levels of admission, read from the tables: whoever admits, shows or judges reads the same.
 */
#pragma once

#include <stdint.h>

#include "libdialup/base/arena.h"
#include "libdialup/base/error.h"
#include "libdialup/quota/admission.h"

struct db;

/* A user's or a team's: limits, what was brought into or by a team, what is used. The name is in
 * the arena. -ERR_NOT_FOUND if there is no such owner, or a team that was deleted. */
int levels_read_owner(struct db *db, struct arena *arena, enum quota_entity entity, int64_t id,
                      const struct quota_machine *machine, struct quota_level *ret_level,
                      struct error *err);

/* The server's: the machine less the reserve, but where the admin set a limit that one instead. */
int levels_read_system(struct db *db, const struct quota_machine *machine, int64_t reserve_percent,
                       struct quota_level *ret_level, struct error *err);
