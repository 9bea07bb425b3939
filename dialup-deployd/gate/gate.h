/*
 * The gate's engine: routes, their sockets, and what becomes of each connection.
 *
 * For every host there is a unix socket that Caddy dials. A connection is carried to the site's
 * container, or parked until the site is there, or shown a page, by the state of its route. Runs
 * wholly on the caller's event loop and thread; only opening and route changes touch the file
 * system. Knows nothing of Docker, HTTP or the database.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "dialup-deployd/gate/counters.h"
#include "dialup-deployd/gate/drain.h"
#include "dialup-deployd/gate/routes.h"
#include "libdialup/base/error.h"

struct event_base;
struct gate;

struct gate_config {
    const char *sites_dir; /* exists; copied */
    const char *pages_dir;
    int connections_max;           /* 0: GATE_CONNECTIONS_MAX */
    int connections_per_route_max; /* 0: GATE_CONNECTIONS_PER_ROUTE_MAX */
    int requests_per_s;            /* of a route, and twice as many at once; 0: no limit */
    int64_t owner_kbit_per_s;      /* of owners without limits of their own; 0: no limit */
    int connect_timeout_ms;        /* 0: 3 s */
    int idle_timeout_ms;           /* 0: one hour */
    int patience_ms;               /* how long a request is parked; 0: 20 s */

    const char *no_wake_agents; /* who does not wake a site, see robots.h; NULL: everybody does */
    const char *no_wake_paths;

    /* A route in ROUTE_HOLD has become wanted: somebody waits for it. Called within an accept or
     * a route's change, so it must not change routes itself. May be NULL. */
    void (*on_wanted)(void *arg, const struct route *route);
    void *arg;
};

enum { GATE_CONNECTIONS_MAX = 4096, GATE_CONNECTIONS_PER_ROUTE_MAX = 512 };

/* Loads the pages. Nothing listens yet. */
int gate_open(struct event_base *base, const struct gate_config *config, struct gate **ret_gate,
              struct error *err);

/* Cuts every connection and removes the sockets. NULL is fine. */
void gate_close(struct gate *gate);

/* As gate_close, but leaves the sockets where they are, for a next life that inherits them. */
void gate_leave(struct gate *gate);

enum gate_parked { GATE_PARKED_PAGE, GATE_PARKED_CLOSE };

/* Takes no connection any more; what is carried goes on to its end. The sockets stay in place or
 * go; what is parked is shown a page, or closed because somebody else has it. Routes cannot be
 * changed from then on (ERR_UNAVAILABLE). */
void gate_retire(struct gate *gate, bool keeps_sockets, enum gate_parked parked);

/* For a next life: takes over a connection that was accepted, and the numbers of a route. The route
 * exists. */
void gate_adopt(struct gate *gate, const char *host, int fd, int64_t since_us);
void gate_restore(struct gate *gate, const char *host, const struct gate_counters *counters,
                  int64_t active_us);

/* Makes or changes a route. New targets count for new connections; open ones finish where they are.
 * READY releases what is parked; STOPPED and FAILED show it the page; HOLD makes it wanted, also if
 * it was HOLD before. inherited_fd is a listening socket of an earlier life, taken on success if
 * the route is new, else -1. ERR_CONFLICT for a hold of a route that is not idle. */
int gate_route_set(struct gate *gate, const struct route_spec *spec, int inherited_fd,
                   struct error *err);

/* Stops listening, shows a page to what is parked; open connections finish. ERR_NOT_FOUND. */
int gate_route_remove(struct gate *gate, const char *host, struct error *err);

/* May be NULL. Borrowed until the route is removed. */
const struct route *gate_route_find(const struct gate *gate, const char *host);

/* The descriptor that a next life would inherit. Borrowed. */
int gate_route_listener_fd(const struct route *route);

/* The number of the wanted route that became so last; each route has its own in `wanted`. */
uint64_t gate_last_wanted(const struct gate *gate);

/* In force at once, also for connections that are open; kept until the gate ends. */
int gate_set_owner_limits(struct gate *gate, const char *owner, const struct owner_limits *limits,
                          struct error *err);
void gate_owners_each(const struct gate *gate, void (*visit)(void *arg, const struct owner *owner),
                      void *arg);

/* See drain.h; ERR_CONFLICT if the route of spec->host uses the address. A gate that has retired
 * uses none. */
int gate_drain(struct gate *gate, const struct drain_spec *spec, struct error *err);

/* Calls visit for each route, in the order of their making. visit must not change routes. */
void gate_routes_each(const struct gate *gate, void (*visit)(void *arg, const struct route *route),
                      void *arg);

/* Removes sockets in sites_dir that no route stands for: once at start, after the known routes
 * were set. */
int gate_sweep(struct gate *gate, struct error *err);

struct gate_totals gate_get_totals(const struct gate *gate);
