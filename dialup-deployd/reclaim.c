/*
 * See the header. Called by the converger when it has frozen a container.
 */
#include "dialup-deployd/reclaim.h"

#include <stdlib.h>

#include "dialup-deployd/deployd.h"
#include "dialup-deployd/job_call.h"
#include "libdialup/base/log.h"
#include "libdialup/base/memory.h"
#include "libdialup/cgroup/freezer.h"
#include "proto/jobs_rpc.h"

enum { GROUPS_MAX = 64, TIMEOUT_MS = 60 * 1000 };

/* Of one site. What is left beyond it is little beside what the machine has. */
#define MOST_BYTES ((int64_t)1 << 30)

struct reclaimer {
    struct deployd *deployd;
    struct job *job; /* NULL if none runs */
    struct cgroup_freezer waiting[GROUPS_MAX];
    size_t waiting_count;
};

static void begin(struct reclaimer *reclaimer);

static void on_line(void *context, const char *line, size_t size)
{
    log_debug("reclaim: %.*s", (int)size, line);
}

static void on_done(void *context, const struct job_exit *exit)
{
    struct reclaimer *reclaimer = context;
    reclaimer->job = NULL;
    if (exit->status != 0) {
        log_warning("pushing frozen sites out of memory ended with status %d", exit->status);
    }
    if (reclaimer->waiting_count > 0) {
        begin(reclaimer);
    }
}

static void begin(struct reclaimer *reclaimer)
{
    const char *groups[GROUPS_MAX];
    for (size_t i = 0; i < reclaimer->waiting_count; i++) {
        groups[i] = reclaimer->waiting[i].dir;
    }
    const struct jobs_reclaim_params params = {
        .groups = groups, .groups_count = reclaimer->waiting_count, .most_bytes = MOST_BYTES};
    const struct job_call call = {
        .name = "reclaim",
        .shape = &jobs_reclaim_params_shape,
        .params = &params,
        .timeout_ms = TIMEOUT_MS,
        .on_line = on_line,
        .on_done = on_done,
        .context = reclaimer,
    };
    struct error err;
    reclaimer->waiting_count = 0;
    if (job_call_start(reclaimer->deployd, &call, &reclaimer->job, &err) < 0) {
        log_warning("cannot push frozen sites out of memory: %s", err.message);
    }
}

void reclaimer_add(struct reclaimer *reclaimer, const struct cgroup_freezer *freezer)
{
    if (!cgroup_can_reclaim(freezer) || reclaimer->waiting_count == GROUPS_MAX) {
        return; /* what is one too many keeps its pages until it is stopped */
    }
    reclaimer->waiting[reclaimer->waiting_count++] = *freezer;
    if (!reclaimer->job) {
        begin(reclaimer);
    }
}

struct reclaimer *reclaimer_new(struct deployd *deployd)
{
    struct reclaimer *reclaimer = xcalloc(1, sizeof(*reclaimer));
    reclaimer->deployd = deployd;
    return reclaimer;
}

void reclaimer_free(struct reclaimer *reclaimer)
{
    if (reclaimer && reclaimer->job) {
        job_abandon(reclaimer->job);
    }
    free(reclaimer);
}
