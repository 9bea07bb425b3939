/*
 * The sleeper: looks who is visited (visits.h), and writes into the rows how deep each site should
 * sleep. The converger does the rest. At each look the scaler (scaler.h) has its turn, too.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "dialup-deployd/sleep/idle.h"
#include "libdialup/base/arena.h"
#include "libdialup/base/error.h"

struct deployd;
struct sleeper;

/* A site that sleeps may not any more: its strategy was changed. */
typedef void sleeper_wake_fn(struct deployd *deployd, int64_t site_id);

struct sleeper *sleeper_new(struct deployd *deployd, sleeper_wake_fn *wake);
void sleeper_free(struct sleeper *sleeper);

/* A site was woken: if that was too soon, it sleeps later next time. */
void sleeper_note_wake(struct sleeper *sleeper, const struct site *site);

/* The sites whose containers could sleep, as last seen; in the arena. */
const struct idle_site *sleeper_sites(const struct sleeper *sleeper, struct arena *arena,
                                      size_t *ret_count);

/* Puts a site to sleep, as deep as that; whoever visits it from now on wakes it. */
int sleeper_put(struct sleeper *sleeper, const struct site *site, enum site_sleep sleep,
                const char *reason, struct error *err);
