/*
 * Docker's stream of events, and when Docker last answered.
 *
 * Events are for looking early, never for knowing: the converger's passes find what they miss.
 */
#pragma once

#include <stdint.h>

#include "libdialup/base/error.h"

struct docker_watch;
struct engine;
struct event_base;

struct docker_watch_hooks {
    void (*on_container_died)(void *context, int64_t site_id, const char *container_id);
    void (*on_container_paused)(void *context, int64_t site_id); /* by hand: not our way */
    /* Docker is there again; what happened meanwhile was told to nobody. */
    void (*on_return)(void *context);
    void *context;
};

/* Follows the containers of an instance. instance is borrowed for its life. */
struct docker_watch *docker_watch_new(struct event_base *base, struct engine *engine,
                                      const char *instance, const struct docker_watch_hooks *hooks);

/* After the engine was closed: its stream ends with it. */
void docker_watch_free(struct docker_watch *watch);

/* Remembers how Docker answered to anybody; err NULL: it did. */
void docker_watch_note(struct docker_watch *watch, const struct error *err);

/* When it last answered (monotonic), 0 never; and why it does not answer, "" if it does. */
int64_t docker_watch_seen_ms(const struct docker_watch *watch);
const char *docker_watch_error(const struct docker_watch *watch);

/* Where Docker keeps images and containers; NULL until it has told. */
const char *docker_watch_folder(const struct docker_watch *watch);
