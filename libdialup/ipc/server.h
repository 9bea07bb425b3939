/*
 * The JSON-RPC 2.0 server of a daemon, on a unix socket (nng request/reply), in the event loop.
 *
 * One server a daemon, opened on the loop's thread; handlers run there and never see JSON. All
 * checks stand before the handler: valid JSON, known envelope members, known method, caller
 * allowed, size, shape. Answers may come in any order.
 *
 * By hand:  nngcat --req --dial ipc:///run/dialup/ipc/deployd.sock --ascii \
 *             --data '{"jsonrpc":"2.0","id":1,"method":"health"}'
 * The method "rpc.ping" is answered with {} by the server itself, for the watch (watch.h).
 *
 * Nothing here forks, and after ipc_server_open the process must not fork without exec: nng has
 * threads. posix_spawn is fine.
 */
#pragma once

#include <event2/event.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "libdialup/base/error.h"
#include "libdialup/ipc/method.h"
#include "libdialup/ipc/request.h"

/* Requests in work; others wait in their sockets. */
enum { IPC_MAX_OPEN = 128 };

struct ipc_server;

struct ipc_server_options {
    const char *daemon;               /* "dialup-deployd": for messages */
    const char *path;                 /* of the socket; its folder exists */
    const char *lock_path;            /* held as long as the server is open */
    const struct ipc_method *methods; /* all of these borrowed for the server's life */
    size_t method_count;
    ipc_handler_fn *const *handlers; /* handlers[i] carries out methods[i] */
    void *context;                   /* of the handlers */
    gid_t daemon_gid;                /* who else may open the socket; (gid_t)-1: own group */
};

/* ERR_CONFLICT if the daemon runs already (its socket is not touched). The options are copied. */
int ipc_server_open(struct event_base *base, const struct ipc_server_options *options,
                    struct ipc_server **ret_server, struct error *err);

/* Not from a handler. Open requests end without an answer. False if nng hangs (it is given a
 * second): then end the process with _exit. NULL is fine. */
bool ipc_server_close(struct ipc_server *server);

struct ipc_server_stats ipc_server_stats(const struct ipc_server *server);
const struct ipc_method *ipc_server_methods(const struct ipc_server *server, size_t *ret_count);
struct ipc_counters ipc_server_method_counters(const struct ipc_server *server, size_t index);

/* For the watch: where it listens, and how many connections were taken down since the start. */
const char *ipc_server_path(const struct ipc_server *server);
uint64_t ipc_server_connections_ended(const struct ipc_server *server);
