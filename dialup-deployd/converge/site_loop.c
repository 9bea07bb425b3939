/*
 * See the header. Called by converge.c; what a step does is in the actions, what a settled site's
 * row says in settle.c.
 */
#include "dialup-deployd/converge/site_loop.h"

#include <event2/event.h>

#include "dialup-deployd/converge/actions.h"
#include "dialup-deployd/converge/probe.h"
#include "dialup-deployd/converge/settle.h"
#include "dialup-deployd/deployd.h"
#include "dialup-deployd/release.h"
#include "dialup-deployd/withdraw.h"
#include "libdialup/base/clock.h"
#include "libdialup/base/log.h"
#include "libdialup/base/memory.h"

enum {
    FIRST_RETRY_S = 1,
    LONGEST_RETRY_S = 60,
    GIVEN_UP_RETRY_S = 300,
    DOCKER_RETRY_S = 2, /* it did not answer */
    ROWS_RETRY_S = 4,   /* they could not be read */
};

static void look(struct site_work *work);

/* Life --------------------------------------------------------------------------------------- */

static void on_retry(evutil_socket_t fd, short events, void *context)
{
    struct site_work *work = context;
    work->is_waiting = false;
    site_loop_kick(work);
}

static void on_step_end(struct site_work *work, const struct error *err);

struct site_work *site_loop_new(struct deployd *deployd, int64_t site_id,
                                const struct site_work_hooks *hooks)
{
    struct site_work *work = xcalloc(1, sizeof(*work));
    work->deployd = deployd;
    work->hooks = *hooks;
    work->on_end = on_step_end;
    work->kick = site_loop_kick;
    work->site_id = site_id;
    work->arena = arena_new();
    work->retry = evtimer_new(deployd->run->base, on_retry, work);
    return work;
}

void site_loop_free(struct site_work *work)
{
    probe_cancel(work->probe);
    event_free(work->retry);
    arena_free(work->arena);
    free(work);
}

void site_loop_kick(struct site_work *work)
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

/* One that stands still and answered before: visitors may be led to it as soon as it is thawed. */
static const struct plan_container *find_frozen(struct site_work *work)
{
    for (size_t i = 0; i < work->observed.container_count; i++) {
        const struct plan_container *container = &work->observed.containers[i];
        const struct instance *instance = instances_find(&work->instances, container->id);
        if (instance && instance->pulse == PLAN_STILL && instance->health == PLAN_HEALTHY &&
            *instance->address) {
            return container;
        }
    }
    return NULL;
}

void site_loop_wake(struct site_work *work)
{
    work->is_woken = true;
    if (work->route.kind == PLAN_ROUTE_CONTAINER) {
        work->route.kind = PLAN_ROUTE_UNKNOWN; /* the gate knows better */
    }
    const struct plan_container *frozen =
        work->is_busy || work->route.kind != PLAN_ROUTE_HOLD ? NULL : find_frozen(work);
    if (!frozen || !action_thaw_now(work, frozen->id)) {
        site_loop_kick(work);
        return;
    }
    /* The shortcut: what the plan would come to after asking Docker twice. */
    work->is_busy = true;
    work->step =
        (struct plan_step){.action = PLAN_ROUTE_TO, .container = frozen, .targets = {frozen}};
    action_run(work);
}

void site_loop_container_died(struct site_work *work, const char *id)
{
    struct instance *instance = instances_find(&work->instances, id);
    if (instance) {
        instance->is_dead = true;
    }
    if (!work->is_waiting && !action_probe_interrupt(work, id)) {
        site_loop_kick(work); /* one that waits looks again soon enough */
    }
}

bool site_loop_evict(struct site_work *work, const char *id, const struct error *why)
{
    struct instance *instance = instances_find(&work->instances, id);
    if (!instance || instance->must_go) {
        return false;
    }
    instance->must_go = true;
    work->evicted = *why;
    action_probe_interrupt(work, id); /* nobody waits for its answer any more */
    site_loop_kick(work);
    return true;
}

/* The end of a round ------------------------------------------------------------------------- */

static void rest(struct site_work *work)
{
    work->is_busy = false;
    work->hooks.on_settled(work->hooks.context);
}

static void wait_and_retry(struct site_work *work, int seconds)
{
    struct timeval delay = {seconds, 0};
    work->is_busy = false;
    work->is_waiting = true;
    evtimer_add(work->retry, &delay);
    if (work->is_kicked) {
        work->is_kicked = false;
        site_loop_kick(work);
        return;
    }
    work->hooks.on_settled(work->hooks.context);
}

static int backoff_s(int failures)
{
    int seconds = FIRST_RETRY_S;
    for (int i = 1; i < failures && seconds < LONGEST_RETRY_S; i++) {
        seconds *= 2;
    }
    return seconds < LONGEST_RETRY_S ? seconds : LONGEST_RETRY_S;
}

static void on_step_failed(struct site_work *work, const struct error *err)
{
    bool is_theirs = !error_is_passing(err->code);
    if (is_theirs) {
        work->failures++;
        work->failure = *err;
    }
    log_warning("%s: %s failed: %s", work->site.domain ? work->site.domain : "a site",
                plan_action_name(work->step.action), err->message);
    if (is_theirs && site_work_is_new_release(work) && work->failures <= SITE_WORK_NEW_ATTEMPTS) {
        look(work); /* an owner waits for the answer */
        return;
    }
    wait_and_retry(work, backoff_s(work->failures));
}

