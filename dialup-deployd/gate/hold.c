/*
 * Parked connections. Used by gate.c, which decides what becomes of them.
 */
#include "dialup-deployd/gate/hold.h"

#include <event2/event.h>
#include <event2/event_struct.h>
#include <sys/socket.h>
#include <unistd.h>

#include "dialup-deployd/gate/peer.h"
#include "libdialup/base/clock.h"
#include "libdialup/base/memory.h"

struct held {
    TAILQ_ENTRY(held) link;
    struct hold_queue *queue;
    struct event event; /* edge-triggered: it wakes for what arrives, not for what lies there */
    struct event patience;
    struct event slow_head;
    int64_t since_us;
    bool is_wanting;
};

static void on_event(evutil_socket_t fd, short what, void *arg);
static void on_patience(evutil_socket_t fd, short what, void *arg);
static void on_slow_head(evutil_socket_t fd, short what, void *arg);
static void look(struct held *held, bool is_last_look);

void hold_init(struct hold_queue *queue, struct event_base *base, const struct hold_hooks *hooks)
{
    *queue = (struct hold_queue){.base = base, .hooks = *hooks};
    TAILQ_INIT(&queue->list);
}

void hold_set_looking(struct hold_queue *queue, bool is_looking)
{
    struct held *held, *next;
    queue->is_looking = is_looking;
    for (held = TAILQ_FIRST(&queue->list); held && is_looking; held = next) {
        next = TAILQ_NEXT(held, link);
        look(held, false);
    }
}

void hold_park(struct hold_queue *queue, int fd, int64_t since_us, int patience_ms)
{
    struct held *held = xcalloc(1, sizeof(*held));
    held->queue = queue;
    held->since_us = since_us;
    event_assign(&held->event, queue->base, fd, EV_READ | EV_ET | EV_PERSIST, on_event, held);
    event_add(&held->event, NULL);
    evtimer_assign(&held->patience, queue->base, on_patience, held);
    evtimer_assign(&held->slow_head, queue->base, on_slow_head, held);
    struct timeval patience = clock_timeval_of_ms(patience_ms);
    event_add(&held->patience, &patience);
    TAILQ_INSERT_TAIL(&queue->list, held, link);
    queue->count++;
    if (queue->is_looking) {
        look(held, false);
    }
}

static int unpark(struct held *held)
{
    struct hold_queue *queue = held->queue;
    int fd = (int)event_get_fd(&held->event);
    event_del(&held->event);
    event_del(&held->patience);
    event_del(&held->slow_head);
    TAILQ_REMOVE(&queue->list, held, link);
    queue->count--;
    queue->wanting -= held->is_wanting;
    free(held);
    return fd;
}

int64_t hold_first_us(const struct hold_queue *queue)
{
    const struct held *held = TAILQ_FIRST(&queue->list);
    return held ? held->since_us : INT64_MAX;
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

void hold_each(const struct hold_queue *queue, void (*visit)(void *arg, int fd, int64_t since_us),
               void *arg)
{
    const struct held *held;
    TAILQ_FOREACH(held, &queue->list, link)
    {
        visit(arg, (int)event_get_fd(&held->event), held->since_us);
    }
}

static void end(struct held *held, enum hold_end how)
{
    struct hold_queue *queue = held->queue;
    int64_t since_us = held->since_us;
    int fd = unpark(held);
    if (how == HOLD_LEFT) {
        close(fd);
        fd = -1;
    }
    queue->hooks.on_end(queue->hooks.owner, how, fd, since_us);
}

/* Without a byte there is no request, and nobody who wants anything. */
static int judge(const struct held *held, bool is_last_look)
{
    static char head[HOLD_PEEK_BYTES];
    const struct hold_hooks *hooks = &held->queue->hooks;
    ssize_t size = recv((int)event_get_fd(&held->event), head, sizeof(head), MSG_PEEK);
    if (size <= 0) {
        return 0;
    }
    int verdict = hooks->judge(hooks->owner, head, (size_t)size);
    bool is_enough = is_last_look || (size_t)size == sizeof(head);
    return verdict == 0 && is_enough ? 1 : verdict;
}

static void look(struct held *held, bool is_last_look)
{
    struct hold_queue *queue = held->queue;
    if (held->is_wanting) {
        return;
    }
    int verdict = judge(held, is_last_look);
    if (verdict < 0) {
        end(held, HOLD_ROBOT);
    } else if (verdict > 0) {
        event_del(&held->slow_head);
        held->is_wanting = true;
        queue->wanting++;
        queue->hooks.on_wanting(queue->hooks.owner);
    } else if (!event_pending(&held->slow_head, EV_TIMEOUT, NULL)) {
        struct timeval wait = clock_timeval_of_ms(HOLD_PEEK_MS);
        event_add(&held->slow_head, &wait);
    }
}

static void on_event(evutil_socket_t fd, short what, void *arg)
{
    struct held *held = arg;
    if (peer_is_gone((int)fd)) {
        end(held, HOLD_LEFT);
    } else if (held->queue->is_looking) {
        look(held, false);
    }
}

static void on_slow_head(evutil_socket_t fd, short what, void *arg)
{
    struct held *held = arg;
    if (held->queue->is_looking) {
        look(held, true);
    }
}

static void on_patience(evutil_socket_t fd, short what, void *arg)
{
    end(arg, HOLD_EXPIRED);
}
