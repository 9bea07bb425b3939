/*
 * See the header.
 */
#include "libdialup/quota/episodes.h"

/* What the use must be at, at least, to count. */
static int64_t threshold_of(const struct quota_limit *limit, enum quota_state least)
{
    switch (least) {
    case QUOTA_SOFT:
        return (limit->hard * limit->soft_percent + 99) / 100;
    case QUOTA_OVER:
        return limit->hard + 1;
    case QUOTA_OK:
    case QUOTA_HARD:
        break;
    }
    return limit->hard;
}

/* Clearly below: a margin of the limit, where the threshold leaves room for one. */
static bool is_calm(const struct quota_episode_rules *rules, const struct quota_limit *limit,
                    int64_t used)
{
    int64_t margin = limit->hard * rules->margin_percent / 100;
    int64_t threshold = threshold_of(limit, rules->least);
    return used < threshold - margin || (used < threshold && used == 0);
}

static bool has_lasted(struct quota_episode *episode, bool is_so, int64_t now_s, int64_t after_s)
{
    if (!is_so) {
        episode->since = 0;
        return false;
    }
    episode->since = episode->since ? episode->since : now_s;
    return now_s - episode->since >= after_s;
}

static enum quota_episode_event look_closed(struct quota_episode *episode,
                                            const struct quota_episode_rules *rules,
                                            enum quota_state state, int64_t used, int64_t now_s)
{
    bool counts = state >= rules->least;
    if (!counts) {
        *episode = (struct quota_episode){0};
        return QUOTA_EPISODE_SAME;
    }
    episode->peak = used > episode->peak ? used : episode->peak;
    episode->worst = state > episode->worst ? state : episode->worst;
    if (!has_lasted(episode, counts, now_s, rules->begin_after_s)) {
        return QUOTA_EPISODE_SAME;
    }
    episode->is_open = true;
    episode->began_at = episode->since;
    episode->since = 0;
    return QUOTA_EPISODE_BEGAN;
}

static enum quota_episode_event look_open(struct quota_episode *episode,
                                          const struct quota_episode_rules *rules,
                                          const struct quota_limit *limit, enum quota_state state,
                                          int64_t used, int64_t now_s)
{
    if (has_lasted(episode, is_calm(rules, limit, used), now_s, rules->end_after_s)) {
        episode->is_open = false;
        return QUOTA_EPISODE_ENDED;
    }
    if (used <= episode->peak && state <= episode->worst) {
        return QUOTA_EPISODE_SAME;
    }
    episode->peak = used > episode->peak ? used : episode->peak;
    episode->worst = state > episode->worst ? state : episode->worst;
    return QUOTA_EPISODE_WORSE;
}

enum quota_episode_event quota_episode_look(struct quota_episode *episode,
                                            const struct quota_episode_rules *rules,
                                            const struct quota_limit *limit, int64_t used,
                                            int64_t now_s)
{
    enum quota_state state = quota_state(limit, used);
    if (limit->hard == QUOTA_UNLIMITED && episode->is_open) {
        episode->is_open = false;
        return QUOTA_EPISODE_ENDED;
    }
    /* What ended is remembered until the next look, for whoever writes it down. */
    if (!episode->is_open && episode->began_at) {
        *episode = (struct quota_episode){0};
    }
    return episode->is_open ? look_open(episode, rules, limit, state, used, now_s)
                            : look_closed(episode, rules, state, used, now_s);
}
