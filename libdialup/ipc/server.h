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

#include "libdialup/base/arena.h"
#include "libdialup/base/error.h"
#include "libdialup/base/log.h"
#include "libdialup/ipc/method.h"

/* What a handler returns if it will call ipc_request_reply or ipc_request_fail later. */
enum { IPC_LATER = 1 };

enum {
    IPC_MAX_REQUEST_BYTES = 1024 * 1024,    /* of a method without a larger limit of its own */
    IPC_MAX_ANSWER_BYTES = 4 * 1024 * 1024, /* page what may be larger */
    IPC_MAX_OPEN = 128,                     /* requests in work; others wait in their sockets */
    IPC_MAX_LATER = 112, /* of these answered later: some are kept for quick ones, as health */
};

struct ipc_server;
struct ipc_request;

/*
 * params: the decoded struct of method->params (NULL if the method takes none). result: zeroed,
 * of method->result, to be filled; what it points at must live until the handler returns, best in
 * the request's arena. Returns
 *   0          *result is the answer
 *   -ERR_xxx   err is the answer; IO and INTERNAL errors are logged here, once
 *   IPC_LATER  (only where method->answers_later) the request is the handler's until it calls
 *              reply or fail, exactly once, on the loop's thread; also when the deadline has
 *              passed or the server was closed meanwhile, which makes that call do nothing but
 *              free the request
 */
typedef int ipc_handler_fn(void *context, struct ipc_request *request, const void *params,
                           void *result, struct error *err);

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

/* For `methods` and `stats`. */
struct ipc_counters {
    uint64_t requests; /* that named a method of the table */
    uint64_t errors;   /* of these, answered with an error */
    uint64_t timeouts; /* of these, because the deadline passed */
};

struct ipc_server_stats {
    struct ipc_counters all;
    uint64_t refused; /* before a method was found: bad JSON, unknown method... */
    size_t later;     /* answers due at present */
};

struct ipc_server_stats ipc_server_stats(const struct ipc_server *server);
const struct ipc_method *ipc_server_methods(const struct ipc_server *server, size_t *ret_count);
struct ipc_counters ipc_server_method_counters(const struct ipc_server *server, size_t index);

/* Asks for the answer of a later request; see ipc_handler_fn. result is a struct of
 * method->result. Sets the log context itself. */
void ipc_request_reply(struct ipc_request *request, const void *result);
void ipc_request_fail(struct ipc_request *request, const struct error *error);

/* False once nobody waits for the answer any more: work on it can be given up. */
bool ipc_request_is_awaited(const struct ipc_request *request);

/* All borrowed from the request. */
struct arena *ipc_request_arena(struct ipc_request *request);
struct ipc_server *ipc_request_server(const struct ipc_request *request); /* NULL once closed */
const struct ipc_method *ipc_request_method(const struct ipc_request *request);
const char *ipc_request_id(const struct ipc_request *request);    /* the caller's, or made here */
const char *ipc_request_actor(const struct ipc_request *request); /* "user:7", or "uid:0" */
uid_t ipc_request_uid(const struct ipc_request *request);
pid_t ipc_request_pid(const struct ipc_request *request);
int64_t ipc_request_deadline_us(const struct ipc_request *request); /* clock_monotonic_us */

/* For log_context_swap in callbacks of a later request. */
const struct log_context *ipc_request_log_context(const struct ipc_request *request);
