/*
 * The Docker Engine's API over its unix socket, in the event loop: libcurl's multi interface
 * driven by libevent. This file knows HTTP and versions; container.h knows what is asked.
 *
 * The version is negotiated before the first call and again after the engine was away: the lower
 * of ENGINE_API_NEWEST and the engine's own, at least ENGINE_API_OLDEST (url.h). Nothing blocks;
 * for programs that may, there is wait.h.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "libdialup/base/error.h"
#include "libdialup/base/str.h"

struct event_base;
struct engine;
struct engine_call;

enum { ENGINE_MAX_ANSWER_BYTES = 16 << 20, ENGINE_DEFAULT_TIMEOUT_MS = 30000 };

/* socket is copied. The engine need not be there yet. */
int engine_open(struct event_base *base, const char *socket, struct engine **ret_engine,
                struct error *err);

/* Calls that are open end without an answer. NULL is fine. */
void engine_close(struct engine *engine);

/* Gives up to size bytes of the request's body; 0 at its end, negative to give up. */
typedef ssize_t engine_read_fn(void *context, char *out, size_t size);

/* A piece of the answer, as it comes; false ends the call. Must not start or cancel calls: curl is
 * in the middle of something. */
typedef bool engine_data_fn(void *context, const char *data, size_t size);

/* The answer begins: its status is good, its headers are there. Like engine_data_fn. */
typedef void engine_open_fn(void *context);

/* Once. err is NULL if the answer's status is below 400; body is the whole answer, "" if it was
 * handed to on_data. All borrowed for the call. */
typedef void engine_done_fn(void *context, int status, const char *body, size_t size,
                            const struct error *err);

/* Instead of engine_done_fn for a call that the engine's end or engine_cancel cut off: frees what
 * waited for it, and nothing else. */
typedef void engine_drop_fn(void *context);

struct engine_request {
    const char *method;      /* "GET" */
    const char *path;        /* "/containers/json?all=1", escaped; see url.h */
    const char *body;        /* JSON, copied; NULL: none */
    engine_read_fn *read;    /* or a body of unknown length: a tar */
    engine_open_fn *on_open; /* NULL: nobody asks */
    engine_data_fn *on_data; /* NULL: the answer is gathered */
    int64_t timeout_ms;      /* of the whole call; 0: the default; negative: none */
    engine_done_fn *on_done;
    engine_drop_fn *on_drop; /* NULL: nothing to free */
    void *context;
};

/* Never calls back before it returns. The call is good until on_done or engine_cancel. */
struct engine_call *engine_start(struct engine *engine, const struct engine_request *request);

/* Ends a call without on_done (but see on_drop). NULL is fine. */
void engine_cancel(struct engine_call *call);
