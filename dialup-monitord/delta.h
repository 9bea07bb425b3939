/*
 * Differences between two readings of counters. Pure.
 *
 * A counter that is smaller than before began anew: then all it shows has happened since.
 */
#pragma once

#include <stdint.h>

#include "libdialup/store/traffic.h"

/* Of a container, since its control group and its network interface began. */
struct usage_counters {
    int64_t cpu_us;
    int64_t rx_bytes;
    int64_t tx_bytes;
    int64_t read_bytes;
    int64_t write_bytes;
};

int64_t delta_counter(int64_t before, int64_t now);

struct usage_counters delta_usage(const struct usage_counters *before,
                                  const struct usage_counters *now);

/* The time is left 0. If the number of requests shrank the whole row began anew. */
struct traffic delta_traffic(const struct traffic *before, const struct traffic *now);

/* Adds all but the time. */
void traffic_accumulate(struct traffic *sum, const struct traffic *more);
