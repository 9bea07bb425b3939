/*
 * The decisions of the converger, as one pure function; see the header. Begin at the end:
 * plan_next() asks the broadest question (should the site be there at all), and what it calls
 * stands above it, down to the narrowest (does it have its limits).
 */
#include "dialup-deployd/converge/plan.h"

static const struct plan_step nothing = {.action = PLAN_NOTHING};

static struct plan_step step(enum plan_action action, const struct plan_container *container)
{
    return (struct plan_step){.action = action, .container = container};
}

/* Taking containers away --------------------------------------------------------------------- */

/* One that stands still hears no signal: it would be killed instead of asked. */
static bool must_thaw(const struct plan_container *container)
{
    return container->is_running && container->pulse != PLAN_GOING;
}

static struct plan_step remove_one(const struct plan_container *container)
{
    return step(must_thaw(container) ? PLAN_THAW : PLAN_REMOVE, container);
}

/* What still has connections is left alone until they are over. */
static struct plan_step retire(const struct plan_container *container)
{
    if (!container->is_running || container->drain == PLAN_DRAINED ||
        container->pulse != PLAN_GOING) {
        return remove_one(container);
    }
    return container->drain == PLAN_UNDRAINED ? step(PLAN_DRAIN, container) : nothing;
}

/* Retires, the newest first, those for which is_kept says false. */
static struct plan_step
retire_others(const struct plan_site *site, const struct plan_observed *observed,
              bool (*is_kept)(const struct plan_site *site, const struct plan_observed *observed,
                              const struct plan_container *container))
{
    struct plan_step next = nothing;
    for (size_t i = 0; i < observed->container_count && next.action == PLAN_NOTHING; i++) {
        const struct plan_container *container = &observed->containers[i];
        if (!is_kept(site, observed, container)) {
            next = retire(container);
        }
    }
    return next;
}

static bool keep_none(const struct plan_site *site, const struct plan_observed *observed,
                      const struct plan_container *container)
{
    return false;
}

static bool is_any_draining(const struct plan_observed *observed)
{
    for (size_t i = 0; i < observed->container_count; i++) {
        if (observed->containers[i].is_running && observed->containers[i].drain == PLAN_DRAINING) {
            return true;
        }
    }
    return false;
}

/* First lead visitors to the page, then let those who came before have their answers, then take
 * the containers away. */
static struct plan_step plan_down(const struct plan_site *site,
                                  const struct plan_observed *observed, enum plan_route wanted,
                                  enum plan_action lead_there)
{
    if (observed->route != wanted) {
        return step(lead_there, NULL);
    }
    struct plan_step next = retire_others(site, observed, keep_none);
    return next.action == PLAN_NOTHING && is_any_draining(observed) ? step(PLAN_AWAIT, NULL) : next;
}

/* Files -------------------------------------------------------------------------------------- */

static struct plan_step plan_files(const struct plan_site *site,
                                   const struct plan_observed *observed)
{
    bool is_new = site->wanted_deployment != site->live_deployment;
    if (observed->route == PLAN_ROUTE_FILES &&
        observed->route_deployment == site->wanted_deployment) {
        return retire_others(site, observed, keep_none);
    }
    return step(is_new && site->attempts_left <= 0 ? PLAN_GIVE_UP : PLAN_ROUTE_TO_FILES, NULL);
}

/* Which containers --------------------------------------------------------------------------- */

static bool is_wanted(const struct plan_site *site, const struct plan_container *container)
{
    return container->deployment == site->wanted_deployment &&
           container->generation == site->generation;
}

static bool is_serving(const struct plan_site *site, const struct plan_container *container)
{
    return is_wanted(site, container) && container->is_running &&
           container->health == PLAN_HEALTHY && container->pulse == PLAN_GOING;
}

/* Those that visitors should be led to: as many of the serving as the site wants, and rather one
 * that they are led to already. */
static bool is_target(const struct plan_site *site, const struct plan_observed *observed,
                      const struct plan_container *container)
{
    if (!is_serving(site, container)) {
        return false;
    }
    int before = 0;
    for (size_t i = 0; i < observed->container_count; i++) {
        const struct plan_container *other = &observed->containers[i];
        bool is_preferred =
            other->is_routed != container->is_routed ? other->is_routed : other < container;
        before += other != container && is_preferred && is_serving(site, other);
    }
    return before < site->instances;
}

