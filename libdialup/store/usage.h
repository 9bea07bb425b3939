/*
 * What containers used. monitord writes one row a container and cycle; all rows of a cycle have
 * the same time, and counters are differences since the row before. "Memory" is the working set.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "libdialup/base/arena.h"
#include "libdialup/base/error.h"
#include "libdialup/store/scope.h"

struct db;

enum usage_kind { USAGE_PRODUCTION, USAGE_DEVELOPMENT, USAGE_BUILD };

const char *usage_kind_name(enum usage_kind kind);

struct usage_sample {
    int64_t at;
    int64_t site_id;
    const char *container_id;
    enum quota_entity owner_kind;
    int64_t owner_id;
    enum usage_kind kind;
    int64_t interval_ms;
    int64_t cpu_us;
    int64_t memory_bytes;
    int64_t memory_limit_bytes; /* in force, from the kernel; 0: none */
    int64_t pids;
    int64_t rx_bytes;
    int64_t tx_bytes;
    int64_t read_bytes;
    int64_t write_bytes;
};

/* All or none, in one transaction; at most 200 keep the writers' lock short. */
int usage_add(struct db *db, const struct usage_sample *samples, size_t count, struct error *err);

/* The newest cycle; all 0 if it is older than since. */
struct usage_now {
    int64_t at;
    int64_t containers;
    int64_t cpu_millicores;
    int64_t memory_bytes;
    int64_t memory_limit_bytes;
    int64_t pids;
};
int usage_now(struct db *db, const struct scope *scope, int64_t since, struct usage_now *ret_now,
              struct error *err);

/* The highest sums of any one cycle from since on. */
struct usage_peaks {
    int64_t cpu_millicores;
    int64_t memory_bytes;
    int64_t containers;
};
int usage_peaks(struct db *db, const struct scope *scope, int64_t since,
                struct usage_peaks *ret_peaks, struct error *err);

/* A bucket of time: sums for counters, the average and the highest cycle for the rest. */
struct usage_point {
    int64_t at; /* the bucket's start */
    int64_t cpu_us;
    int64_t cpu_millicores; /* of the cycles that were measured */
    int64_t cpu_millicores_peak;
    int64_t memory_bytes;
    int64_t memory_bytes_peak;
    int64_t rx_bytes;
    int64_t tx_bytes;
    int64_t read_bytes;
    int64_t write_bytes;
};
struct usage_history {
    struct usage_point *rows; /* by time; a bucket without samples has no row */
    size_t count;
};
int usage_history(struct db *db, struct arena *arena, const struct scope *scope, int64_t from,
                  int64_t to, int64_t bucket_s, struct usage_history *ret_history,
                  struct error *err);

/* Removes samples before `before`, at most ten minutes' worth a call; go on until none is left. */
int usage_expire(struct db *db, int64_t before, int64_t *ret_removed, struct error *err);
