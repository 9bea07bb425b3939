/*
 * Carries one connection each between a visitor and a site: bytes, both ways, until it is over.
 *
 * Whatever one side sends is given to the other as it comes; little waits here
 * (carry.h), so a slow reader slows its sender. The end of one direction is passed on as such
 * (shutdown), the other goes on. Nothing blocks. Counts into the route's counters.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dialup-deployd/gate/routes.h"

struct event_base;
struct pump_set;

enum pump_end {
    PUMP_OVER,        /* done with, client_fd is -1 */
    PUMP_UNREACHABLE, /* the site took no connection or gave no byte: client_fd waits for an answer
                       */
    PUMP_LINGERS,     /* the site has said all but did not read all: client_fd is to be drained */
};

/* The last word about a connection; client_fd, if any, is the callee's. route is still referenced
 * by the caller of pump_start. */
typedef void pump_end_fn(void *owner, struct route *route, enum pump_end end, int client_fd,
                         bool has_request);

struct pump_config {
    int connect_timeout_ms;
    int idle_timeout_ms; /* without a byte in either direction; WebSockets want it long */
    pump_end_fn *on_end; /* may be called within pump_start */
    void (*on_watched_end)(void *watcher, bool is_cut);
    void *owner;
};

struct pump_set *pump_set_new(struct event_base *base, const struct pump_config *config);

/* Cuts all connections (PUMP_OVER). NULL is fine. */
void pump_set_free(struct pump_set *set);

/* Takes client_fd (non-blocking) and connects it to one of the route's present targets, of which
 * there is one at least; to another of them, as long as one takes no connection. accepted_us is the
 * monotonic time of its accept. */
void pump_start(struct pump_set *set, struct route *route, int client_fd, int64_t accepted_us);

/* Marks the connections of host to address that are open now, and says how many they are: for each
 * of them on_watched_end is called with the watcher. An earlier watcher is replaced. */
size_t pump_set_watch(struct pump_set *set, const char *host, const struct sockaddr_in *address,
                      void *watcher);
void pump_set_unwatch(struct pump_set *set, const void *watcher);

/* Cuts those of the watcher that were upgraded (answered 101), or those that were not, or both. */
void pump_set_cut_watched(struct pump_set *set, const void *watcher, bool plain, bool upgraded);
