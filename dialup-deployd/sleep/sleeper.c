/*
 * See the header. The rules are in idle.c, the gate's figures in visits.c; here are the clock and
 * the rows.
 */
#include "dialup-deployd/sleep/sleeper.h"

#include <stdlib.h>

#include "dialup-deployd/converge/converge.h"
#include "dialup-deployd/deployd.h"
#include "dialup-deployd/sleep/scaler.h"
#include "dialup-deployd/sleep/visits.h"
#include "libdialup/base/clock.h"
#include "libdialup/base/log.h"
#include "libdialup/base/memory.h"
#include "libdialup/site/strategy.h"
#include "libdialup/store/limits.h"
#include "libdialup/store/sites.h"

enum { MS_PER_S = 1000, MS_PER_MINUTE = 60 * 1000 };

struct sleeper {
    struct deployd *deployd;
    sleeper_wake_fn *wake;
    struct visits *visits;
};

/* How long it has been as deep asleep as it is. Its row has the wall clock's time, because it must
 * outlive us; from the first look on it is the monotonic clock that counts. */
static int64_t slept_ms(struct visited *visited, const struct site *site)
{
    int64_t now_ms = clock_monotonic_ms();
    if (visited->sleep_at != site->sleep_at) {
        int64_t before_s = clock_unix() - site->sleep_at;
        visited->sleep_at = site->sleep_at;
        visited->slept_since_ms = now_ms - (before_s > 0 ? before_s * MS_PER_S : 0);
    }
    return now_ms - visited->slept_since_ms;
}

/* What the owner's limit says; 0: nothing. A limit of no minute at all is the shortest. */
static int64_t most_idle_ms(const struct sleeper *sleeper, const struct site *site)
{
    struct quota_limit limits[QUOTA_DIMENSION_COUNT];
    for (size_t i = 0; i < QUOTA_DIMENSION_COUNT; i++) {
        limits[i] = QUOTA_NO_LIMIT;
    }
    if (limits_read(sleeper->deployd->run->db, site->owner_kind, site->owner_id, limits, NULL) <
            0 ||
        limits[QUOTA_IDLE_MINUTES].hard == QUOTA_UNLIMITED) {
        return 0;
    }
    int64_t minutes = limits[QUOTA_IDLE_MINUTES].hard;
    return minutes > 0 ? minutes * MS_PER_MINUTE : MS_PER_S;
}

static struct idle_rules rules_for(const struct sleeper *sleeper, const struct site *site)
{
    const struct config *config = sleeper->deployd->run->config;
    int64_t freeze_ms = site->idle_minutes > 0
                            ? site->idle_minutes * MS_PER_MINUTE
                            : config_integer(config, CONFIG_deployd_sleep_after_s) * MS_PER_S;
    int64_t frozen_ms = config_integer(config, CONFIG_deployd_frozen_s) * MS_PER_S;
    return (struct idle_rules){freeze_ms, frozen_ms, most_idle_ms(sleeper, site)};
}

static struct idle_site describe(const struct sleeper *sleeper, const struct site *site,
                                 struct visited *visited)
{
    int64_t led_ms =
        clock_monotonic_ms() - converger_led_since_ms(sleeper->deployd->converger, site->id);
    return (struct idle_site){
        .site_id = site->id,
        .owner_kind = site->owner_kind,
        .owner_id = site->owner_id,
        .may_sleep = site_strategy_find(site->strategy)->may_sleep,
        .sleep = site->sleep,
        .idle_ms = visited->idle_ms < led_ms ? visited->idle_ms : led_ms,
        .slept_ms = slept_ms(visited, site),
        .open_connections = visited->open_connections,
        .factor = visited->factor,
    };
}

int sleeper_put(struct sleeper *sleeper, const struct site *site, enum site_sleep sleep,
                const char *reason, struct error *err)
{
    struct deployd *deployd = sleeper->deployd;
    int result = sites_set_sleep(deployd->run->db, site->id, sleep, clock_unix(), err);
    if (result < 0) {
        return result;
    }
    log_info("%s is %s now: %s", site->domain, site_sleep_name(sleep), reason);
    deployd_tell_site(deployd, site->id, site->domain, site_state_name(site->state));
    converger_kick(deployd->converger, site->id);
    return 0;
}

static void sleep_on(struct sleeper *sleeper, const struct site *site, enum site_sleep wanted)
{
    struct error err;
    if (sleeper_put(sleeper, site, wanted, "nobody visits it", &err) < 0) {
        log_error("%s cannot go to sleep: %s", site->domain, err.message);
    }
}

static void judge(struct sleeper *sleeper, const struct site *site, struct visited *visited)
{
    const struct idle_site idle = describe(sleeper, site, visited);
    const struct idle_rules rules = rules_for(sleeper, site);
    enum site_sleep wanted = idle_judge(&idle, &rules);
    if (wanted == site->sleep) {
        return;
    }
    if (wanted == SITE_AWAKE) {
        sleeper->wake(sleeper->deployd, site->id);
    } else {
        sleep_on(sleeper, site, wanted);
    }
}

void sleeper_note_wake(struct sleeper *sleeper, const struct site *site)
{
    struct visited *visited = visits_remember(sleeper->visits, site->id);
    const struct idle_rules rules = rules_for(sleeper, site);
    visited->factor = idle_factor(
        visited->factor, slept_ms(visited, site), rules.freeze_after_ms,
        (int)config_integer(sleeper->deployd->run->config, CONFIG_deployd_sleep_stretch));
}

static void look(struct deployd *deployd, int64_t now_ms)
{
    struct sleeper *sleeper = deployd->sleeper;
    AUTO_ARENA struct arena *arena = arena_new();
    struct sites_list list;
    struct error err;
    if (sites_list(deployd->run->db, arena, &(struct sites_page){0}, &list, &err) < 0) {
        log_error("cannot read the sites: %s", err.message);
        return;
    }
    for (size_t i = 0; i < list.count; i++) {
        const struct site *site = &list.rows[i];
        struct visited *visited = visits_find(sleeper->visits, site->id);
        if (visited && site_is_free_to_run(site)) {
            judge(sleeper, site, visited);
            scaler_judge(deployd, arena, site, visited, now_ms);
        }
    }
}

const struct idle_site *sleeper_sites(const struct sleeper *sleeper, struct arena *arena,
                                      size_t *ret_count)
{
    struct sites_list list;
    *ret_count = 0;
    if (sites_list(sleeper->deployd->run->db, arena, &(struct sites_page){0}, &list, NULL) < 0) {
        return NULL;
    }
    struct idle_site *sites = arena_calloc(arena, list.count, sizeof(*sites));
    for (size_t i = 0; i < list.count; i++) {
        struct visited *visited = visits_find(sleeper->visits, list.rows[i].id);
        if (visited && site_is_free_to_run(&list.rows[i])) {
            sites[(*ret_count)++] = describe(sleeper, &list.rows[i], visited);
        }
    }
    return sites;
}

struct sleeper *sleeper_new(struct deployd *deployd, sleeper_wake_fn *wake)
{
    struct sleeper *sleeper = xcalloc(1, sizeof(*sleeper));
    sleeper->deployd = deployd;
    sleeper->wake = wake;
    sleeper->visits = visits_new(deployd, look);
    return sleeper;
}

void sleeper_free(struct sleeper *sleeper)
{
    if (sleeper) {
        visits_free(sleeper->visits);
        free(sleeper);
    }
}
