/*
 * What was taken from whom because there was not enough for all: one row a step, with its reason in
 * words for the owner. deployd writes them as it goes; whoever tells people reads them.
 *
 * A step that lasts (a site is stopped, a build stands still) has no end until it is undone. What
 * holds a site is in its row (sites.h); this is the record of it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "libdialup/base/arena.h"
#include "libdialup/base/error.h"
#include "libdialup/quota/quota.h"

struct db;

enum enforcement_cause { ENFORCED_BY_MEMORY, ENFORCED_BY_RUNTIME, ENFORCED_BY_LIMITS };
const char *enforcement_cause_name(enum enforcement_cause cause); /* "memory" */

/* A step that no emergency has: the site goes on in a clean container (storage). */
#define ENFORCEMENT_REMOVE_CONTAINER "remove_container"

struct enforcement {
    int64_t id;
    int64_t at;
    enum enforcement_cause cause;
    const char *step;             /* "stop_site", as quota_step_name says; "warn"; or the above */
    enum quota_entity owner_kind; /* QUOTA_USER or QUOTA_TEAM */
    int64_t owner_id;
    int64_t site_id;       /* 0: all of the owner's */
    int64_t deployment_id; /* of a build; else 0 */
    int64_t memory_mib;    /* what it occupied */
    const char *reason;
    int64_t ended_at; /* 0: it lasts */
};

struct enforcements_list {
    struct enforcement *rows;
    size_t count;
};

/* Writes row down, but for its id. */
int enforcements_add(struct db *db, const struct enforcement *row, struct error *err);

/* The end of what lasts, for a site (deployment_id 0) or for a build of it. None is fine. */
int enforcements_end(struct db *db, int64_t site_id, int64_t deployment_id, int64_t now,
                     struct error *err);

/* What lasts, by site. */
int enforcements_list_lasting(struct db *db, struct arena *arena,
                              struct enforcements_list *ret_list, struct error *err);

/* An owner's after an id, the oldest first, at most limit. */
int enforcements_list_by_owner(struct db *db, struct arena *arena, enum quota_entity owner_kind,
                               int64_t owner_id, int64_t after_id, int64_t limit,
                               struct enforcements_list *ret_list, struct error *err);

/* Everybody's after an id, the oldest first, at most limit. */
int enforcements_list_after(struct db *db, struct arena *arena, int64_t after_id, int64_t limit,
                            struct enforcements_list *ret_list, struct error *err);

/* Forgets what is over and older than this. */
int enforcements_expire(struct db *db, int64_t before, struct error *err);
