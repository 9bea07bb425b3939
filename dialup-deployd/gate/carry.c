/*
 * Carrying bytes. Used by pump.c for each round of a connection.
 *
 * Bytes go through one scratch buffer that all share; only what the other side does not take at
 * once is kept, in a buffer of its own, and nothing more is read until it is gone. So an idle
 * connection owns no buffer. Where the owner's bandwidth is limited no more is read than was
 * granted: the rest waits at its sender.
 */
#include "dialup-deployd/gate/carry.h"

#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "dialup-deployd/gate/peer.h"
#include "libdialup/base/memory.h"

static char scratch[CARRY_BUFFER_SIZE];

static bool move(struct carry *carry, struct flow *flow);
static void judge_ends(struct carry *carry);

/* Where bandwidth is short the directions take turns in being first. */
bool carry_round(struct carry *carry)
{
    bool changed = false;
    for (int i = 0; i < 2; i++) {
        struct flow *flow = (i == 0) == carry->out_is_first ? &carry->out : &carry->in;
        if (flow == &carry->in || carry->is_connected) {
            changed = move(carry, flow) || changed;
        }
    }
    judge_ends(carry);
    return changed;
}

void carry_judge(struct carry *carry, enum verdict verdict)
{
    if (carry->verdict == GOES_ON) {
        carry->verdict = verdict;
    }
}

void carry_give_back(struct carry *carry)
{
    if (carry->granted > 0) {
        owner_give_back(carry->owner, carry->granted);
        carry->granted = 0;
    }
}

void carry_note_connected(struct carry *carry)
{
    if (!carry->is_connected) {
        carry->is_connected = true;
        event_del(&carry->connect_timer);
    }
}

void carry_fini(struct carry *carry)
{
    carry_give_back(carry);
    free(carry->in.pending);
    free(carry->out.pending);
}

/* The site takes nothing more; what it has said already may still be on its way. */
static void site_stopped_reading(struct carry *carry)
{
    if (!carry->is_connected) {
        carry_judge(carry, IS_UNREACHABLE);
        return;
    }
    free(carry->in.pending);
    carry->in.pending = NULL;
    carry->in.is_discarded = true;
    carry->site.readable = true;
}

static void site_ended(struct carry *carry, bool is_broken)
{
    carry->site.is_ended = true;
    carry->is_broken = is_broken;
    if (carry->out.size == 0) {
        carry_judge(carry, IS_UNREACHABLE);
    }
}

static void side_failed(struct carry *carry, const struct side *side, bool while_reading)
{
    if (side == &carry->client) {
        carry_judge(carry, IS_ABORTED);
    } else if (while_reading) {
        site_ended(carry, true);
    } else {
        site_stopped_reading(carry);
    }
}

/* Of the interim answers only 101 is a last one. */
static void count_upgrade(struct carry *carry)
{
    carry->is_upgraded = carry->status.is_known && carry->status.status_class == 1;
    carry->route->counters.upgraded += carry->is_upgraded;
}

static void note_carried(struct carry *carry, struct flow *flow, const char *data, size_t size)
{
    struct gate_counters *counters = &carry->route->counters;
    if (flow == &carry->in) {
        counters->bytes_in += size;
        flow->size += size;
        return;
    }
    if (flow->size == 0) {
        uint64_t waited_us = (uint64_t)(carry->active_us - carry->accepted_us);
        counters->answered++;
        counters->first_byte_us += waited_us;
        if (waited_us > counters->first_byte_us_max) {
            counters->first_byte_us_max = waited_us;
        }
    }
    flow->size += size;
    counters->bytes_out += size;
    if (!carry->status.is_known) {
        status_line_feed(&carry->status, data, size);
        counters->status_class[carry->status.status_class] += carry->status.is_known;
        count_upgrade(carry);
    }
}

/* Returns how much `to` took; 0 also if it failed, which is noted. */
static size_t give(struct carry *carry, struct flow *flow, const char *data, size_t size)
{
    struct side *to = flow->to;
    ssize_t sent = to->writable ? send(to->fd, data, size, MSG_NOSIGNAL) : 0;
    if (sent > 0) {
        if (to == &carry->site) {
            carry_note_connected(carry);
        }
        note_carried(carry, flow, data, (size_t)sent);
        return (size_t)sent;
    }
    if (sent < 0 && errno == EAGAIN) {
        to->writable = false;
    } else if (sent < 0 && errno != EINTR) {
        side_failed(carry, to, false);
    }
    return 0;
}

static bool flush_pending(struct carry *carry, struct flow *flow)
{
    size_t left = flow->pending_size - flow->pending_sent;
    size_t sent = give(carry, flow, flow->pending + flow->pending_sent, left);
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

static void note_end(struct carry *carry, struct side *from)
{
    if (from == &carry->site) {
        site_ended(carry, false);
    } else {
        from->is_ended = true;
    }
}

/* How much may be read now. With 0 the pump stands in its owner's queue. */
static size_t allowance(struct carry *carry)
{
    if (!carry->owner || !owner_is_shaped(carry->owner)) {
        return sizeof(scratch);
    }
    if (carry->granted == 0) {
        carry->granted = owner_take(carry->owner, &carry->waiter);
    }
    return carry->granted < sizeof(scratch) ? carry->granted : sizeof(scratch);
}

static void note_taken(struct carry *carry, size_t size)
{
    carry->granted -= carry->granted < size ? carry->granted : size;
    if (carry->owner) {
        owner_counters(carry->owner)->bytes += size;
    }
}

/* Returns whether anything has changed. */
static bool take_and_give(struct carry *carry, struct flow *flow)
{
    struct side *from = flow->from;
    size_t allowed = allowance(carry);
    if (allowed == 0) {
        return false;
    }
    ssize_t got = recv(from->fd, scratch, allowed, 0);
    if (got > 0) {
        note_taken(carry, (size_t)got);
        if (!flow->is_discarded) {
            size_t sent = give(carry, flow, scratch, (size_t)got);
            keep(flow, scratch + sent, (size_t)got - sent);
        }
        return true;
    }
    if (got < 0 && errno == EAGAIN) {
        from->readable = false;
        return false;
    }
    if (got == 0) {
        note_end(carry, from);
    } else if (errno != EINTR) {
        side_failed(carry, from, true);
    }
    return true;
}

static bool move(struct carry *carry, struct flow *flow)
{
    bool changed = false;
    if (flow->pending && flow->to->writable) {
        changed = flush_pending(carry, flow);
    }
    if (!flow->pending && flow->from->readable && !flow->from->is_ended) {
        changed = take_and_give(carry, flow) || changed;
    }
    bool is_passed_on = flow->from->is_ended && !flow->pending && carry->verdict == GOES_ON;
    if (is_passed_on && !flow->to->is_shut) {
        shutdown(flow->to->fd, SHUT_WR);
        flow->to->is_shut = true;
    }
    return changed;
}

static void judge_ends(struct carry *carry)
{
    bool all_said = carry->site.is_ended && !carry->out.pending;
    if (all_said && carry->client.is_ended && !carry->in.pending) {
        carry_judge(carry, IS_OVER);
    } else if (all_said && (carry->in.is_discarded || carry->is_broken)) {
        carry_judge(carry, LINGERS);
    } else if (carry->client.is_ended && !carry->in.pending && !all_said &&
               peer_is_gone(carry->client.fd)) {
        /* Not a half-close: nobody waits for the answer. */
        carry_judge(carry, IS_ABORTED);
    }
}
