/*
 * The queue of deployments: one of a site at a time, so many builds at once as the settings allow.
 * People take turns, each with their oldest first, and one person has never all places: who fills
 * the queue waits behind themselves. Each build is a job program; what it made is admitted here, in
 * one transaction, and then handed to the converger (build.h, accept.h).
 *
 * The queue is the deployments table: nothing is lost when the daemon ends in the middle.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct build;
struct deployd;
struct queue;

/* Puts builds that a former life left behind back into the queue, ends what it left that no site
 * wants, and starts. */
struct queue *queue_new(struct deployd *deployd);

/* Ends running builds; their deployments start again with the next life. */
void queue_free(struct queue *queue);

/* There may be something to do. */
void queue_kick(struct queue *queue);

/* Those that are built now: borrowed until the loop turns. */
size_t queue_build_count(const struct queue *queue);
struct build *queue_build_at(const struct queue *queue, size_t index);

/* NULL: it is not built now. */
struct build *queue_find_build(const struct queue *queue, int64_t deployment_id);

/* Ends the jobs of a site whose deployments were withdrawn. */
void queue_stop_builds(struct queue *queue, int64_t site_id);
