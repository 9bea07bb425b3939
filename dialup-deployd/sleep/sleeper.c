/*
 * See the header. The rules are in idle.c; here are the clock, the gate's figures and the rows.
 */
#include "dialup-deployd/sleep/sleeper.h"

#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

#include "dialup-deployd/admission.h"
#include "dialup-deployd/converge/converge.h"
#include "dialup-deployd/deployd.h"
#include "libdialup/base/clock.h"
#include "libdialup/base/log.h"
#include "libdialup/base/memory.h"
#include "libdialup/db/transaction.h"
#include "libdialup/site/strategy.h"
#include "libdialup/store/limits.h"
#include "libdialup/store/sites.h"
#include "proto/gate_rpc.h"

enum { MS_PER_S = 1000, MS_PER_MINUTE = 60 * 1000 };

/* What is remembered of a site from one look to the next. */
struct visited {
    struct visited *next;
    int64_t site_id;
    int factor;
    int64_t idle_ms;
    int64_t open_connections;
    int64_t requests;       /* the gate's count */
    double rate;            /* requests a minute, the average of the last one */
    double rate_now;        /* the same, since the look before */
    int64_t calm_since_ms;  /* monotonic; 0: the rate is not low */
    int64_t sleep_at;       /* of its row, when this was looked at: */
    int64_t slept_since_ms; /* the same, monotonic */
    bool is_listed;
};

struct sleeper {
    struct deployd *deployd;
    sleeper_wake_fn *wake;
    struct event *timer;
    struct visited *visited;
    int64_t looked_at_ms;    /* monotonic; 0: never */
    int64_t gate_started_at; /* its counters begin anew with it */
    bool is_looking;
};

static struct visited *find(const struct sleeper *sleeper, int64_t site_id)
{
    for (struct visited *visited = sleeper->visited; visited; visited = visited->next) {
        if (visited->site_id == site_id) {
            return visited;
        }
    }
    return NULL;
}

static struct visited *remember(struct sleeper *sleeper, int64_t site_id)
{
    struct visited *visited = find(sleeper, site_id);
    if (!visited) {
        visited = xcalloc(1, sizeof(*visited));
        visited->site_id = site_id;
        visited->factor = 1;
        visited->requests = -1;
        visited->next = sleeper->visited;
        sleeper->visited = visited;
    }
    return visited;
}

/* Sites that the gate does not know any more. */
static void forget_unlisted(struct sleeper *sleeper)
{
    struct visited **link = &sleeper->visited;
    while (*link) {
        struct visited *visited = *link;
        if (visited->is_listed) {
            link = &visited->next;
        } else {
            *link = visited->next;
            free(visited);
        }
    }
}

/* The gate's figures ------------------------------------------------------------------------- */

static void take_counters(struct sleeper *sleeper, const struct gate_counters_result *counters)
{
    int64_t now_ms = clock_monotonic_us() / 1000;
    int64_t interval_ms = sleeper->looked_at_ms ? now_ms - sleeper->looked_at_ms : 0;
    bool is_same_gate = sleeper->gate_started_at == counters->started_at_unix;
    for (struct visited *visited = sleeper->visited; visited; visited = visited->next) {
        visited->is_listed = false;
    }
    for (size_t i = 0; i < counters->sites_count; i++) {
        const struct gate_site_counters *row = &counters->sites[i];
        struct visited *visited = remember(sleeper, row->site_id);
        if (is_same_gate && visited->requests >= 0 && interval_ms > 0) {
            int64_t requests = row->requests - visited->requests;
            visited->rate = idle_rate(visited->rate, requests, interval_ms);
            visited->rate_now = (double)requests * MS_PER_MINUTE / (double)interval_ms;
        }
        visited->is_listed = true;
        visited->requests = row->requests;
        visited->idle_ms = row->idle_ms;
        visited->open_connections = row->open_connections;
    }
    forget_unlisted(sleeper);
    sleeper->looked_at_ms = now_ms;
    sleeper->gate_started_at = counters->started_at_unix;
}

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

/* Sleep -------------------------------------------------------------------------------------- */

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

static bool is_container_site(const struct site *site)
{
    return site->memory_mib > 0 && site->desired == SITE_WANT_RUNNING &&
           site->state == SITE_RUNNING && site->live_deployment &&
           site->live_deployment == site->desired_deployment;
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

void sleeper_put(struct sleeper *sleeper, const struct site *site, enum site_sleep sleep,
                 const char *reason)
{
    struct deployd *deployd = sleeper->deployd;
    struct error err;
    if (sites_set_sleep(deployd->run->db, site->id, sleep, clock_unix(), &err) < 0) {
        log_error("%s: cannot note that it sleeps: %s", site->domain, err.message);
        return;
    }
    log_info("%s is %s now: %s", site->domain, site_sleep_name(sleep), reason);
    deployd_tell_site(deployd, site->id, site->domain, site_state_name(site->state));
    converger_kick(deployd->converger, site->id);
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
        sleeper_put(sleeper, site, wanted, "nobody visits it");
    }
}

