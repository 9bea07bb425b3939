/*
 * The steps of an emergency, each carried out by whom it concerns and written down with its reason:
 * builds stand still, sites sleep or are held, and all of it backwards.
 */
#pragma once

#include "dialup-deployd/pressure/census.h"
#include "libdialup/quota/emergency.h"

struct deployd;

/* Nothing here waits: a site's container goes when the converger comes to it. A step that cannot be
 * carried out is logged; the next look sees how things are. */
void steps_do(struct deployd *deployd, const struct quota_container *container,
              const struct census_entry *entry, const struct quota_step *step);
