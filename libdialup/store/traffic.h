/*
 * What visitors did: one row a site and cycle, from the gate and from Caddy's log of static sites.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "libdialup/base/arena.h"
#include "libdialup/base/error.h"
#include "libdialup/store/scope.h"

struct db;

struct traffic {
    int64_t at; /* the cycle; in a history the bucket's start */
    int64_t requests;
    int64_t bytes_in;
    int64_t bytes_out;
    int64_t duration_us; /* sum over the requests */
    int64_t status_2xx;
    int64_t status_3xx;
    int64_t status_4xx;
    int64_t status_5xx;
};

struct traffic_sample {
    int64_t site_id;
    struct traffic traffic;
};

struct traffic_history {
    struct traffic *rows; /* by time; a bucket without requests has no row */
    size_t count;
};

/* All or none, in one transaction. A second sample of a site and time is added to the first, so
 * the gate's and Caddy's counts need not meet before. */
int traffic_add(struct db *db, const struct traffic_sample *samples, size_t count,
                struct error *err);

/* In [from, to). An owner's traffic is that of the sites that are the owner's now. */
int traffic_sum(struct db *db, const struct scope *scope, int64_t from, int64_t to,
                struct traffic *ret_sum, struct error *err);
int traffic_history(struct db *db, struct arena *arena, const struct scope *scope, int64_t from,
                    int64_t to, int64_t bucket_s, struct traffic_history *ret_history,
                    struct error *err);

/* As usage_expire. */
int traffic_expire(struct db *db, int64_t before, int64_t *ret_removed, struct error *err);