static struct plan_step route_to_targets(const struct plan_site *site,
                                         const struct plan_observed *observed)
{
    struct plan_step next = {.action = PLAN_ROUTE_TO};
    int count = 0;
    for (size_t i = 0; i < observed->container_count && count < PLAN_INSTANCES_MAX; i++) {
        if (is_target(site, observed, &observed->containers[i])) {
            next.targets[count++] = &observed->containers[i];
        }
    }
    next.container = next.targets[0];
    return next;
}

static int count_targets(const struct plan_site *site, const struct plan_observed *observed)
{
    int count = 0;
    for (size_t i = 0; i < observed->container_count; i++) {
        count += is_target(site, observed, &observed->containers[i]);
    }
    return count;
}

/* Visitors are led to the targets and to nobody else. */
static bool is_route_right(const struct plan_site *site, const struct plan_observed *observed)
{
    if (observed->route != PLAN_ROUTE_CONTAINER || observed->is_route_lost) {
        return false;
    }
    for (size_t i = 0; i < observed->container_count; i++) {
        const struct plan_container *container = &observed->containers[i];
        if (container->is_routed != is_target(site, observed, container)) {
            return false;
        }
    }
    return true;
}

static bool is_any_running(const struct plan_observed *observed)
{
    for (size_t i = 0; i < observed->container_count; i++) {
        if (observed->containers[i].is_running) {
            return true;
        }
    }
    return false;
}

/* Visitors are led to an address that nobody has now. The engine gives a free address to the next
 * container, which may be somebody else's. */
static bool is_led_astray(const struct plan_observed *observed)
{
    if (observed->route == PLAN_ROUTE_CONTAINER) {
        return observed->is_route_lost;
    }
    return observed->route == PLAN_ROUTE_UNKNOWN && !is_any_running(observed);
}

/* Awake -------------------------------------------------------------------------------------- */

static bool has_limits(const struct plan_site *site, const struct plan_container *container)
{
    return container->memory_mib == site->memory_mib &&
           container->cpu_millicores == site->cpu_millicores;
}

static struct plan_step plan_limits(const struct plan_site *site,
                                    const struct plan_observed *observed)
{
    for (size_t i = 0; i < observed->container_count; i++) {
        const struct plan_container *container = &observed->containers[i];
        if (is_target(site, observed, container) && !has_limits(site, container)) {
            return step(PLAN_LIMIT, container);
        }
    }
    return nothing;
}

/* Of a restart: what ran before it, and still does. */
static const struct plan_container *find_before(const struct plan_site *site,
                                                const struct plan_observed *observed)
{
    for (size_t i = 0; i < observed->container_count; i++) {
        const struct plan_container *container = &observed->containers[i];
        if (container->deployment == site->live_deployment &&
            container->generation < site->generation && container->is_running &&
            container->pulse == PLAN_GOING && container->health != PLAN_UNHEALTHY &&
            container->drain == PLAN_UNDRAINED) {
            return container;
        }
    }
    return NULL;
}

/* Nobody is led away from a container that answers, because another does not. */
static struct plan_step give_up(const struct plan_site *site, const struct plan_observed *observed,
                                const struct plan_container *failed)
{
    const struct plan_container *before =
        site->wanted_deployment == site->live_deployment ? find_before(site, observed) : NULL;
    return before ? step(PLAN_STAY, before) : step(PLAN_GIVE_UP, failed);
}

/* A container that ended or never answered. It is taken away; the next pass makes another, as
 * long as there are attempts. */
static struct plan_step plan_failed(const struct plan_site *site,
                                    const struct plan_observed *observed,
                                    const struct plan_container *container)
{
    return site->attempts_left > 0 ? remove_one(container) : give_up(site, observed, container);
}

/* The next thing that a wanted container needs before it serves. */
static struct plan_step bring_up(const struct plan_site *site, const struct plan_observed *observed,
                                 const struct plan_container *container)
{
    /* One that does not even start was never probed. */
    bool is_spent = site->attempts_left <= 0 && container->health == PLAN_UNPROBED;
    if (container->health == PLAN_UNHEALTHY || is_spent) {
        return plan_failed(site, observed, container);
    }
    if (!container->is_running) {
        bool has_ended = container->was_started && !container->is_rested;
        if (container->must_go && !has_ended) {
            return remove_one(container); /* it slept; another begins in its place */
        }
        return step(has_ended ? PLAN_PROBE : PLAN_START, container);
    }
    return step(must_thaw(container) ? PLAN_THAW : PLAN_PROBE, container);
}

