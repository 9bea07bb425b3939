/*
 * The bytes of one connection between a visitor and a site, both ways. How they end is judged
 * here; what follows from that, and other connections, are the pump's.
 *
 * The caller fills the sides, the flows and the first group, watches both sockets edge-triggered,
 * sets `readable` and `writable` as the kernel promises them (here they are taken back by EAGAIN),
 * and calls carry_round until nothing changes or there is a verdict. Nothing blocks. Counts into
 * the route's counters.
 */
#pragma once

#include <event2/event_struct.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dialup-deployd/gate/owners.h"
#include "dialup-deployd/gate/routes.h"
#include "dialup-deployd/gate/status_line.h"

/* At most this waits here in a direction. */
enum { CARRY_BUFFER_SIZE = 64 * 1024 };

struct side {
    int fd;
    struct event event;
    bool readable;
    bool writable;
    bool is_ended; /* it sends no more */
    bool is_shut;  /* it was told that nothing more comes */
};

struct flow {
    struct side *from, *to;
    char *pending; /* read, and not yet taken by `to`; NULL if nothing */
    size_t pending_size;
    size_t pending_sent;
    uint64_t size; /* bytes carried */
    bool is_discarded;
};

enum verdict { GOES_ON, IS_OVER, IS_ABORTED, IS_UNREACHABLE, LINGERS };

struct carry {
    struct route *route;
    struct owner *owner;        /* whose bandwidth it uses; NULL: nobody's */
    struct owner_waiter waiter; /* for bandwidth */
    int64_t accepted_us;
    int64_t active_us; /* kept by the caller */

    struct side client, site;
    struct flow in, out;        /* client to site, site to client */
    struct event connect_timer; /* the caller's; ended once the site has given a sign */
    struct status_line status;
    size_t granted; /* bytes of the present turn that were not used yet */
    enum verdict verdict;
    bool is_connected;
    bool is_broken;    /* the site vanished */
    bool is_upgraded;  /* answered 101 */
    bool out_is_first; /* of the two directions, when bandwidth is short */
};

/* Moves what can be moved, both ways, one round, and judges. Returns whether anything has changed.
 */
bool carry_round(struct carry *carry);

/* The first judgement stands. */
void carry_judge(struct carry *carry, enum verdict verdict);

/* Bandwidth that was granted and is not needed now. */
void carry_give_back(struct carry *carry);

void carry_note_connected(struct carry *carry);

/* Frees what waits in it; the sockets and events are the caller's. */
void carry_fini(struct carry *carry);
