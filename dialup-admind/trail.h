/*
 * The record of what another daemon has done for somebody: entries that come up in one turn of the
 * loop share one sync to the disk, and wait while another program writes. What admind does itself
 * is on record before it is answered (people.h).
 */
#pragma once

#include "libdialup/store/audit.h"

struct event_base;
struct trail;

/* Both are borrowed until the end. */
struct trail *trail_new(struct event_base *base, struct db *db);

/* Writes what waits. NULL is fine. */
void trail_free(struct trail *trail);

/* Copies the entry, whose texts are all there, and stamps it with the time. A failure to save it is
 * logged. */
void trail_add(struct trail *trail, const struct audit_entry *entry);
