/*
 * Rolling up and removing, step by step; see the header. Started by the cycle.
 */
#include "dialup-monitord/rollup.h"

#include <event2/event.h>
#include <event2/event_struct.h>
#include <stdio.h>

#include "libdialup/base/clock.h"
#include "libdialup/base/log.h"
#include "libdialup/base/memory.h"
#include "libdialup/db/db.h"
#include "libdialup/store/rollups.h"
#include "libdialup/store/traffic.h"
#include "libdialup/store/violations.h"

enum {
    ROWS_PER_STEP = 200,
    RETRY_MS = 100,
    TRIES_MAX = 40,
    PAUSE_MS = 20, /* for the others who write */
    SWEEP_EVERY_S = 300,
    KEEP_VIOLATIONS_S = 400 * ROLLUP_DAY,
};

/* What is made of five minutes, in this order. */
static const struct stage {
    int64_t step_s;
    enum rollup_part part; /* of ROLLUP_5_MINUTES */
} stages[] = {
    {ROLLUP_5_MINUTES, ROLLUP_SITES},
    {ROLLUP_5_MINUTES, ROLLUP_OWNERS},
    {ROLLUP_5_MINUTES, ROLLUP_SYSTEM},
    {ROLLUP_HOUR, 0},
    {ROLLUP_DAY, 0},
};

enum { NONE = -1 };

struct rollup {
    struct daemon_run *run;
    int64_t keep_s;
    struct event step;
    int64_t cycle_at; /* of the cycle that it was started by; 0: idle */
    int tries;

    int64_t at; /* the five minutes under way, or NONE */
    size_t stage;
    struct arena *arena; /* owned, with the list; NULL: the stage is not added up yet */
    struct usage_rollups_list list;
    size_t done; /* rows of the list that are written */

    int64_t until; /* as it was read last */
    bool is_sweeping;
    size_t sweeper;   /* the next that removes */
    int64_t swept_at; /* the last time that all removed what they had to */
    char failure[256];
};

static void on_step(evutil_socket_t fd, short events, void *context);

struct rollup *rollup_new(struct daemon_run *run, int64_t keep_s)
{
    struct rollup *rollup = xcalloc(1, sizeof(*rollup));
    rollup->run = run;
    rollup->keep_s = keep_s;
    evtimer_assign(&rollup->step, run->base, on_step, rollup);
    return rollup;
}

void rollup_free(struct rollup *rollup)
{
    if (rollup) {
        event_del(&rollup->step);
        arena_free(rollup->arena);
        free(rollup);
    }
}

static void step_after_ms(struct rollup *rollup, int ms)
{
    const struct timeval pause = clock_timeval_of_ms(ms);
    event_add(&rollup->step, &pause);
}

static void forget_list(struct rollup *rollup)
{
    arena_free(rollup->arena);
    rollup->arena = NULL;
    rollup->list = (struct usage_rollups_list){0};
    rollup->done = 0;
}

void rollup_start(struct rollup *rollup, int64_t cycle_at)
{
    if (rollup->cycle_at == 0) {
        forget_list(rollup);
        rollup->cycle_at = cycle_at;
        rollup->at = NONE;
        rollup->stage = 0;
        rollup->is_sweeping = false;
        rollup->tries = 0;
        step_after_ms(rollup, 0);
    }
}

/* Rolling up ------------------------------------------------------------------------------- */

/* What is promised now belongs to the five minutes that have just ended. */
static bool is_newest(const struct rollup *rollup)
{
    return rollup->at / ROLLUP_5_MINUTES + 1 == rollup->cycle_at / ROLLUP_5_MINUTES;
}

static int add_up(struct rollup *rollup, const struct stage *stage, struct error *err)
{
    struct db *db = rollup->run->db;
    rollup->arena = arena_new();
    return stage->step_s == ROLLUP_5_MINUTES
               ? rollups_sum_samples(db, rollup->arena, stage->part, rollup->at, is_newest(rollup),
                                     &rollup->list, err)
               : rollups_sum(db, rollup->arena, stage->step_s, rollup->at, &rollup->list, err);
}

static int write_some(struct rollup *rollup, const struct stage *stage, struct error *err)
{
    size_t left = rollup->list.count - rollup->done;
    size_t count = left < ROWS_PER_STEP ? left : ROWS_PER_STEP;
    int result = rollups_put(rollup->run->db, stage->step_s, rollup->at,
                             &rollup->list.rows[rollup->done], count, err);
    rollup->done += result == 0 ? count : 0;
    return result;
}

static int finish(struct rollup *rollup, struct error *err)
{
    int64_t until = rollup->at + ROLLUP_5_MINUTES;
    int result = rollups_set_until(rollup->run->db, until, err);
    if (result == 0) {
        rollup->until = until;
        rollup->at = NONE;
        rollup->stage = 0;
    }
    return result;
}

/* One stage's sum, some of its rows, or its end. */
static int roll_up_step(struct rollup *rollup, struct error *err)
{
    if (rollup->stage == ARRAY_COUNT(stages)) {
        return finish(rollup, err);
    }
    const struct stage *stage = &stages[rollup->stage];
    int result = 0;
    if (!rollup->arena) {
        result = add_up(rollup, stage, err);
    } else if (rollup->done < rollup->list.count) {
        result = write_some(rollup, stage, err);
    }
    if (result == 0 && rollup->done == rollup->list.count) {
        forget_list(rollup);
        rollup->stage++;
    }
    return result;
}

