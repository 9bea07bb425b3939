/*
 * The loop of one site: look, plan, act, and again, until there is nothing left to do.
 * Asynchronous; what it ends with is told by the hooks.
 */
#pragma once

#include "dialup-deployd/converge/site_work.h"

struct site_work *site_loop_new(struct deployd *deployd, int64_t site_id,
                                const struct site_work_hooks *hooks);
void site_loop_free(struct site_work *work);

/* Begins, or remembers to begin again when the step in hand is done. */
void site_loop_kick(struct site_work *work);

/* Somebody wants a site that sleeps. A frozen one answers before its row and Docker are read. */
void site_loop_wake(struct site_work *work);

/* Docker says that a container ended. */
void site_loop_container_died(struct site_work *work, const char *id);

/* See converger_evict. */
bool site_loop_evict(struct site_work *work, const char *id, const struct error *why);
