/*
 * Random inputs for property tests: a seed that is printed, and can be given again in DIALUP_SEED.
 * xorshift64*, the same everywhere.
 */
#pragma once

#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

struct random {
    uint64_t state;
};

static inline struct random random_start(void)
{
    const char *given = getenv("DIALUP_SEED");
    uint64_t seed = given ? strtoull(given, NULL, 10) : (uint64_t)time(NULL) * 2654435761U;
    printf("# DIALUP_SEED=%" PRIu64 "\n", seed);
    return (struct random){seed ? seed : 1};
}

static inline uint64_t random_next(struct random *random)
{
    random->state ^= random->state >> 12;
    random->state ^= random->state << 25;
    random->state ^= random->state >> 27;
    return random->state * 2685821657736338717U;
}

/* From 0 to below - 1. */
static inline int64_t random_below(struct random *random, int64_t below)
{
    return (int64_t)(random_next(random) % (uint64_t)below);
}
