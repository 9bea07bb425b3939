/*
 * The operations: what may happen, each with a few numbers that say to whom and how much. They are
 * chosen modulo what is there, so any part of a list is a list again: that is how a failure
 * shrinks.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "libdialup/base/error.h"
#include "tests/model/reference.h"

struct operation {
    uint8_t kind;
    uint32_t a, b, c;
    uint64_t seed; /* of what the world draws meanwhile */
};

/* What became of all of them. */
struct tally {
    int64_t operations;
    int64_t admitted;
    int64_t refused;
    int64_t refused_by[QUOTA_DIMENSION_COUNT];
    int64_t conflicts;
    int64_t crashes;
    int64_t torn; /* crashes in the middle of a write */
    int64_t rests;
};

/* One course of the world, from an empty database on. */
struct course {
    struct reference reference;
    struct tally tally;
    int armed; /* the disk dies so many writes into the next operation; negative: it does not */
    bool is_verbose;
};

/* How an operation should end, and how it did. */
struct outcome {
    bool is_skipped; /* there was nobody to do it to */
    bool is_silent;  /* nobody is answered */
    bool is_admission;
    int expected;
    int answer;
    int64_t refused[QUOTA_DIMENSION_COUNT];
    struct error err;
};

typedef void operation_fn(struct course *course, const struct operation *operation,
                          struct outcome *outcome);

/* Draws one; state is that of a xorshift generator. */
struct operation operation_draw(uint64_t *state);

void operation_print(FILE *out, const struct operation *operation);
bool operation_parse(const char *line, struct operation *ret_operation);

/* Carries it out, delivers answers, and holds the world against the reference. What is wrong, or
 * NULL. */
const char *operation_run(struct course *course, const struct operation *operation);

/* Everything comes to rest, and nothing may be left over then. */
const char *operation_rest(struct course *course, const struct operation *operation);

/* In site_operations.c and people_operations.c. */
operation_fn operation_create;
operation_fn operation_deploy;
operation_fn operation_start;
operation_fn operation_stop;
operation_fn operation_restart;
operation_fn operation_update;
operation_fn operation_delete;
operation_fn operation_sleep;
operation_fn operation_wake;
operation_fn operation_scale;
operation_fn operation_measure;
operation_fn operation_limit;
operation_fn operation_profile;
operation_fn operation_team_create;
operation_fn operation_team_delete;
operation_fn operation_team_join;
operation_fn operation_team_leave;
operation_fn operation_team_role;
operation_fn operation_team_move;
