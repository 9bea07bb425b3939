/*
 * The gate's engine. Used by the dialup-gate process, which adds configuration and commands.
 *
 * A connection is counted as open on its route from its accept until it is over or shown a page;
 * each open one holds a reference on its route.
 */
#include "dialup-deployd/gate/gate.h"

#include <unistd.h>

#include "dialup-deployd/gate/answer.h"
#include "dialup-deployd/gate/entrance.h"
#include "dialup-deployd/gate/listener.h"
#include "dialup-deployd/gate/pages.h"
#include "dialup-deployd/gate/pump.h"
#include "dialup-deployd/gate/robots.h"
#include "libdialup/base/clock.h"
#include "libdialup/base/memory.h"

/* Above the limit a visitor is still told so, until even telling would be too much. */
enum { ANSWERING_MAX = 512 };

enum { DAY_S = 24 * 3600 };

enum { CONNECT_TIMEOUT_MS = 3000, IDLE_TIMEOUT_MS = 3600 * 1000, PATIENCE_MS = 20 * 1000 };

enum action { CARRY, PARK, SHOW };

static const struct {
    enum action action;
    enum gate_page page; /* SHOW */
} policies[ROUTE_STATE_COUNT] = {
    [ROUTE_READY] = {CARRY, 0},
    [ROUTE_STARTING] = {PARK, 0},
    [ROUTE_HOLD] = {PARK, 0},
    [ROUTE_PAUSE] = {PARK, 0},
    [ROUTE_STOPPED] = {SHOW, GATE_PAGE_STOPPED},
    [ROUTE_FAILED] = {SHOW, GATE_PAGE_FAILED},
    [ROUTE_CROWDED] = {SHOW, GATE_PAGE_CROWDED},
    [ROUTE_SPENT] = {SHOW, GATE_PAGE_SPENT},
};

struct gate {
    struct event_base *base;
    struct gate_config config;
    char *sites_dir;
    struct pages pages;
    struct robots robots;
    struct routes routes;
    struct entrance entrance;
    struct owners *owners;
    struct pump_set *pumps;
    struct drains *drains;
    struct answers *answers;
    uint64_t last_wanted;
    bool is_retired;
    uint64_t dropped;
};

static void on_accept(void *owner, int fd);
static void on_turn(void *arg, struct route *route, int fd, int64_t since_us);
static void on_line_end(void *arg, enum hold_end how, int fd, int64_t since_us);
static void on_hold_end(void *owner, enum hold_end how, int fd, int64_t since_us);
static void on_wanting(void *owner);
static int judge_head(void *owner, const char *head, size_t size);
static void on_pump_end(void *owner, struct route *route, enum pump_end end, int client_fd,
                        bool has_request);
static void apply_state(struct gate *gate, struct route *route);
static void show_page(struct gate *gate, struct route *route, enum gate_page page, int fd,
                      bool has_request);

static int or_default(int value, int fallback)
{
    return value > 0 ? value : fallback;
}

static void open_entrance(struct gate *gate)
{
    const struct gate_config *own = &gate->config;
    entrance_init(&gate->entrance, gate->base, &gate->routes,
                  &(struct entrance_config){
                      .connections_max = or_default(own->connections_max, GATE_CONNECTIONS_MAX),
                      .connections_per_route_max = or_default(own->connections_per_route_max,
                                                              GATE_CONNECTIONS_PER_ROUTE_MAX),
                      .requests_per_s = own->requests_per_s,
                      .patience_ms = own->patience_ms,
                      .on_turn = on_turn,
                      .on_line_end = on_line_end,
                      .arg = gate,
                  });
}

int gate_open(struct event_base *base, const struct gate_config *config, struct gate **ret_gate,
              struct error *err)
{
    struct gate *gate = xcalloc(1, sizeof(*gate));
    int rc = pages_load(&gate->pages, config->pages_dir, err);
    if (rc < 0) {
        free(gate);
        return rc;
    }
    gate->base = base;
    gate->config = *config;
    struct gate_config *own = &gate->config;
    own->patience_ms = or_default(config->patience_ms, PATIENCE_MS);
    gate->sites_dir = xstrdup(config->sites_dir);
    own->sites_dir = gate->sites_dir;
    own->pages_dir = NULL;
    robots_init(&gate->robots, config->no_wake_agents ? config->no_wake_agents : "",
                config->no_wake_paths ? config->no_wake_paths : "");
    own->no_wake_agents = own->no_wake_paths = NULL;
    routes_init(&gate->routes);
    open_entrance(gate);
    gate->owners = owners_new(base, config->owner_kbit_per_s);
    gate->pumps = pump_set_new(
        base, &(struct pump_config){
                  .connect_timeout_ms = or_default(config->connect_timeout_ms, CONNECT_TIMEOUT_MS),
                  .idle_timeout_ms = or_default(config->idle_timeout_ms, IDLE_TIMEOUT_MS),
                  .on_end = on_pump_end,
                  .on_watched_end = drain_on_connection_end,
                  .owner = gate,
              });
    gate->drains = drains_new(base, gate->pumps);
    gate->answers = answers_new(base);
    *ret_gate = gate;
    return 0;
}

