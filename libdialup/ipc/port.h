/*
 * A port: one nng socket of any kind with its lanes, tied to the event loop. Private to this room.
 *
 * A lane is an nng context with the one asynchronous operation that it may have under way. When
 * the operation is done, nng calls the lane function *on a thread of its own*: it may touch its
 * lane, start the lane's next operation, or post the lane to the loop, and nothing else. While a
 * lane is with the loop no operation is under way.
 *
 * Nothing here may fork: nng's threads do not survive it. fork + exec (posix_spawn) is fine.
 */
#pragma once

#include <nng/nng.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "libdialup/base/error.h"
#include "libdialup/ipc/mailbox.h"

enum { IPC_PATH_SIZE = 108, IPC_CLOSE_TIMEOUT_MS = 1000 };

struct ipc_port;

struct ipc_lane {
    struct ipc_mail mail;
    struct ipc_port *port;
    void (*on_done)(struct ipc_lane *lane);
    nng_ctx ctx;
    nng_aio *aio;
    void *owner;         /* for the loop's side */
    nng_msg *msg;        /* received, owned by the lane until somebody takes it out */
    int64_t deadline_us; /* clock_monotonic_us */
    int step;
    int result; /* of the last operation, an nng error */
};

/* Called on a thread of nng's when the lane's operation is done. */
typedef void ipc_lane_fn(struct ipc_lane *lane);

struct ipc_port_options {
    int (*open_socket)(nng_socket *ret_socket);
    size_t lane_count;
    size_t max_message_bytes; /* a peer that sends more is cut off */
    ipc_lane_fn *on_done;
    ipc_deliver_fn *deliver;     /* gets the mail of a lane, or on_connect */
    void *context;               /* of deliver */
    struct ipc_mail *on_connect; /* posted each time a peer connected; NULL: not */
};

int ipc_port_open(struct event_base *base, const struct ipc_port_options *options,
                  struct ipc_port **ret_port, struct error *err);

nng_socket ipc_port_socket(const struct ipc_port *port);
struct ipc_lane *ipc_port_lane(struct ipc_port *port, size_t index);

/* Listens on a unix socket at path with mode 0660. A file that was left there is replaced, so the
 * caller makes sure (by a lock) that nobody else listens on it. */
int ipc_port_listen(struct ipc_port *port, const char *path, struct error *err);

/* Connects to path now and whenever the connection is lost, in the background. */
int ipc_port_dial(struct ipc_port *port, const char *path, struct error *err);

/* Ends what ipc_port_dial began: the connection, and the attempts at one. Dial again after it. */
void ipc_port_hang_up(struct ipc_port *port);

/* The on_connect mail was delivered and may be posted again. */
void ipc_port_connect_seen(struct ipc_port *port);

/* Hands the lane to the loop. */
void ipc_lane_post(struct ipc_lane *lane);

/* The lane whose mail this is. */
struct ipc_lane *ipc_lane_of(struct ipc_mail *mail);

/* Pipes that came and went since the start: for the watch. Any thread. */
struct ipc_port_pipes {
    uint64_t added;
    uint64_t removed;
};
struct ipc_port_pipes ipc_port_pipes(const struct ipc_port *port);

/* Ends everything; nothing is delivered any more. Waits at most IPC_CLOSE_TIMEOUT_MS: if nng does
 * not end by then (libnng 1.5 can hang in nng_close) the port is left to its threads and false
 * comes back: the process should end with _exit. NULL is fine. */
bool ipc_port_close(struct ipc_port *port);

/* A message with these bytes. */
nng_msg *ipc_message_new(const void *data, size_t size);
