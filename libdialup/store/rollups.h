/*
 * Roll-ups: usage_samples and traffic_samples added up to five minutes, those to hours, those to
 * days, for each site, user, team and for the system. Written by monitord; read by usage.h.
 *
 * An owner's rows are those of what ran as theirs; traffic is that of the sites that are theirs
 * when it is rolled up. A row is replaced when it is made again, so who does not know how far it
 * came begins anew with the same bucket. An hour and a day that are not over hold what is known of
 * them.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "libdialup/base/arena.h"
#include "libdialup/base/error.h"
#include "libdialup/store/usage.h"

struct db;

enum { ROLLUP_5_MINUTES = 300, ROLLUP_HOUR = 3600, ROLLUP_DAY = 86400 };

/* How long rows are kept, by step: 8 days, 100 days, 500 weeks. */
int64_t rollups_keep_s(int64_t step_s);

struct usage_rollup {
    const char *entity_kind; /* "site", or the name of an enum quota_entity */
    int64_t entity_id;
    struct usage_sums sums;
};

struct usage_rollups_list {
    struct usage_rollup *rows;
    size_t count;
};

/* The five minutes that come next and are over, as a cycle at cycle_at shows: those of the oldest
 * samples that are not rolled up, at the latest the last that are over; -1: none are. Where nothing
 * was measured (nobody ran) five minutes are left out. */
int rollups_next(struct db *db, int64_t cycle_at, int64_t *ret_at, struct error *err);

enum rollup_part { ROLLUP_SITES, ROLLUP_OWNERS, ROLLUP_SYSTEM, ROLLUP_PART_COUNT };

/* Adds up the samples in five minutes from at on. With the ledger: also what is promised now, which
 * is right only of five minutes that have just ended. */
int rollups_sum_samples(struct db *db, struct arena *arena, enum rollup_part part, int64_t at,
                        bool with_ledger, struct usage_rollups_list *ret_list, struct error *err);

/* Adds up five minutes to an hour, or hours to a day: step_s is the result's, at is in it. */
int rollups_sum(struct db *db, struct arena *arena, int64_t step_s, int64_t at,
                struct usage_rollups_list *ret_list, struct error *err);

/* Replaces rows; at is in the step. All or none, in one transaction: at most 200 keep the writers'
 * lock short. */
int rollups_put(struct db *db, int64_t step_s, int64_t at, const struct usage_rollup *rows,
                size_t count, struct error *err);

/* The five minutes before until are done, and their hour and day too. */
int rollups_set_until(struct db *db, int64_t until, struct error *err);

/* Until when it is done; 0: nothing is. What is younger has to stay in the samples. */
int rollups_until(struct db *db, int64_t *ret_until, struct error *err);

/* Removes what is older than it is kept, of one step, at most some hours' worth a call; go on until
 * none is left. */
int rollups_expire(struct db *db, int64_t step_s, int64_t now, int64_t *ret_removed,
                   struct error *err);
