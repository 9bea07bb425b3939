/*
 * See the header. Called by the enforcer.
 */
#include "dialup-deployd/pressure/relief.h"

#include <stdio.h>
#include <string.h>

#include "libdialup/base/memory.h"
#include "libdialup/store/runtime.h"

enum { S_PER_HOUR = 3600, HOURS_PER_DAY = 24 };

/* What a stopped site gives back; no other limit is met by stopping. */
static const enum quota_dimension freed[] = {
    QUOTA_MEMORY_PRODUCTION,     QUOTA_MEMORY, QUOTA_CPU_PRODUCTION, QUOTA_CPU,
    QUOTA_CONCURRENT_CONTAINERS,
};

bool relief_lends(const struct quota_level *system)
{
    return system->used.of[QUOTA_MEMORY] * 100 <= system->machine.memory_mib * QUOTA_CALM_PERCENT &&
           system->used.of[QUOTA_CPU] * 100 <= system->machine.cpu_millicores * QUOTA_CALM_PERCENT;
}

enum relief_hours relief_hours(const struct quota_limit *limit, int64_t effective_hours,
                               int64_t awake_s)
{
    if (effective_hours == QUOTA_UNLIMITED || effective_hours >= HOURS_PER_DAY) {
        return RELIEF_HOURS_FINE; /* a day has no more */
    }
    if (awake_s >= effective_hours * S_PER_HOUR) {
        return RELIEF_HOURS_SPENT;
    }
    bool is_soft = awake_s * 100 >= effective_hours * S_PER_HOUR * limit->soft_percent;
    return is_soft ? RELIEF_HOURS_SOFT : RELIEF_HOURS_FINE;
}

int64_t relief_today_s(int64_t now, int64_t took_s)
{
    int64_t since_midnight_s = now % RUNTIME_DAY_S;
    return took_s < since_midnight_s ? took_s : since_midnight_s;
}

struct planning {
    const struct quota_level *owner;
    const struct relief_rules *rules;
    const struct relief_site *sites;
    size_t count;
    struct quota_amounts used; /* after the steps so far */
    struct relief_step *steps;
    size_t step_count;
};

/* What is above hard was lent, unless it is more than can ever be: then the limit was lowered below
 * what runs, which goes on with less. */
static bool is_lent(const struct planning *planning, const struct quota_limit *limit, int64_t hard,
                    enum quota_dimension dimension)
{
    return limit->burst_percent > 0 &&
           planning->owner->used.of[dimension] <= quota_limit_with_burst(limit, hard);
}

/* How much too much is used; 0: within what may be. */
static int64_t over(const struct planning *planning, enum quota_dimension dimension)
{
    const struct quota_limit *limit = &planning->owner->limits[dimension];
    int64_t hard = quota_level_limit(planning->owner, dimension).hard;
    if (hard == QUOTA_UNLIMITED ||
        (planning->rules->lent_only && !is_lent(planning, limit, hard, dimension))) {
        return 0;
    }
    int64_t allowed = planning->rules->lends ? quota_limit_with_burst(limit, hard) : hard;
    int64_t used = planning->used.of[dimension];
    return used > allowed ? used - allowed : 0;
}

/* The first dimension that is over and of which the site has some; false: none is. */
static bool helps(const struct planning *planning, const struct relief_site *site,
                  enum quota_dimension *ret_dimension)
{
    for (size_t i = 0; i < ARRAY_COUNT(freed); i++) {
        if (site->held.of[freed[i]] > 0 && over(planning, freed[i]) > 0) {
            *ret_dimension = freed[i];
            return true;
        }
    }
    return false;
}

static bool is_taken(const struct planning *planning, size_t site)
{
    for (size_t i = 0; i < planning->step_count; i++) {
        if (planning->steps[i].site == site) {
            return true;
        }
    }
    return false;
}

/* Idle lazy ones before all others; equals go by their number. */
static bool is_sooner(const struct relief_site *a, const struct relief_site *b)
{
    bool a_sleeps = a->may_sleep && a->is_idle;
    bool b_sleeps = b->may_sleep && b->is_idle;
    if (a_sleeps != b_sleeps) {
        return a_sleeps;
    }
    int64_t a_rank = a_sleeps ? a->idle_s : a->age_s;
    int64_t b_rank = b_sleeps ? b->idle_s : b->age_s;
    return a_rank != b_rank ? a_rank > b_rank : a->id < b->id;
}

static bool find_next(const struct planning *planning, size_t *ret_site,
                      enum quota_dimension *ret_dimension)
{
    bool is_found = false;
    for (size_t i = 0; i < planning->count; i++) {
        enum quota_dimension dimension;
        if (!is_taken(planning, i) && helps(planning, &planning->sites[i], &dimension) &&
            (!is_found || is_sooner(&planning->sites[i], &planning->sites[*ret_site]))) {
            is_found = true;
            *ret_site = i;
            *ret_dimension = dimension;
        }
    }
    return is_found;
}

static void add_step(struct planning *planning, size_t index, enum quota_dimension dimension)
{
    const struct relief_site *site = &planning->sites[index];
    struct relief_step *step = &planning->steps[planning->step_count++];
    char used[48];
    char limit[48];
    quota_format(quota_dimension_info(dimension)->unit, planning->used.of[dimension], used,
                 sizeof(used));
    quota_format(quota_dimension_info(dimension)->unit,
                 quota_level_limit(planning->owner, dimension).hard, limit, sizeof(limit));
    *step = (struct relief_step){.site = index, .sleeps = site->may_sleep && site->is_idle};
    snprintf(step->reason, sizeof(step->reason), "%s of %s %s are used%s", used, limit,
             quota_dimension_info(dimension)->noun,
             planning->rules->lent_only ? ", and the server has nothing to lend any more" : "");
    quota_amounts_take(&planning->used, &site->held);
}

size_t relief_plan(const struct quota_level *owner, const struct relief_rules *rules,
                   const struct relief_site *sites, size_t count, struct relief_step *ret_steps)
{
    struct planning planning = {.owner = owner,
                                .rules = rules,
                                .sites = sites,
                                .count = count,
                                .used = owner->used,
                                .steps = ret_steps};
    size_t site = 0;
    enum quota_dimension dimension = QUOTA_MEMORY;
    while (find_next(&planning, &site, &dimension)) {
        add_step(&planning, site, dimension);
    }
    return planning.step_count;
}