void sleeper_note_wake(struct sleeper *sleeper, const struct site *site)
{
    struct visited *visited = remember(sleeper, site->id);
    const struct idle_rules rules = rules_for(sleeper, site);
    visited->factor = idle_factor(
        visited->factor, slept_ms(visited, site), rules.freeze_after_ms,
        (int)config_integer(sleeper->deployd->run->config, CONFIG_deployd_sleep_stretch));
}

/* Instances ---------------------------------------------------------------------------------- */

/* One more must fit into the owner's limits; if it does not, the site goes on with what it has. */
static int set_instances(const struct sleeper *sleeper, struct arena *arena,
                         const struct site *site, int64_t instances, struct error *err)
{
    struct deployd *deployd = sleeper->deployd;
    struct db *db = deployd->run->db;
    struct site wanted = *site;
    struct admission admission = admission_for(deployd, site->owner_kind, site->owner_id);
    int64_t now = clock_unix();
    AUTO_TRANSACTION struct db_transaction transaction = {0};
    wanted.instances = instances;
    int result = db_transaction_begin(&transaction, db, err);
    if (result < 0 ||
        (result = admission_reserve_run(&admission, arena, &wanted, "Cannot add an instance", now,
                                        err)) < 0 ||
        (result = sites_set_instances(db, site->id, instances, now, err)) < 0) {
        return result;
    }
    return db_transaction_commit(&transaction, err);
}

static void scale(struct sleeper *sleeper, struct arena *arena, const struct site *site,
                  struct visited *visited)
{
    int64_t threshold =
        config_integer(sleeper->deployd->run->config, CONFIG_deployd_scale_requests_per_minute);
    int64_t calm_ms =
        config_integer(sleeper->deployd->run->config, CONFIG_deployd_scale_calm_s) * MS_PER_S;
    int64_t most = site_strategy_find(site->strategy)->max_instances;
    int64_t now_ms = sleeper->looked_at_ms;
    struct error err;
    if (visited->rate_now * 2 > (double)threshold) {
        visited->calm_since_ms = 0;
    } else if (visited->calm_since_ms == 0) {
        visited->calm_since_ms = now_ms;
    }
    /* The average of a great rush takes minutes to sink; what comes now tells at once. */
    double rate = visited->calm_since_ms ? visited->rate_now : visited->rate;
    bool is_calm = visited->calm_since_ms && now_ms - visited->calm_since_ms >= calm_ms;
    int64_t wanted = idle_instances(site->instances, most, rate, threshold, is_calm);
    if (wanted == site->instances) {
        return;
    }
    if (set_instances(sleeper, arena, site, wanted, &err) < 0) {
        log_info("%s stays with %lld instances: %s", site->domain, (long long)site->instances,
                 err.message);
        return;
    }
    log_info("%s has %lld instances now, at %.0f requests a minute", site->domain,
             (long long)wanted, visited->rate);
    converger_kick(sleeper->deployd->converger, site->id);
}

/* The look ----------------------------------------------------------------------------------- */

static void look_at_all(struct sleeper *sleeper)
{
    AUTO_ARENA struct arena *arena = arena_new();
    struct sites_list list;
    struct error err;
    if (sites_list(sleeper->deployd->run->db, arena, &(struct sites_page){0}, &list, &err) < 0) {
        log_error("cannot read the sites: %s", err.message);
        return;
    }
    for (size_t i = 0; i < list.count; i++) {
        const struct site *site = &list.rows[i];
        struct visited *visited = find(sleeper, site->id);
        if (visited && is_container_site(site)) {
            judge(sleeper, site, visited);
            scale(sleeper, arena, site, visited);
        }
    }
}

static void on_counters(void *context, const void *result, const struct error *err)
{
    struct sleeper *sleeper = context;
    sleeper->is_looking = false;
    if (!err) {
        take_counters(sleeper, result);
        look_at_all(sleeper);
    }
}

static void on_timer(evutil_socket_t fd, short events, void *context)
{
    struct sleeper *sleeper = context;
    if (!sleeper->is_looking &&
        gate_call_counters(sleeper->deployd->gate, NULL, NULL, on_counters, sleeper, NULL) == 0) {
        sleeper->is_looking = true;
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
        struct visited *visited = find(sleeper, list.rows[i].id);
        if (visited && is_container_site(&list.rows[i])) {
            sites[(*ret_count)++] = describe(sleeper, &list.rows[i], visited);
        }
    }
    return sites;
}

struct sleeper *sleeper_new(struct deployd *deployd, sleeper_wake_fn *wake)
{
    struct sleeper *sleeper = xcalloc(1, sizeof(*sleeper));
    const struct timeval interval = {
        config_integer(deployd->run->config, CONFIG_deployd_idle_check_s), 0};
    sleeper->deployd = deployd;
    sleeper->wake = wake;
    sleeper->timer = event_new(deployd->run->base, -1, EV_PERSIST, on_timer, sleeper);
    event_add(sleeper->timer, &interval);
    return sleeper;
}

void sleeper_free(struct sleeper *sleeper)
{
    if (!sleeper) {
        return;
    }
    for (struct visited *visited = sleeper->visited; visited; visited = sleeper->visited) {
        sleeper->visited = visited->next;
        free(visited);
    }
    event_free(sleeper->timer);
    free(sleeper);
}
