/*
 * Parked connections. Used by gate.c, which decides what becomes of them.
 */
#include "dialup-deployd/gate/hold.h"

#include <event2/event.h>
#include <event2/event_struct.h>
#include <unistd.h>

#include "dialup-deployd/gate/peer.h"
#include "libdialup/base/clock.h"
#include "libdialup/base/memory.h"

struct held {
    TAILQ_ENTRY(held) link;
    struct hold_queue *queue;
    struct event event; /* edge-triggered: it wakes for what arrives, not for what lies there */
    struct event patience;
    int64_t since_us;
};

static void on_event(evutil_socket_t fd, short what, void *arg);
static void on_patience(evutil_socket_t fd, short what, void *arg);

void hold_init(struct hold_queue *queue, struct event_base *base, hold_end_fn *on_end, void *owner)
{
    TAILQ_INIT(&queue->list);
    queue->count = 0;
    queue->base = base;
    queue->on_end = on_end;
    queue->owner = owner;
}

void hold_park(struct hold_queue *queue, int fd, int64_t since_us, int patience_ms)
{
    struct held *held = xcalloc(1, sizeof(*held));
    held->queue = queue;
    held->since_us = since_us;
    event_assign(&held->event, queue->base, fd, EV_READ | EV_ET | EV_PERSIST, on_event, held);
    event_add(&held->event, NULL);
    evtimer_assign(&held->patience, queue->base, on_patience, held);
    const struct timeval patience = clock_timeval_of_ms(patience_ms);
    event_add(&held->patience, &patience);
    TAILQ_INSERT_TAIL(&queue->list, held, link);
    queue->count++;
}

static int unpark(struct held *held)
{
    struct hold_queue *queue = held->queue;
    int fd = (int)event_get_fd(&held->event);
    event_del(&held->event);
    event_del(&held->patience);
    TAILQ_REMOVE(&queue->list, held, link);
    queue->count--;
    free(held);
    return fd;
}

int hold_take(struct hold_queue *queue, int64_t *ret_since_us)
{
    struct held *held = TAILQ_FIRST(&queue->list);
    if (!held) {
        return -1;
    }
    *ret_since_us = held->since_us;
    return unpark(held);
}

static void on_event(evutil_socket_t fd, short what, void *arg)
{
    struct held *held = arg;
    struct hold_queue *queue = held->queue;
    int64_t since_us = held->since_us;
    if (peer_is_gone((int)fd)) {
        close(unpark(held));
        queue->on_end(queue->owner, -1, since_us);
    }
}

static void on_patience(evutil_socket_t fd, short what, void *arg)
{
    struct held *held = arg;
    struct hold_queue *queue = held->queue;
    int64_t since_us = held->since_us;
    queue->on_end(queue->owner, unpark(held), since_us);
}