static void on_step_end(struct site_work *work, const struct error *err)
{
    if (err) {
        on_step_failed(work, err);
    } else if (work->is_given_up) {
        work->is_given_up = false;
        work->failures = SITE_WORK_LIVE_ATTEMPTS - 1; /* one more try now and then */
        wait_and_retry(work, GIVEN_UP_RETRY_S);
    } else {
        look(work);
    }
}

static void note_wait(struct site_work *work)
{
    bool is_known = work->awaiting_deployment == work->site.desired_deployment;
    work->awaiting_deployment = work->site.desired_deployment;
    if (!is_known && site_work_is_new_release(work)) {
        release_log(work->deployd, work->site_id, work->site.desired_deployment,
                    "Waits until the release before has answered its last visitors");
    }
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
    if (work->step.action == PLAN_AWAIT) {
        note_wait(work);
    } else {
        settle_site(work);
    }
    rest(work);
}

/* Look, plan, act ---------------------------------------------------------------------------- */

/* A new release or a restart begins with a clean slate. */
static void note_attempt(struct site_work *work)
{
    if (work->attempt_deployment != work->site.desired_deployment) {
        work->stayed[0] = '\0';
    }
    if (work->attempt_deployment != work->site.desired_deployment ||
        work->attempt_generation != work->site.restart_generation) {
        work->attempt_deployment = work->site.desired_deployment;
        work->attempt_generation = work->site.restart_generation;
        work->failures = 0;
        work->evicted = (struct error){0};
    }
}

/* One that visitors are led to is not there any more, does not run, or has another address. */
static bool is_route_lost(const struct site_work *work)
{
    for (size_t i = 0; i < PLAN_INSTANCES_MAX && *work->route.containers[i]; i++) {
        bool is_there = false;
        for (size_t j = 0; j < work->observed.container_count; j++) {
            const struct plan_container *container = &work->observed.containers[j];
            is_there |= container->is_running && container->is_routed &&
                        str_equal(container->id, work->route.containers[i]);
        }
        if (!is_there) {
            return true;
        }
    }
    return false;
}

static void observe(struct site_work *work, const struct container *list, size_t count)
{
    AUTO_FREE char *network = deployd_network_name(work->deployd, DEPLOYD_PRODUCTION);
    bool is_other_page =
        work->route.kind == PLAN_ROUTE_PAGE && !str_equal(work->route.page, site_work_page(work));
    work->observed = (struct plan_observed){
        .route = is_other_page ? PLAN_ROUTE_UNKNOWN : work->route.kind,
        .route_deployment = work->route.deployment,
    };
    instances_observe(&work->instances, work->arena, network, list, count, &work->observed);
    work->observed.is_route_lost = is_route_lost(work);
}

/* As long as an old container runs, memory is lent for the new one beside it, if there is some. */
static void borrow(struct site_work *work)
{
    bool has_old = false;
    for (size_t i = 0; i < work->observed.container_count; i++) {
        const struct plan_container *container = &work->observed.containers[i];
        has_old |=
            container->is_running && (container->deployment != work->site.desired_deployment ||
                                      container->generation != work->site.restart_generation);
    }
    if (!has_old) {
        work->overlap_mib = 0;
    } else if (work->overlap_mib == 0 && work->hooks.may_overlap(work->hooks.context, work)) {
        work->overlap_mib = work->effective_memory_mib;
    }
}

static void on_listed(void *context, const struct container *list, size_t count,
                      const struct error *err)
{
    struct site_work *work = context;
    work->hooks.on_docker(work->hooks.context, err);
    if (err) {
        wait_and_retry(work, DOCKER_RETRY_S);
        return;
    }
    observe(work, list, count);
    borrow(work);
    struct plan_site site = site_work_describe(work);
    work->step = plan_next(&site, &work->observed);
    if (work->step.action == PLAN_NOTHING || work->step.action == PLAN_AWAIT) {
        settle(work);
        return;
    }
    log_debug("%s: %s", work->site.domain, plan_action_name(work->step.action));
    action_run(work);
}

/* A former life ended between the end of a deployment and its site's way back. */
static int return_from_ended(struct site_work *work, struct error *err)
{
    const struct site *site = &work->site;
    struct admission admission = admission_for(work->deployd, site->owner_kind, site->owner_id);
    bool was_open;
    if (!site_work_is_new_release(work) || !site->desired_deployment ||
        !deployment_state_is_final(work->wanted.state)) {
        return 0;
    }
    int result = withdraw_one(&admission, work->arena, &work->wanted, &work->failure, clock_unix(),
                              &was_open, err);
    return result < 0 ? result : site_work_read(work, err);
}

static void look(struct site_work *work)
{
    struct error err;
    const struct deployd *deployd = work->deployd;
    if (site_work_read(work, &err) < 0 || return_from_ended(work, &err) < 0) {
        log_error("cannot read site %lld: %s", (long long)work->site_id, err.message);
        wait_and_retry(work, ROWS_RETRY_S);
        return;
    }
    if (work->site.state == SITE_DELETED) {
        rest(work);
        return;
    }
    note_attempt(work);
    container_list(deployd->engine, config_text(deployd->run->config, CONFIG_common_instance),
                   work->site_id, on_listed, NULL, work);
}
