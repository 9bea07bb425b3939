/*
 * For the typed calls alone: what they remember between request and answer.
 */
#pragma once

#include "dialup-deployd/docker/client.h"
#include "libdialup/json/json.h"

/* The common case: an answer without content. A struct docker_plain of the heap is the call's arg;
 * docker_plain_done and free are its on_done and release. */
struct docker_plain {
    docker_done_fn *on_done;
    void *arg;
};

struct docker_plain *docker_plain_new(docker_done_fn *on_done, void *arg);
void docker_plain_done(void *arg, const struct docker_answer *answer, const struct error *err);

/* Parses an answer's body; an error says that Docker was not understood. */
int docker_answer_parse(struct arena *arena, const struct docker_answer *answer,
                        const struct json_value **ret_value, struct error *err);

/* The error for an answer that is JSON, but not what was asked for. */
int docker_answer_odd(struct error *err);
