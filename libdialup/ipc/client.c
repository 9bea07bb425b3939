/*
 * The client's lanes and its queue. Each lane carries one call: send, then receive, both on nng's
 * threads, then the outcome goes to the loop. What an outcome means is told here, in words.
 */
#include "libdialup/ipc/client.h"

#include <errno.h>
#include <nng/nng.h>
#include <nng/protocol/reqrep0/req.h>
#include <string.h>
#include <unistd.h>

#include "libdialup/base/clock.h"
#include "libdialup/base/log.h"
#include "libdialup/base/memory.h"
#include "libdialup/ipc/envelope.h"
#include "libdialup/ipc/method.h"
#include "libdialup/ipc/port.h"

/* The peer tells of its own deadline; this is what we wait beyond it. */
enum { GRACE_MS = 250 };
enum { CONNECT_DEFAULT_MS = 2000, DEADLINE_DEFAULT_MS = 10000 };
enum { STEP_SEND, STEP_RECEIVE };

struct call {
    struct call *next;
    nng_msg *msg; /* until it is sent */
    int64_t deadline_us;
    const struct ipc_method *method; /* NULL: the reply is wanted as JSON */
    ipc_reply_fn *on_reply;
    ipc_json_reply_fn *on_json_reply;
    void *context;
};

struct ipc_client {
    struct ipc_client_options options;
    struct ipc_port *port;
    struct ipc_lane *idle[IPC_CLIENT_LANES];
    size_t idle_count;
    struct call *calls[IPC_CLIENT_LANES]; /* under way, by lane */
    struct call *first_queued;
    struct call **queue_end;
    size_t open_calls;
    int64_t last_id;
    bool is_closing;
};

static void on_lane(struct ipc_lane *lane);
static void deliver(void *context, struct ipc_mail *mail);
static void start_queued(struct ipc_client *client);
static void finish(struct ipc_client *client, struct call *call, nng_msg *msg,
                   const struct error *error);

int ipc_client_open(struct event_base *base, const struct ipc_client_options *options,
                    struct ipc_client **ret_client, struct error *err)
{
    struct ipc_client *client = xcalloc(1, sizeof(*client));
    client->options = *options;
    client->queue_end = &client->first_queued;
    if (client->options.connect_ms <= 0) {
        client->options.connect_ms = CONNECT_DEFAULT_MS;
    }
    const struct ipc_port_options port_options = {
        .open_socket = nng_req0_open,
        .lane_count = IPC_CLIENT_LANES,
        .max_message_bytes = IPC_MAX_ANSWER_BYTES + 1024,
        .on_done = on_lane,
        .deliver = deliver,
        .context = client,
    };
    int code = ipc_port_open(base, &port_options, &client->port, err);
    for (size_t i = 0; code == 0 && i < IPC_CLIENT_LANES; i++) {
        struct ipc_lane *lane = ipc_port_lane(client->port, i);
        lane->owner = &client->calls[i];
        /* Left alone, nng would carry out a request again when the peer was restarted. */
        nng_ctx_set_ms(lane->ctx, NNG_OPT_REQ_RESENDTIME, NNG_DURATION_INFINITE);
        client->idle[client->idle_count++] = lane;
    }
    if (code == 0) {
        code = ipc_port_dial(client->port, options->path, err);
    }
    if (code < 0) {
        ipc_client_close(client);
        return code;
    }
    *ret_client = client;
    return 0;
}

bool ipc_client_close(struct ipc_client *client)
{
    if (!client) {
        return true;
    }
    client->is_closing = true;
    bool is_closed = ipc_port_close(client->port);
    struct error err;
    error_set(&err, ERR_UNAVAILABLE, "The call to %s was given up", client->options.daemon);
    for (size_t i = 0; i < IPC_CLIENT_LANES; i++) {
        if (client->calls[i]) {
            finish(client, client->calls[i], NULL, &err);
        }
    }
    while (client->first_queued) {
        struct call *call = client->first_queued;
        client->first_queued = call->next;
        nng_msg_free(call->msg);
        finish(client, call, NULL, &err);
    }
    free(client);
    return is_closed;
}

static int make_message(struct ipc_client *client, const char *method_name, size_t max_bytes,
                        const struct strbuf *params, const struct ipc_meta *meta, nng_msg **ret_msg,
                        struct error *err)
{
    AUTO_STRBUF struct strbuf text = STRBUF_INIT;
    ipc_envelope_write_request(&text, ++client->last_id, method_name, params->data, params->size,
                               meta);
    if (text.size > max_bytes) {
        return error_set(err, ERR_TOO_LARGE, "The request has %zu bytes; %s takes at most %zu",
                         text.size, method_name, max_bytes);
    }
    *ret_msg = ipc_message_new(text.data, text.size);
    return 0;
}

