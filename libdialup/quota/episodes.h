/*
 * Episodes: from one look to the next, when does a violation begin, when is it worse, when is it
 * over. One for each entity and dimension; whoever looks (monitord) keeps it and writes down what
 * is answered, once an episode. Pure: the time comes from the caller.
 *
 * It begins when the use was at or above the threshold for a while, and ends when it was clearly
 * below for a while: a use that swings around the threshold is one episode, not fifty.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "libdialup/quota/limits.h"

struct quota_episode_rules {
    enum quota_state least; /* what counts: QUOTA_SOFT, QUOTA_HARD or QUOTA_OVER */
    int64_t begin_after_s;  /* so long at or above it */
    int64_t end_after_s;    /* so long below it ... */
    int64_t margin_percent; /* ... by so much of the limit */
};

/* Starts as all zeros: nothing happened yet. */
struct quota_episode {
    bool is_open;
    enum quota_state worst; /* of an open one */
    int64_t began_at;       /* when the use first was there, not when it was believed */
    int64_t peak;
    int64_t since; /* when what may begin or end the episode first was seen; 0: it is not so */
};

enum quota_episode_event {
    QUOTA_EPISODE_SAME,
    QUOTA_EPISODE_BEGAN, /* write a row: worst, began_at, peak */
    QUOTA_EPISODE_WORSE, /* a higher peak or a worse state: change the row */
    QUOTA_EPISODE_ENDED  /* at the time of this look; the fields are those of what ended */
};

/* One look. limit->hard is the effective one; without a limit an open episode ends at once. Looks
 * come in order of time; now_s is above 0. */
enum quota_episode_event quota_episode_look(struct quota_episode *episode,
                                            const struct quota_episode_rules *rules,
                                            const struct quota_limit *limit, int64_t used,
                                            int64_t now_s);
