/*
 * The watch on the transport: finds out when this process's nng is alive no more.
 *
 * libnng 1.5 can lose its listener, its dialer or the thread that ends connections (facts that
 * its own calls do not report). The watch asks its own server a question over a plain socket
 * again and again, looks whether that connection is taken down afterwards, and, for each client
 * without a connection, whether the peer would answer. What fails twice in a row is reported,
 * once; the daemon (which ignores SIGPIPE, as all of them do) then logs it and ends with _exit for
 * its supervisor to start it afresh.
 */
#pragma once

#include <event2/event.h>
#include <stddef.h>
#include <stdint.h>

#include "libdialup/ipc/client.h"
#include "libdialup/ipc/server.h"

struct ipc_watch;

struct ipc_watch_options {
    const struct ipc_server *server;   /* NULL: none */
    struct ipc_client *const *clients; /* borrowed array of clients that live longer */
    size_t client_count;
    int64_t interval_ms; /* 0: 5000 */
    int64_t timeout_ms;  /* of each check; 0: 2000 */
    /* A client was made to dial anew. May be NULL. */
    void (*on_redial)(void *context, const char *daemon);
    /* Once. reason is a sentence for the log. */
    void (*on_dead)(void *context, const char *reason);
    void *context;
};

struct ipc_watch *ipc_watch_open(struct event_base *base, const struct ipc_watch_options *options);

/* Before the server and the clients. NULL is fine. */
void ipc_watch_close(struct ipc_watch *watch);
