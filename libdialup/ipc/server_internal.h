/*
 * What server.c (sockets, lanes) and request.c (dispatch, answers) share. Nobody else includes it.
 */
#pragma once

#include "libdialup/ipc/peers.h"
#include "libdialup/ipc/port.h"
#include "libdialup/ipc/server.h"

struct ipc_server {
    struct event_base *base;
    struct ipc_server_options options;
    struct ipc_peers peers;
    struct ipc_port *port;
    struct ipc_counters *method_counters;
    struct ipc_server_stats stats;
    struct ipc_request *first_later; /* handed to handlers, not yet replied or failed */
    int lock_fd;
};

/* Takes lane->msg, a request, and sees to its answer. */
void ipc_dispatch(struct ipc_server *server, struct ipc_lane *lane);

/* Cuts the later requests off the server, which is about to end. */
void ipc_requests_detach(struct ipc_server *server);

/* Sends an answer; the lane then waits for its next request. */
void ipc_server_send(struct ipc_lane *lane, const void *data, size_t size);
