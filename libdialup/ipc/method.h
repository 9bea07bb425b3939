/*
 * A method of a daemon, as one constant row.
 *
 * proto/generate.py writes a table of these for each daemon from its OpenRPC document. The ipc
 * server reads it to admit, check and answer a request, the client to ask, the documentation to
 * explain. Only data: nothing here runs.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "libdialup/json/shape.h"

/* Reads may be repeated at will and leave no line in the audit; writes do. */
enum ipc_access { IPC_READ, IPC_WRITE };

/* Who may call, by the uid that the kernel tells of the peer; or them together. */
enum {
    IPC_CALLER_ROOT = 1,
    IPC_CALLER_DAEMON = 2, /* the uids of the other daemons */
    IPC_CALLER_ANYONE = 4, /* whoever may open the socket */
};

enum {
    IPC_MAX_REQUEST_BYTES = 1024 * 1024,    /* of a method without a larger limit of its own */
    IPC_MAX_ANSWER_BYTES = 4 * 1024 * 1024, /* page what may be larger */
};

struct ipc_method {
    const char *name;
    const char *summary; /* one line, for people */
    enum ipc_access access;
    unsigned callers;         /* IPC_CALLER_... */
    int64_t deadline_ms;      /* an answer is due by then, at the latest */
    size_t max_request_bytes; /* of the whole request */
    bool answers_later;       /* the handler may return before it has replied */
    bool idempotency_key;     /* repeating a request with the same key gives the first answer */
    const struct json_shape *params;
    const struct json_shape *result;
};
