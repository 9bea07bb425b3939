/*
 * Limits as people type them at a command line: "memory_production=1GB", "cpu=25%,soft=90%". Pure.
 *
 * A number without a unit means what people count in: cores for CPU, MB for memory and storage. All
 * errors are -ERR_INVALID_ARGUMENT, name the text that was typed and show how it is done.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "libdialup/base/error.h"
#include "libdialup/quota/dimensions.h"

/* More cores than any machine has that this runs on: whoever typed that meant thousandths. */
enum { QUOTA_TYPED_CORES_MAX = 1024 };

/* A dimension's name; the hint is the one that was probably meant, or all of them. */
int quota_typed_dimension(const char *name, enum quota_dimension *ret_dimension, struct error *err);

/* "512MB", "0.5", "24h", "100 Mbit/s". */
int quota_typed_amount(enum quota_dimension dimension, const char *text, int64_t *ret_amount,
                       struct error *err);

/* "25%": 0 to 100. False for anything else. */
bool quota_typed_percent(const char *text, int64_t *ret_percent);

/* What is to be changed of one limit. */
struct quota_typed {
    enum quota_dimension dimension;
    bool has_hard;
    int64_t hard; /* QUOTA_UNLIMITED: no amount any more */
    bool has_percent;
    int64_t percent; /* of the machine; 0: no part any more */
    bool has_soft_percent;
    int64_t soft_percent;
    bool has_burst_percent;
    int64_t burst_percent;
};

/* "DIMENSION=VALUE[,VALUE...]"; a value is an amount, a part ("25%"), "soft=90%", "burst=20%", or
 * "none", which takes amount and part away. */
int quota_typed_limit(const char *text, struct quota_typed *ret_typed, struct error *err);

/* "DIMENSION=AMOUNT" and nothing else. */
int quota_typed_share(const char *text, enum quota_dimension *ret_dimension, int64_t *ret_amount,
                      struct error *err);
