/*
 * The plan: from what a site should be and what was observed, the one next thing to do.
 *
 * Pure. The converger carries the action out, observes again and asks again, until the answer is
 * PLAN_NOTHING. So nothing depends on having seen an event, and a crash between any two steps is
 * finished by the next pass.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum plan_desired { PLAN_RUNNING, PLAN_STOPPED, PLAN_DELETED };

/* How the wanted release is served. */
enum plan_serve { PLAN_NO_RELEASE, PLAN_FILES, PLAN_CONTAINER };

/* How deep a site should sleep: not; its processes stand still; it has no running container. */
enum plan_depth { PLAN_AWAKE, PLAN_FROZEN, PLAN_ASLEEP };

enum { PLAN_INSTANCES_MAX = 2 };

struct plan_site {
    enum plan_desired desired;
    enum plan_serve serve;
    int64_t wanted_deployment; /* 0: none yet */
    int64_t live_deployment;   /* 0: none yet */
    int64_t generation;        /* counted up by a restart */
    int64_t memory_mib;        /* limits that a container must have */
    int64_t cpu_millicores;
    int attempts_left;     /* before the wanted release counts as failed */
    enum plan_depth depth; /* of a new release: awake */
    int instances;         /* that should answer, 1 to PLAN_INSTANCES_MAX */
    bool may_overlap;      /* there is memory for the old and the new at once */
};

enum plan_health { PLAN_UNPROBED, PLAN_HEALTHY, PLAN_UNHEALTHY };

/* Whether a running container's processes run; unknown of one that a former life left. */
enum plan_pulse { PLAN_PULSE_UNKNOWN, PLAN_GOING, PLAN_STILL };

/* Whether a container that visitors are no longer led to still has connections. */
enum plan_drain { PLAN_UNDRAINED, PLAN_DRAINING, PLAN_DRAINED };

/* One container of the site, as the engine has it. */
struct plan_container {
    const char *id; /* borrowed */
    int64_t deployment;
    int64_t generation;
    bool is_running;
    bool was_started; /* has run: stopped now means that it ended or was stopped */
    bool is_rested;   /* it does not run, and did not end in our sight: put to sleep, or a reboot */
    bool is_routed;   /* visitors are led to it */
    bool must_go;     /* it wrote too much: it ends now, and its file system with it */
    enum plan_health health;
    enum plan_pulse pulse;
    enum plan_drain drain;
    int64_t memory_mib;
    int64_t cpu_millicores;
};

enum plan_route {
    PLAN_ROUTE_UNKNOWN,
    PLAN_ROUTE_NONE,
    PLAN_ROUTE_FILES,
    PLAN_ROUTE_CONTAINER,
    PLAN_ROUTE_PAGE,
    PLAN_ROUTE_WAITING, /* visitors wait for a container */
    PLAN_ROUTE_HOLD     /* visitors wait, and the gate says that somebody wants the site */
};

/* Where visitors are led now. */
struct plan_observed {
    enum plan_route route;
    int64_t route_deployment; /* PLAN_ROUTE_FILES: whose files */
    bool is_route_lost;       /* PLAN_ROUTE_CONTAINER: one that visitors are led to is gone */
    const struct plan_container *containers;
    size_t container_count;
};

enum plan_action {
    PLAN_NOTHING,
    PLAN_CREATE,         /* a container of the wanted release */
    PLAN_START,          /* container */
    PLAN_PROBE,          /* container: does it answer? */
    PLAN_ROUTE_TO,       /* the targets */
    PLAN_ROUTE_TO_FILES, /* of the wanted release */
    PLAN_ROUTE_STOPPED,  /* show the page "stopped" */
    PLAN_ROUTE_WAIT,     /* lead visitors nowhere until something answers */
    PLAN_ROUTE_REMOVE,   /* the host is forgotten */
    PLAN_LIMIT,          /* container: give it the site's limits */
    PLAN_DRAIN,          /* container: see its connections to their end, meanwhile go on */
    PLAN_REMOVE,         /* container */
    PLAN_GIVE_UP,        /* the wanted release does not start; container: the one that failed */
    PLAN_HOLD,           /* lead visitors nowhere, unless somebody visits just now */
    PLAN_FREEZE,         /* container */
    PLAN_THAW,           /* container */
    PLAN_STOP,           /* container: it stays, to be started again */
    PLAN_EVICT,          /* container: it ends at once, and counts as one that crashed */
    PLAN_NOTE_ASLEEP,    /* it should be frozen, but nothing runs that could be */
    PLAN_STAY,           /* a restart fails; container: the one from before, which goes on */
    PLAN_AWAIT,          /* nothing before a drain has ended; the site is not at rest */
    PLAN_ACTION_COUNT
};

struct plan_step {
    enum plan_action action;
    const struct plan_container *container;                   /* borrowed; NULL if none */
    const struct plan_container *targets[PLAN_INSTANCES_MAX]; /* PLAN_ROUTE_TO; NULL: no more */
};

struct plan_step plan_next(const struct plan_site *site, const struct plan_observed *observed);

const char *plan_action_name(enum plan_action action);
