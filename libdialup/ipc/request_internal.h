/*
 * A request as this room sees it: what dispatch.c (checks, the handler) and request.c (the answer)
 * share. Nobody else includes it but server.c, which makes the service.
 */
#pragma once

#include <event2/event.h>

#include "libdialup/ipc/peers.h"
#include "libdialup/ipc/port.h"
#include "libdialup/ipc/request.h"

/* What a server offers, and to whom; its requests live on it. */
struct ipc_service {
    struct event_base *base;
    const char *daemon; /* these as in ipc_server_options */
    const struct ipc_method *methods;
    size_t method_count;
    ipc_handler_fn *const *handlers;
    void *context;

    struct ipc_peers peers;
    struct ipc_counters *method_counters;
    struct ipc_server_stats stats;
    struct ipc_request *first_later; /* handed to handlers, not yet replied or failed */
};

struct ipc_request {
    struct ipc_service *service; /* NULL once its server is closed */
    struct ipc_lane *lane;       /* NULL once answered */
    struct arena *arena;         /* holds the request itself */
    const struct json_value *id;
    const struct ipc_method *method; /* NULL until found */
    struct ipc_counters *counters;   /* of the method */
    const char *request_id;
    const char *actor;
    uid_t uid;
    gid_t gid;
    int64_t deadline_us;
    struct event *timer;
    struct log_context log_context;
    bool is_running; /* its handler has not returned */
    bool is_ended;   /* replied or failed while running */
    struct ipc_request *previous, *next;
};

/* The request whose message the lane holds (lane->msg stays there). */
struct ipc_request *ipc_request_new(struct ipc_service *service, struct ipc_lane *lane);

/* Its handler has returned IPC_LATER. */
void ipc_request_wait_for_reply(struct ipc_request *request);

/* The answer of a request that names no method of the table. */
void ipc_request_pong(struct ipc_request *request);

/* Cuts the later requests off the service, which is about to end. */
void ipc_requests_detach(struct ipc_service *service);
