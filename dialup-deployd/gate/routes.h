/*
 * The table of routes: host -> where its requests go at present.
 *
 * Pure bookkeeping: no sockets. A route is never freed while a connection counts on it
 * (route_ref); removed from the table it lives on until the last one is over.
 */
#pragma once

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "dialup-deployd/gate/counters.h"
#include "dialup-deployd/gate/hold.h"
#include "dialup-deployd/gate/owners.h"
#include "dialup-deployd/gate/targets.h"
#include "libdialup/base/error.h"

enum { ROUTE_HOST_SIZE = 254 };

enum route_state {
    ROUTE_READY,    /* carried to one of the targets */
    ROUTE_STARTING, /* parked until READY */
    ROUTE_HOLD,     /* asleep: parked, and somebody is told that it is wanted */
    ROUTE_PAUSE,    /* a switch is under way: parked, nobody needs to be told */
    ROUTE_STOPPED,  /* a page says so */
    ROUTE_FAILED,   /* a page says so */
    ROUTE_CROWDED,  /* stepped aside until there is room: a page says so */
    ROUTE_SPENT,    /* has run for as long as it may today: a page says so */
    ROUTE_STATE_COUNT
};

struct route_spec {
    const char *host;
    enum route_state state;
    struct sockaddr_in targets[TARGETS_MAX]; /* the containers; READY needs one at least */
    size_t target_count;
    int64_t site_id;
    const char *owner;   /* "user:7"; NULL or "" if nobody's limits apply; for gate.c */
    int requests_per_s;  /* 0: as configured */
    int connections_max; /* 0: as configured */

    /* HOLD only: refuse unless nothing is open and nothing happened for idle_ms. */
    bool only_if_idle;
    int64_t idle_ms;
};

struct gate;
struct listener;

struct route {
    TAILQ_ENTRY(route) link;
    char host[ROUTE_HOST_SIZE];
    enum route_state state;
    struct targets targets;
    int64_t site_id;
    struct owner *owner; /* referenced; NULL if nobody's limits apply */
    struct bucket rate;  /* of requests */
    int requests_per_s;
    int connections_max;
    int64_t late_since_us, late_us; /* the first and last time that patience ended in a row */
    int64_t active_us; /* of the last accept, byte or end of a connection; or of its making */
    struct gate_counters counters;
    struct hold_queue held;
    struct hold_queue line;    /* until the owner has fewer connections open */
    struct listener *listener; /* the gate's */
    struct gate *gate;
    uint64_t wanted; /* a number from a count of the gate; 0: nobody waits for it */
    bool is_removed;
    unsigned references;
};

TAILQ_HEAD(route_list, route);

struct routes {
    struct route_list list;
    size_t count;
};

void routes_init(struct routes *routes);

/* Drops every route. */
void routes_fini(struct routes *routes);

/* May be NULL. */
struct route *routes_find(const struct routes *routes, const char *host);

/* Puts spec into the table; an existing route keeps its counters and its parked connections.
 * ERR_INVALID_ARGUMENT for a host that cannot be a file name, or READY without a target.
 * ERR_CONFLICT for a hold that must not be yet; now_us is the monotonic time. */
int routes_set(struct routes *routes, const struct route_spec *spec, int64_t now_us,
               struct route **ret_route, struct error *err);

/* Takes it out of the table and drops the table's reference. */
void routes_remove(struct routes *routes, struct route *route);

struct route *route_ref(struct route *route);
void route_unref(struct route *route);

/* Somebody's patience has ended; and when that visitor should try again: after a tenth of the time
 * that the site keeps visitors waiting already, in bounds. A longer silence begins anew. */
enum { ROUTE_RETRY_S_MIN = 2, ROUTE_RETRY_S_MAX = 60, ROUTE_SILENCE_S = 120 };
void route_note_late(struct route *route, int64_t now_us);
int route_retry_s(const struct route *route);

/* Lower-case letters, digits, '-' and '.'; neither a dot first or last nor two in a row: a safe
 * file name. The gate's own check; whoever makes sites has stricter ones. */
bool route_host_is_valid(const char *host);

/* "ready", "starting"...; the parser returns false for any other word. */
const char *route_state_name(enum route_state state);
bool route_state_parse(const char *name, enum route_state *ret_state);
