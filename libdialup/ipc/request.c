/*
 * A request's life: made, waited for, answered once. Called by dispatch.c for each message and by
 * handlers that answer later. Runs on the loop's thread only.
 */
#include "libdialup/ipc/request.h"

#include "libdialup/base/clock.h"
#include "libdialup/base/str.h"
#include "libdialup/ipc/answer_lane.h"
#include "libdialup/ipc/envelope.h"
#include "libdialup/ipc/request_internal.h"

static void send_error(struct ipc_request *request, const struct error *error);
static void send_text(struct ipc_request *request, const struct strbuf *text);
static void request_end(struct ipc_request *request);
static void request_free(struct ipc_request *request);

static int64_t peer_number(nng_pipe pipe, const char *option)
{
    uint64_t value = 0;
    return nng_pipe_get_uint64(pipe, option, &value) == 0 ? (int64_t)value : -1;
}

struct ipc_request *ipc_request_new(struct ipc_service *service, struct ipc_lane *lane)
{
    struct arena *arena = arena_new();
    struct ipc_request *request = arena_alloc(arena, sizeof(*request));
    nng_pipe pipe = nng_msg_get_pipe(lane->msg);
    request->service = service;
    request->lane = lane;
    request->arena = arena;
    request->uid = (uid_t)peer_number(pipe, NNG_OPT_IPC_PEER_UID);
    request->gid = (gid_t)peer_number(pipe, NNG_OPT_IPC_PEER_GID);
    request->request_id = "";
    request->actor = arena_printf(arena, "uid:%u", (unsigned)request->uid);
    return request;
}

static void on_deadline(int fd, short what, void *context)
{
    struct ipc_request *request = context;
    const struct log_context *before = log_context_swap(&request->log_context);
    struct error err;
    error_set(&err, ERR_TIMEOUT, "%s has not finished %s in the time it was given",
              request->service->daemon, request->method->name);
    error_hint(&err, "It may still finish; look at the present state before you try again.");
    request->counters->timeouts++;
    request->service->stats.all.timeouts++;
    send_error(request, &err);
    log_context_swap(before);
}

void ipc_request_wait_for_reply(struct ipc_request *request)
{
    if (request->is_ended) {
        request_free(request);
        return;
    }
    struct ipc_service *service = request->service;
    service->stats.later++;
    request->next = service->first_later;
    if (request->next) {
        request->next->previous = request;
    }
    service->first_later = request;
    int64_t left_us = request->deadline_us - clock_monotonic_us();
    left_us = left_us > 0 ? left_us : 0;
    const struct timeval left = {left_us / 1000000, left_us % 1000000};
    request->timer = evtimer_new(service->base, on_deadline, request);
    ASSERT(request->timer && evtimer_add(request->timer, &left) == 0);
}

void ipc_request_reply(struct ipc_request *request, const void *result)
{
    if (request->lane) {
        AUTO_STRBUF struct strbuf text = STRBUF_INIT;
        ipc_envelope_write_result(&text, request->id, request->method->result, result);
        if (text.size <= IPC_MAX_ANSWER_BYTES) {
            send_text(request, &text);
        } else {
            struct error err;
            error_set(&err, ERR_TOO_LARGE, "The answer of %s would have %zu bytes",
                      request->method->name, text.size);
            error_hint(&err, "Ask for a smaller part.");
            send_error(request, &err);
        }
    }
    request_end(request);
}

void ipc_request_fail(struct ipc_request *request, const struct error *error)
{
    const struct log_context *before = log_context_swap(&request->log_context);
    /* What nobody waits for any more is still worth a line if it is our fault. */
    if (error->code == ERR_INTERNAL || error->code == ERR_IO) {
        log_error("%s failed: %s", request->method ? request->method->name : "a request",
                  error->message);
    }
    if (request->lane) {
        send_error(request, error);
    }
    log_context_swap(before);
    request_end(request);
}

static void send_error(struct ipc_request *request, const struct error *error)
{
    if (request->method) {
        request->counters->errors++;
        request->service->stats.all.errors++;
    } else {
        request->service->stats.refused++;
    }
    AUTO_STRBUF struct strbuf text = STRBUF_INIT;
    ipc_envelope_write_error(&text, request->id, error, request->request_id);
    send_text(request, &text);
}

/* The one place where a request is answered. */
static void send_text(struct ipc_request *request, const struct strbuf *text)
{
    ipc_answer_lane_send(request->lane, text->data, text->size);
    request->lane = NULL;
    if (request->timer) {
        event_free(request->timer);
        request->timer = NULL;
        request->service->stats.later--;
    }
}

void ipc_request_pong(struct ipc_request *request)
{
    AUTO_STRBUF struct strbuf text = STRBUF_INIT;
    ipc_envelope_write_result(&text, request->id, NULL, NULL);
    send_text(request, &text);
    request_end(request);
}

static void request_end(struct ipc_request *request)
{
    if (request->is_running) {
        request->is_ended = true;
        return;
    }
    request_free(request);
}

static void request_free(struct ipc_request *request)
{
    if (request->next) {
        request->next->previous = request->previous;
    }
    if (request->previous) {
        request->previous->next = request->next;
    } else if (request->service && request->service->first_later == request) {
        request->service->first_later = request->next;
    }
    arena_free(request->arena);
}

void ipc_requests_detach(struct ipc_service *service)
{
    struct ipc_request *request = service->first_later;
    while (request) {
        struct ipc_request *next = request->next;
        if (request->timer) {
            event_free(request->timer);
        }
        request->timer = NULL;
        request->lane = NULL;
        request->service = NULL;
        request->next = request->previous = NULL;
        request = next;
    }
    service->first_later = NULL;
}

bool ipc_request_is_awaited(const struct ipc_request *request)
{
    return request->lane != NULL;
}

struct arena *ipc_request_arena(struct ipc_request *request)
{
    return request->arena;
}

const struct ipc_method *ipc_request_method(const struct ipc_request *request)
{
    return request->method;
}

const char *ipc_request_id(const struct ipc_request *request)
{
    return request->request_id;
}

const char *ipc_request_actor(const struct ipc_request *request)
{
    return request->actor;
}

uid_t ipc_request_uid(const struct ipc_request *request)
{
    return request->uid;
}

const struct log_context *ipc_request_log_context(const struct ipc_request *request)
{
    return &request->log_context;
}