static const struct plan_container *find_coming(const struct plan_site *site,
                                                const struct plan_observed *observed)
{
    for (size_t i = 0; i < observed->container_count; i++) {
        const struct plan_container *container = &observed->containers[i];
        if (is_wanted(site, container) && !is_serving(site, container)) {
            return container;
        }
    }
    return NULL;
}

static bool keep_wanted(const struct plan_site *site, const struct plan_observed *observed,
                        const struct plan_container *container)
{
    return is_wanted(site, container);
}

/* Of a former life of ours nothing is known: then any of them may be the one that serves. */
static bool is_any_routed(const struct plan_observed *observed)
{
    for (size_t i = 0; i < observed->container_count; i++) {
        if (observed->containers[i].is_routed) {
            return true;
        }
    }
    return false;
}

static bool keep_wanted_and_routed(const struct plan_site *site,
                                   const struct plan_observed *observed,
                                   const struct plan_container *container)
{
    return container->is_routed || is_wanted(site, container);
}

/* What the switch before this one has left behind ends first: a site never runs three releases.
 * Without memory for both, the old one ends before the new one begins; visitors wait meanwhile. */
static struct plan_step create(const struct plan_site *site, const struct plan_observed *observed)
{
    if (site->attempts_left <= 0) {
        return give_up(site, observed, NULL);
    }
    if (is_any_routed(observed)) {
        struct plan_step next = retire_others(site, observed, keep_wanted_and_routed);
        if (next.action != PLAN_NOTHING) {
            return next;
        }
    }
    if (is_any_draining(observed)) {
        return step(PLAN_AWAIT, NULL);
    }
    if (site->may_overlap || !is_any_running(observed)) {
        return step(PLAN_CREATE, NULL);
    }
    return observed->route == PLAN_ROUTE_WAITING ? retire_others(site, observed, keep_wanted)
                                                 : step(PLAN_ROUTE_WAIT, NULL);
}

static const struct plan_container *find_live(const struct plan_site *site,
                                              const struct plan_observed *observed)
{
    for (size_t i = 0; i < observed->container_count; i++) {
        const struct plan_container *container = &observed->containers[i];
        if (container->deployment == site->live_deployment && container->is_running &&
            container->health == PLAN_HEALTHY) {
            return container;
        }
    }
    return NULL;
}

/* A new release may take its time, or fail: visitors of a site that was frozen have the one that is
 * live meanwhile. */
static struct plan_step lead_to_live(const struct plan_container *live)
{
    if (must_thaw(live)) {
        return step(PLAN_THAW, live);
    }
    return (struct plan_step){.action = PLAN_ROUTE_TO, .container = live, .targets = {live}};
}

/* Nothing serves yet. */
static struct plan_step plan_first(const struct plan_site *site,
                                   const struct plan_observed *observed)
{
    const struct plan_container *live =
        observed->route == PLAN_ROUTE_HOLD ? find_live(site, observed) : NULL;
    if (live && site->wanted_deployment != site->live_deployment) {
        return lead_to_live(live);
    }
    if (is_led_astray(observed)) {
        return step(PLAN_ROUTE_WAIT, NULL);
    }
    const struct plan_container *coming = find_coming(site, observed);
    return coming ? bring_up(site, observed, coming) : create(site, observed);
}

static bool keep_targets_and_coming(const struct plan_site *site,
                                    const struct plan_observed *observed,
                                    const struct plan_container *container)
{
    bool is_short = count_targets(site, observed) < site->instances;
    return is_target(site, observed, container) ||
           (is_short && container == find_coming(site, observed));
}

/* Visitors are served; one more may be wanted. If that one does not come up, so be it. */
static struct plan_step plan_more(const struct plan_site *site,
                                  const struct plan_observed *observed)
{
    if (count_targets(site, observed) >= site->instances) {
        return nothing;
    }
    const struct plan_container *coming = find_coming(site, observed);
    if (coming) {
        struct plan_step next = bring_up(site, observed, coming);
        bool is_vain = next.action == PLAN_GIVE_UP || next.action == PLAN_STAY;
        return is_vain ? remove_one(coming) : next;
    }
    bool may_begin = site->attempts_left > 0 && !is_any_draining(observed);
    return may_begin ? step(PLAN_CREATE, NULL) : nothing;
}

static struct plan_step plan_awake(const struct plan_site *site,
                                   const struct plan_observed *observed)
{
    if (count_targets(site, observed) == 0) {
        return plan_first(site, observed);
    }
    if (!is_route_right(site, observed)) {
        return route_to_targets(site, observed);
    }
    struct plan_step next = retire_others(site, observed, keep_targets_and_coming);
    if (next.action == PLAN_NOTHING) {
        next = plan_limits(site, observed);
    }
    return next.action == PLAN_NOTHING ? plan_more(site, observed) : next;
}

