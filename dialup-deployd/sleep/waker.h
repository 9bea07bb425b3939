/*
 * The waker: hears from the gate which sleeping sites have visitors, and wakes them. A site that
 * sleeps without a container needs its memory again: if that is short, the owner's site that is
 * idle longest sleeps in its place.
 *
 * Level-triggered: the gate tells what is wanted, not what happened, and tells it again to whoever
 * asks anew. So neither end may lose a wake by being restarted.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "dialup-deployd/converge/converge.h"
#include "libdialup/store/sites.h"

struct deployd;
struct waker;

struct waker *waker_new(struct deployd *deployd);

/* Before the gate's client and the converger are closed: asks and wakes nobody any more. */
void waker_close(struct waker *waker);

/* After them: both may still call back. */
void waker_free(struct waker *waker);

/* Somebody wants this site. Nothing happens if it is to be stopped or deleted. */
void waker_wake(struct waker *waker, int64_t site_id);

/* One that was held is free again: it waits for its next visitor, or wakes if it may not sleep. */
void waker_let_go_on(struct waker *waker, const struct site *site);

/* Puts the owner's lazy site to sleep that is idle longest, for one that needs its memory. False if
 * nobody can give way; else on_room is called when that is done, or did not come about in time. */
bool waker_make_room(struct waker *waker, const struct site *site, converger_settled_fn *on_room,
                     void *context);
