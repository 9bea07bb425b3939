/*
 * The queue of deployments: the oldest first, one of a site at a time, so many builds at once as
 * the settings allow. Each build is a job program; what it made is admitted here, in one
 * transaction, and then handed to the converger (build.h, accept.h).
 *
 * The queue is the deployments table: nothing is lost when the daemon ends in the middle.
 */
#pragma once

#include <stdint.h>

struct deployd;
struct queue;

/* Puts builds that a former life left behind back into the queue, and starts. */
struct queue *queue_new(struct deployd *deployd);

/* Ends running builds; their deployments start again with the next life. */
void queue_free(struct queue *queue);

/* There may be something to do. */
void queue_kick(struct queue *queue);

/* Ends what a site has in the queue, and what is starting. */
void queue_cancel_site(struct queue *queue, int64_t site_id);

/* Ends what waits or is built; the converger ends what is starting. */
void queue_cancel_builds(struct queue *queue, int64_t site_id);