static void drop_held(struct gate *gate, struct route *route)
{
    int64_t since_us;
    int fd;
    while ((fd = hold_take(&route->held, &since_us)) >= 0) {
        close(fd);
        entrance_leave(&gate->entrance, route);
    }
    while ((fd = entrance_take_from_line(&gate->entrance, route, &since_us)) >= 0) {
        close(fd);
    }
}

static void free_gate(struct gate *gate, void (*end_listener)(struct listener *listener))
{
    if (!gate) {
        return;
    }
    struct route *route;
    for (route = TAILQ_FIRST(&gate->routes.list); route; route = TAILQ_NEXT(route, link)) {
        end_listener(route->listener);
        drop_held(gate, route);
    }
    entrance_fini(&gate->entrance);
    drains_free(gate->drains);
    pump_set_free(gate->pumps);
    answers_free(gate->answers);
    routes_fini(&gate->routes);
    owners_free(gate->owners);
    pages_fini(&gate->pages);
    robots_fini(&gate->robots);
    free(gate->sites_dir);
    free(gate);
}

void gate_close(struct gate *gate)
{
    free_gate(gate, listener_close);
}

void gate_leave(struct gate *gate)
{
    free_gate(gate, listener_leave);
}

void gate_retire(struct gate *gate, bool keeps_sockets, enum gate_parked parked)
{
    struct route *route;
    gate->is_retired = true;
    TAILQ_FOREACH(route, &gate->routes.list, link)
    {
        (keeps_sockets ? listener_leave : listener_close)(route->listener);
        route->listener = NULL;
        int64_t since_us;
        int fd;
        while (parked == GATE_PARKED_PAGE && (fd = hold_take(&route->held, &since_us)) >= 0) {
            show_page(gate, route, GATE_PAGE_STARTING, fd, false);
            entrance_leave(&gate->entrance, route);
        }
        while (parked == GATE_PARKED_PAGE &&
               (fd = entrance_take_from_line(&gate->entrance, route, &since_us)) >= 0) {
            show_page(gate, route, GATE_PAGE_LIMITED, fd, false);
        }
        drop_held(gate, route);
    }
}

void gate_restore(struct gate *gate, const char *host, const struct gate_counters *counters,
                  int64_t active_us)
{
    struct route *route = routes_find(&gate->routes, host);
    struct gate_counters *own = &route->counters;
    const uint32_t open = own->open, upgraded = own->upgraded;
    *own = *counters;
    own->open = own->open_max = open;
    own->upgraded = upgraded;
    route->active_us = active_us;
}

int gate_route_set(struct gate *gate, const struct route_spec *spec, int inherited_fd,
                   struct error *err)
{
    struct route *route;
    if (gate->is_retired) {
        return error_set(err, ERR_UNAVAILABLE, "The gate ends");
    }
    int rc = routes_set(&gate->routes, spec, clock_monotonic_us(), &route, err);
    if (rc < 0) {
        return rc;
    }
    if (!route->listener) {
        const struct hold_hooks hooks = {
            .on_end = on_hold_end, .on_wanting = on_wanting, .judge = judge_head, .owner = route};
        hold_init(&route->held, gate->base, &hooks);
        entrance_add_route(&gate->entrance, route);
        route->gate = gate;
        rc = listener_open(gate->base, gate->sites_dir, route->host, inherited_fd, on_accept, route,
                           &route->listener, err);
        if (rc < 0) {
            routes_remove(&gate->routes, route);
            return rc;
        }
    }
    entrance_set_owner(&gate->entrance, route,
                       spec->owner && *spec->owner ? owners_ref(gate->owners, spec->owner) : NULL);
    drains_on_route_set(gate->drains, route);
    apply_state(gate, route);
    return 0;
}

