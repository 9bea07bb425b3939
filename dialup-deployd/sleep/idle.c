/*
 * See the header. Called by the sleeper, the waker, and those who say who gives way.
 */
#include "dialup-deployd/sleep/idle.h"

/* A site that was visited within this time is not put to sleep for another one. */
enum { JUST_NOW_MS = 1000 };

static int64_t timeout_of(const struct idle_site *site, const struct idle_rules *rules)
{
    int64_t timeout_ms = rules->freeze_after_ms * site->factor;
    return rules->most_ms > 0 && rules->most_ms < timeout_ms ? rules->most_ms : timeout_ms;
}

enum site_sleep idle_judge(const struct idle_site *site, const struct idle_rules *rules)
{
    if (!site->may_sleep) {
        return SITE_AWAKE;
    }
    if (site->sleep == SITE_ASLEEP || site->open_connections > 0) {
        return site->sleep;
    }
    if (site->sleep == SITE_FROZEN) {
        return site->slept_ms >= rules->frozen_ms ? SITE_ASLEEP : SITE_FROZEN;
    }
    if (site->idle_ms < timeout_of(site, rules)) {
        return SITE_AWAKE;
    }
    return rules->frozen_ms > 0 ? SITE_FROZEN : SITE_ASLEEP;
}

int idle_factor(int factor, int64_t slept_ms, int64_t freeze_after_ms, int most)
{
    if (slept_ms < freeze_after_ms) {
        return factor * 2 > most ? most : factor * 2;
    }
    return slept_ms > freeze_after_ms * most ? 1 : factor;
}

const struct idle_site *idle_find(const struct idle_site *sites, size_t count, int64_t site_id)
{
    for (size_t i = 0; i < count; i++) {
        if (sites[i].site_id == site_id) {
            return &sites[i];
        }
    }
    return NULL;
}

bool idle_is_unused(const struct site *site, const struct idle_site *idle)
{
    return site->sleep == SITE_FROZEN ||
           (idle && idle->open_connections == 0 && idle->idle_ms >= IDLE_UNVISITED_MS);
}

static bool is_own(const struct idle_site *site, enum quota_entity owner_kind, int64_t owner_id)
{
    return site->owner_kind == owner_kind && site->owner_id == owner_id;
}

/* Own before others, frozen before awake, then by idleness. */
static bool is_better(const struct idle_site *site, const struct idle_site *best,
                      enum quota_entity owner_kind, int64_t owner_id)
{
    bool own = is_own(site, owner_kind, owner_id);
    if (!best || own != is_own(best, owner_kind, owner_id)) {
        return !best || own;
    }
    if (site->sleep != best->sleep) {
        return site->sleep == SITE_FROZEN;
    }
    return site->idle_ms > best->idle_ms;
}

const struct idle_site *idle_choose(const struct idle_site *sites, size_t count,
                                    enum quota_entity owner_kind, int64_t owner_id,
                                    int64_t waking_site_id)
{
    const struct idle_site *best = NULL;
    for (size_t i = 0; i < count; i++) {
        const struct idle_site *site = &sites[i];
        bool may_be_asked = site->sleep == SITE_FROZEN ||
                            (site->sleep == SITE_AWAKE && is_own(site, owner_kind, owner_id) &&
                             site->idle_ms >= JUST_NOW_MS);
        if (site->site_id != waking_site_id && site->may_sleep && may_be_asked &&
            site->open_connections == 0 && is_better(site, best, owner_kind, owner_id)) {
            best = site;
        }
    }
    return best;
}

double idle_rate(double rate, int64_t requests, int64_t interval_ms)
{
    if (interval_ms <= 0) {
        return rate;
    }
    double now = (double)requests * IDLE_RATE_WINDOW_MS / (double)interval_ms;
    double weight = (double)interval_ms / IDLE_RATE_WINDOW_MS;
    return weight >= 1 ? now : rate + (now - rate) * weight;
}

int64_t idle_instances(int64_t instances, int64_t most, double rate, int64_t threshold,
                       bool is_calm)
{
    if (instances > most) {
        return most;
    }
    if (rate > (double)threshold && instances < most) {
        return instances + 1;
    }
    return instances > 1 && is_calm ? instances - 1 : instances;
}
