/*
 * Dimensions: what is limited, in which unit, and how amounts are written. The table is
 * dimensions.def. Pure.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "libdialup/base/error.h"

enum quota_dimension {
#define DIMENSION(code, name, label, kind, unit, whole, levels, noun, hint) QUOTA_##code,
#include "libdialup/quota/dimensions.def"
#undef DIMENSION
    QUOTA_DIMENSION_COUNT
};

enum quota_kind {
    QUOTA_STOCK,
    QUOTA_RESERVED,
    QUOTA_MEASURED,
    QUOTA_RATE,
    QUOTA_GAUGE,
    QUOTA_INTEGRAL,
    QUOTA_TIMER
};

enum quota_unit {
    QUOTA_COUNT,
    QUOTA_MIB,
    QUOTA_MILLICORES,
    QUOTA_MBIT_PER_S,
    QUOTA_HOURS,
    QUOTA_MINUTES
};

/* Who may have limits. */
enum quota_entity { QUOTA_SYSTEM, QUOTA_TEAM, QUOTA_USER };

struct quota_dimension_info {
    const char *name;
    const char *label;
    enum quota_kind kind;
    enum quota_unit unit;
    enum quota_dimension whole; /* the dimension that this one is a part of; itself if none */
    unsigned int levels;        /* bits: 1 << enum quota_entity */
    const char *noun;
    const char *hint;
};

const struct quota_dimension_info *quota_dimension_info(enum quota_dimension dimension);

/* False if there is no dimension of this name. */
bool quota_dimension_parse(const char *name, enum quota_dimension *ret_dimension);

/* As above, in words: -ERR_INVALID_ARGUMENT, field "dimension". */
int quota_dimension_find(const char *name, enum quota_dimension *ret_dimension, struct error *err);

/* A sum of others: it has no rows in the ledger and no shares in a team. */
bool quota_dimension_is_sum(enum quota_dimension dimension);

/* What the ledger knows: stock, reserved, measured. The others are watched where they happen. */
bool quota_dimension_is_counted(enum quota_dimension dimension);

/* Whether entity may have a limit in it. */
bool quota_dimension_binds(enum quota_dimension dimension, enum quota_entity entity);

/* Whether a member can bring some of it into a team: what adds up, is no sum, and that a user may
 * have. */
bool quota_dimension_is_shared(enum quota_dimension dimension);

const char *quota_entity_name(enum quota_entity entity); /* "system", "team", "user" */
bool quota_entity_parse(const char *name, enum quota_entity *ret_entity);
const char *quota_kind_name(enum quota_kind kind); /* "stock", "reserved", ... */
const char *quota_unit_name(enum quota_unit unit); /* "count", "MiB", "millicores", "Mbit/s", ... */

/* "3", "256MB", "0.5 cores", "100 Mbit/s", "24 h", "60 min": as people write it. */
void quota_format(enum quota_unit unit, int64_t amount, char *out, size_t size);

/* With its noun: "2 sites", "1 dev container", "256MB of memory". */
void quota_format_noun(enum quota_dimension dimension, int64_t amount, char *out, size_t size);

enum { QUOTA_UNLIMITED = -1, QUOTA_MAX_AMOUNT_BITS = 40 };
#define QUOTA_MAX_AMOUNT ((int64_t)1 << QUOTA_MAX_AMOUNT_BITS)

/* What a person typed, with or without its unit: "3", "512MB", "2GB", "0.5 cores", "1h". Refuses
 * what is negative, no number, not whole in the dimension's unit, or above QUOTA_MAX_AMOUNT:
 * -ERR_INVALID_ARGUMENT, field: the dimension's name. */
int quota_amount_parse(enum quota_dimension dimension, const char *text, int64_t *ret_amount,
                       struct error *err);

/* An amount that came as a number: -ERR_INVALID_ARGUMENT as above. QUOTA_UNLIMITED is refused, too.
 */
int quota_amount_check(enum quota_dimension dimension, int64_t amount, struct error *err);

/* Amounts by dimension, in each dimension's unit, each between 0 and QUOTA_MAX_AMOUNT. */
struct quota_amounts {
    int64_t of[QUOTA_DIMENSION_COUNT];
};

/* Sets each whole to the sum of its parts. */
void quota_add_up(struct quota_amounts *amounts);

/* amounts + more, each; amounts - less. */
void quota_amounts_add(struct quota_amounts *amounts, const struct quota_amounts *more);
void quota_amounts_take(struct quota_amounts *amounts, const struct quota_amounts *less);