int gate_set_owner_limits(struct gate *gate, const char *owner, const struct owner_limits *limits,
                          struct error *err)
{
    entrance_look_again(&gate->entrance);
    return owners_set_limits(gate->owners, owner, limits, err);
}

void gate_owners_each(const struct gate *gate, void (*visit)(void *arg, const struct owner *owner),
                      void *arg)
{
    owners_each(gate->owners, visit, arg);
}

int gate_drain(struct gate *gate, const struct drain_spec *spec, struct error *err)
{
    const struct route *route = routes_find(&gate->routes, spec->host);
    if (!gate->is_retired && route && targets_has_current(&route->targets, &spec->address)) {
        return error_set_field(err, ERR_CONFLICT, "address", "The route uses this address");
    }
    return drains_start(gate->drains, spec, err);
}

uint64_t gate_last_wanted(const struct gate *gate)
{
    return gate->last_wanted;
}

int gate_route_remove(struct gate *gate, const char *host, struct error *err)
{
    struct route *route = routes_find(&gate->routes, host);
    if (!route) {
        return error_set_field(err, ERR_NOT_FOUND, "host", "There is no route for %s", host);
    }
    int64_t since_us;
    int fd;
    listener_close(route->listener);
    route->listener = NULL;
    route->state = ROUTE_STOPPED;
    route->wanted = 0;
    route_ref(route);
    apply_state(gate, route);
    while ((fd = entrance_take_from_line(&gate->entrance, route, &since_us)) >= 0) {
        show_page(gate, route, GATE_PAGE_STOPPED, fd, false);
    }
    routes_remove(&gate->routes, route);
    route_unref(route);
    return 0;
}

const struct route *gate_route_find(const struct gate *gate, const char *host)
{
    return routes_find(&gate->routes, host);
}

int gate_route_listener_fd(const struct route *route)
{
    return listener_fd(route->listener);
}

void gate_routes_each(const struct gate *gate, void (*visit)(void *arg, const struct route *route),
                      void *arg)
{
    const struct route *route;
    for (route = TAILQ_FIRST(&gate->routes.list); route; route = TAILQ_NEXT(route, link)) {
        visit(arg, route);
    }
}

static bool is_known_host(void *arg, const char *host)
{
    const struct gate *gate = arg;
    return routes_find(&gate->routes, host) != NULL;
}

int gate_sweep(struct gate *gate, struct error *err)
{
    return listener_sweep(gate->sites_dir, is_known_host, gate, err);
}

struct gate_totals gate_get_totals(const struct gate *gate)
{
    return (struct gate_totals){
        .routes = (uint32_t)gate->routes.count,
        .open = gate->entrance.open,
        .answering = (uint32_t)answers_count(gate->answers),
        .dropped = gate->dropped,
    };
}

/* 0: as usual for the page. A day's running time begins anew at midnight, UTC. */
static int retry_after_s(const struct route *route, enum gate_page page)
{
    if (page == GATE_PAGE_SPENT) {
        return DAY_S - (int)(clock_unix() % DAY_S);
    }
    return page == GATE_PAGE_STARTING ? route_retry_s(route) : 0;
}

static void show_page(struct gate *gate, struct route *route, enum gate_page page, int fd,
                      bool has_request)
{
    if (answers_count(gate->answers) >= ANSWERING_MAX) {
        gate->dropped++;
        close(fd);
        return;
    }
    AUTO_STRBUF struct strbuf response = STRBUF_INIT;
    pages_render(&gate->pages, page, route->host, retry_after_s(route, page), &response);
    route->counters.pages++;
    answers_start(gate->answers, fd, &response, has_request);
}

static void tell_wanted(struct gate *gate, struct route *route)
{
    if (route->state == ROUTE_HOLD && !route->wanted) {
        route->wanted = ++gate->last_wanted;
        if (gate->config.on_wanted) {
            gate->config.on_wanted(gate->config.arg, route);
        }
    }
}

static void serve(struct gate *gate, struct route *route, int fd, int64_t accepted_us)
{
    switch (policies[route->state].action) {
    case CARRY:
        entrance_enter(&gate->entrance, route);
        pump_start(gate->pumps, route, fd, accepted_us);
        break;
    case PARK:
        entrance_enter(&gate->entrance, route);
        hold_park(&route->held, fd, accepted_us, gate->config.patience_ms);
        break;
    case SHOW:
        show_page(gate, route, policies[route->state].page, fd, false);
        break;
    }
}

