/*
 * One site under the converger's hands: what is remembered of it between steps, and the actions
 * that a plan asks for. Internal to converge.c, site_work.c and site_actions.c.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "dialup-deployd/converge.h"
#include "dialup-deployd/plan.h"
#include "libdialup/base/arena.h"
#include "libdialup/store/deployments.h"
#include "libdialup/store/sites.h"
#include "proto/jobs_rpc.h"

struct event;
struct probe;

enum {
    SITE_WORK_CONTAINERS = 8,   /* of one site at a time; more are removed by and by */
    SITE_WORK_NEW_ATTEMPTS = 1, /* of a new release: its owner waits for the answer */
    SITE_WORK_LIVE_ATTEMPTS = 5,
    SITE_WORK_PIDS = 256,
};

/* What is known of a container beyond Docker's list. */
struct site_container {
    struct running_container running; /* pid 0: not looked at yet */
    enum plan_health health;
    bool is_dead;     /* an event said so; Docker's list says it a moment later */
    char address[16]; /* IPv4, "" as long as it was not asked for */
};

struct site_work {
    struct site_work *next;
    struct converger *converger;
    int64_t site_id;

    /* The step in hand. */
    bool is_busy;
    bool is_kicked; /* again, meanwhile */
    struct arena *arena;
    struct site site;
    struct deployment wanted;
    struct jobs_release release;
    enum plan_serve serve;
    struct plan_container *containers;
    size_t container_count;
    struct plan_step step;
    struct probe *probe;
    int probe_status; /* of the last probe: HTTP, 0 if there was no answer */

    /* Remembered. */
    struct site_container known[SITE_WORK_CONTAINERS];
    enum plan_route route;
    int64_t route_deployment;
    char route_container[CONTAINER_ID_SIZE];
    int64_t routed_at;          /* since when visitors are led there */
    int64_t attempt_deployment; /* what the failures below belong to */
    int64_t attempt_generation;
    int failures;
    struct error failure; /* the last one, for its owner */
    struct event *retry;
    bool is_waiting; /* for retry */
    int64_t effective_memory_mib;
    int64_t effective_cpu_millicores;
};

struct site_work *site_work_new(struct converger *converger, int64_t site_id);
void site_work_free(struct site_work *work);

/* Begins, or remembers to begin again when the step in hand is done. */
void site_work_kick(struct site_work *work);

/* How an action ends: site_work_next looks again, site_work_failed counts and waits. */
void site_work_next(struct site_work *work);
void site_work_failed(struct site_work *work, const struct error *err);

/* A live release that does not start: nothing more for a while. */
void site_work_given_up(struct site_work *work);

/* The action of work->step. */
void site_action_run(struct site_work *work);

/* What is remembered of a container; NULL if nothing is. */
struct site_container *site_work_find(struct site_work *work, const char *id);
struct site_container *site_work_remember(struct site_work *work, const char *id);
