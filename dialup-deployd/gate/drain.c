/*
 * Draining former targets. Used by gate.c for deployd, which removes the container afterwards.
 */
#include "dialup-deployd/gate/drain.h"

#include <event2/event.h>
#include <event2/event_struct.h>
#include <stdlib.h>
#include <sys/queue.h>

#include "dialup-deployd/gate/pump.h"
#include "libdialup/base/clock.h"
#include "libdialup/base/memory.h"
#include "libdialup/base/str.h"

struct drain {
    TAILQ_ENTRY(drain) link;
    struct drains *drains;
    char host[ROUTE_HOST_SIZE];
    struct drain_spec spec; /* its host is not ours */
    struct event requests_timer;
    struct event upgraded_timer;
    bool requests_are_late;
    bool upgraded_are_late;
    size_t open;
    uint64_t cut;
};

struct drains {
    struct event_base *base;
    struct pump_set *pumps;
    TAILQ_HEAD(, drain) list;
    size_t count;
};

static void on_requests_late(evutil_socket_t fd, short what, void *arg);
static void on_upgraded_late(evutil_socket_t fd, short what, void *arg);

struct drains *drains_new(struct event_base *base, struct pump_set *pumps)
{
    struct drains *drains = xcalloc(1, sizeof(*drains));
    drains->base = base;
    drains->pumps = pumps;
    TAILQ_INIT(&drains->list);
    return drains;
}

static void end(struct drain *drain, const struct error *err)
{
    struct drains *drains = drain->drains;
    struct drain_spec spec = drain->spec;
    uint64_t cut = drain->cut;
    event_del(&drain->requests_timer);
    event_del(&drain->upgraded_timer);
    TAILQ_REMOVE(&drains->list, drain, link);
    drains->count--;
    pump_set_unwatch(drains->pumps, drain);
    free(drain);
    spec.on_end(spec.arg, cut, err);
}

void drains_free(struct drains *drains)
{
    if (!drains) {
        return;
    }
    struct error err;
    error_set(&err, ERR_UNAVAILABLE, "The gate ends");
    struct drain *drain;
    while ((drain = TAILQ_FIRST(&drains->list))) {
        end(drain, &err);
    }
    free(drains);
}

static void end_earlier(struct drains *drains, const struct drain_spec *spec)
{
    struct error err;
    struct drain *drain, *next;
    for (drain = TAILQ_FIRST(&drains->list); drain; drain = next) {
        next = TAILQ_NEXT(drain, link);
        if (str_equal(drain->host, spec->host) &&
            target_address_equal(&drain->spec.address, &spec->address)) {
            error_set(&err, ERR_CONFLICT, "The same address is drained by a later call");
            end(drain, &err);
        }
    }
}

static void set_timer(struct drain *drain, struct event *timer, event_callback_fn on_time, int ms)
{
    evtimer_assign(timer, drain->drains->base, on_time, drain);
    struct timeval wait = clock_timeval_of_ms(ms);
    event_add(timer, &wait);
}

int drains_start(struct drains *drains, const struct drain_spec *spec, struct error *err)
{
    end_earlier(drains, spec);
    if (drains->count >= DRAINS_MAX) {
        return error_set(err, ERR_BUSY, "%d addresses are being drained already", DRAINS_MAX);
    }
    struct drain *drain = xcalloc(1, sizeof(*drain));
    drain->open = pump_set_watch(drains->pumps, spec->host, &spec->address, drain);
    if (drain->open == 0) {
        free(drain);
        return 0;
    }
    drain->drains = drains;
    drain->spec = *spec;
    drain->spec.host = NULL;
    str_copy(drain->host, sizeof(drain->host), spec->host);
    set_timer(drain, &drain->requests_timer, on_requests_late, spec->requests_ms);
    set_timer(drain, &drain->upgraded_timer, on_upgraded_late, spec->upgraded_ms);
    TAILQ_INSERT_TAIL(&drains->list, drain, link);
    drains->count++;
    return 1;
}

void drains_on_route_set(struct drains *drains, const struct route *route)
{
    struct error err;
    struct drain *drain, *next;
    for (drain = TAILQ_FIRST(&drains->list); drain; drain = next) {
        next = TAILQ_NEXT(drain, link);
        if (str_equal(drain->host, route->host) &&
            targets_has_current(&route->targets, &drain->spec.address)) {
            error_set(&err, ERR_CONFLICT, "The route uses this address again");
            end(drain, &err);
        }
    }
}

void drain_on_connection_end(void *watcher, bool is_cut)
{
    struct drain *drain = watcher;
    drain->open--;
    drain->cut += is_cut;
    if (drain->open == 0) {
        end(drain, NULL);
    }
}

static void cut_late(struct drain *drain)
{
    pump_set_cut_watched(drain->drains->pumps, drain, drain->requests_are_late,
                         drain->upgraded_are_late);
}

static void on_requests_late(evutil_socket_t fd, short what, void *arg)
{
    struct drain *drain = arg;
    drain->requests_are_late = true;
    cut_late(drain);
}

static void on_upgraded_late(evutil_socket_t fd, short what, void *arg)
{
    struct drain *drain = arg;
    drain->upgraded_are_late = true;
    cut_late(drain);
}
