/*
 * See the header. Called by the handlers.
 */
#include "dialup-admind/level.h"

#include "libdialup/daemon/machine.h"
#include "libdialup/store/levels.h"

struct quota_machine level_machine(const struct admind *admind)
{
    return machine_of_settings(admind->run->config);
}

int level_read(const struct admind *admind, struct arena *arena, enum quota_entity entity,
               int64_t id, struct quota_level *ret_level, struct error *err)
{
    const struct quota_machine machine = level_machine(admind);
    int64_t reserve = config_integer(admind->run->config, CONFIG_deployd_reserve_percent);
    return entity == QUOTA_SYSTEM
               ? levels_read_system(admind->run->db, &machine, reserve, ret_level, err)
               : levels_read_owner(admind->run->db, arena, entity, id, &machine, ret_level, err);
}