static struct ipc_meta make_meta(const struct ipc_call_options *options)
{
    const struct log_context *context = log_context_get();
    struct ipc_meta meta = {.request_id = context->request_id, .actor = context->user};
    if (options && options->request_id) {
        meta.request_id = options->request_id;
    }
    if (options && options->actor) {
        meta.actor = options->actor;
    }
    if (options) {
        meta.deadline_ms = options->deadline_ms;
    }
    return meta;
}

/* Takes over template's fields; params is the text of a JSON object. */
static int enqueue(struct ipc_client *client, const char *method_name, size_t max_bytes,
                   int64_t deadline_ms, const struct strbuf *params,
                   const struct ipc_call_options *options, const struct call *template,
                   struct error *err)
{
    if (client->is_closing) {
        return error_set(err, ERR_UNAVAILABLE, "The connection to %s is being closed",
                         client->options.daemon);
    }
    if (client->open_calls >= IPC_CLIENT_MAX_CALLS) {
        error_set(err, ERR_BUSY, "%zu calls to %s are waiting already", client->open_calls,
                  client->options.daemon);
        error_hint(err, "Try again in a moment.");
        return -ERR_BUSY;
    }
    const struct ipc_meta meta = make_meta(options);
    if (meta.deadline_ms > 0) {
        deadline_ms = meta.deadline_ms;
    }
    nng_msg *msg = NULL;
    int code = make_message(client, method_name, max_bytes, params, &meta, &msg, err);
    if (code < 0) {
        return code;
    }
    struct call *call = xmalloc(sizeof(*call));
    *call = *template;
    call->next = NULL;
    call->msg = msg;
    call->deadline_us = clock_monotonic_us() + (deadline_ms + GRACE_MS) * 1000;
    *client->queue_end = call;
    client->queue_end = &call->next;
    client->open_calls++;
    start_queued(client);
    return 0;
}

int ipc_client_call(struct ipc_client *client, const struct ipc_method *method, const void *params,
                    const struct ipc_call_options *options, ipc_reply_fn *on_reply, void *context,
                    struct error *err)
{
    AUTO_STRBUF struct strbuf text = STRBUF_INIT;
    if (method->params && params) {
        struct json_writer writer;
        json_writer_init(&writer, &text);
        json_encode(&writer, method->params, params);
    } else {
        strbuf_puts(&text, "{}");
    }
    const struct call template = {.method = method, .on_reply = on_reply, .context = context};
    size_t max_bytes =
        method->max_request_bytes > 0 ? method->max_request_bytes : IPC_MAX_REQUEST_BYTES;
    return enqueue(client, method->name, max_bytes, method->deadline_ms, &text, options, &template,
                   err);
}

int ipc_client_call_json(struct ipc_client *client, const char *method_name,
                         const char *params_json, const struct ipc_call_options *options,
                         ipc_json_reply_fn *on_reply, void *context, struct error *err)
{
    AUTO_ARENA struct arena *arena = arena_new();
    const struct json_value *value = NULL;
    int code = json_parse(arena, params_json, strlen(params_json), &value, err);
    if (code < 0) {
        return code;
    }
    if (value->type != JSON_OBJECT) {
        return error_set_field(err, ERR_INVALID_ARGUMENT, "params",
                               "The parameters must be a JSON object, not %s",
                               json_type_name(value->type));
    }
    AUTO_STRBUF struct strbuf text = STRBUF_INIT;
    struct json_writer writer;
    json_writer_init(&writer, &text);
    json_write_value(&writer, value);
    const struct call template = {.on_json_reply = on_reply, .context = context};
    return enqueue(client, method_name, IPC_MAX_REQUEST_BYTES, DEADLINE_DEFAULT_MS, &text, options,
                   &template, err);
}

static nng_duration left_ms(int64_t deadline_us)
{
    int64_t left = (deadline_us - clock_monotonic_us()) / 1000;
    return left > 1 ? (nng_duration)left : 1;
}

static void start_queued(struct ipc_client *client)
{
    while (client->first_queued && client->idle_count > 0) {
        struct call *call = client->first_queued;
        client->first_queued = call->next;
        if (!client->first_queued) {
            client->queue_end = &client->first_queued;
        }
        struct ipc_lane *lane = client->idle[--client->idle_count];
        *(struct call **)lane->owner = call;
        lane->step = STEP_SEND;
        lane->deadline_us = call->deadline_us;
        nng_duration patience_ms = left_ms(call->deadline_us);
        if (patience_ms > client->options.connect_ms) {
            patience_ms = (nng_duration)client->options.connect_ms;
        }
        nng_aio_set_timeout(lane->aio, patience_ms);
        nng_aio_set_msg(lane->aio, call->msg);
        call->msg = NULL;
        nng_ctx_send(lane->ctx, lane->aio);
    }
}

