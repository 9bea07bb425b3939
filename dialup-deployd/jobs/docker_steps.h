/*
 * How much the steps of a Dockerfile's build have written. The classic builder knows no limit for
 * that, so the job looks now and then, and ends a build that would fill the disk.
 *
 * Which containers are its steps only the builder's words tell, and a command can write such words,
 * too: each one that is named counts, so that a lie can only make the sum larger.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct engine;
struct engine_call;

enum { DOCKER_STEPS_MAX = 128, DOCKER_STEPS_ID_SIZE = 13 };

struct docker_step {
    char id[DOCKER_STEPS_ID_SIZE];
    int64_t size_bytes; /* as last seen */
};

/* All zeros in the beginning. */
struct docker_steps {
    struct engine *engine; /* of the calls */
    struct docker_step steps[DOCKER_STEPS_MAX];
    size_t count;
    size_t next;        /* the one that is looked at */
    int64_t gone_bytes; /* of steps that have ended */
    bool is_overfull;   /* more were named at once than can be */
    struct engine_call *call;
};

/* A piece of the builder's stream: " ---> Running in 0123456789ab". */
void docker_steps_note(struct docker_steps *steps, const char *stream);

/* Looks at all of them, one after the other; does nothing while it still does. */
void docker_steps_look(struct docker_steps *steps, struct engine *engine);

/* Bytes, as far as is known; INT64_MAX if is_overfull. */
int64_t docker_steps_size_bytes(const struct docker_steps *steps);

/* Ends a look that is under way. */
void docker_steps_stop(struct docker_steps *steps);
