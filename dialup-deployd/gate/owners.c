/*
 * Owners and their common bandwidth. Used by gate.c for limits, by pump.c for each read of an owner
 * that has a limit.
 */
#include "dialup-deployd/gate/owners.h"

#include <event2/event.h>
#include <event2/event_struct.h>
#include <stdlib.h>

#include "libdialup/base/clock.h"
#include "libdialup/base/log.h"
#include "libdialup/base/memory.h"
#include "libdialup/base/str.h"

/* A turn is what 20 ms bring, in bounds: long enough to be worth a system call, short enough for
 * many to have theirs within a second. The burst is what 200 ms bring. */
enum { TURN_MS = 20, TURN_BYTES_MIN = 1500, TURN_BYTES_MAX = 64 * 1024, BURST_MS = 200 };
enum { TICK_MS_MIN = 2 };

struct owner {
    TAILQ_ENTRY(owner) link;
    struct owners *owners;
    char name[OWNER_NAME_SIZE];
    unsigned references;
    bool has_limits;
    struct owner_limits limits; /* valid if has_limits */
    struct owner_counters counters;
    struct bucket bucket;
    TAILQ_HEAD(, owner_waiter) queue;
    struct event tick;
};

struct owners {
    struct event_base *base;
    int64_t default_kbit_per_s;
    TAILQ_HEAD(, owner) list;
    size_t count;
};

static void on_tick(evutil_socket_t fd, short what, void *arg);

struct owners *owners_new(struct event_base *base, int64_t default_kbit_per_s)
{
    struct owners *owners = xcalloc(1, sizeof(*owners));
    owners->base = base;
    owners->default_kbit_per_s = default_kbit_per_s;
    TAILQ_INIT(&owners->list);
    return owners;
}

static void forget(struct owner *owner)
{
    event_del(&owner->tick);
    TAILQ_REMOVE(&owner->owners->list, owner, link);
    owner->owners->count--;
    free(owner);
}

void owners_free(struct owners *owners)
{
    if (!owners) {
        return;
    }
    while (!TAILQ_EMPTY(&owners->list)) {
        ASSERT(TAILQ_FIRST(&owners->list)->references == 0);
        forget(TAILQ_FIRST(&owners->list));
    }
    free(owners);
}

static struct owner *find(const struct owners *owners, const char *name)
{
    struct owner *owner;
    TAILQ_FOREACH(owner, &owners->list, link)
    {
        if (str_equal(owner->name, name)) {
            return owner;
        }
    }
    return NULL;
}

static struct owner *find_or_add(struct owners *owners, const char *name)
{
    struct owner *owner = find(owners, name);
    if (!owner) {
        owner = xcalloc(1, sizeof(*owner));
        owner->owners = owners;
        str_copy(owner->name, sizeof(owner->name), name);
        TAILQ_INIT(&owner->queue);
        evtimer_assign(&owner->tick, owners->base, on_tick, owner);
        TAILQ_INSERT_TAIL(&owners->list, owner, link);
        owners->count++;
    }
    return owner;
}

int owners_set_limits(struct owners *owners, const char *name, const struct owner_limits *limits,
                      struct error *err)
{
    if (owners->count >= OWNERS_MAX && !find(owners, name)) {
        return error_set(err, ERR_BUSY, "There are limits for %d owners already", OWNERS_MAX);
    }
    struct owner *owner = find_or_add(owners, name);
    owner->has_limits = true;
    owner->limits = *limits;
    if (!TAILQ_EMPTY(&owner->queue)) {
        event_active(&owner->tick, EV_TIMEOUT, 0);
    }
    return 0;
}

struct owner *owners_ref(struct owners *owners, const char *name)
{
    return owner_ref(find_or_add(owners, name));
}

struct owner *owner_ref(struct owner *owner)
{
    owner->references++;
    return owner;
}

void owner_unref(struct owner *owner)
{
    if (!owner) {
        return;
    }
    ASSERT(owner->references > 0);
    owner->references--;
    if (owner->references == 0 && !owner->has_limits) {
        forget(owner);
    }
}

