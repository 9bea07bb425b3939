/*
 * Gates before this one that still carry what was open when their place was taken: the newest asks
 * them to drain, as it is asked itself.
 *
 * A channel between the two goes over with the routes, and from gate to gate with every further
 * hand-over, so that the newest knows all that are left. Its end is that of the former gate, and of
 * all that it carried.
 *
 *   new -> old   drain    NUMBER HOST ADDRESS REQUESTS_MS UPGRADED_MS
 *   old -> new   drained  NUMBER CUT
 */
#pragma once

#include <stddef.h>

#include "dialup-deployd/gate/drain.h"
#include "libdialup/base/error.h"

struct event_base;
struct gate;

/* The newest's side ----------------------------------------------------------------------- */

struct formers;

struct formers *formers_new(struct event_base *base);

/* What waits for an answer is told that it is over. NULL is fine. */
void formers_free(struct formers *formers);

/* Takes the descriptor of a channel. */
void formers_add(struct formers *formers, int fd);

/* Asks all of them; returns how many were asked. For each of these spec->on_end is called, never
 * from within this call. */
size_t formers_drain(struct formers *formers, const struct drain_spec *spec);

/* Visits the channels, for the next hand-over; they stay ours. */
void formers_each(const struct formers *formers, void (*visit)(void *arg, int fd), void *arg);

/* The former's side ----------------------------------------------------------------------- */

struct successor;

/* Two ends of a new channel, both the caller's: ours, and the one that goes over. */
int successor_make_channel(int ret_fds[2], struct error *err);

/* Answers whoever has the other end of fd, which is taken, out of the gate. */
struct successor *successor_new(struct event_base *base, struct gate *gate, int fd);

/* Before the gate. NULL is fine. */
void successor_free(struct successor *successor);