/* On an nng thread. */
static void on_lane(struct ipc_lane *lane)
{
    lane->result = nng_aio_result(lane->aio);
    if (lane->step == STEP_SEND && lane->result == 0) {
        lane->step = STEP_RECEIVE;
        nng_aio_set_timeout(lane->aio, left_ms(lane->deadline_us));
        nng_ctx_recv(lane->ctx, lane->aio);
        return;
    }
    if (lane->step == STEP_SEND) {
        nng_msg_free(nng_aio_get_msg(lane->aio));
    } else if (lane->result == 0) {
        lane->msg = nng_aio_get_msg(lane->aio);
    }
    ipc_lane_post(lane);
}

/* Why the peer could not be reached, as far as the file system tells. */
static void describe_absent(const struct ipc_client_options *options, struct error *err)
{
    if (access(options->path, W_OK) < 0 && errno == EACCES) {
        error_set(err, ERR_FORBIDDEN, "You may not talk to %s", options->daemon);
        error_hint(err, "Use an account that may write to %s, or sudo.", options->path);
        return;
    }
    error_set(err, ERR_UNAVAILABLE, "%s does not answer", options->daemon);
    error_hint(err, "See whether it runs: systemctl status %s", options->daemon);
}

static void describe_failure(const struct ipc_client_options *options, const struct ipc_lane *lane,
                             struct error *err)
{
    if (lane->step == STEP_SEND) {
        describe_absent(options, err);
    } else if (lane->result == NNG_ETIMEDOUT) {
        error_set(err, ERR_TIMEOUT, "%s has not answered in time", options->daemon);
        error_hint(err, "It may still carry this out; look before you try again.");
    } else {
        error_set(err, ERR_UNAVAILABLE, "%s ended before it answered", options->daemon);
        error_hint(err, "It may have carried this out; look before you try again.");
    }
}

static void deliver(void *context, struct ipc_mail *mail)
{
    struct ipc_client *client = context;
    struct ipc_lane *lane = ipc_lane_of(mail);
    struct call *call = *(struct call **)lane->owner;
    *(struct call **)lane->owner = NULL;
    nng_msg *msg = lane->msg;
    lane->msg = NULL;
    struct error err;
    if (!msg) {
        describe_failure(&client->options, lane, &err);
    }
    client->idle[client->idle_count++] = lane;
    start_queued(client);
    finish(client, call, msg, msg ? NULL : &err);
}

static void reply(const struct call *call, const void *result, const struct strbuf *json,
                  const struct error *error)
{
    if (call->method) {
        call->on_reply(call->context, result, error);
    } else {
        call->on_json_reply(call->context, json ? strbuf_text(json) : NULL, json ? json->size : 0,
                            error);
    }
}

static void reply_with_value(const struct call *call, struct arena *arena,
                             const struct json_value *value)
{
    const struct json_shape *shape = call->method ? call->method->result : NULL;
    struct error err;
    if (!call->method) {
        AUTO_STRBUF struct strbuf json = STRBUF_INIT;
        struct json_writer writer;
        json_writer_init(&writer, &json);
        json_write_value(&writer, value);
        reply(call, NULL, &json, NULL);
        return;
    }
    void *result = arena_alloc(arena, shape ? shape->struct_size : 1);
    if (shape && json_decode(arena, value, shape, result, &err) < 0) {
        err.code = ERR_INTERNAL;
        reply(call, NULL, NULL, &err);
        return;
    }
    reply(call, result, NULL, NULL);
}

static void finish(struct ipc_client *client, struct call *call, nng_msg *msg,
                   const struct error *error)
{
    client->open_calls--;
    if (!msg) {
        reply(call, NULL, NULL, error);
        free(call);
        return;
    }
    AUTO_ARENA struct arena *arena = arena_new();
    const struct json_value *value = NULL;
    struct error err;
    int code = ipc_envelope_parse_answer(arena, nng_msg_body(msg), nng_msg_len(msg), &value, &err);
    nng_msg_free(msg);
    if (code < 0) {
        reply(call, NULL, NULL, &err);
    } else {
        reply_with_value(call, arena, value);
    }
    free(call);
}

bool ipc_client_is_connected(const struct ipc_client *client)
{
    struct ipc_port_pipes pipes = ipc_port_pipes(client->port);
    return pipes.added > pipes.removed;
}

void ipc_client_hang_up(struct ipc_client *client)
{
    ipc_port_hang_up(client->port);
}

int ipc_client_redial(struct ipc_client *client, struct error *err)
{
    ipc_client_hang_up(client);
    return ipc_port_dial(client->port, client->options.path, err);
}

uint64_t ipc_client_connections(const struct ipc_client *client)
{
    return ipc_port_pipes(client->port).added;
}

const struct ipc_client_options *ipc_client_get_options(const struct ipc_client *client)
{
    return &client->options;
}