void owners_each(const struct owners *owners, void (*visit)(void *arg, const struct owner *owner),
                 void *arg)
{
    const struct owner *owner;
    TAILQ_FOREACH(owner, &owners->list, link)
    {
        visit(arg, owner);
    }
}

const char *owner_name(const struct owner *owner)
{
    return owner->name;
}

struct owner_limits owner_get_limits(const struct owner *owner)
{
    return owner->has_limits ? owner->limits
                             : (struct owner_limits){owner->owners->default_kbit_per_s, 0};
}

struct owner_counters *owner_counters(struct owner *owner)
{
    return &owner->counters;
}

const struct owner_counters *owner_get_counters(const struct owner *owner)
{
    return &owner->counters;
}

bool owner_has_own_limits(const struct owner *owner)
{
    return owner->has_limits;
}

bool owner_is_full(const struct owner *owner)
{
    int64_t max = owner ? owner_get_limits(owner).connections : 0;
    return max > 0 && owner->counters.open >= max;
}

bool owner_is_shaped(const struct owner *owner)
{
    return owner_get_limits(owner).kbit_per_s > 0;
}

static int64_t bytes_per_s(const struct owner *owner)
{
    return owner_get_limits(owner).kbit_per_s * 1000 / 8;
}

static int64_t turn_bytes(const struct owner *owner)
{
    int64_t size = bytes_per_s(owner) * TURN_MS / 1000;
    return size < TURN_BYTES_MIN ? TURN_BYTES_MIN : size > TURN_BYTES_MAX ? TURN_BYTES_MAX : size;
}

static void fill(struct owner *owner)
{
    int64_t burst = bytes_per_s(owner) * BURST_MS / 1000;
    int64_t turn = turn_bytes(owner);
    bucket_fill(&owner->bucket, bytes_per_s(owner), burst > turn ? burst : turn,
                clock_monotonic_us());
}

/* A whole turn or nothing: crumbs would cost a system call each. */
static size_t take_turn(struct owner *owner)
{
    int64_t turn = turn_bytes(owner);
    if (owner->bucket.level < turn * BUCKET_UNIT) {
        return 0;
    }
    return (size_t)bucket_take(&owner->bucket, turn);
}

/* When the bucket will hold a turn. */
static void wait_for_turn(struct owner *owner)
{
    int64_t missing = turn_bytes(owner) - owner->bucket.level / BUCKET_UNIT;
    int64_t wait_ms = missing * 1000 / bytes_per_s(owner) + 1;
    struct timeval wait = clock_timeval_of_ms(wait_ms < TICK_MS_MIN ? TICK_MS_MIN : wait_ms);
    event_add(&owner->tick, &wait);
}

size_t owner_take(struct owner *owner, struct owner_waiter *waiter)
{
    if (waiter->queued_at) {
        return 0;
    }
    if (TAILQ_EMPTY(&owner->queue)) {
        fill(owner);
        size_t size = take_turn(owner);
        if (size > 0) {
            return size;
        }
        wait_for_turn(owner);
    }
    owner->counters.waits++;
    waiter->queued_at = owner;
    TAILQ_INSERT_TAIL(&owner->queue, waiter, link);
    return 0;
}

void owner_give_back(struct owner *owner, size_t size)
{
    bucket_give_back(&owner->bucket, (int64_t)size);
}

void owner_forget_waiter(struct owner_waiter *waiter)
{
    if (waiter->queued_at) {
        TAILQ_REMOVE(&waiter->queued_at->queue, waiter, link);
        waiter->queued_at = NULL;
    }
}

/* Each who waits gets a turn while there is something to give, or all of them once nothing is
 * limited any more. Whoever queues again does so behind the others. */
static void on_tick(evutil_socket_t fd, short what, void *arg)
{
    struct owner *owner = owner_ref(arg);
    struct owner_waiter *waiter;
    while ((waiter = TAILQ_FIRST(&owner->queue))) {
        size_t size = 0;
        if (owner_is_shaped(owner)) {
            fill(owner);
            size = take_turn(owner);
            if (size == 0) {
                wait_for_turn(owner);
                break;
            }
        }
        owner_forget_waiter(waiter);
        waiter->on_turn(waiter->arg, size);
    }
    owner_unref(owner);
}
