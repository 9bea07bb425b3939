/*
 * The watch: compares, once a cycle, what users, teams and the system use with their limits, and
 * what containers should have with what the kernel has; writes violations down, once an episode.
 *
 * Limits and the ledger are read anew every monitord.violation_s seconds, in some ten queries. It
 * acts on nothing: whoever enforces a limit does so without it.
 */
#pragma once

#include <stdint.h>

#include "dialup-monitord/sampler.h"
#include "dialup-monitord/uses.h"
#include "libdialup/daemon/daemon.h"

struct watch;

/* The run is borrowed. */
struct watch *watch_new(struct daemon_run *run);

/* NULL is fine. */
void watch_free(struct watch *watch);

/* A cycle as of that time. Writes; what could not be written is kept for the next cycle. */
void watch_cycle(struct watch *watch, int64_t at, const struct uses *uses,
                 const struct sample_rows *samples);

struct health_finding watch_check(const struct watch *watch);
