/*
 * The loop of one site: look, plan, act, and again, until there is nothing left to do. Called by
 * converge.c; the actions are in site_actions.c.
 */
#include "dialup-deployd/site_work.h"

#include <event2/event.h>
#include <string.h>

#include "dialup-deployd/admission.h"
#include "dialup-deployd/converge_internal.h"
#include "dialup-deployd/deployd.h"
#include "dialup-deployd/probe.h"
#include "dialup-deployd/release.h"
#include "libdialup/base/clock.h"
#include "libdialup/base/log.h"
#include "libdialup/base/memory.h"
#include "libdialup/store/limits.h"
#include "libdialup/store/reservations.h"

enum { FIRST_RETRY_S = 1, LONGEST_RETRY_S = 60, GIVEN_UP_RETRY_S = 300, SMALLEST_MEMORY_MIB = 16 };

static void look(struct site_work *work);

static void on_retry(evutil_socket_t fd, short events, void *context)
{
    struct site_work *work = context;
    work->is_waiting = false;
    site_work_kick(work);
}

struct site_work *site_work_new(struct converger *converger, int64_t site_id)
{
    struct site_work *work = xcalloc(1, sizeof(*work));
    work->converger = converger;
    work->site_id = site_id;
    work->arena = arena_new();
    work->retry = evtimer_new(converger->deployd->run->base, on_retry, work);
    return work;
}

void site_work_free(struct site_work *work)
{
    probe_cancel(work->probe);
    event_free(work->retry);
    arena_free(work->arena);
    free(work);
}

/* Containers --------------------------------------------------------------------------------- */

struct site_container *site_work_find(struct site_work *work, const char *id)
{
    for (size_t i = 0; i < SITE_WORK_CONTAINERS; i++) {
        if (strcmp(work->known[i].running.id, id) == 0) {
            return &work->known[i];
        }
    }
    return NULL;
}

struct site_container *site_work_remember(struct site_work *work, const char *id)
{
    struct site_container *found = site_work_find(work, id);
    if (!found) {
        found = site_work_find(work, "");
    }
    for (size_t i = 0; !found && i < SITE_WORK_CONTAINERS; i++) {
        found = work->known[i].running.is_routed ? NULL : &work->known[i];
    }
    if (strcmp(found->running.id, id) != 0) {
        *found = (struct site_container){0};
        str_copy(found->running.id, sizeof(found->running.id), id);
        found->running.site_id = work->site_id;
        found->running.owner_kind = work->site.owner_kind;
        found->running.owner_id = work->site.owner_id;
    }
    return found;
}

static bool is_listed(const struct site_work *work, const char *id)
{
    for (size_t i = 0; i < work->container_count; i++) {
        if (strcmp(work->containers[i].id, id) == 0) {
            return true;
        }
    }
    return false;
}

static void forget_vanished(struct site_work *work)
{
    for (size_t i = 0; i < SITE_WORK_CONTAINERS; i++) {
        if (*work->known[i].running.id && !is_listed(work, work->known[i].running.id)) {
            work->known[i] = (struct site_container){0};
        }
    }
}

/* What should be ----------------------------------------------------------------------------- */

/*
 * The limits a container gets: the site's own, or, where an owner's limit is below what the
 * owner's running sites declare together, the same part of each. So a limit that an admin lowers
 * is enforced by the kernel, and one that is raised gives the sites their own again.
 */
static int64_t scale(int64_t declared, int64_t limit, int64_t used, int64_t smallest)
{
    if (limit == QUOTA_UNLIMITED || used <= limit || used <= 0) {
        return declared;
    }
    int64_t scaled = declared * limit / used;
    return scaled > smallest ? scaled : smallest;
}

