/*
 * The table of actions; see the header. Called by the loop of a site.
 */
#include "dialup-deployd/converge/actions.h"

#include "libdialup/base/log.h"

static action_fn *const actions[] = {
    [PLAN_CREATE] = action_create,
    [PLAN_START] = action_start,
    [PLAN_PROBE] = action_probe,
    [PLAN_ROUTE_TO] = action_route_to,
    [PLAN_ROUTE_TO_FILES] = action_route_to_files,
    [PLAN_ROUTE_STOPPED] = action_route_stopped,
    [PLAN_ROUTE_WAIT] = action_route_wait,
    [PLAN_ROUTE_REMOVE] = action_route_remove,
    [PLAN_LIMIT] = action_limit,
    [PLAN_DRAIN] = action_drain,
    [PLAN_REMOVE] = action_remove,
    [PLAN_GIVE_UP] = action_give_up,
    [PLAN_STAY] = action_stay,
    [PLAN_HOLD] = action_hold,
    [PLAN_FREEZE] = action_freeze,
    [PLAN_THAW] = action_thaw,
    [PLAN_STOP] = action_stop,
    [PLAN_EVICT] = action_evict,
    [PLAN_NOTE_ASLEEP] = action_note_asleep,
};

void action_run(struct site_work *work)
{
    action_fn *action = actions[work->step.action];
    ASSERT(action); /* PLAN_NOTHING and PLAN_AWAIT are not carried out */
    action(work);
}
