/*
 * The checks before a handler, all in one place: the envelope, who asks, the method, its limits,
 * the shape of the params. Called by server.c for each message; the answer is request.c's.
 */
#include "libdialup/ipc/dispatch.h"

#include <inttypes.h>
#include <string.h>
#include <sys/random.h>

#include "libdialup/base/clock.h"
#include "libdialup/ipc/envelope.h"
#include "libdialup/ipc/request_internal.h"

static const char ping_method[] = "rpc.ping";

static int admit(struct ipc_request *request, const char *data, size_t size,
                 struct ipc_envelope *envelope, const void **ret_params, struct error *err);
static void run_handler(struct ipc_request *request, const void *params);

void ipc_dispatch(struct ipc_service *service, struct ipc_lane *lane)
{
    struct ipc_request *request = ipc_request_new(service, lane);
    nng_msg *msg = lane->msg;
    lane->msg = NULL;
    struct ipc_envelope envelope;
    const void *params = NULL;
    struct error err = {0};
    int code = admit(request, nng_msg_body(msg), nng_msg_len(msg), &envelope, &params, &err);
    nng_msg_free(msg);
    if (code < 0) {
        ipc_request_fail(request, &err);
    } else if (!request->method) {
        ipc_request_pong(request);
    } else {
        run_handler(request, params);
    }
}

static const char *make_request_id(struct arena *arena)
{
    uint64_t random = 0;
    ASSERT(getrandom(&random, sizeof(random), 0) == sizeof(random));
    return arena_printf(arena, "%016" PRIx64, random);
}

/* What a peer says of the actor is believed only of root and the daemons. */
static void take_meta(struct ipc_request *request, const struct ipc_meta *meta, unsigned callers)
{
    request->request_id = meta->request_id ? meta->request_id : make_request_id(request->arena);
    if (meta->actor && (callers & IPC_CALLER_DAEMON)) {
        request->actor = meta->actor;
    }
    request->log_context.request_id = request->request_id;
    request->log_context.user = request->actor;
}

static int find_method(struct ipc_request *request, const char *name, struct error *err)
{
    struct ipc_service *service = request->service;
    for (size_t i = 0; i < service->method_count; i++) {
        if (strcmp(service->methods[i].name, name) == 0) {
            request->method = &service->methods[i];
            request->counters = &service->method_counters[i];
            request->counters->requests++;
            service->stats.all.requests++;
            return 0;
        }
    }
    error_set_field(err, ERR_UNKNOWN_METHOD, "method", "%s has no method \"%.64s\"",
                    service->daemon, name);
    error_hint(err, "The method \"methods\" lists them all.");
    return -ERR_UNKNOWN_METHOD;
}

static int check_limits(const struct ipc_request *request, size_t size, unsigned callers,
                        struct error *err)
{
    const struct ipc_method *method = request->method;
    if (!(method->callers & callers)) {
        return error_set(err, ERR_FORBIDDEN, "User %u may not call %s of %s",
                         (unsigned)request->uid, method->name, request->service->daemon);
    }
    if (method->max_request_bytes > 0 && size > method->max_request_bytes) {
        return error_set(err, ERR_TOO_LARGE, "The request has %zu bytes; %s takes at most %zu",
                         size, method->name, method->max_request_bytes);
    }
    if (method->answers_later && request->service->stats.later >= IPC_MAX_LATER) {
        error_set(err, ERR_BUSY, "%s works on %zu requests already", request->service->daemon,
                  request->service->stats.later);
        error_hint(err, "Try again in a moment.");
        return -ERR_BUSY;
    }
    return 0;
}

static const struct json_value no_params = {.type = JSON_OBJECT};

static int decode_params(struct ipc_request *request, const struct json_value *params,
                         const void **ret_params, struct error *err)
{
    const struct json_shape *shape = request->method->params;
    if (!shape) {
        return params && params->member_count > 0
                   ? error_set_field(err, ERR_UNKNOWN_FIELD, params->members[0].name,
                                     "%s takes no parameters", request->method->name)
                   : 0;
    }
    void *decoded = arena_alloc(request->arena, shape->struct_size);
    int code = json_decode(request->arena, params ? params : &no_params, shape, decoded, err);
    *ret_params = decoded;
    return code;
}

static int admit(struct ipc_request *request, const char *data, size_t size,
                 struct ipc_envelope *envelope, const void **ret_params, struct error *err)
{
    int code = ipc_envelope_parse(request->arena, data, size, envelope, err);
    unsigned callers = ipc_peers_classify(&request->service->peers, request->uid, request->gid);
    request->id = envelope->id;
    take_meta(request, &envelope->meta, callers);
    if (code < 0) {
        return code;
    }
    if (strcmp(envelope->method, ping_method) == 0) {
        return 0;
    }
    code = find_method(request, envelope->method, err);
    if (code == 0) {
        code = check_limits(request, size, callers, err);
    }
    if (code < 0) {
        return code;
    }
    int64_t deadline_ms = request->method->deadline_ms;
    if (envelope->meta.deadline_ms > 0 && envelope->meta.deadline_ms < deadline_ms) {
        deadline_ms = envelope->meta.deadline_ms;
    }
    request->deadline_us = clock_monotonic_us() + deadline_ms * 1000;
    return decode_params(request, envelope->params, ret_params, err);
}

static void run_handler(struct ipc_request *request, const void *params)
{
    const struct ipc_service *service = request->service;
    const struct ipc_method *method = request->method;
    size_t size = method->result ? method->result->struct_size : 1;
    void *result = arena_alloc(request->arena, size);
    struct error err = {0};
    const struct log_context *before = log_context_swap(&request->log_context);
    request->is_running = true;
    int code = service->handlers[method - service->methods](service->context, request, params,
                                                            result, &err);
    request->is_running = false;
    if (code == IPC_LATER) {
        ASSERT(method->answers_later);
        ipc_request_wait_for_reply(request);
    } else if (code == 0) {
        ipc_request_reply(request, result);
    } else {
        if (err.code == ERR_OK) {
            error_set(&err, (enum error_code) - code, "%s",
                      error_info((enum error_code) - code)->sentence);
        }
        ipc_request_fail(request, &err);
    }
    log_context_swap(before);
}
