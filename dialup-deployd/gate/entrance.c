/*
 * Limits, counts and the line. Used by gate.c, which knows what becomes of whoever is let in.
 */
#include "dialup-deployd/gate/entrance.h"

#include <event2/event.h>

static void on_turn(evutil_socket_t nothing, short what, void *arg);

void entrance_init(struct entrance *entrance, struct event_base *base, const struct routes *routes,
                   const struct entrance_config *config)
{
    *entrance = (struct entrance){.base = base, .config = *config, .routes = routes};
    evtimer_assign(&entrance->turn, base, on_turn, entrance);
}

void entrance_fini(struct entrance *entrance)
{
    event_del(&entrance->turn);
}

void entrance_add_route(struct entrance *entrance, struct route *route)
{
    const struct hold_hooks hooks = {.on_end = entrance->config.on_line_end, .owner = route};
    hold_init(&route->line, entrance->base, &hooks);
}

/* Limits ----------------------------------------------------------------------------------- */

static bool is_too_fast(const struct entrance *entrance, struct route *route, int64_t now_us)
{
    enum { BURST_S = 2 };
    int rate = route->requests_per_s > 0 ? route->requests_per_s : entrance->config.requests_per_s;
    if (rate == 0) {
        return false;
    }
    bucket_fill(&route->rate, rate, (int64_t)rate * BURST_S, now_us);
    return bucket_take(&route->rate, 1) == 0;
}

static bool is_site_full(const struct entrance *entrance, const struct route *route)
{
    int max = route->connections_max > 0 ? route->connections_max
                                         : entrance->config.connections_per_route_max;
    return route->counters.open >= (uint32_t)max;
}

bool entrance_has_line(const struct route *route)
{
    return route->owner &&
           (owner_is_full(route->owner) || owner_counters(route->owner)->in_line > 0);
}

enum entrance_verdict entrance_judge(struct entrance *entrance, struct route *route, int64_t now_us)
{
    bool is_too_much = is_too_fast(entrance, route, now_us);
    bool is_full = !is_too_much && is_site_full(entrance, route);
    route->counters.limited += is_too_much || is_full;
    is_full = is_full || entrance->open >= (uint32_t)entrance->config.connections_max;
    if (is_too_much || is_full) {
        route->counters.refused++;
        return is_too_much ? ENTRANCE_TOO_FAST : ENTRANCE_FULL;
    }
    return ENTRANCE_OPEN;
}

/* Who is inside ---------------------------------------------------------------------------- */

static void count_in(struct entrance *entrance, struct route *route)
{
    struct gate_counters *counters = &route->counters;
    entrance->open++;
    counters->open++;
    if (counters->open > counters->open_max) {
        counters->open_max = counters->open;
    }
    route_ref(route);
}

static void count_out(struct entrance *entrance, struct route *route)
{
    entrance->open--;
    route->counters.open--;
    route_unref(route);
}

void entrance_enter(struct entrance *entrance, struct route *route)
{
    count_in(entrance, route);
    if (route->owner) {
        owner_counters(route->owner)->open++;
    }
}

void entrance_leave(struct entrance *entrance, struct route *route)
{
    if (route->owner) {
        owner_counters(route->owner)->open--;
        if (owner_counters(route->owner)->in_line > 0) {
            entrance_look_again(entrance);
        }
    }
    count_out(entrance, route);
}

void entrance_set_owner(struct entrance *entrance, struct route *route, struct owner *owner)
{
    struct owner *before = route->owner;
    const uint32_t in_line = (uint32_t)route->line.count;
    const uint32_t inside = route->counters.open - in_line;
    route->owner = owner;
    if (before) {
        owner_counters(before)->open -= inside;
        owner_counters(before)->in_line -= in_line;
    }
    if (owner) {
        owner_counters(owner)->open += inside;
        owner_counters(owner)->in_line += in_line;
    }
    owner_unref(before);
    entrance_look_again(entrance);
}

/* The line --------------------------------------------------------------------------------- */

void entrance_line_up(struct entrance *entrance, struct route *route, int fd, int64_t since_us)
{
    count_in(entrance, route);
    owner_counters(route->owner)->queued++;
    owner_counters(route->owner)->in_line++;
    hold_park(&route->line, fd, since_us, entrance->config.patience_ms);
}

void entrance_leave_line(struct entrance *entrance, struct route *route, bool is_refused)
{
    route->counters.limited += is_refused;
    route->counters.refused += is_refused;
    if (route->owner) {
        owner_counters(route->owner)->refused += is_refused;
        owner_counters(route->owner)->in_line--;
    }
    count_out(entrance, route);
}

int entrance_take_from_line(struct entrance *entrance, struct route *route, int64_t *ret_since_us)
{
    int fd = hold_take(&route->line, ret_since_us);
    if (fd >= 0) {
        entrance_leave_line(entrance, route, false);
    }
    return fd;
}

static struct route *find_whose_turn(const struct entrance *entrance)
{
    struct route *route, *first = NULL;
    int64_t first_us = INT64_MAX;
    TAILQ_FOREACH(route, &entrance->routes->list, link)
    {
        int64_t since_us = hold_first_us(&route->line);
        if (since_us < first_us && !owner_is_full(route->owner)) {
            first_us = since_us;
            first = route;
        }
    }
    return first;
}

static void on_turn(evutil_socket_t nothing, short what, void *arg)
{
    struct entrance *entrance = arg;
    struct route *route;
    int64_t since_us;
    while ((route = find_whose_turn(entrance))) {
        int fd = entrance_take_from_line(entrance, route, &since_us);
        entrance->config.on_turn(entrance->config.arg, route, fd, since_us);
    }
}

void entrance_look_again(struct entrance *entrance)
{
    event_active(&entrance->turn, EV_TIMEOUT, 0);
}
