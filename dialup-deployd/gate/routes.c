/*
 * The table of routes: a plain list, since each connection reaches its route by its listener and
 * only commands look one up by name. Used by gate.c.
 */
#include "dialup-deployd/gate/routes.h"

#include <string.h>

#include "libdialup/base/log.h"
#include "libdialup/base/memory.h"
#include "libdialup/base/str.h"

static const char *const state_names[ROUTE_STATE_COUNT] = {
    [ROUTE_READY] = "ready",     [ROUTE_STARTING] = "starting", [ROUTE_HOLD] = "hold",
    [ROUTE_PAUSE] = "pause",     [ROUTE_STOPPED] = "stopped",   [ROUTE_FAILED] = "failed",
    [ROUTE_CROWDED] = "crowded", [ROUTE_SPENT] = "spent",
};

void routes_init(struct routes *routes)
{
    TAILQ_INIT(&routes->list);
    routes->count = 0;
}

void routes_fini(struct routes *routes)
{
    struct route *route;
    while ((route = TAILQ_FIRST(&routes->list))) {
        routes_remove(routes, route);
    }
}

struct route *routes_find(const struct routes *routes, const char *host)
{
    struct route *route;
    for (route = TAILQ_FIRST(&routes->list); route; route = TAILQ_NEXT(route, link)) {
        if (strcmp(route->host, host) == 0) {
            return route;
        }
    }
    return NULL;
}

static int check(const struct route_spec *spec, struct error *err)
{
    if (!spec->host || !route_host_is_valid(spec->host)) {
        return error_set_field(err, ERR_INVALID_ARGUMENT, "host", "This is not a host name");
    }
    if (spec->state >= ROUTE_STATE_COUNT) {
        return error_set_field(err, ERR_INVALID_ARGUMENT, "state", "There is no such state");
    }
    if (spec->state == ROUTE_READY && spec->target_count == 0) {
        return error_set_field(err, ERR_INVALID_ARGUMENT, "addresses",
                               "A route that is ready needs an address and a port");
    }
    if (spec->only_if_idle && spec->state != ROUTE_HOLD) {
        return error_set_field(err, ERR_INVALID_ARGUMENT, "if_idle_ms",
                               "Only a hold may wait for a site to be idle");
    }
    return 0;
}

/* A route that is not known was never seen to be idle. */
static int check_idle(const struct route *route, const struct route_spec *spec, int64_t now_us,
                      struct error *err)
{
    if (!spec->only_if_idle) {
        return 0;
    }
    if (!route) {
        return error_set(err, ERR_CONFLICT, "There is no route for %s yet", spec->host);
    }
    if (route->counters.open > 0) {
        return error_set(err, ERR_CONFLICT, "%u connections of %s are open", route->counters.open,
                         route->host);
    }
    int64_t idle_ms = (now_us - route->active_us) / 1000;
    if (idle_ms < spec->idle_ms) {
        return error_set(err, ERR_CONFLICT, "%s is idle for %lld ms only", route->host,
                         (long long)idle_ms);
    }
    return 0;
}

static struct route *add(struct routes *routes, const char *host, int64_t now_us)
{
    struct route *route = xcalloc(1, sizeof(*route));
    str_copy(route->host, sizeof(route->host), host);
    targets_init(&route->targets);
    route->active_us = now_us;
    route->references = 1;
    TAILQ_INSERT_TAIL(&routes->list, route, link);
    routes->count++;
    return route;
}

int routes_set(struct routes *routes, const struct route_spec *spec, int64_t now_us,
               struct route **ret_route, struct error *err)
{
    int rc = check(spec, err);
    if (rc < 0) {
        return rc;
    }
    struct route *route = routes_find(routes, spec->host);
    rc = check_idle(route, spec, now_us, err);
    if (rc < 0) {
        return rc;
    }
    if (!route) {
        route = add(routes, spec->host, now_us);
    }
    route->wanted = 0;
    route->state = spec->state;
    targets_set(&route->targets, spec->targets, spec->target_count);
    route->site_id = spec->site_id;
    route->requests_per_s = spec->requests_per_s;
    route->connections_max = spec->connections_max;
    *ret_route = route;
    return 0;
}

void routes_remove(struct routes *routes, struct route *route)
{
    ASSERT(!route->is_removed);
    TAILQ_REMOVE(&routes->list, route, link);
    routes->count--;
    route->is_removed = true;
    route_unref(route);
}

struct route *route_ref(struct route *route)
{
    route->references++;
    return route;
}

void route_unref(struct route *route)
{
    ASSERT(route->references > 0);
    if (--route->references == 0) {
        targets_fini(&route->targets);
        owner_unref(route->owner);
        free(route);
    }
}

void route_note_late(struct route *route, int64_t now_us)
{
    bool begins_anew = now_us - route->late_us > (int64_t)ROUTE_SILENCE_S * 1000000;
    if (begins_anew || route->late_us == 0) {
        route->late_since_us = now_us;
    }
    route->late_us = now_us;
}

int route_retry_s(const struct route *route)
{
    int64_t retry_s = (route->late_us - route->late_since_us) / 10 / 1000000;
    if (retry_s < ROUTE_RETRY_S_MIN) {
        return ROUTE_RETRY_S_MIN;
    }
    return retry_s > ROUTE_RETRY_S_MAX ? ROUTE_RETRY_S_MAX : (int)retry_s;
}

static bool is_host_character(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.';
}

bool route_host_is_valid(const char *host)
{
    size_t len = strnlen(host, ROUTE_HOST_SIZE);
    if (len == 0 || len >= ROUTE_HOST_SIZE || host[0] == '.' || host[len - 1] == '.') {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        if (!is_host_character(host[i]) || (host[i] == '.' && host[i + 1] == '.')) {
            return false;
        }
    }
    return true;
}

const char *route_state_name(enum route_state state)
{
    return state < ROUTE_STATE_COUNT ? state_names[state] : "unknown";
}

bool route_state_parse(const char *name, enum route_state *ret_state)
{
    for (int i = 0; i < ROUTE_STATE_COUNT; i++) {
        if (strcmp(name, state_names[i]) == 0) {
            *ret_state = (enum route_state)i;
            return true;
        }
    }
    return false;
}
