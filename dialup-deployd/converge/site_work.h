/*
 * One site under the converger's hands, as a value: the rows that say what should be, what was
 * observed, the step in hand, and what is remembered between steps.
 *
 * site_loop.c moves it on; the actions (actions.h) carry a step out and end in action_end(). Both
 * know this file; it knows neither of them.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "dialup-deployd/converge/instances.h"
#include "dialup-deployd/converge/plan.h"
#include "libdialup/base/arena.h"
#include "libdialup/base/error.h"
#include "libdialup/store/deployments.h"
#include "libdialup/store/sites.h"
#include "proto/jobs_rpc.h"

struct deployd;
struct event;
struct probe;
struct site_work;

enum {
    SITE_WORK_NEW_ATTEMPTS = 1, /* of a new release: its owner waits for the answer */
    SITE_WORK_LIVE_ATTEMPTS = 5,
    SITE_WORK_PIDS = 256,
};

/* Where visitors are led, as far as we know. */
struct site_route {
    enum plan_route kind;
    int64_t deployment;                                     /* whose files */
    char containers[PLAN_INSTANCES_MAX][CONTAINER_ID_SIZE]; /* "" : no more */
    int64_t since_ms;                                       /* monotonic; of a container */
    const char *page;                                       /* the gate's word; static */
};

/* What a site tells whoever runs all of them. */
struct site_work_hooks {
    /* It has nothing left to do for now. */
    void (*on_settled)(void *context);
    /* Docker answered; or, err set, it did not. */
    void (*on_docker)(void *context, const struct error *err);
    /* Whether two releases of it may run at once: the memory of one is lent while they do. */
    bool (*may_overlap)(void *context, const struct site_work *work);
    void *context;
};

/* The end of the step in hand; err NULL: it is done. */
typedef void site_work_end_fn(struct site_work *work, const struct error *err);

/* Something that was left to run has changed: look again. */
typedef void site_work_kick_fn(struct site_work *work);

struct site_work {
    struct site_work *next;
    struct deployd *deployd;
    struct site_work_hooks hooks;
    site_work_end_fn *on_end;
    site_work_kick_fn *kick;
    int64_t site_id;

    /* What should be. */
    struct arena *arena;
    struct site site;
    struct deployment wanted;
    struct jobs_release release;
    enum plan_serve serve;
    int64_t effective_memory_mib; /* the limits that its container gets */
    int64_t effective_cpu_millicores;

    /* What is. */
    struct plan_observed observed;
    struct instances instances;
    struct site_route route;
    bool is_woken;       /* somebody wants it: awake, whatever its row still says */
    int64_t overlap_mib; /* memory lent to it as long as two releases run */

    /* The step in hand. */
    bool is_busy;
    bool is_kicked; /* again, meanwhile */
    struct plan_step step;
    struct probe *probe;
    int probe_status;               /* of the last probe: HTTP, 0 if there was no answer */
    bool has_connected;             /* it: somebody took a connection */
    int64_t probe_s;                /* how long it tried */
    int64_t astray_since_us;        /* monotonic: the app listens elsewhere only; 0: it does not */
    bool is_astray_told;            /* its log says so */
    struct container_detail failed; /* what did not start, as the engine describes it */

    /* Attempts. */
    int64_t attempt_deployment; /* what the failures below belong to */
    int64_t attempt_generation;
    int failures;
    struct error failure;      /* the last one, for its owner */
    bool is_given_up;          /* set by the step: rest for a while */
    int64_t stayed_generation; /* a restart failed, and this one goes on: */
    char stayed[sizeof(((struct error *)NULL)->message)]; /* why; "": none did */
    struct error evicted; /* why a container of it had to go; code 0: none had to */
    struct event *retry;
    bool is_waiting;             /* for retry */
    int64_t awaiting_deployment; /* its log says already that it waits for a drain */

    bool has_removed; /* a container, since it settled: its image may be of no use any more */
};

/* Reads the site's rows anew. */
int site_work_read(struct site_work *work, struct error *err);

/* What the plan needs to know of the site itself. */
struct plan_site site_work_describe(const struct site_work *work);

/* The wanted release was never live: its owner waits. */
bool site_work_is_new_release(const struct site_work *work);

/* It should run, but gives way to others for now. Its new release may still come up. */
bool site_work_is_held(const struct site_work *work);

/* What the gate shows of a site that is led nowhere: "stopped", "failed", "crowded", "spent". */
const char *site_work_page(const struct site_work *work);

/* Every action ends here, once. Nothing may be done with the work afterwards. */
void action_end(struct site_work *work, const struct error *err);
