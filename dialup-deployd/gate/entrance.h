/*
 * Who comes in: the limits of a site and of an owner, the count of who is inside, and the line of
 * those who wait because their owner has as many connections open as allowed.
 *
 * A connection over its owner's limit waits for one of the others to end, in order of arrival over
 * all sites of the owner; a burst of visitors is served that way, and a flood ends at the limit of
 * the site, which counts those in line too. Descriptors are borrowed unless said otherwise.
 */
#pragma once

#include <event2/event_struct.h>
#include <stdbool.h>
#include <stdint.h>

#include "dialup-deployd/gate/routes.h"

struct entrance_config {
    int connections_max;
    int connections_per_route_max; /* of routes without a limit of their own */
    int requests_per_s;            /* the same; 0: no limit */
    int patience_ms;               /* how long one stands in line */

    /* One in line may come in. fd is the callee's, who calls entrance_enter or is done with it. */
    void (*on_turn)(void *arg, struct route *route, int fd, int64_t since_us);

    /* As hold_hooks.on_end. The callee calls entrance_leave_line. */
    void (*on_line_end)(void *route, enum hold_end end, int fd, int64_t since_us);
    void *arg;
};

struct entrance {
    struct event_base *base;
    struct entrance_config config;
    const struct routes *routes;
    struct event turn; /* due once there may be room for one in line */
    uint32_t open;     /* inside or in line, all routes */
};

enum entrance_verdict {
    ENTRANCE_OPEN,     /* unless there is a line */
    ENTRANCE_TOO_FAST, /* more requests than the site may have */
    ENTRANCE_FULL,     /* more connections than the site, or all of them, may have */
};

/* routes is borrowed until the end. */
void entrance_init(struct entrance *entrance, struct event_base *base, const struct routes *routes,
                   const struct entrance_config *config);
void entrance_fini(struct entrance *entrance);

/* A new route. */
void entrance_add_route(struct entrance *entrance, struct route *route);

/* What becomes of one more connection; a refusal is counted. now_us: the monotonic time. */
enum entrance_verdict entrance_judge(struct entrance *entrance, struct route *route,
                                     int64_t now_us);

/* Whether there is a line for the route's owner: the limit is reached, or somebody waits. */
bool entrance_has_line(const struct route *route);

/* Each takes a reference on the route, and each leave gives it back. */
void entrance_enter(struct entrance *entrance, struct route *route);
void entrance_leave(struct entrance *entrance, struct route *route);

/* Takes fd. The route has an owner. */
void entrance_line_up(struct entrance *entrance, struct route *route, int fd, int64_t since_us);
void entrance_leave_line(struct entrance *entrance, struct route *route, bool is_refused);

/* Takes the first of the route's line out of it, who is now the caller's; -1 if nobody is there. */
int entrance_take_from_line(struct entrance *entrance, struct route *route, int64_t *ret_since_us);

/* The route is somebody else's, with all who are inside and in line. Takes the reference on owner,
 * which may be NULL. */
void entrance_set_owner(struct entrance *entrance, struct route *route, struct owner *owner);

/* An owner's limit was changed. */
void entrance_look_again(struct entrance *entrance);
