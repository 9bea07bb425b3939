/*
 * HTTP over a unix socket, many exchanges at once, on the caller's event loop.
 *
 * The only module of the house that knows curl. It moves requests and answers; what an answer
 * means is client.c's business. No function here waits, and no callback comes from within one of
 * them: everything is done from the loop. Callbacks may start and cancel transfers, but not free
 * the set.
 */
#pragma once

#include <stddef.h>
#include <sys/types.h>

#include "libdialup/base/error.h"

struct event_base;
struct transfers;
struct transfer;

enum transfer_outcome {
    TRANSFER_DONE,        /* an answer is there, whatever its status */
    TRANSFER_UNREACHABLE, /* nobody takes the connection */
    TRANSFER_LATE,        /* timeout_ms is over */
    TRANSFER_BROKEN,      /* the connection ended in the middle */
    TRANSFER_NOT_HTTP,    /* what came is no answer */
    TRANSFER_TOO_LARGE,   /* above answer_size_max */
    TRANSFER_ABORTED,     /* read or on_data said so */
};

struct transfer_result {
    enum transfer_outcome outcome;
    int status;
    const char *body; /* NUL-terminated; empty if on_data got it */
    size_t size;
    const char *api_version; /* the Api-Version header, "" if there was none */
};

/* The next bytes of a request's body: their number, 0 at the end, negative to abort. */
typedef ssize_t transfer_read_fn(void *arg, char *data, size_t size);

struct transfer_spec {
    const char *method;
    const char *target; /* "/v1.41/containers/json?all=1" */
    const char *content_type;
    const char *body; /* copied */
    size_t body_size;
    transfer_read_fn *read; /* instead of body; sent in chunks */
    int timeout_ms;         /* of the whole exchange; 0: none */
    size_t answer_size_max;

    /* The body of a 2xx answer as it comes; else it is collected. Negative to abort. */
    int (*on_data)(void *arg, const char *data, size_t size);
    void (*on_done)(void *arg, const struct transfer_result *result);
    void *arg;
};

/* NULL if curl cannot be started. socket_path is copied. */
struct transfers *transfers_new(struct event_base *base, const char *socket_path);

/* Ends all transfers, without callbacks. NULL is fine. */
void transfers_free(struct transfers *transfers);

/* The transfer is the set's and good until its on_done returns. */
struct transfer *transfer_start(struct transfers *transfers, const struct transfer_spec *spec);

/* No callback will come any more. */
void transfer_cancel(struct transfer *transfer);
