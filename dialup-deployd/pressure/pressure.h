/*
 * Pressure: looks now and then whether the machine has memory left. When it runs out, those give
 * way whom quota_emergency_plan() names, one after another with a fresh look in between; when it is
 * calm again, all of it is undone the same way. See docs/decisions on who gives way.
 *
 * What was done stands in rows: a daemon that ends in the middle goes on where it was. A build that
 * it left frozen goes on at once, to be removed: it begins again.
 */
#pragma once

struct deployd;
struct pressure;

struct pressure *pressure_new(struct deployd *deployd);

/* After the converger: it may still call back. */
void pressure_free(struct pressure *pressure);

/* Looks now. */
void pressure_kick(struct pressure *pressure);
