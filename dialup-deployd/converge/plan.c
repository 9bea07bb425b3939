/*
 * The decisions of the converger, as one pure function; see the header. Reads downward from the
 * broadest question (should the site be there at all) to the narrowest (does it have its limits).
 */
#include "dialup-deployd/converge/plan.h"

#include <string.h>

static const struct plan_step nothing = {PLAN_NOTHING, NULL};

static struct plan_step step(enum plan_action action, const struct plan_container *container)
{
    return (struct plan_step){action, container};
}

static struct plan_step remove_any(const struct plan_observed *observed)
{
    return observed->container_count > 0 ? step(PLAN_REMOVE, &observed->containers[0]) : nothing;
}

/* First lead visitors to the page, then take the containers away. */
static struct plan_step plan_down(const struct plan_observed *observed, enum plan_route wanted,
                                  enum plan_action lead_there)
{
    return observed->route != wanted ? step(lead_there, NULL) : remove_any(observed);
}

static struct plan_step plan_files(const struct plan_site *site,
                                   const struct plan_observed *observed)
{
    bool is_new = site->wanted_deployment != site->live_deployment;
    if (observed->route == PLAN_ROUTE_FILES &&
        observed->route_deployment == site->wanted_deployment) {
        return remove_any(observed);
    }
    return step(is_new && site->attempts_left <= 0 ? PLAN_GIVE_UP : PLAN_ROUTE_TO_FILES, NULL);
}

static bool is_wanted(const struct plan_site *site, const struct plan_container *container)
{
    return container->deployment == site->wanted_deployment &&
           container->generation == site->generation;
}

static const struct plan_container *find_wanted(const struct plan_site *site,
                                                const struct plan_observed *observed)
{
    for (size_t i = 0; i < observed->container_count; i++) {
        if (is_wanted(site, &observed->containers[i])) {
            return &observed->containers[i];
        }
    }
    return NULL;
}

static const struct plan_container *find_unwanted(const struct plan_site *site,
                                                  const struct plan_observed *observed,
                                                  const struct plan_container *keep)
{
    for (size_t i = 0; i < observed->container_count; i++) {
        if (&observed->containers[i] != keep) {
            return &observed->containers[i];
        }
    }
    return NULL;
}

/* A container that ended or never answered. It is taken away; the next pass makes another, as
 * long as there are attempts. */
static struct plan_step plan_failed(const struct plan_site *site,
                                    const struct plan_container *container)
{
    return step(site->attempts_left > 0 ? PLAN_REMOVE : PLAN_GIVE_UP, container);
}

static bool has_limits(const struct plan_site *site, const struct plan_container *container)
{
    return container->memory_mib == site->memory_mib &&
           container->cpu_millicores == site->cpu_millicores;
}

static struct plan_step plan_answering(const struct plan_site *site,
                                       const struct plan_observed *observed,
                                       const struct plan_container *wanted)
{
    if (observed->route != PLAN_ROUTE_CONTAINER ||
        strcmp(observed->route_container, wanted->id) != 0) {
        return step(PLAN_ROUTE_TO, wanted);
    }
    const struct plan_container *old = find_unwanted(site, observed, wanted);
    if (old) {
        return step(PLAN_REMOVE, old);
    }
    return has_limits(site, wanted) ? nothing : step(PLAN_LIMIT, wanted);
}

/* Visitors are led to an address that nobody has now. The engine gives a free address to the next
 * container, which may be somebody else's. */
static bool is_led_astray(const struct plan_observed *observed)
{
    bool is_known = observed->route == PLAN_ROUTE_CONTAINER;
    if (!is_known && observed->route != PLAN_ROUTE_UNKNOWN) {
        return false;
    }
    for (size_t i = 0; i < observed->container_count; i++) {
        const struct plan_container *container = &observed->containers[i];
        if (container->is_running &&
            (!is_known || strcmp(container->id, observed->route_container) == 0)) {
            return false;
        }
    }
    return true;
}

static struct plan_step plan_container(const struct plan_site *site,
                                       const struct plan_observed *observed)
{
    const struct plan_container *wanted = find_wanted(site, observed);
    if (is_led_astray(observed)) {
        return step(PLAN_ROUTE_WAIT, NULL);
    }
    if (!wanted) {
        return site->attempts_left > 0 ? step(PLAN_CREATE, NULL) : step(PLAN_GIVE_UP, NULL);
    }
    /* One that does not even start was never probed. */
    bool is_spent = site->attempts_left <= 0 && wanted->health == PLAN_UNPROBED;
    if (wanted->health == PLAN_UNHEALTHY || is_spent) {
        return plan_failed(site, wanted);
    }
    if (!wanted->is_running) {
        return step(wanted->was_started ? PLAN_PROBE : PLAN_START, wanted);
    }
    if (wanted->health == PLAN_UNPROBED) {
        return step(PLAN_PROBE, wanted);
    }
    return plan_answering(site, observed, wanted);
}

struct plan_step plan_next(const struct plan_site *site, const struct plan_observed *observed)
{
    switch (site->desired) {
    case PLAN_DELETED:
        return plan_down(observed, PLAN_ROUTE_NONE, PLAN_ROUTE_REMOVE);
    case PLAN_STOPPED:
        return plan_down(observed, PLAN_ROUTE_PAGE, PLAN_ROUTE_STOPPED);
    case PLAN_RUNNING:
        break;
    }
    switch (site->serve) {
    case PLAN_NO_RELEASE:
        return plan_down(observed, PLAN_ROUTE_PAGE, PLAN_ROUTE_STOPPED);
    case PLAN_FILES:
        return plan_files(site, observed);
    case PLAN_CONTAINER:
        break;
    }
    return plan_container(site, observed);
}

const char *plan_action_name(enum plan_action action)
{
    static const char *const names[] = {
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
        [PLAN_REMOVE] = "remove container",
        [PLAN_GIVE_UP] = "give up",
    };
    return names[action];
}