static int read_effective_limits(struct site_work *work, struct error *err)
{
    enum { SMALLEST_MILLICORES = 10 };
    struct db *db = work->converger->deployd->run->db;
    const struct site *site = &work->site;
    struct quota_level level;
    quota_level_init(&level, site->owner_kind, "");
    int result = limits_read(db, site->owner_kind, site->owner_id, level.limits, err);
    if (result == 0) {
        result = reservations_sum(db, site->owner_kind, site->owner_id, &level.used, err);
    }
    work->effective_memory_mib = scale(site->memory_mib, level.limits[QUOTA_MEMORY_PRODUCTION].hard,
                                       level.used.of[QUOTA_MEMORY_PRODUCTION], SMALLEST_MEMORY_MIB);
    work->effective_cpu_millicores =
        scale(site->cpu_millicores, level.limits[QUOTA_CPU_PRODUCTION].hard,
              level.used.of[QUOTA_CPU_PRODUCTION], SMALLEST_MILLICORES);
    return result;
}

static int read_wanted(struct site_work *work, struct error *err)
{
    struct db *db = work->converger->deployd->run->db;
    work->serve = PLAN_NO_RELEASE;
    if (!work->site.desired_deployment) {
        return 0;
    }
    int result =
        deployments_find(db, work->arena, work->site.desired_deployment, &work->wanted, err);
    if (result == 0) {
        result = release_read(work->arena, &work->wanted, &work->release, err);
    }
    if (result == 0) {
        work->serve = str_equal(work->release.serve, "files") ? PLAN_FILES : PLAN_CONTAINER;
    }
    return result;
}

static int read_rows(struct site_work *work, struct error *err)
{
    arena_reset(work->arena);
    struct db *db = work->converger->deployd->run->db;
    int result = sites_find(db, work->arena, work->site_id, &work->site, err);
    if (result == 0) {
        result = read_wanted(work, err);
    }
    return result < 0 ? result : read_effective_limits(work, err);
}

/* A new release or a restart begins with a clean slate. */
static void note_attempt(struct site_work *work)
{
    if (work->attempt_deployment != work->site.desired_deployment ||
        work->attempt_generation != work->site.restart_generation) {
        work->attempt_deployment = work->site.desired_deployment;
        work->attempt_generation = work->site.restart_generation;
        work->failures = 0;
    }
}

/* The loop ----------------------------------------------------------------------------------- */

void site_work_kick(struct site_work *work)
{
    if (work->is_busy) {
        work->is_kicked = true;
        return;
    }
    if (work->is_waiting) {
        evtimer_del(work->retry);
        work->is_waiting = false;
    }
    work->is_busy = true;
    look(work);
}

static void wait_and_retry(struct site_work *work, int seconds)
{
    struct timeval delay = {seconds, 0};
    work->is_busy = false;
    work->is_waiting = true;
    evtimer_add(work->retry, &delay);
    if (work->is_kicked) {
        work->is_kicked = false;
        site_work_kick(work);
        return;
    }
    converger_site_settled(work->converger);
}

static int backoff_s(int failures)
{
    int seconds = FIRST_RETRY_S;
    for (int i = 1; i < failures && seconds < LONGEST_RETRY_S; i++) {
        seconds *= 2;
    }
    return seconds < LONGEST_RETRY_S ? seconds : LONGEST_RETRY_S;
}

void site_work_failed(struct site_work *work, const struct error *err)
{
    bool is_theirs = err->code != ERR_UNAVAILABLE && err->code != ERR_TIMEOUT;
    if (is_theirs) {
        work->failures++;
        work->failure = *err;
    }
    log_warning("%s: %s failed: %s", work->site.domain ? work->site.domain : "a site",
                plan_action_name(work->step.action), err->message);
    bool is_new = work->site.live_deployment != work->site.desired_deployment;
    if (is_theirs && is_new && work->failures <= SITE_WORK_NEW_ATTEMPTS) {
        look(work); /* an owner waits for the answer */
        return;
    }
    wait_and_retry(work, backoff_s(work->failures));
}

void site_work_next(struct site_work *work)
{
    look(work);
}

/* Nothing left to do: write down how it is. Not if the rows changed since they were read: a site
 * that was stopped and started again keeps what it has reserved. */
