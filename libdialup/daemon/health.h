/*
 * Health: is a part well, why not, and what to do. A check is a function that looks at what it has
 * at hand; it never waits for anything.
 */
#pragma once

enum health_status { HEALTH_OK, HEALTH_DEGRADED, HEALTH_FAILING };

struct health_finding {
    enum health_status status;
    char reason[256]; /* one sentence, also when all is well */
    char remedy[256]; /* "" when all is well */
};

struct health_check {
    const char *name;
    struct health_finding (*check)(void *state);
};

const char *health_status_name(enum health_status status); /* "ok", "degraded", "failing" */

/* All is well, because reason. */
struct health_finding health_ok(const char *reason, ...) __attribute__((format(printf, 1, 2)));

/* Not well: reason and remedy, each whole sentences. */
struct health_finding health_problem(enum health_status status, const char *remedy,
                                     const char *reason, ...) __attribute__((format(printf, 3, 4)));
