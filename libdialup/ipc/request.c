/*
 * A request's life: admitted, decoded, handed to its handler, answered once. Called by server.c
 * for each message and by handlers that answer later. Runs on the loop's thread only.
 */
#include <event2/event.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "libdialup/base/clock.h"
#include "libdialup/base/str.h"
#include "libdialup/ipc/envelope.h"
#include "libdialup/ipc/server_internal.h"

struct ipc_request {
    struct ipc_server *server; /* NULL once it is closed */
    struct ipc_lane *lane;     /* NULL once answered */
    struct arena *arena;       /* holds the request itself */
    const struct json_value *id;
    const struct ipc_method *method; /* NULL until found */
    struct ipc_counters *counters;   /* of the method */
    const char *request_id;
    const char *actor;
    uid_t uid;
    gid_t gid;
    pid_t pid;
    int64_t deadline_us;
    struct event *timer;
    struct log_context log_context;
    bool is_running; /* its handler has not returned */
    bool is_ended;   /* replied or failed while running */
    struct ipc_request *previous, *next;
};

static const char ping_method[] = "rpc.ping";

static struct ipc_request *request_new(struct ipc_server *server, struct ipc_lane *lane);
static int admit(struct ipc_request *request, const char *data, size_t size,
                 struct ipc_envelope *envelope, const void **ret_params, struct error *err);
static void run_handler(struct ipc_request *request, const void *params);
static void wait_for_reply(struct ipc_request *request);
static void send_error(struct ipc_request *request, const struct error *error);
static void send_text(struct ipc_request *request, const struct strbuf *text);
static void request_end(struct ipc_request *request);
static void request_free(struct ipc_request *request);

void ipc_dispatch(struct ipc_server *server, struct ipc_lane *lane)
{
    struct ipc_request *request = request_new(server, lane);
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
        AUTO_STRBUF struct strbuf pong = STRBUF_INIT;
        ipc_envelope_write_result(&pong, request->id, NULL, NULL);
        send_text(request, &pong);
        request_end(request);
    } else {
        run_handler(request, params);
    }
}

static int64_t peer_number(nng_pipe pipe, const char *option)
{
    uint64_t value = 0;
    return nng_pipe_get_uint64(pipe, option, &value) == 0 ? (int64_t)value : -1;
}

static struct ipc_request *request_new(struct ipc_server *server, struct ipc_lane *lane)
{
    struct arena *arena = arena_new();
    struct ipc_request *request = arena_alloc(arena, sizeof(*request));
    nng_pipe pipe = nng_msg_get_pipe(lane->msg);
    request->server = server;
    request->lane = lane;
    request->arena = arena;
    request->uid = (uid_t)peer_number(pipe, NNG_OPT_IPC_PEER_UID);
    request->gid = (gid_t)peer_number(pipe, NNG_OPT_IPC_PEER_GID);
    request->pid = (pid_t)peer_number(pipe, NNG_OPT_IPC_PEER_PID);
    request->request_id = "";
    request->actor = arena_printf(arena, "uid:%u", (unsigned)request->uid);
    return request;
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
    struct ipc_server *server = request->server;
    for (size_t i = 0; i < server->options.method_count; i++) {
        if (strcmp(server->options.methods[i].name, name) == 0) {
            request->method = &server->options.methods[i];
            request->counters = &server->method_counters[i];
            request->counters->requests++;
            server->stats.all.requests++;
            return 0;
        }
    }
    error_set_field(err, ERR_UNKNOWN_METHOD, "method", "%s has no method \"%.64s\"",
                    server->options.daemon, name);
    error_hint(err, "The method \"methods\" lists them all.");
    return -ERR_UNKNOWN_METHOD;
}

