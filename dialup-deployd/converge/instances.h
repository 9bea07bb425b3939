/*
 * The instances of one site: what is known of its containers beyond Docker's list, and the value
 * that the plan reads. Knows neither Docker nor the loop; nothing here fails or waits.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dialup-deployd/converge/plan.h"
#include "dialup-deployd/engine/container.h"
#include "libdialup/base/arena.h"
#include "libdialup/cgroup/freezer.h"
#include "libdialup/quota/quota.h"

enum { INSTANCES_MAX = 8 }; /* of one site at a time; more are removed by and by */

/* A container that runs, as last seen. */
struct running_container {
    char id[CONTAINER_ID_SIZE];
    int64_t pid; /* 0: not looked at yet, or it does not run */
    int64_t site_id;
    enum quota_entity owner_kind;
    int64_t owner_id;
    int64_t memory_bytes; /* limits as declared to Docker */
    int64_t cpu_millicores;
    int64_t pids;
    bool is_routed; /* visitors are led to it */
    bool has_writable_root;
};

struct instance {
    struct running_container running; /* without site and owner: see converger_running */
    enum plan_health health;
    enum plan_pulse pulse;
    enum plan_drain drain;
    int64_t drain_since_ms;        /* monotonic; 0: nobody was asked to drain it */
    bool must_go;                  /* it wrote too much; why is told by the site's work */
    bool is_dead;                  /* an event said so; Docker's list says it a moment later */
    bool is_paused;                /* by hand: Docker must be asked to let it go on */
    bool has_run;                  /* in our sight, since it was made or put to sleep */
    char address[16];              /* IPv4, "" as long as it was not asked for */
    int64_t port;                  /* at which visitors were led to it; 0: they never were */
    struct cgroup_freezer freezer; /* dir "" as long as it was not looked for */
};

struct instances {
    struct instance known[INSTANCES_MAX]; /* an empty id: free */
};

/* What is remembered of a container; NULL if nothing is. */
struct instance *instances_find(struct instances *instances, const char *id);

/* The same, begun if there was nothing; one that no visitor is led to may give way. */
struct instance *instances_remember(struct instances *instances, const char *id);

/* Visitors are led to these, up to a NULL, and to no others. */
void instances_set_routed(struct instances *instances,
                          const struct plan_container *const targets[PLAN_INSTANCES_MAX]);

/* It was started: whatever was known of an earlier run is over. */
void instances_note_started(struct instances *instances, const char *id);

/* It was stopped, to be started again. */
void instances_note_stopped(struct instances *instances, const char *id);

/* Takes Docker's list over: forgets what vanished, and gives the plan its containers, in the
 * arena. Only those on our network count: a step of a Dockerfile's build has whatever labels the
 * Dockerfile gives it. */
void instances_observe(struct instances *instances, struct arena *arena, const char *network,
                       const struct container *list, size_t count,
                       struct plan_observed *ret_observed);
