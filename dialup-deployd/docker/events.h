/*
 * What happens to containers, as Docker tells it: start, die, oom, destroy and so on.
 *
 * A stream that goes on until Docker goes away or the request is cancelled. The caller connects
 * anew and then lists, since what happened in between was not told.
 */
#pragma once

#include "dialup-deployd/docker/client.h"
#include "dialup-deployd/docker/container_json.h"

/* Texts are never NULL; borrowed. */
struct docker_event {
    const char *action; /* "die", "oom", "start"... */
    const char *id;
    int64_t at_unix;
    int64_t exit_code;                 /* with "die"; else -1 */
    const struct docker_label *labels; /* of the container, with Docker's own additions */
    size_t label_count;
};

/* label: "name=value". on_event must not cancel this request. on_done always has an error. */
struct docker_request *docker_events(struct docker_client *client, const char *label,
                                     void (*on_event)(void *arg, const struct docker_event *event),
                                     docker_done_fn *on_done, void *arg);
