/*
 * Waits until nothing is open to a container that a route has left, and cuts what takes too long.
 *
 * The connections are the pump's; a drain marks those that are open when it begins, which are all
 * there can be: new ones go elsewhere.
 */
#pragma once

#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>

#include "libdialup/base/error.h"

enum { DRAINS_MAX = 96 };

struct drains;
struct event_base;
struct pump_set;
struct route;

/* err is NULL when it is over: nothing is open, after `cut` connections were cut. May be called
 * from within any change of the gate, never from within drains_start of the same drain. */
typedef void drain_end_fn(void *arg, uint64_t cut, const struct error *err);

struct drain_spec {
    const char *host;
    struct sockaddr_in address;
    int requests_ms; /* for plain requests */
    int upgraded_ms; /* for WebSockets and the like */
    drain_end_fn *on_end;
    void *arg;
};

struct drains *drains_new(struct event_base *base, struct pump_set *pumps);

/* What is under way ends with ERR_UNAVAILABLE. NULL is fine. */
void drains_free(struct drains *drains);

/* 1: on_end will be called. 0: nothing is open, and it will not. ERR_BUSY. A drain of the same
 * address that is under way ends with ERR_CONFLICT. */
int drains_start(struct drains *drains, const struct drain_spec *spec, struct error *err);

/* Ends the drains of addresses that the route names again: ERR_CONFLICT. */
void drains_on_route_set(struct drains *drains, const struct route *route);

/* To be called by the pump for each marked connection that is over. */
void drain_on_connection_end(void *drain, bool is_cut);
