/*
 * Carrying bytes. Used by pump.c for each round of a connection.
 *
 * Bytes go through one scratch buffer that all share; only what the other side does not take at
 * once is kept, in a buffer of its own, and nothing more is read until it is gone. So an idle
 * connection owns no buffer. Where the owner's bandwidth is limited no more is read than was
 * granted: the rest waits at its sender.
 */
#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "dialup-deployd/gate/pump_internal.h"
#include "libdialup/base/memory.h"

static char scratch[PUMP_BUFFER_SIZE];

static bool move(struct pump *pump, struct flow *flow);

/* Where bandwidth is short the directions take turns in being first. */
bool carry_round(struct pump *pump)
{
    bool changed = false;
    for (int i = 0; i < 2; i++) {
        struct flow *flow = (i == 0) == pump->out_is_first ? &pump->out : &pump->in;
        if (flow == &pump->in || pump->is_connected) {
            changed = move(pump, flow) || changed;
        }
    }
    return changed;
}

void carry_give_back(struct pump *pump)
{
    if (pump->granted > 0) {
        owner_give_back(pump->owner, pump->granted);
        pump->granted = 0;
    }
}

void carry_note_connected(struct pump *pump)
{
    if (!pump->is_connected) {
        pump->is_connected = true;
        event_del(&pump->connect_timer);
    }
}

/* The site takes nothing more; what it has said already may still be on its way. */
static void site_stopped_reading(struct pump *pump)
{
    if (!pump->is_connected) {
        pump_judge(pump, IS_UNREACHABLE);
        return;
    }
    free(pump->in.pending);
    pump->in.pending = NULL;
    pump->in.is_discarded = true;
    pump->site.readable = true;
}

static void site_ended(struct pump *pump, bool is_broken)
{
    pump->site.is_ended = true;
    pump->is_broken = is_broken;
    if (pump->out.size == 0) {
        pump_judge(pump, IS_UNREACHABLE);
    }
}

static void side_failed(struct pump *pump, const struct side *side, bool while_reading)
{
    if (side == &pump->client) {
        pump_judge(pump, IS_ABORTED);
    } else if (while_reading) {
        site_ended(pump, true);
    } else {
        site_stopped_reading(pump);
    }
}

/* Of the interim answers only 101 is a last one. */
static void count_upgrade(struct pump *pump)
{
    pump->is_upgraded = pump->status.is_known && pump->status.status_class == 1;
    pump->route->counters.upgraded += pump->is_upgraded;
}

static void note_carried(struct pump *pump, struct flow *flow, const char *data, size_t size)
{
    struct gate_counters *counters = &pump->route->counters;
    if (flow == &pump->in) {
        counters->bytes_in += size;
        flow->size += size;
        return;
    }
    if (flow->size == 0) {
        uint64_t waited_us = (uint64_t)(pump->active_us - pump->accepted_us);
        counters->answered++;
        counters->first_byte_us += waited_us;
        if (waited_us > counters->first_byte_us_max) {
            counters->first_byte_us_max = waited_us;
        }
    }
    flow->size += size;
    counters->bytes_out += size;
    if (!pump->status.is_known) {
        status_line_feed(&pump->status, data, size);
        counters->status_class[pump->status.status_class] += pump->status.is_known;
        count_upgrade(pump);
    }
}

/* Returns how much `to` took; 0 also if it failed, which is noted. */
static size_t give(struct pump *pump, struct flow *flow, const char *data, size_t size)
{
    struct side *to = flow->to;
    ssize_t sent = to->writable ? send(to->fd, data, size, MSG_NOSIGNAL) : 0;
    if (sent > 0) {
        if (to == &pump->site) {
            carry_note_connected(pump);
        }
        note_carried(pump, flow, data, (size_t)sent);
        return (size_t)sent;
    }
    if (sent < 0 && errno == EAGAIN) {
        to->writable = false;
    } else if (sent < 0 && errno != EINTR) {
        side_failed(pump, to, false);
    }
    return 0;
}

static bool flush_pending(struct pump *pump, struct flow *flow)
{
    size_t left = flow->pending_size - flow->pending_sent;
    size_t sent = give(pump, flow, flow->pending + flow->pending_sent, left);
    if (!flow->pending) {
        return true; /* thrown away, since `to` has failed */
    }
    flow->pending_sent += sent;
    if (sent == left) {
        free(flow->pending);
        flow->pending = NULL;
    }
    return sent > 0;
}

static void keep(struct flow *flow, const char *data, size_t size)
{
    if (size > 0 && !flow->is_discarded) {
        flow->pending = xmalloc(size);
        memcpy(flow->pending, data, size);
        flow->pending_size = size;
        flow->pending_sent = 0;
    }
}

static void note_end(struct pump *pump, struct side *from)
{
    if (from == &pump->site) {
        site_ended(pump, false);
    } else {
        from->is_ended = true;
    }
}

/* How much may be read now. With 0 the pump stands in its owner's queue. */
static size_t allowance(struct pump *pump)
{
    if (!pump->owner || !owner_is_shaped(pump->owner)) {
        return sizeof(scratch);
    }
    if (pump->granted == 0) {
        pump->granted = owner_take(pump->owner, &pump->waiter);
    }
    return pump->granted < sizeof(scratch) ? pump->granted : sizeof(scratch);
}

static void note_taken(struct pump *pump, size_t size)
{
    pump->granted -= pump->granted < size ? pump->granted : size;
    if (pump->owner) {
        owner_counters(pump->owner)->bytes += size;
    }
}

/* Returns whether anything has changed. */
static bool take_and_give(struct pump *pump, struct flow *flow)
{
    struct side *from = flow->from;
    size_t allowed = allowance(pump);
    if (allowed == 0) {
        return false;
    }
    ssize_t got = recv(from->fd, scratch, allowed, 0);
    if (got > 0) {
        note_taken(pump, (size_t)got);
        if (!flow->is_discarded) {
            size_t sent = give(pump, flow, scratch, (size_t)got);
            keep(flow, scratch + sent, (size_t)got - sent);
        }
        return true;
    }
    if (got < 0 && errno == EAGAIN) {
        from->readable = false;
        return false;
    }
    if (got == 0) {
        note_end(pump, from);
    } else if (errno != EINTR) {
        side_failed(pump, from, true);
    }
    return true;
}

static bool move(struct pump *pump, struct flow *flow)
{
    bool changed = false;
    if (flow->pending && flow->to->writable) {
        changed = flush_pending(pump, flow);
    }
    if (!flow->pending && flow->from->readable && !flow->from->is_ended) {
        changed = take_and_give(pump, flow) || changed;
    }
    bool is_passed_on = flow->from->is_ended && !flow->pending && pump->verdict == GOES_ON;
    if (is_passed_on && !flow->to->is_shut) {
        shutdown(flow->to->fd, SHUT_WR);
        flow->to->is_shut = true;
    }
    return changed;
}
