/*
 * See the header. No SQL of its own.
 */
#include "libdialup/store/levels.h"

#include "libdialup/store/limits.h"
#include "libdialup/store/reservations.h"
#include "libdialup/store/teams.h"
#include "libdialup/store/users.h"

static int read_name(struct db *db, struct arena *arena, enum quota_entity entity, int64_t id,
                     const char **ret_name, struct error *err)
{
    struct user user;
    struct team team;
    int result;
    if (entity == QUOTA_TEAM) {
        result = teams_find(db, arena, id, &team, err);
        *ret_name = result == 0 ? team.name : NULL;
    } else {
        result = users_find(db, arena, id, &user, err);
        *ret_name = result == 0 ? user.email : NULL;
    }
    return result;
}

int levels_read_owner(struct db *db, struct arena *arena, enum quota_entity entity, int64_t id,
                      const struct quota_machine *machine, struct quota_level *ret_level,
                      struct error *err)
{
    const char *name;
    int result = read_name(db, arena, entity, id, &name, err);
    if (result < 0) {
        return result;
    }
    quota_level_init(ret_level, entity, name);
    ret_level->machine = *machine;
    if ((result = limits_read(db, entity, id, ret_level->limits, err)) < 0 ||
        (result = entity == QUOTA_TEAM
                      ? team_shares_sum(db, id, &ret_level->brought, err)
                      : team_shares_sum_of_user(db, id, &ret_level->brought, err)) < 0) {
        return result;
    }
    return reservations_sum(db, entity, id, &ret_level->used, err);
}

int levels_read_system(struct db *db, const struct quota_machine *machine, int64_t reserve_percent,
                       struct quota_level *ret_level, struct error *err)
{
    quota_level_init_system(ret_level, machine->memory_mib, machine->cpu_millicores,
                            machine->storage_mib, reserve_percent);
    int result = limits_read(db, QUOTA_SYSTEM, 0, ret_level->limits, err);
    return result < 0 ? result : reservations_sum_system(db, &ret_level->used, err);
}
