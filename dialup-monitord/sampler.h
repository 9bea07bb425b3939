/*
 * The sampler: which containers there are, their control groups' files kept open, and what they
 * used between two samples.
 *
 * Reads pseudo-files and netlink only, some 20 us a container; called on the loop's thread. A
 * container that has ended simply gives no row any more.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "libdialup/base/arena.h"
#include "libdialup/base/error.h"
#include "libdialup/store/usage.h"
#include "proto/deployd_rpc.h"

struct sampler;

/* The path is borrowed. */
int sampler_open(const char *cgroup_root, struct sampler **ret_sampler, struct error *err);

/* NULL is fine. */
void sampler_close(struct sampler *sampler);

/* The containers as they are now. Those that are known already keep their counts. */
void sampler_set_targets(struct sampler *sampler, const struct deployd_container *containers,
                         size_t count);

/* How many containers can be measured. */
size_t sampler_count(const struct sampler *sampler);

/* What a container should have (0: not known), and what the kernel has (0: no limit; LIMIT_UNKNOWN:
 * not read yet). */
enum { LIMIT_UNKNOWN = -1 };
struct sample_limits {
    int64_t memory_declared_bytes;
    int64_t memory_in_force_bytes;
    int64_t cpu_declared_millicores;
    int64_t cpu_in_force_millicores;
};

struct sample_rows {
    struct usage_sample *rows;    /* in the arena, their texts too */
    struct sample_limits *limits; /* of the same containers */
    size_t count;
};

/* Reads all, as of the time at (unix) and now_us (clock_monotonic_us). What a container used
 * counts since the sample before; for one that is older than that and was not known then, from now
 * on: its first row has an interval of 0. */
struct sample_rows sampler_take(struct sampler *sampler, int64_t at, int64_t now_us,
                                struct arena *arena);
