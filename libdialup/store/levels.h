/*
 * Levels of admission, read from the tables: whoever admits, shows or judges reads the same.
 */
#pragma once

#include <stddef.h>
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

enum levels_of { LEVELS_OF_USERS, LEVELS_OF_TEAMS, LEVELS_OF_MEMBERS, LEVELS_OF_COUNT };

struct owner_level {
    int64_t id;
    struct quota_level level;
};
struct owner_levels {
    struct owner_level *rows; /* by id */
    size_t count;
};

/* As levels_read_owner, of all users, of all teams that are not deleted, or of the members of
 * team_id (else 0): in four queries. */
int levels_list(struct db *db, struct arena *arena, enum levels_of of, int64_t team_id,
                const struct quota_machine *machine, struct owner_levels *ret_levels,
                struct error *err);

/* NULL if there is no such owner in the list. */
struct quota_level *levels_find(const struct owner_levels *levels, int64_t id);