static void settle(struct site_work *work)
{
    if (work->is_kicked) {
        work->is_kicked = false;
        look(work);
        return;
    }
    converger_settle_site(work);
    work->is_busy = false;
    converger_site_settled(work->converger);
}

static struct plan_site describe_site(const struct site_work *work)
{
    const struct site *site = &work->site;
    bool is_live = site->live_deployment == site->desired_deployment;
    int attempts = is_live ? SITE_WORK_LIVE_ATTEMPTS : SITE_WORK_NEW_ATTEMPTS;
    return (struct plan_site){
        .desired = site->desired == SITE_WANT_DELETED   ? PLAN_DELETED
                   : site->desired == SITE_WANT_STOPPED ? PLAN_STOPPED
                                                        : PLAN_RUNNING,
        .serve = work->serve,
        .wanted_deployment = site->desired_deployment,
        .live_deployment = site->live_deployment,
        .generation = site->restart_generation,
        .memory_mib = work->effective_memory_mib,
        .cpu_millicores = work->effective_cpu_millicores,
        .attempts_left = attempts - work->failures,
    };
}

static void describe_containers(struct site_work *work, const struct container *list, size_t count)
{
    AUTO_FREE char *network = deployd_network_name(work->converger->deployd, DEPLOYD_PRODUCTION);
    work->containers = arena_calloc(work->arena, count, sizeof(*work->containers));
    work->container_count = 0;
    for (size_t i = 0; i < count; i++) {
        /* A step of a Dockerfile's build has whatever labels the Dockerfile gives it. */
        if (!str_equal(list[i].kind, "production") || !str_equal(list[i].network, network)) {
            continue;
        }
        struct site_container *known = site_work_find(work, list[i].id);
        bool is_running = list[i].is_running && !(known && known->is_dead);
        if (known && !is_running) {
            known->running.pid = 0; /* the kernel may give it to another process */
        }
        work->containers[work->container_count++] = (struct plan_container){
            .id = arena_strdup(work->arena, list[i].id),
            .deployment = list[i].deployment_id,
            .generation = list[i].generation,
            .is_running = is_running,
            .was_started = list[i].was_started,
            .health = known ? known->health : PLAN_UNPROBED,
            .memory_mib = known ? known->running.memory_bytes >> 20 : 0,
            .cpu_millicores = known ? known->running.cpu_millicores : 0,
        };
    }
    forget_vanished(work);
}

static void on_listed(void *context, const struct container *list, size_t count,
                      const struct error *err)
{
    struct site_work *work = context;
    converger_note_docker(work->converger, err);
    if (err) {
        wait_and_retry(work, backoff_s(2));
        return;
    }
    describe_containers(work, list, count);
    struct plan_site site = describe_site(work);
    const struct plan_observed observed = {
        .route = work->route,
        .route_deployment = work->route_deployment,
        .route_container = work->route_container,
        .containers = work->containers,
        .container_count = work->container_count,
    };
    work->step = plan_next(&site, &observed);
    if (work->step.action == PLAN_NOTHING) {
        settle(work);
        return;
    }
    log_debug("%s: %s", work->site.domain, plan_action_name(work->step.action));
    site_action_run(work);
}

static void look(struct site_work *work)
{
    struct error err;
    const struct deployd *deployd = work->converger->deployd;
    if (read_rows(work, &err) < 0) {
        log_error("cannot read site %lld: %s", (long long)work->site_id, err.message);
        wait_and_retry(work, backoff_s(3));
        return;
    }
    if (work->site.state == SITE_DELETED) {
        work->is_busy = false;
        converger_site_settled(work->converger);
        return;
    }
    note_attempt(work);
    container_list(deployd->engine, config_text(deployd->run->config, CONFIG_common_instance),
                   work->site_id, on_listed, work);
}

void site_work_given_up(struct site_work *work)
{
    work->failures = SITE_WORK_LIVE_ATTEMPTS - 1; /* one more try now and then */
    wait_and_retry(work, GIVEN_UP_RETRY_S);
}
