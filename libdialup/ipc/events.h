/*
 * Events of a daemon: published to whoever listens, on a unix socket (nng pub/sub).
 *
 * An event is one line of JSON: {"seq":N,"event":"deployment.state","at_unix_ms":N,"data":{...}}.
 * seq grows by one from event to event and goes on higher when the daemon restarts.
 * Events are for showing and for waking up early, never for correctness: a subscriber that is slow
 * or away loses some. It is told (on_gap) and then reads the state again.
 *
 * By hand:  nngcat --sub0 --dial ipc:///run/dialup/ipc/deployd.events --raw
 */
#pragma once

#include <event2/event.h>
#include <stdbool.h>
#include <stdint.h>

#include "libdialup/base/error.h"
#include "libdialup/json/json.h"
#include "libdialup/json/shape.h"
#include "libdialup/json/writer.h"

enum { IPC_MAX_EVENT_BYTES = 64 * 1024 };

struct ipc_publisher;

/* Open the daemon's server first: its lock makes sure that path is nobody else's. */
int ipc_publisher_open(struct event_base *base, const char *path,
                       struct ipc_publisher **ret_publisher, struct error *err);

/* As ipc_server_close. */
bool ipc_publisher_close(struct ipc_publisher *publisher);

/* Sends an event; never blocks and never fails as far as the publisher is concerned. An event
 * larger than IPC_MAX_EVENT_BYTES is left out, and its number with it, so that subscribers see
 * the gap; then false comes back. shape and data may be NULL: data is {}. */
bool ipc_publisher_emit(struct ipc_publisher *publisher, const char *name,
                        const struct json_shape *shape, const void *data);

struct ipc_subscriber;

struct ipc_event {
    int64_t seq;
    const char *name;
    int64_t at_unix_ms;
    const struct json_value *data; /* an object */
};

struct ipc_subscriber_options {
    const char *path;
    /* All borrowed; good until the function returns. */
    void (*on_event)(void *context, const struct ipc_event *event);
    /* Events may have been lost: at each connection, the first too, and where numbers are missing.
     * Comes before the event that follows the gap. */
    void (*on_gap)(void *context);
    void *context;
    int64_t look_ms; /* how often it sees whether there is a connection; 0: 2000 */
};

/* Connects in the background, and again whenever the publisher restarts, also if the library has
 * given up doing so. */
int ipc_subscriber_open(struct event_base *base, const struct ipc_subscriber_options *options,
                        struct ipc_subscriber **ret_subscriber, struct error *err);

/* Not from its own callbacks. As ipc_server_close. */
bool ipc_subscriber_close(struct ipc_subscriber *subscriber);

/* As ipc_client_hang_up, but it comes back. */
void ipc_subscriber_hang_up(struct ipc_subscriber *subscriber);
