/*
 * Admission: would this request fit, and in which words is that said. Pure: the caller brings the
 * numbers, in one transaction if they must not change meanwhile.
 *
 * A request is admitted if at each level (user, or the team instead; then the system) and in each
 * dimension that it asks for, used + requested stays within the effective limit. Above it, a level
 * with a burst may be lent more while the machine is calm. The verdict lists all checks, so that a
 * person sees all refusals at once.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "libdialup/base/error.h"
#include "libdialup/quota/dimensions.h"
#include "libdialup/quota/limits.h"

/* Nothing is lent above this part of the machine's memory, CPU or storage. */
enum { QUOTA_CALM_PERCENT = 60 };

/* One level that binds a request. */
struct quota_level {
    enum quota_entity entity;
    const char *name;  /* borrowed: "ann@example.org", "the blog team", "the server" */
    const char *leads; /* borrowed: who leads a team; NULL: not read */
    struct quota_limit limits[QUOTA_DIMENSION_COUNT];
    struct quota_machine machine; /* what parts of the machine are parts of */
    struct quota_amounts brought; /* a user's: lent to teams. A team's: what its members bring in */
    struct quota_amounts used;
};

/* No limits, nothing used; but a team has nothing that its pool or its members do not give it. */
void quota_level_init(struct quota_level *level, enum quota_entity entity, const char *name);

/* The machine's capacity: what is left when reserve_percent of it is kept for the system. */
void quota_level_init_system(struct quota_level *level, int64_t memory_mib, int64_t millicores,
                             int64_t storage_mib, int64_t reserve_percent);

/* What binds at this level: the effective limit; less what a user brought into teams, and with what
 * the members brought into a team. */
struct quota_effective quota_level_limit(const struct quota_level *level,
                                         enum quota_dimension dimension);

/* How the level stands, with what it has: quota_state of its effective limit. */
enum quota_state quota_level_state(const struct quota_level *level, enum quota_dimension dimension);

struct quota_check {
    const struct quota_level *level; /* borrowed from the caller */
    enum quota_dimension dimension;
    int64_t used, requested, limit, projected;
    enum quota_bound by; /* what made the limit */
    bool allowed;
    bool lent;         /* allowed, but above the limit: the first to go */
    bool soft_reached; /* allowed or not, people should know */
};

enum { QUOTA_MAX_LEVELS = 3, QUOTA_MAX_CHECKS = QUOTA_MAX_LEVELS * QUOTA_DIMENSION_COUNT };

struct quota_verdict {
    bool allowed;
    bool lent; /* some of it */
    size_t count;
    struct quota_check checks[QUOTA_MAX_CHECKS];
};

/* levels: at most QUOTA_MAX_LEVELS, the nearest to the asker first. The request's wholes are
 * added up here. Without a system level nothing is lent. */
void quota_admit(const struct quota_level *levels, size_t count,
                 const struct quota_amounts *request, struct quota_verdict *ret_verdict);

/* What a request may ask for: each amount between 0 and QUOTA_MAX_AMOUNT, or -ERR_INVALID_ARGUMENT
 * with the dimension as field. */
int quota_request_check(const struct quota_amounts *request, struct error *err);

/* Fills err with ERR_QUOTA_EXCEEDED and the sentence of all refusals, for action "Cannot deploy".
 * The verdict must not be allowed. Returns -ERR_QUOTA_EXCEEDED. */
int quota_refuse(const struct quota_verdict *verdict, const char *action, struct error *err);

/* ERR_FORBIDDEN, in the words for an account that may not use the editor. */
int quota_refuse_editor(const char *action, struct error *err);

/* The sentences of all soft limits reached and all that is lent, of one entity or of each
 * (with_entity NULL); "" if there are none. Cut where out ends. */
void quota_warn(const struct quota_verdict *verdict, const enum quota_entity *with_entity,
                char *out, size_t size);

/* The largest request that would be admitted now, by dimension that the ledger counts and at all
 * levels, without burst. QUOTA_UNLIMITED: nothing binds. A whole says what its parts may have
 * together; each part by itself fits, and so does one part of each whole together with a site and
 * its containers. */
void quota_fit(const struct quota_level *levels, size_t count, struct quota_amounts *ret_largest);
