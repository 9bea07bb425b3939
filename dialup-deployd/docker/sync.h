/*
 * For programs that do one thing after the other: runs the loop until one call is done. Blocks;
 * never for a daemon.
 *
 *     struct docker_wait wait = {.base = base};
 *     docker_container_start(client, id, docker_wait_done, &wait);
 *     rc = docker_wait(&wait, &err);
 *
 * Calls that give something back have a callback of the caller, which copies what it needs and
 * ends with docker_wait_done(&wait, err).
 */
#pragma once

#include <stdbool.h>

#include "libdialup/base/error.h"

struct event_base;

struct docker_wait {
    struct event_base *base;
    bool is_done;
    struct error err; /* code ERR_OK: it went well */
};

/* A docker_done_fn; arg is the struct docker_wait. */
void docker_wait_done(void *arg, const struct error *err);

/* Returns 0 or the call's error. The struct can be used again. */
int docker_wait(struct docker_wait *wait, struct error *err);
