/*
 * One connection as the two files see that share it: pump.c for its life, carry.c for its bytes.
 */
#pragma once

#include <event2/event_struct.h>

#include "dialup-deployd/gate/owners.h"
#include "dialup-deployd/gate/pump.h"
#include "dialup-deployd/gate/status_line.h"

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

struct pump {
    TAILQ_ENTRY(pump) link;
    struct pump_set *set;
    struct route *route;
    struct target *target;
    struct owner *owner;        /* whose bandwidth it uses; NULL: nobody's */
    struct owner_waiter waiter; /* for bandwidth */
    size_t granted;             /* bytes of the present turn that were not used yet */
    void *watcher;              /* NULL: nobody waits for the end */
    struct side client, site;
    struct flow in, out; /* client to site, site to client */
    struct event connect_timer;
    struct status_line status;
    enum verdict verdict;
    bool is_connected;
    bool is_broken;   /* the site vanished */
    bool is_upgraded; /* answered 101 */
    bool is_cut;
    bool out_is_first; /* of the two directions, when bandwidth is short */
    int64_t accepted_us;
    int64_t active_us;
};

/* The first judgement stands. */
static inline void pump_judge(struct pump *pump, enum verdict verdict)
{
    if (pump->verdict == GOES_ON) {
        pump->verdict = verdict;
    }
}

/* Moves what can be moved, both ways, one round. Returns whether anything has changed. */
bool carry_round(struct pump *pump);

/* Bandwidth that was granted and is not needed now. */
void carry_give_back(struct pump *pump);

void carry_note_connected(struct pump *pump);
