/*
 * Gives running containers other limits without killing what runs in them.
 *
 * CPU, and more memory, are in force at once. Less memory than a container uses is not taken by
 * force: the limit goes down as far as its working set allows, and again and again after it, until
 * it is where it should be. On control groups of version 2 memory.high stands at the goal
 * meanwhile, so that the kernel makes the group smaller and keeps it from growing into the limit
 * that comes down; version 1 refuses a limit that does not fit, which is asked again later.
 *
 * One request a container at a time; each begins by looking at what is, so nothing is lost if
 * somebody else changes a container, or if this process begins anew (the plan asks again then).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "dialup-deployd/engine/container.h"

struct event_base;
struct limiter;

/* cgroup_root is borrowed for its life. */
struct limiter *limiter_new(struct event_base *base, struct engine *engine,
                            const char *cgroup_root);

/* After the engine was closed. NULL is fine. */
void limiter_free(struct limiter *limiter);

/* Calls on_done once: when the CPU's limit is in force, and the memory's, or on its way. Not asked
 * twice for one container before that. */
void limiter_set(struct limiter *limiter, const char *id, int64_t memory_mib,
                 int64_t cpu_millicores, container_done_fn *on_done, void *context);

/* Whether this container is still on its way to what was asked for last. */
bool limiter_is_busy(const struct limiter *limiter, const char *id);

/* Pure: the limit to set next, on the way to wanted. used_mib is the working set, in_force_mib 0:
 * no limit. Never less than what is used and some room to breathe; never more than what is in
 * force, unless more is wanted. */
int64_t limiter_next_mib(int64_t wanted_mib, int64_t in_force_mib, int64_t used_mib);
