/*
 * A request as its handler sees it: what was asked by whom, and the ways to answer.
 *
 * Everything here is called on the loop's thread and blocks nowhere. What a getter returns is
 * borrowed from the request.
 */
#pragma once

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

/* Requests that are answered later: fewer than may be open (IPC_MAX_OPEN), so that some are kept
 * for quick ones, as health. */
enum { IPC_MAX_LATER = 112 };

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

/* Asks for the answer of a later request; see ipc_handler_fn. result is a struct of
 * method->result. Sets the log context itself. */
void ipc_request_reply(struct ipc_request *request, const void *result);
void ipc_request_fail(struct ipc_request *request, const struct error *error);

/* False once nobody waits for the answer any more: work on it can be given up. */
bool ipc_request_is_awaited(const struct ipc_request *request);

/* All borrowed from the request. */
struct arena *ipc_request_arena(struct ipc_request *request);
const struct ipc_method *ipc_request_method(const struct ipc_request *request);
const char *ipc_request_id(const struct ipc_request *request);    /* the caller's, or made here */
const char *ipc_request_actor(const struct ipc_request *request); /* "user:7", or "uid:0" */
uid_t ipc_request_uid(const struct ipc_request *request);

/* For log_context_swap in callbacks of a later request. */
const struct log_context *ipc_request_log_context(const struct ipc_request *request);

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
