/*
 * Connections that wait for their site: parked as they are, body and all, in order of arrival.
 *
 * Not one byte is read from a parked connection; its request waits in the socket's own buffer and
 * its sender is held back there. A visitor who leaves is noticed at once.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

struct event_base;
struct held;

TAILQ_HEAD(hold_list, held);

/* Patience is over and fd is the callee's; or the visitor has left, and fd is -1. */
typedef void hold_end_fn(void *owner, int fd, int64_t since_us);

struct hold_queue {
    struct hold_list list;
    size_t count;
    struct event_base *base;
    hold_end_fn *on_end;
    void *owner; /* handed to on_end */
};

void hold_init(struct hold_queue *queue, struct event_base *base, hold_end_fn *on_end, void *owner);

/* Takes fd. since_us is the monotonic time of its accept; patience counts from now. */
void hold_park(struct hold_queue *queue, int fd, int64_t since_us, int patience_ms);

/* The one that waits longest, now the caller's; -1 if nobody waits. */
int hold_take(struct hold_queue *queue, int64_t *ret_since_us);
