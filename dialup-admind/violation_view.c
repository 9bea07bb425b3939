/*
 * See the header. Called by api_violations.c and rpc_quotas.c.
 */
#include "dialup-admind/violation_view.h"

#include "libdialup/store/teams.h"
#include "libdialup/store/users.h"

/* Of those that are gone, too: what happened stays told. */
static const char *name_of(const struct admind *admind, struct arena *arena,
                           const struct violation *row)
{
    struct team team;
    struct user user;
    if (row->entity == QUOTA_SYSTEM) {
        return "the server";
    }
    if (row->entity == QUOTA_TEAM) {
        return teams_find(admind->run->db, arena, row->entity_id, &team, NULL) == 0
                   ? team.name
                   : "a deleted team";
    }
    return users_find(admind->run->db, arena, row->entity_id, &user, NULL) == 0 ? user.email : "";
}

struct admind_violation violation_view(const struct admind *admind, struct arena *arena,
                                       const struct violation *row)
{
    enum quota_dimension dimension;
    bool is_known = quota_dimension_parse(row->dimension, &dimension);
    const struct quota_dimension_info *info = is_known ? quota_dimension_info(dimension) : NULL;
    return (struct admind_violation){
        .id = row->id,
        .entity = quota_entity_name(row->entity),
        .entity_id = row->entity_id,
        .name = name_of(admind, arena, row),
        .dimension = row->dimension,
        .label = info ? info->label : row->dimension,
        .unit = info ? quota_unit_name(info->unit) : "",
        .kind = violation_kind_name(row->kind),
        .began_at = row->began_at,
        .ended_at = row->ended_at,
        .has_ended_at = row->ended_at != 0,
        .limit = row->limit,
        .peak = row->peak,
        .action = row->action,
    };
}
