/*
 * Quota arithmetic: would this request fit, and in which words is that said. Pure: no clock, no
 * I/O; the caller brings the numbers, in one transaction if they must not change meanwhile.
 *
 * A request is admitted if at each level (user, then system) and in each dimension that it asks
 * for, used + requested stays within the limit. The verdict lists all of them, so that a person
 * sees all refusals at once.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "libdialup/base/error.h"

enum quota_dimension {
#define DIMENSION(code, name, label, unit, whole, noun, hint) QUOTA_##code,
#include "libdialup/quota/dimensions.def"
#undef DIMENSION
    QUOTA_DIMENSION_COUNT
};

enum quota_unit { QUOTA_COUNT, QUOTA_MIB, QUOTA_MILLICORES };

struct quota_dimension_info {
    const char *name;
    const char *label;
    enum quota_unit unit;
    enum quota_dimension whole; /* the dimension that this one is a part of; itself if none */
    const char *noun;
    const char *hint;
};

const struct quota_dimension_info *quota_dimension_info(enum quota_dimension dimension);

/* False if there is no dimension of this name. */
bool quota_dimension_parse(const char *name, enum quota_dimension *ret_dimension);

const char *quota_unit_name(enum quota_unit unit); /* "count", "MiB", "millicores" */

/* "3", "256MB", "0.5 cores": as people write it. */
void quota_format(enum quota_unit unit, int64_t amount, char *out, size_t size);

enum { QUOTA_UNLIMITED = -1, QUOTA_MAX_AMOUNT_BITS = 40, QUOTA_SOFT_PERCENT = 80 };
#define QUOTA_MAX_AMOUNT ((int64_t)1 << QUOTA_MAX_AMOUNT_BITS)

/* Amounts by dimension, in each dimension's unit, each between 0 and QUOTA_MAX_AMOUNT. */
struct quota_amounts {
    int64_t of[QUOTA_DIMENSION_COUNT];
};

/* Sets each whole to the sum of its parts. */
void quota_add_up(struct quota_amounts *amounts);

struct quota_limit {
    int64_t hard; /* QUOTA_UNLIMITED: none */
    int64_t soft_percent;
    int64_t burst_percent;
};

enum quota_entity { QUOTA_SYSTEM, QUOTA_TEAM, QUOTA_USER };

const char *quota_entity_name(enum quota_entity entity);

/* One level that binds a request. */
struct quota_level {
    enum quota_entity entity;
    const char *name; /* borrowed: "ann@example.org", "the server" */
    struct quota_limit limits[QUOTA_DIMENSION_COUNT];
    struct quota_amounts used;
};

/* No limits, nothing used. */
void quota_level_init(struct quota_level *level, enum quota_entity entity, const char *name);

/* The machine's capacity: what is left when reserve_percent of it is kept for the system. */
void quota_level_init_system(struct quota_level *level, int64_t memory_mib, int64_t millicores,
                             int64_t storage_mib, int64_t reserve_percent);

struct quota_check {
    const struct quota_level *level; /* borrowed from the caller */
    enum quota_dimension dimension;
    int64_t used, requested, limit, projected;
    bool allowed;
    bool soft_reached;
};

enum { QUOTA_MAX_LEVELS = 3, QUOTA_MAX_CHECKS = QUOTA_MAX_LEVELS * QUOTA_DIMENSION_COUNT };

struct quota_verdict {
    bool allowed;
    size_t count;
    struct quota_check checks[QUOTA_MAX_CHECKS];
};

/* levels: at most QUOTA_MAX_LEVELS, the nearest to the asker first. The request's wholes are
 * added up here. */
void quota_admit(const struct quota_level *levels, size_t count,
                 const struct quota_amounts *request, struct quota_verdict *ret_verdict);

/* Fills err with ERR_QUOTA_EXCEEDED and the sentence of all refusals, for action "Cannot deploy".
 * The verdict must not be allowed. Returns -ERR_QUOTA_EXCEEDED. */
int quota_refuse(const struct quota_verdict *verdict, const char *action, struct error *err);

enum quota_state { QUOTA_OK, QUOTA_SOFT, QUOTA_HARD, QUOTA_OVER };

/* Where a use stands against its limit: below soft, from soft on, at hard, above hard. */
enum quota_state quota_state(const struct quota_limit *limit, int64_t used);
const char *quota_state_name(enum quota_state state); /* "ok", "soft", "hard", "over" */

struct quota_profile {
    const char *name;
    struct quota_limit limits[QUOTA_DIMENSION_COUNT];
    bool can_create_sites;
    bool can_use_editor;
};

#define QUOTA_DEFAULT_PROFILE "standard"

/* Profiles in order; NULL past the last. */
const struct quota_profile *quota_profile_at(size_t index);
const struct quota_profile *quota_profile_find(const char *name);