/* Removing --------------------------------------------------------------------------------- */

/* Before it, samples may go. */
static int64_t samples_end(const struct rollup *rollup)
{
    int64_t end = rollup->cycle_at - rollup->keep_s;
    int64_t last = end - rollup->keep_s;
    return rollup->until >= end ? end : rollup->until > last ? rollup->until : last;
}

static int remove_usage(struct rollup *rollup, int64_t *ret_removed, struct error *err)
{
    return usage_expire(rollup->run->db, samples_end(rollup), ret_removed, err);
}

static int remove_traffic(struct rollup *rollup, int64_t *ret_removed, struct error *err)
{
    return traffic_expire(rollup->run->db, samples_end(rollup), ret_removed, err);
}

static int remove_5_minutes(struct rollup *rollup, int64_t *ret_removed, struct error *err)
{
    return rollups_expire(rollup->run->db, ROLLUP_5_MINUTES, rollup->cycle_at, ret_removed, err);
}

static int remove_hours(struct rollup *rollup, int64_t *ret_removed, struct error *err)
{
    return rollups_expire(rollup->run->db, ROLLUP_HOUR, rollup->cycle_at, ret_removed, err);
}

static int remove_days(struct rollup *rollup, int64_t *ret_removed, struct error *err)
{
    return rollups_expire(rollup->run->db, ROLLUP_DAY, rollup->cycle_at, ret_removed, err);
}

static int remove_violations(struct rollup *rollup, int64_t *ret_removed, struct error *err)
{
    return violations_expire(rollup->run->db, rollup->cycle_at - KEEP_VIOLATIONS_S, ret_removed,
                             err);
}

static int (*const sweepers[])(struct rollup *rollup, int64_t *ret_removed, struct error *err) = {
    remove_usage, remove_traffic, remove_5_minutes, remove_hours, remove_days, remove_violations,
};

static int sweep_step(struct rollup *rollup, struct error *err)
{
    int64_t removed = 0;
    int result = sweepers[rollup->sweeper](rollup, &removed, err);
    rollup->sweeper += result == 0 && removed == 0;
    if (rollup->sweeper == ARRAY_COUNT(sweepers)) {
        rollup->swept_at = rollup->cycle_at;
    }
    return result;
}

/* Steps ------------------------------------------------------------------------------------ */

static bool is_swept(const struct rollup *rollup)
{
    int64_t ago_s = rollup->cycle_at - rollup->swept_at;
    return ago_s >= 0 && ago_s < SWEEP_EVERY_S;
}

static int look_for_work(struct rollup *rollup, struct error *err)
{
    int result = rollups_until(rollup->run->db, &rollup->until, err);
    if (result == 0) {
        result = rollups_next(rollup->run->db, rollup->cycle_at, &rollup->at, err);
    }
    if (result == 0 && rollup->at == NONE) {
        rollup->is_sweeping = true;
        rollup->sweeper = is_swept(rollup) ? ARRAY_COUNT(sweepers) : 0;
    }
    return result;
}

static bool is_done(const struct rollup *rollup)
{
    return rollup->is_sweeping && rollup->sweeper == ARRAY_COUNT(sweepers);
}

static int next_step(struct rollup *rollup, struct error *err)
{
    return rollup->is_sweeping  ? sweep_step(rollup, err)
           : rollup->at != NONE ? roll_up_step(rollup, err)
                                : look_for_work(rollup, err);
}

static void note(struct rollup *rollup, const struct error *err)
{
    bool failed_before = rollup->failure[0] != '\0';
    snprintf(rollup->failure, sizeof(rollup->failure), "%s", err ? err->message : "");
    if (err && !failed_before) {
        log_warning("samples are not rolled up: %s (%s)", err->message, db_detail(rollup->run->db));
    } else if (!err && failed_before) {
        log_info("samples are rolled up again");
    }
}

static void end_work(struct rollup *rollup, const struct error *err)
{
    rollup->cycle_at = 0;
    note(rollup, err);
}

static void on_step(evutil_socket_t fd, short events, void *context)
{
    struct rollup *rollup = context;
    struct error err = {0};
    int result = next_step(rollup, &err);
    if (result == -ERR_BUSY && ++rollup->tries < TRIES_MAX) {
        step_after_ms(rollup, RETRY_MS);
    } else if (result < 0 || is_done(rollup)) {
        end_work(rollup, result < 0 ? &err : NULL);
    } else {
        rollup->tries = 0;
        step_after_ms(rollup, rollup->at == NONE ? PAUSE_MS : 0);
    }
}

struct health_finding rollup_check(const struct rollup *rollup)
{
    if (rollup->failure[0]) {
        return health_problem(HEALTH_DEGRADED,
                              "Look at the disk's free space and at the log of dialup-monitord.",
                              "Samples are not rolled up: %s.", rollup->failure);
    }
    return rollup->until > 0
               ? health_ok("Until %lld s ago", (long long)(clock_unix() - rollup->until))
               : health_ok("Nothing to roll up yet");
}