/* Asleep ------------------------------------------------------------------------------------- */

/* What stands still keeps its memory, so a lower limit counts for it, too. */
static struct plan_step freeze(const struct plan_site *site, const struct plan_container *sleeper)
{
    if (!sleeper) {
        return step(PLAN_NOTE_ASLEEP, NULL);
    }
    if (sleeper->pulse != PLAN_STILL) {
        return step(PLAN_FREEZE, sleeper);
    }
    return has_limits(site, sleeper) ? nothing : step(PLAN_LIMIT, sleeper);
}

static struct plan_step stop(const struct plan_container *sleeper)
{
    if (!sleeper) {
        return nothing;
    }
    return step(must_thaw(sleeper) ? PLAN_THAW : PLAN_STOP, sleeper);
}

/* Visitors are held first, so that none of them finds nobody there. */
static struct plan_step plan_rest(const struct plan_site *site,
                                  const struct plan_observed *observed)
{
    const struct plan_container *sleeper = NULL;
    bool has_one = false;
    if (observed->route != PLAN_ROUTE_HOLD) {
        return step(PLAN_HOLD, NULL);
    }
    for (size_t i = 0; i < observed->container_count; i++) {
        const struct plan_container *container = &observed->containers[i];
        if (!is_wanted(site, container) || has_one || container->must_go) {
            return remove_one(container);
        }
        has_one = true;
        sleeper = container->is_running ? container : NULL;
    }
    return site->depth == PLAN_FROZEN ? freeze(site, sleeper) : stop(sleeper);
}

/* The plan ----------------------------------------------------------------------------------- */

/* Whoever visits it, and whatever else there is to do: every moment it writes more. */
static const struct plan_container *find_evicted(const struct plan_observed *observed)
{
    for (size_t i = 0; i < observed->container_count; i++) {
        if (observed->containers[i].must_go && observed->containers[i].is_running) {
            return &observed->containers[i];
        }
    }
    return NULL;
}

struct plan_step plan_next(const struct plan_site *site, const struct plan_observed *observed)
{
    const struct plan_container *evicted = find_evicted(observed);
    if (evicted) {
        return step(must_thaw(evicted) ? PLAN_THAW : PLAN_EVICT, evicted);
    }
    switch (site->desired) {
    case PLAN_DELETED:
        return plan_down(site, observed, PLAN_ROUTE_NONE, PLAN_ROUTE_REMOVE);
    case PLAN_STOPPED:
        return plan_down(site, observed, PLAN_ROUTE_PAGE, PLAN_ROUTE_STOPPED);
    case PLAN_RUNNING:
        break;
    }
    switch (site->serve) {
    case PLAN_NO_RELEASE:
        return plan_down(site, observed, PLAN_ROUTE_PAGE, PLAN_ROUTE_STOPPED);
    case PLAN_FILES:
        return plan_files(site, observed);
    case PLAN_CONTAINER:
        break;
    }
    return site->depth == PLAN_AWAKE ? plan_awake(site, observed) : plan_rest(site, observed);
}

const char *plan_action_name(enum plan_action action)
{
    static const char *const names[PLAN_ACTION_COUNT] = {
        [PLAN_NOTHING] = "nothing",
        [PLAN_CREATE] = "create",
        [PLAN_START] = "start",
        [PLAN_PROBE] = "probe",
        [PLAN_ROUTE_TO] = "route to container",
        [PLAN_ROUTE_TO_FILES] = "route to files",
        [PLAN_ROUTE_STOPPED] = "show stopped",
        [PLAN_ROUTE_WAIT] = "let visitors wait",
        [PLAN_ROUTE_REMOVE] = "remove route",
        [PLAN_LIMIT] = "apply limits",
        [PLAN_DRAIN] = "drain container",
        [PLAN_REMOVE] = "remove container",
        [PLAN_GIVE_UP] = "give up",
        [PLAN_HOLD] = "hold visitors",
        [PLAN_FREEZE] = "freeze container",
        [PLAN_THAW] = "thaw container",
        [PLAN_STOP] = "stop container",
        [PLAN_EVICT] = "evict container",
        [PLAN_NOTE_ASLEEP] = "note asleep",
        [PLAN_STAY] = "stay with the container from before",
        [PLAN_AWAIT] = "await a drain",
    };
    return names[action];
}