static int check_limits(const struct ipc_request *request, size_t size, unsigned callers,
                        struct error *err)
{
    const struct ipc_method *method = request->method;
    if (!(method->callers & callers)) {
        return error_set(err, ERR_FORBIDDEN, "User %u may not call %s of %s",
                         (unsigned)request->uid, method->name, request->server->options.daemon);
    }
    if (method->max_request_bytes > 0 && size > method->max_request_bytes) {
        return error_set(err, ERR_TOO_LARGE, "The request has %zu bytes; %s takes at most %zu",
                         size, method->name, method->max_request_bytes);
    }
    if (method->answers_later && request->server->stats.later >= IPC_MAX_LATER) {
        error_set(err, ERR_BUSY, "%s works on %zu requests already",
                  request->server->options.daemon, request->server->stats.later);
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
    unsigned callers = ipc_peers_classify(&request->server->peers, request->uid, request->gid);
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
    const struct ipc_server_options *options = &request->server->options;
    const struct ipc_method *method = request->method;
    size_t size = method->result ? method->result->struct_size : 1;
    void *result = arena_alloc(request->arena, size);
    struct error err = {0};
    const struct log_context *before = log_context_swap(&request->log_context);
    request->is_running = true;
    int code = options->handlers[method - options->methods](options->context, request, params,
                                                            result, &err);
    request->is_running = false;
    if (code == IPC_LATER) {
        ASSERT(method->answers_later);
        wait_for_reply(request);
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

static void on_deadline(int fd, short what, void *context)
{
    struct ipc_request *request = context;
    const struct log_context *before = log_context_swap(&request->log_context);
    struct error err;
    error_set(&err, ERR_TIMEOUT, "%s has not finished %s in the time it was given",
              request->server->options.daemon, request->method->name);
    error_hint(&err, "It may still finish; look at the present state before you try again.");
    request->counters->timeouts++;
    request->server->stats.all.timeouts++;
    send_error(request, &err);
    log_context_swap(before);
}

static void wait_for_reply(struct ipc_request *request)
{
    if (request->is_ended) {
        request_free(request);
        return;
    }
    struct ipc_server *server = request->server;
    server->stats.later++;
    request->next = server->first_later;
    if (request->next) {
        request->next->previous = request;
    }
    server->first_later = request;
    int64_t left_us = request->deadline_us - clock_monotonic_us();
    left_us = left_us > 0 ? left_us : 0;
    const struct timeval left = {left_us / 1000000, left_us % 1000000};
    request->timer = evtimer_new(server->base, on_deadline, request);
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
        request->server->stats.all.errors++;
    } else {
        request->server->stats.refused++;
    }
    AUTO_STRBUF struct strbuf text = STRBUF_INIT;
    ipc_envelope_write_error(&text, request->id, error, request->request_id);
    send_text(request, &text);
}

/* The one place where a request is answered. */
static void send_text(struct ipc_request *request, const struct strbuf *text)
{
    ipc_server_send(request->lane, text->data, text->size);
    request->lane = NULL;
    if (request->timer) {
        event_free(request->timer);
        request->timer = NULL;
        request->server->stats.later--;
    }
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
    } else if (request->server && request->server->first_later == request) {
        request->server->first_later = request->next;
    }
    arena_free(request->arena);
}

void ipc_requests_detach(struct ipc_server *server)
{
    struct ipc_request *request = server->first_later;
    while (request) {
        struct ipc_request *next = request->next;
        if (request->timer) {
            event_free(request->timer);
        }
        request->timer = NULL;
        request->lane = NULL;
        request->server = NULL;
        request->next = request->previous = NULL;
        request = next;
    }
    server->first_later = NULL;
}

bool ipc_request_is_awaited(const struct ipc_request *request)
{
    return request->lane != NULL;
}

struct arena *ipc_request_arena(struct ipc_request *request)
{
    return request->arena;
}

struct ipc_server *ipc_request_server(const struct ipc_request *request)
{
    return request->server;
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

pid_t ipc_request_pid(const struct ipc_request *request)
{
    return request->pid;
}

int64_t ipc_request_deadline_us(const struct ipc_request *request)
{
    return request->deadline_us;
}

const struct log_context *ipc_request_log_context(const struct ipc_request *request)
{
    return &request->log_context;
}
