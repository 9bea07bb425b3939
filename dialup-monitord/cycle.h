/*
 * The cycle: every interval, ask deployd for the containers and the gate for its counters, read
 * the containers, and write it all down.
 *
 * If deployd or the gate does not answer, what is known is measured all the same, and they are
 * asked again soon. No two cycles have the same second.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dialup-monitord/sampler.h"
#include "dialup-monitord/traffic_book.h"
#include "dialup-monitord/uses.h"
#include "libdialup/daemon/daemon.h"

struct cycle;

/* The run, the sampler and the book are borrowed. Begins at once. */
int cycle_open(struct daemon_run *run, struct sampler *sampler, struct traffic_book *book,
               struct cycle **ret_cycle, struct error *err);

/* NULL is fine. */
void cycle_close(struct cycle *cycle);

/* Something changed: asks deployd for the containers, soon. */
void cycle_refresh(struct cycle *cycle);

struct cycle_result {
    size_t containers;
    int64_t duration_us;
};

/* result is NULL if err tells what went wrong. */
typedef void cycle_done_fn(void *context, const struct cycle_result *result,
                           const struct error *err);

/* A cycle that begins from now on, not one that runs already; on_done is called once it is
 * written. ERR_BUSY if very many wait. */
int cycle_request(struct cycle *cycle, cycle_done_fn *on_done, void *context, struct error *err);

/* The newest rows, and what owners use; at is 0 before the first cycle. Borrowed until the loop
 * turns. */
struct cycle_latest {
    int64_t at;
    const struct usage_sample *rows;
    size_t count;
    const struct owner_use *owners;
    size_t owner_count;
};
struct cycle_latest cycle_latest(const struct cycle *cycle);

struct health_finding cycle_check_samples(const struct cycle *cycle);
struct health_finding cycle_check_deployd(const struct cycle *cycle);
struct health_finding cycle_check_gate(const struct cycle *cycle);
struct health_finding cycle_check_writes(const struct cycle *cycle);
struct health_finding cycle_check_limits(const struct cycle *cycle);
struct health_finding cycle_check_rollups(const struct cycle *cycle);
