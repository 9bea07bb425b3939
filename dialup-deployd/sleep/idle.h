/*
 * When a site falls asleep, how deep, who gives way, and when it needs a second instance. Pure: the
 * caller brings the figures of the gate and of the rows.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "libdialup/quota/quota.h"
#include "libdialup/store/sites.h"

enum {
    IDLE_RATE_WINDOW_MS = 60 * 1000,
    IDLE_UNVISITED_MS = 10 * 1000, /* a site that nobody visits for so long is idle */
};

struct idle_rules {
    int64_t freeze_after_ms; /* without a visit or a byte */
    int64_t frozen_ms;       /* until it is stopped; 0: it is stopped instead of frozen */
    int64_t most_ms; /* its owner's limit of idle time, however often it is woken; 0: none */
};

struct idle_site {
    int64_t site_id;
    enum quota_entity owner_kind;
    int64_t owner_id;
    bool may_sleep;
    enum site_sleep sleep;
    int64_t idle_ms;          /* since the last byte, request, wake or deploy */
    int64_t slept_ms;         /* since it fell asleep, if it sleeps */
    int64_t open_connections; /* and parked ones */
    int factor;               /* of its timeout; see idle_factor */
};

/* How deep it should sleep now. Only deeper than it does, or, if it may not sleep, awake. */
enum site_sleep idle_judge(const struct idle_site *site, const struct idle_rules *rules);

/* The factor of a site that was woken after slept_ms: doubled, up to most, if it could as well have
 * stayed awake; 1 again after a long sleep. */
int idle_factor(int factor, int64_t slept_ms, int64_t freeze_after_ms, int most);

/* NULL: nothing is known of how idle it is. */
const struct idle_site *idle_find(const struct idle_site *sites, size_t count, int64_t site_id);

/* Whether nobody misses a site that stops now: it stands still, or nobody visits it. idle may be
 * NULL. */
bool idle_is_unused(const struct site *site, const struct idle_site *idle);

/* Whose sleep frees memory for a site of this owner: the owner's own that is idle longest, else,
 * of others, one that is frozen already. NULL if there is none. */
const struct idle_site *idle_choose(const struct idle_site *sites, size_t count,
                                    enum quota_entity owner_kind, int64_t owner_id,
                                    int64_t waking_site_id);

/* Requests a minute, as a moving average: after interval_ms in which so many requests came. */
double idle_rate(double rate, int64_t requests, int64_t interval_ms);

/* How many instances a site needs that has `instances` now and may have `most`: one more above
 * the threshold (requests a minute), one less if the rate was low for long enough. */
int64_t idle_instances(int64_t instances, int64_t most, double rate, int64_t threshold,
                       bool is_calm);
