/*
 * A gate takes the place of another: listening sockets, parked requests, routes, owners' limits and
 * numbers go over a unix socket, so that no visitor notices.
 *
 * The running gate offers itself at a socket; a new one that finds somebody there takes all before
 * it opens its own sockets. What is sent are copies: until the new one has said that it has all,
 * the old one can go on as if nobody had asked. Texts, a line a message, so that either side may be
 * of another version: what is not known is passed over.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "libdialup/base/error.h"

struct event_base;
struct formers;
struct gate;
struct handover;
struct inheritance;

struct handover_options {
    const char *path; /* of the socket; copied */
    struct gate *gate;
    const struct formers *formers; /* who carries besides us */
    int64_t counting_since_unix;   /* when the numbers began */

    /* The new gate has all. Nothing of ours is to be in its way when this returns: the routes'
     * sockets are its own, and so is what is parked. At channel_fd, which is the callee's, it may
     * ask for drains (former.h). */
    void (*on_taken)(void *arg, int channel_fd);
    void *arg;
};

/* Blocks the loop while it sends, which takes milliseconds, and a few seconds at worst. */
int handover_open(struct event_base *base, const struct handover_options *options,
                  struct handover **ret_handover, struct error *err);

/* Leaves the path alone if somebody else stands there by now. NULL is fine. */
void handover_close(struct handover *handover);

/* Takes all from the gate that offers itself at path, and waits until it has left its place. NULL
 * in *ret_inheritance if nobody is there. Blocks, some seconds at worst. ERR_TIMEOUT, ERR_IO. */
int handover_take(const char *path, struct inheritance **ret_inheritance, struct error *err);

/* Makes the routes and the rest in a gate that has none yet, and frees the inheritance. Gives the
 * number of routes that could not be made. */
size_t handover_apply(struct inheritance *inheritance, struct gate *gate, struct formers *formers,
                      int64_t *ret_counting_since_unix);
void handover_free(struct inheritance *inheritance);
