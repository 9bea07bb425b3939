/*
 * Fair shares: whose part of the machine is larger than it should be when there is not enough.
 * Dominant Resource Fairness (Ghodsi et al., NSDI 2011): an owner's share is the largest of its
 * parts of memory, CPU and storage. Pure.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "libdialup/quota/dimensions.h"
#include "libdialup/quota/limits.h"

/* Shares are in millionths of the machine. */
enum { QUOTA_WHOLE_SHARE = 1000000 };

struct quota_owner {
    enum quota_entity entity; /* QUOTA_USER or QUOTA_TEAM */
    int64_t id;
    const char *name;          /* borrowed */
    struct quota_amounts used; /* wholes added up */
    bool is_active;            /* uses something, or may want to: the machine is divided by these */
};

/* The largest of used/has over memory, CPU and storage, in millionths (more than a whole if it is
 * overcommitted), and which of them it is; a machine without any of one counts as full of it. */
int64_t quota_dominant_share(const struct quota_amounts *used, const struct quota_machine *machine,
                             enum quota_dimension *ret_dimension);

/* What each active owner would have of an amount; all of it if there is none. */
int64_t quota_fair_share(int64_t capacity, size_t active_owners);

size_t quota_count_active(const struct quota_owner *owners, size_t count);

/* The active owner with the largest dominant share that is not nothing; of equals the one with the
 * smaller entity and id, whatever the order. NULL if nobody uses anything. */
const struct quota_owner *quota_largest_share(const struct quota_owner *owners, size_t count,
                                              const struct quota_machine *machine);

/* The same, if it is above the fair share: as that is the same for all, nobody is more over it.
 * NULL if nobody is. */
const struct quota_owner *quota_most_over_share(const struct quota_owner *owners, size_t count,
                                                const struct quota_machine *machine);
