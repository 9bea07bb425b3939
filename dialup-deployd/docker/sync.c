/*
 * Waiting for one call. Used by the job programs and by tests.
 */
#include "dialup-deployd/docker/sync.h"

#include <event2/event.h>

void docker_wait_done(void *arg, const struct error *err)
{
    struct docker_wait *wait = arg;
    wait->is_done = true;
    wait->err = err ? *err : (struct error){0};
}

int docker_wait(struct docker_wait *wait, struct error *err)
{
    while (!wait->is_done) {
        if (event_base_loop(wait->base, EVLOOP_ONCE) != 0) {
            return error_set(err, ERR_INTERNAL, "The event loop ended before Docker had answered");
        }
    }
    wait->is_done = false;
    if (err) {
        *err = wait->err;
    }
    return -(int)wait->err.code;
}
