/*
 * Rolling up: once five minutes are over, adds their samples up, and makes their hour and day anew;
 * then removes what is kept long enough. One short step a turn of the loop, at most 200 rows.
 *
 * What is not rolled up yet is not removed, unless it has been kept twice as long as it should.
 * While another program writes, a step is tried again; after some seconds all waits for the next
 * cycle. Nothing is lost by that, nor by an end in the middle: it begins anew with the same five
 * minutes.
 */
#pragma once

#include <stdint.h>

#include "libdialup/daemon/daemon.h"

struct rollup;

/* Samples are kept for keep_s. The run is borrowed. */
struct rollup *rollup_new(struct daemon_run *run, int64_t keep_s);

/* NULL is fine. */
void rollup_free(struct rollup *rollup);

/* A cycle was written, as of that time. Nothing if it is at work already. */
void rollup_start(struct rollup *rollup, int64_t cycle_at);

struct health_finding rollup_check(const struct rollup *rollup);
