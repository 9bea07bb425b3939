/*
 * Connections that wait for their site: parked as they are, body and all, in order of arrival.
 *
 * Not one byte is read from a parked connection; its request waits in the socket's own buffer and
 * its sender is held back there. A visitor who leaves is noticed at once. While the site sleeps the
 * head of each request is looked at where it lies (MSG_PEEK), to know whether somebody wants the
 * site or only a robot came by.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

struct event_base;
struct held;

/* A head that is longer than this, or takes longer, is a visitor's. */
enum { HOLD_PEEK_BYTES = 4096, HOLD_PEEK_MS = 1000 };

TAILQ_HEAD(hold_list, held);

enum hold_end {
    HOLD_LEFT,    /* the visitor has gone; fd is -1 */
    HOLD_EXPIRED, /* patience is over, and fd is the callee's */
    HOLD_ROBOT,   /* nobody to wake a site for, and fd is the callee's */
};

struct hold_hooks {
    void (*on_end)(void *owner, enum hold_end end, int fd, int64_t since_us);
    void (*on_wanting)(void *owner); /* one more visitor wants the site */

    /* For the first bytes of a request: 0 to look again when there are more, 1 for a visitor, -1
     * for a robot. */
    int (*judge)(void *owner, const char *head, size_t size);
    void *owner;
};

struct hold_queue {
    struct hold_list list;
    size_t count;
    size_t wanting; /* of these, seen to be visitors */
    bool is_looking;
    struct event_base *base;
    struct hold_hooks hooks;
};

void hold_init(struct hold_queue *queue, struct event_base *base, const struct hold_hooks *hooks);

/* Whether those who are parked, and those who come, are looked at. May call any hook. */
void hold_set_looking(struct hold_queue *queue, bool is_looking);

/* Takes fd. since_us is the monotonic time of its accept; patience counts from now. May call any
 * hook. */
void hold_park(struct hold_queue *queue, int fd, int64_t since_us, int patience_ms);

/* Calls visit for each; fd is borrowed. */
void hold_each(const struct hold_queue *queue, void (*visit)(void *arg, int fd, int64_t since_us),
               void *arg);

/* When the first of those who wait was accepted; INT64_MAX if nobody waits. */
int64_t hold_first_us(const struct hold_queue *queue);

/* The one that waits longest, now the caller's; -1 if nobody waits. */
int hold_take(struct hold_queue *queue, int64_t *ret_since_us);