/* Counts who is parked. Whoever came with a former gate was counted there. */
static void serve_new(struct gate *gate, struct route *route, int fd, int64_t accepted_us)
{
    route->counters.held += policies[route->state].action == PARK;
    serve(gate, route, fd, accepted_us);
}

static bool must_line_up(const struct route *route)
{
    return policies[route->state].action != SHOW && entrance_has_line(route);
}

static void on_accept(void *owner, int fd)
{
    struct route *route = owner;
    struct gate *gate = route->gate;
    int64_t now_us = clock_monotonic_us();
    route->active_us = now_us;
    route->counters.requests++;
    switch (entrance_judge(&gate->entrance, route, now_us)) {
    case ENTRANCE_OPEN:
        if (must_line_up(route)) {
            entrance_line_up(&gate->entrance, route, fd, now_us);
        } else {
            serve_new(gate, route, fd, now_us);
        }
        break;
    case ENTRANCE_TOO_FAST:
        show_page(gate, route, GATE_PAGE_LIMITED, fd, false);
        break;
    case ENTRANCE_FULL:
        show_page(gate, route, GATE_PAGE_BUSY, fd, false);
        break;
    }
}

static void on_turn(void *arg, struct route *route, int fd, int64_t since_us)
{
    serve_new(arg, route, fd, since_us);
}

static void on_line_end(void *arg, enum hold_end how, int fd, int64_t since_us)
{
    struct route *route = arg;
    struct gate *gate = route->gate;
    if (how == HOLD_EXPIRED) {
        show_page(gate, route, GATE_PAGE_LIMITED, fd, false);
    }
    entrance_leave_line(&gate->entrance, route, how == HOLD_EXPIRED);
}

void gate_adopt(struct gate *gate, const char *host, int fd, int64_t since_us)
{
    struct route *route = routes_find(&gate->routes, host);
    if (must_line_up(route)) {
        entrance_line_up(&gate->entrance, route, fd, since_us);
    } else {
        serve(gate, route, fd, since_us);
    }
}

static int judge_head(void *owner, const char *head, size_t size)
{
    static const int verdicts[] = {
        [ROBOTS_UNDECIDED] = 0, [ROBOTS_VISITOR] = 1, [ROBOTS_ROBOT] = -1};
    const struct route *route = owner;
    const struct gate *gate = route->gate;
    return verdicts[robots_judge(&gate->robots, head, size)];
}

static void on_wanting(void *owner)
{
    struct route *route = owner;
    tell_wanted(route->gate, route);
}

static void on_hold_end(void *owner, enum hold_end how, int fd, int64_t since_us)
{
    struct route *route = owner;
    struct gate *gate = route->gate;
    int64_t now_us = clock_monotonic_us();
    route->active_us = now_us;
    if (how == HOLD_EXPIRED) {
        route->counters.expired++;
        route_note_late(route, now_us);
        show_page(gate, route, GATE_PAGE_STARTING, fd, false);
    } else if (how == HOLD_ROBOT) {
        show_page(gate, route, GATE_PAGE_ASLEEP, fd, false);
    }
    if (route->held.wanting == 0) {
        route->wanted = 0;
    }
    entrance_leave(&gate->entrance, route);
}

/* What is parked follows the state of its route. */
static void apply_state(struct gate *gate, struct route *route)
{
    enum action action = policies[route->state].action;
    int64_t since_us;
    int fd;
    while (action != PARK && (fd = hold_take(&route->held, &since_us)) >= 0) {
        if (action == CARRY) {
            pump_start(gate->pumps, route, fd, since_us);
        } else {
            show_page(gate, route, policies[route->state].page, fd, false);
            entrance_leave(&gate->entrance, route);
        }
    }
    hold_set_looking(&route->held, route->state == ROUTE_HOLD);
    if (route->held.wanting > 0) {
        tell_wanted(gate, route);
    }
}

static void on_pump_end(void *owner, struct route *route, enum pump_end end, int client_fd,
                        bool has_request)
{
    struct gate *gate = owner;
    if (end == PUMP_UNREACHABLE) {
        show_page(gate, route, GATE_PAGE_UNREACHABLE, client_fd, has_request);
    } else if (end == PUMP_LINGERS) {
        AUTO_STRBUF struct strbuf nothing = STRBUF_INIT;
        answers_start(gate->answers, client_fd, &nothing, true);
    }
    entrance_leave(&gate->entrance, route);
}
