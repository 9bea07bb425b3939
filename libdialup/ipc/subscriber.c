/*
 * Receiving events, one at a time: the next is taken from nng's buffer when the last was handled,
 * so a slow subscriber loses events there and sees the gap. Called by daemons that watch others.
 */
#include "libdialup/ipc/events.h"

#include <event2/event.h>
#include <nng/nng.h>
#include <nng/protocol/pubsub0/sub.h>

#include "libdialup/base/clock.h"
#include "libdialup/base/memory.h"
#include "libdialup/ipc/port.h"

enum { RECEIVE_BUFFER = 1024, LOOK_DEFAULT_MS = 2000, LOOKS_UNTIL_REDIAL = 2 };

struct ipc_subscriber {
    struct ipc_subscriber_options options;
    struct ipc_port *port;
    struct ipc_mail on_connect;
    struct event *look;
    int looks_in_vain; /* in a row */
    int64_t last_seq;  /* 0: unknown */
};

static void on_lane(struct ipc_lane *lane);
static void deliver(void *context, struct ipc_mail *mail);

static void receive(struct ipc_lane *lane)
{
    nng_aio_set_timeout(lane->aio, NNG_DURATION_INFINITE);
    nng_ctx_recv(lane->ctx, lane->aio);
}

/* libnng's own attempts can end for good, or be put off by a step of the wall clock, which its
 * timers follow. To dial anew costs nothing, also where nobody listens yet. */
static void on_look(evutil_socket_t fd, short events, void *context)
{
    struct ipc_subscriber *subscriber = context;
    struct ipc_port_pipes pipes = ipc_port_pipes(subscriber->port);
    subscriber->looks_in_vain = pipes.added > pipes.removed ? 0 : subscriber->looks_in_vain + 1;
    if (subscriber->looks_in_vain == LOOKS_UNTIL_REDIAL) {
        subscriber->looks_in_vain = 0;
        ipc_port_hang_up(subscriber->port);
        ipc_port_dial(subscriber->port, subscriber->options.path, NULL);
    }
}

int ipc_subscriber_open(struct event_base *base, const struct ipc_subscriber_options *options,
                        struct ipc_subscriber **ret_subscriber, struct error *err)
{
    struct ipc_subscriber *subscriber = xcalloc(1, sizeof(*subscriber));
    subscriber->options = *options;
    const struct ipc_port_options port_options = {
        .open_socket = nng_sub0_open,
        .lane_count = 1,
        .max_message_bytes = IPC_MAX_EVENT_BYTES,
        .on_done = on_lane,
        .deliver = deliver,
        .context = subscriber,
        .on_connect = &subscriber->on_connect,
    };
    int code = ipc_port_open(base, &port_options, &subscriber->port, err);
    if (code == 0) {
        struct ipc_lane *lane = ipc_port_lane(subscriber->port, 0);
        nng_ctx_set_int(lane->ctx, NNG_OPT_RECVBUF, RECEIVE_BUFFER);
        nng_ctx_set(lane->ctx, NNG_OPT_SUB_SUBSCRIBE, "", 0);
        receive(lane);
        code = ipc_port_dial(subscriber->port, options->path, err);
    }
    if (code == 0) {
        const struct timeval interval =
            clock_timeval_of_ms(options->look_ms ? options->look_ms : LOOK_DEFAULT_MS);
        subscriber->look = event_new(base, -1, EV_PERSIST, on_look, subscriber);
        event_add(subscriber->look, &interval);
    }
    if (code < 0) {
        ipc_subscriber_close(subscriber);
        return code;
    }
    *ret_subscriber = subscriber;
    return 0;
}

bool ipc_subscriber_close(struct ipc_subscriber *subscriber)
{
    if (!subscriber) {
        return true;
    }
    if (subscriber->look) {
        event_free(subscriber->look);
    }
    bool is_closed = ipc_port_close(subscriber->port);
    if (is_closed) {
        /* Otherwise a thread of nng's may still post the mail that is part of it. */
        free(subscriber);
    }
    return is_closed;
}

/* On an nng thread. */
static void on_lane(struct ipc_lane *lane)
{
    int result = nng_aio_result(lane->aio);
    if (result == 0) {
        lane->msg = nng_aio_get_msg(lane->aio);
        ipc_lane_post(lane);
    } else if (result != NNG_ECLOSED && result != NNG_ECANCELED) {
        receive(lane);
    }
}

static void handle_message(struct ipc_subscriber *subscriber, const char *data, size_t size)
{
    AUTO_ARENA struct arena *arena = arena_new();
    const struct json_value *value = NULL;
    if (json_parse(arena, data, size, &value, NULL) < 0) {
        subscriber->last_seq = 0;
        subscriber->options.on_gap(subscriber->options.context);
        return;
    }
    const struct ipc_event event = {
        .seq = json_find_integer(value, "seq", 0),
        .name = json_find_text(value, "event", ""),
        .at_unix_ms = json_find_integer(value, "at_unix_ms", 0),
        .data = json_find(value, "data"),
    };
    bool is_gap = subscriber->last_seq != 0 && event.seq != subscriber->last_seq + 1;
    subscriber->last_seq = event.seq;
    if (is_gap) {
        subscriber->options.on_gap(subscriber->options.context);
    }
    subscriber->options.on_event(subscriber->options.context, &event);
}

static void deliver(void *context, struct ipc_mail *mail)
{
    struct ipc_subscriber *subscriber = context;
    if (mail == &subscriber->on_connect) {
        ipc_port_connect_seen(subscriber->port);
        subscriber->last_seq = 0;
        subscriber->options.on_gap(subscriber->options.context);
        return;
    }
    struct ipc_lane *lane = ipc_lane_of(mail);
    nng_msg *msg = lane->msg;
    lane->msg = NULL;
    handle_message(subscriber, nng_msg_body(msg), nng_msg_len(msg));
    nng_msg_free(msg);
    receive(lane);
}

void ipc_subscriber_hang_up(struct ipc_subscriber *subscriber)
{
    ipc_port_hang_up(subscriber->port);
}
