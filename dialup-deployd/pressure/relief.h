/*
 * Relief: which of an owner's sites stop when the owner uses more than it may: what was lent to it
 * goes back when the machine is not calm any more, and the rest when an admin says so. Pure.
 *
 * The order: idle lazy sites, longest idle first, then the oldest. A site whose end would not help
 * is left alone.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "libdialup/quota/admission.h"

struct relief_site {
    int64_t id;
    bool may_sleep;
    bool is_idle; /* nobody visits it now */
    int64_t idle_s;
    int64_t age_s;
    struct quota_amounts held; /* what its end gives back; wholes added up */
};

struct relief_rules {
    bool lends;     /* the machine is calm: the burst counts as allowed */
    bool lent_only; /* only what was lent is taken back: above hard, and within the burst */
};

struct relief_step {
    size_t site;      /* index */
    bool sleeps;      /* else it is stopped */
    char reason[160]; /* for the log and the owner, without a full stop */
};

/* What a machine that is this full lends: below QUOTA_CALM_PERCENT of memory and of CPU. */
bool relief_lends(const struct quota_level *system);

/* Hours of a day: what stands against the limit, in seconds. */
enum relief_hours { RELIEF_HOURS_FINE, RELIEF_HOURS_SOFT, RELIEF_HOURS_SPENT };
enum relief_hours relief_hours(const struct quota_limit *limit, int64_t effective_hours,
                               int64_t awake_s);

/* How much of took_s, which ends at now, belongs to the day of now; the rest to the one before. */
int64_t relief_today_s(int64_t now, int64_t took_s);

/* Room for count steps. */
size_t relief_plan(const struct quota_level *owner, const struct relief_rules *rules,
                   const struct relief_site *sites, size_t count, struct relief_step *ret_steps);
