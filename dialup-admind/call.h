/*
 * A request of the API that is answered once deployd has answered.
 *
 * A call outlives its client: if the browser goes away, what deployd did is still recorded, and
 * only the reply is left out.
 */
#pragma once

#include "dialup-admind/admind.h"

struct call;

/* Makes the reply from deployd's result. The request is there. */
typedef void call_answer_fn(struct call *call, const void *result);

/* Once deployd has carried it out, whether or not the client is still there. */
typedef void call_done_fn(struct call *call, const void *result);

/* deployd refused, or is away: err may be given other words. */
typedef void call_failed_fn(struct call *call, struct error *err);

struct call {
    struct admind *admind;
    struct http_request *request; /* NULL once the client is gone */
    struct arena *arena;          /* lives as long as the call */
    const char *actor;
    const char *request_id;
    call_answer_fn *answer;
    call_done_fn *on_done;     /* may be NULL */
    call_failed_fn *on_failed; /* may be NULL */
    bool answers_anyway;       /* a failure is an answer, too: of a NULL result */
    const char *action;        /* for the record: "site.create"; NULL: a read */
    const char *subject;       /* in the call's arena */
    void *context;             /* of the three functions; in the call's arena */
};

/* The call's arena may be used at once; end with call_send or call_drop. */
struct call *call_new(struct admind *admind, struct http_request *request, call_answer_fn *answer);
void call_drop(struct call *call);

/* For the record, if it is carried out. */
void call_record(struct call *call, const char *action, const char *subject);

/* What makes repeating harmless: from the header Idempotency-Key, or fresh. ERR_INVALID_ARGUMENT
 * if the header is too short or too long. */
int call_idempotency_key(struct call *call, const char **ret_key, struct error *err);

/* Asks deployd; the request is answered later. Takes the call in any case. params are not needed
 * after it. */
int call_send(struct call *call, enum admind_peer peer, const struct ipc_method *method,
              const void *params, struct error *err);
