/*
 * What all sites of one owner have together: open connections and bandwidth, and their limits.
 *
 * Bandwidth is the bytes of all connections, both ways, out of one bucket. A connection that finds
 * it empty, or others waiting, queues (owner_take), reads nothing, and so holds its sender back;
 * the queue is served in turns of equal size, so that one owner's connections share fairly and no
 * other owner's are concerned.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "dialup-deployd/gate/bucket.h"
#include "libdialup/base/error.h"

enum { OWNER_NAME_SIZE = 33, OWNERS_MAX = 10000 };

struct event_base;
struct owner;
struct owners;

/* One in the queue; zeroed at first. */
struct owner_waiter {
    TAILQ_ENTRY(owner_waiter) link;
    struct owner *queued_at; /* NULL: not in the queue */

    /* It is its turn, with so many bytes; 0 if there is no limit any more. May end the waiter. */
    void (*on_turn)(void *arg, size_t size);
    void *arg;
};

struct owner_limits {
    int64_t kbit_per_s;  /* 0: none */
    int64_t connections; /* 0: none */
};

struct owner_counters {
    uint32_t open;    /* connections now, those in line not among them */
    uint32_t in_line; /* connections that wait until one of the open ones is over */
    uint64_t bytes;   /* carried, both ways */
    uint64_t queued;  /* connections that had to stand in line */
    uint64_t refused; /* ...of these, in vain */
    uint64_t waits;   /* times that a connection had to wait for bandwidth */
};

/* default_kbit_per_s: of whom nobody has set limits; 0: none. */
struct owners *owners_new(struct event_base *base, int64_t default_kbit_per_s);

/* No owner is referenced any more. NULL is fine. */
void owners_free(struct owners *owners);

/* Limits of one's own, kept until the end. In force at once. ERR_BUSY beyond OWNERS_MAX. */
int owners_set_limits(struct owners *owners, const char *name, const struct owner_limits *limits,
                      struct error *err);

/* The owner of that name, made if need be, with one reference more. */
struct owner *owners_ref(struct owners *owners, const char *name);
struct owner *owner_ref(struct owner *owner);
void owner_unref(struct owner *owner); /* NULL is fine */

void owners_each(const struct owners *owners, void (*visit)(void *arg, const struct owner *owner),
                 void *arg);
const char *owner_name(const struct owner *owner);
struct owner_limits owner_get_limits(const struct owner *owner);
struct owner_counters *owner_counters(struct owner *owner);
const struct owner_counters *owner_get_counters(const struct owner *owner);
bool owner_has_own_limits(const struct owner *owner);

/* Whether one more connection is over the limit. NULL has none. */
bool owner_is_full(const struct owner *owner);

bool owner_is_shaped(const struct owner *owner);

/* How many bytes may be carried now. 0: none, and the waiter stands in the queue. */
size_t owner_take(struct owner *owner, struct owner_waiter *waiter);
void owner_give_back(struct owner *owner, size_t size);

/* Leaves the queue, if it stands there. */
void owner_forget_waiter(struct owner_waiter *waiter);
