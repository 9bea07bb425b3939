/*
 * What a plan asks for, carried out: a table from action to function. Each is asynchronous and ends
 * in action_end() (site_work.h), once.
 *
 * A new step of the converger is a name in plan.h, a rule in plan.c, and a row in actions.c.
 */
#pragma once

#include "dialup-deployd/converge/site_work.h"
#include "libdialup/ipc/client.h"

typedef void action_fn(struct site_work *work);

/* The action of work->step. */
void action_run(struct site_work *work);

/* action_containers.c */
action_fn action_create;
action_fn action_start;
action_fn action_limit;
action_fn action_stop;
action_fn action_evict;
action_fn action_remove;

/* action_probe.c: does the container answer, and if not, why? */
action_fn action_probe;

/* Ends a probe of this container early, because it died; false if none is under way. */
bool action_probe_interrupt(struct site_work *work, const char *id);

/* action_routes.c: where visitors are led */
action_fn action_route_to;
action_fn action_route_to_files;
action_fn action_route_stopped;
action_fn action_route_wait;
action_fn action_route_remove;
action_fn action_hold;

/* Leads visitors to a page or lets them wait, by the gate's word for it, and notes in the site's
 * row that there is no container for them. What cannot be sent ends the action. */
void action_tell_gate(struct site_work *work, const char *state, ipc_reply_fn *on_reply);

/* action_drain.c: does not wait for its end, which kicks the site */
action_fn action_drain;

/* action_sleep.c */
action_fn action_freeze;
action_fn action_thaw;
action_fn action_note_asleep;

/* Thaws at once a container whose freezer is known; false if that is not possible. */
bool action_thaw_now(struct site_work *work, const char *id);

/* action_give_up.c */
action_fn action_give_up;
action_fn action_stay;
