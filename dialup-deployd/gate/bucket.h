/*
 * A bucket that fills at a steady rate up to a burst, and is taken from. Pure: the caller has the
 * clock and the rate.
 */
#pragma once

#include <stdint.h>

struct bucket {
    int64_t level; /* in millionths of a unit */
    int64_t at_us; /* of the last filling; 0: never, and then it is full */
};

enum { BUCKET_UNIT = 1000000 };

/* rate and burst: units a second, and units; both at most 2^40. */
static inline void bucket_fill(struct bucket *bucket, int64_t rate, int64_t burst, int64_t now_us)
{
    enum { LONGEST_US = 4 * BUCKET_UNIT }; /* longer than any burst takes to fill */
    int64_t passed_us = now_us - bucket->at_us;
    int64_t full = burst * BUCKET_UNIT;
    if (bucket->at_us == 0 || passed_us > LONGEST_US) {
        bucket->level = full;
    } else {
        bucket->level += passed_us * rate;
        bucket->level = bucket->level < full ? bucket->level : full;
    }
    bucket->at_us = now_us;
}

/* Takes up to `wanted` whole units; says how many. */
static inline int64_t bucket_take(struct bucket *bucket, int64_t wanted)
{
    int64_t there = bucket->level / BUCKET_UNIT;
    int64_t taken = there < wanted ? there : wanted;
    bucket->level -= taken * BUCKET_UNIT;
    return taken;
}

/* What was taken in vain. */
static inline void bucket_give_back(struct bucket *bucket, int64_t units)
{
    bucket->level += units * BUCKET_UNIT;
}
