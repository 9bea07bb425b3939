/*
 * Limits: how much an entity may use of one dimension, and how it stands against it. Pure.
 *
 * A limit is an amount, a part of the machine, or both; the stricter binds. What binds on this
 * machine is the effective limit.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "libdialup/base/error.h"
#include "libdialup/quota/dimensions.h"

enum { QUOTA_SOFT_PERCENT = 80 };

struct quota_limit {
    int64_t hard;          /* QUOTA_UNLIMITED: no amount is given */
    int64_t soft_percent;  /* of the effective limit, 1 to 100: from there on people are warned */
    int64_t burst_percent; /* above the effective limit, 0 to 100: lent while the machine is calm */
    int64_t percent;       /* of the machine, 1 to 100; 0: no part is given */
};

/* No limit, with the usual soft percent. */
#define QUOTA_NO_LIMIT                                                                             \
    ((struct quota_limit){.hard = QUOTA_UNLIMITED, .soft_percent = QUOTA_SOFT_PERCENT})

/* What a machine has, all of it. */
struct quota_machine {
    int64_t memory_mib;
    int64_t cpu_millicores;
    int64_t storage_mib;
};

/* What the machine has of a dimension (of its whole); QUOTA_UNLIMITED for what is no part of a
 * machine, such as sites. */
int64_t quota_machine_has(const struct quota_machine *machine, enum quota_dimension dimension);

/* What made a limit what it is. */
enum quota_bound { QUOTA_BY_NOTHING, QUOTA_BY_HARD, QUOTA_BY_PERCENT };
const char *quota_bound_name(enum quota_bound bound); /* "none", "hard", "percent" */

struct quota_effective {
    int64_t hard; /* QUOTA_UNLIMITED: none */
    enum quota_bound by;
};

/* The stricter of the amount and the part of this machine. A part of what no machine has counts as
 * none. */
struct quota_effective quota_limit_effective(const struct quota_limit *limit,
                                             enum quota_dimension dimension,
                                             const struct quota_machine *machine);

/* The effective limit with what may be lent above it. */
int64_t quota_limit_with_burst(const struct quota_limit *limit, int64_t effective);

/* Whether entity may have this limit: -ERR_INVALID_ARGUMENT with field ("hard", "percent",
 * "soft_percent", "burst_percent" or "dimension") and remedy. */
int quota_limit_check(const struct quota_limit *limit, enum quota_dimension dimension,
                      enum quota_entity entity, struct error *err);

enum quota_state { QUOTA_OK, QUOTA_SOFT, QUOTA_HARD, QUOTA_OVER };

/* Where a use stands: below soft, from soft on, at hard, above hard. limit->hard is the effective
 * one. */
enum quota_state quota_state(const struct quota_limit *limit, int64_t used);
const char *quota_state_name(enum quota_state state); /* "ok", "soft", "hard", "over" */

/* What a limit means for those who use more than it, and for something that needs an amount by
 * itself (a type of site; 0: nothing). False, and nothing written, if it has no consequence. */
bool quota_limit_consequence(enum quota_dimension dimension, int64_t effective, int64_t used,
                             int64_t needed, char *out, size_t size);
