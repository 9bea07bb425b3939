/*
 * Changes: requests that write. What queues up during one turn of the loop shares a transaction
 * and a sync; each is answered when it is on the disk. A request that is sent twice (the same
 * idempotency key) gets the first answer and changes nothing.
 */
#pragma once

#include "libdialup/base/arena.h"
#include "libdialup/base/error.h"
#include "libdialup/ipc/server.h"
#include "libdialup/store/deployments.h"

struct db;
struct deployd;

struct change {
    struct deployd *deployd;
    struct ipc_request *request;
    struct arena *arena; /* the request's */
    const void *params;
    void *result; /* zeroed, of the method's result shape */
    const char *key;
    const struct change_kind *kind;
    int64_t site_id;                   /* set by work, for after */
    bool wakes_site;                   /* the same */
    struct deployments_list withdrawn; /* the same */
    bool is_repeated;
    int times_refused; /* counted by refused */
};

struct change_kind {
    /* Reads and writes rows and fills result; runs inside the transaction. */
    int (*work)(struct change *change, struct db *db, struct error *err);
    /* After the commit, before the answer: kicks who must act. May be NULL. */
    void (*after)(struct change *change);
    /* It failed and nothing was changed: true if change_again follows, and no answer yet. May be
     * NULL. */
    bool (*refused)(struct change *change, const struct error *err);
};

/* For a handler to return: queues the change. */
int change_start(struct deployd *deployd, struct ipc_request *request, const void *params,
                 const char *key, const struct change_kind *kind);

/* Once more, from the beginning; context is the change. */
void change_again(void *context);
