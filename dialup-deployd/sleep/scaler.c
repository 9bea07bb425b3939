/*
 * See the header. Called by the sleeper for each site that has a container. The rule is in idle.c.
 */
#include "dialup-deployd/sleep/scaler.h"

#include "dialup-deployd/adjust.h"
#include "dialup-deployd/converge/converge.h"
#include "dialup-deployd/deployd.h"
#include "dialup-deployd/sleep/idle.h"
#include "dialup-deployd/sleep/visits.h"
#include "libdialup/base/clock.h"
#include "libdialup/base/log.h"
#include "libdialup/site/strategy.h"

enum { MS_PER_S = 1000 };

static int64_t choose(const struct config *config, const struct site *site, struct visited *visited,
                      int64_t now_ms)
{
    int64_t threshold = config_integer(config, CONFIG_deployd_scale_requests_per_minute);
    int64_t calm_ms = config_integer(config, CONFIG_deployd_scale_calm_s) * MS_PER_S;
    if (visited->rate_now * 2 > (double)threshold) {
        visited->calm_since_ms = 0;
    } else if (visited->calm_since_ms == 0) {
        visited->calm_since_ms = now_ms;
    }
    /* The average of a great rush takes minutes to sink; what comes now tells at once. */
    double rate = visited->calm_since_ms ? visited->rate_now : visited->rate;
    bool is_calm = visited->calm_since_ms && now_ms - visited->calm_since_ms >= calm_ms;
    return idle_instances(site->instances, site_strategy_find(site->strategy)->max_instances, rate,
                          threshold, is_calm);
}

static void note_refused(const struct site *site, struct visited *visited, int64_t wanted,
                         const struct error *err)
{
    if (visited->refused != wanted) {
        log_info("%s stays with %lld instances: %s", site->domain, (long long)site->instances,
                 err->message);
    }
    visited->refused = wanted;
}

void scaler_judge(struct deployd *deployd, struct arena *arena, const struct site *site,
                  struct visited *visited, int64_t now_ms)
{
    struct error err;
    int64_t wanted = choose(deployd->run->config, site, visited, now_ms);
    if (wanted == site->instances) {
        visited->refused = 0;
        return;
    }
    struct admission admission = admission_for(deployd, site->owner_kind, site->owner_id);
    if (adjust_instances(&admission, arena, site, wanted, clock_unix(), &err) < 0) {
        note_refused(site, visited, wanted, &err);
        return;
    }
    visited->refused = 0;
    log_info("%s has %lld instances now, at %.0f requests a minute", site->domain,
             (long long)wanted, visited->rate);
    converger_kick(deployd->converger, site->id);
}
