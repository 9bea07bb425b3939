/*
 * How a site is, once nothing is left to do for it: its row, what it holds, and its files if it
 * was deleted.
 */
#pragma once

struct site_work;

/* How the state_reason of a site begins that visitors wanted and that its owner's limits kept
 * asleep. It stands until the site wakes. */
#define SETTLE_NO_ROOM "the last visitor found no room"

void settle_site(struct site_work *work);
