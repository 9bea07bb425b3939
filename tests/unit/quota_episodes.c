/*
 * Episodes: what is written down of a use that comes and goes, once.
 */
#include "libdialup/quota/episodes.h"

#include "libdialup/base/memory.h"
#include "tests/harness/check.h"
#include "tests/harness/random.h"

enum { LOOKS_MAX = 12, ROUNDS = 2000, STEPS = 200 };

struct look {
    int64_t now, used;
    enum quota_episode_event event;
    int64_t began_at, peak;
    const char *worst;
};

static const struct quota_limit hundred = {100, 80, 0, 0};
static const struct quota_episode_rules soft = {QUOTA_SOFT, 60, 120, 5};

static void check_looks(const char *name, const struct quota_episode_rules *rules,
                        const struct quota_limit *limit, const struct look *looks)
{
    struct quota_episode episode = {0};
    for (size_t i = 0; looks[i].now; i++) {
        enum quota_episode_event event =
            quota_episode_look(&episode, rules, limit, looks[i].used, looks[i].now);
        bool good = CHECK_INT(event, looks[i].event);
        if (looks[i].worst) {
            good = CHECK_INT(episode.began_at, looks[i].began_at) && good;
            good = CHECK_INT(episode.peak, looks[i].peak) && good;
            good = CHECK_STR(quota_state_name(episode.worst), looks[i].worst) && good;
        }
        if (!good) {
            printf("# %s, at %lld\n", name, (long long)looks[i].now);
        }
    }
}

static void case_one_episode(void)
{
    static const struct look looks[] = {
        {10, 50, QUOTA_EPISODE_SAME, 0, 0, NULL},
        {40, 85, QUOTA_EPISODE_SAME, 0, 0, NULL},
        {70, 84, QUOTA_EPISODE_SAME, 0, 0, NULL},
        {100, 82, QUOTA_EPISODE_BEGAN, 40, 85, "soft"},
        {130, 85, QUOTA_EPISODE_SAME, 40, 85, "soft"},
        {160, 101, QUOTA_EPISODE_WORSE, 40, 101, "over"},
        {190, 90, QUOTA_EPISODE_SAME, 40, 101, "over"},
        {220, 70, QUOTA_EPISODE_SAME, 40, 101, "over"},
        {340, 70, QUOTA_EPISODE_ENDED, 40, 101, "over"},
        {370, 50, QUOTA_EPISODE_SAME, 0, 0, "ok"},
        {0, 0, QUOTA_EPISODE_SAME, 0, 0, NULL},
    };
    check_looks("one", &soft, &hundred, looks);
}

static void case_short_spike(void)
{
    static const struct look looks[] = {
        {10, 99, QUOTA_EPISODE_SAME, 0, 0, NULL},
        {60, 20, QUOTA_EPISODE_SAME, 0, 0, "ok"},
        {70, 81, QUOTA_EPISODE_SAME, 0, 0, NULL},
        {130, 82, QUOTA_EPISODE_BEGAN, 70, 82, "soft"}, /* the spike before is forgotten */
        {0, 0, QUOTA_EPISODE_SAME, 0, 0, NULL},
    };
    check_looks("spike", &soft, &hundred, looks);
}

static void case_swinging(void)
{
    static const struct look looks[] = {
        {10, 85, QUOTA_EPISODE_SAME, 0, 0, NULL},
        {70, 85, QUOTA_EPISODE_BEGAN, 10, 85, "soft"},
        {100, 79, QUOTA_EPISODE_SAME, 10, 85, "soft"}, /* below, but not clearly */
        {300, 75, QUOTA_EPISODE_SAME, 10, 85, "soft"},
        {330, 74, QUOTA_EPISODE_SAME, 10, 85, "soft"}, /* clearly, but not for long */
        {440, 76, QUOTA_EPISODE_SAME, 10, 85, "soft"},
        {460, 74, QUOTA_EPISODE_SAME, 10, 85, "soft"},
        {580, 74, QUOTA_EPISODE_ENDED, 10, 85, "soft"},
        {0, 0, QUOTA_EPISODE_SAME, 0, 0, NULL},
    };
    check_looks("swing", &soft, &hundred, looks);
}

static void case_thresholds(void)
{
    static const struct {
        enum quota_state least;
        int64_t hard, begins_at;
    } rows[] = {
        {QUOTA_SOFT, 100, 80}, {QUOTA_HARD, 100, 100}, {QUOTA_OVER, 100, 101},
        {QUOTA_SOFT, 3, 3},    {QUOTA_OVER, 0, 1},
    };
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        const struct quota_episode_rules rules = {rows[i].least, 0, 0, 0};
        const struct quota_limit limit = {rows[i].hard, 80, 0, 0};
        for (int64_t used = 0; used <= rows[i].begins_at; used++) {
            struct quota_episode episode = {0};
            CHECK_INT(quota_episode_look(&episode, &rules, &limit, used, 1),
                      used == rows[i].begins_at ? QUOTA_EPISODE_BEGAN : QUOTA_EPISODE_SAME);
        }
        /* Each ends again, where a margin leaves no room, too. */
        struct quota_episode episode = {0};
        const struct quota_episode_rules wide = {rows[i].least, 0, 0, 100};
        quota_episode_look(&episode, &wide, &limit, rows[i].begins_at, 1);
        CHECK_INT(quota_episode_look(&episode, &wide, &limit, 0, 2), QUOTA_EPISODE_ENDED);
    }
}

static void case_limit_goes(void)
{
    static const struct quota_limit none = {QUOTA_UNLIMITED, 80, 0, 0};
    struct quota_episode episode = {0};
    quota_episode_look(&episode, &soft, &hundred, 90, 10);
    CHECK_INT(quota_episode_look(&episode, &soft, &hundred, 90, 70), QUOTA_EPISODE_BEGAN);
    CHECK_INT(quota_episode_look(&episode, &soft, &none, 90, 71), QUOTA_EPISODE_ENDED);
    CHECK_INT(quota_episode_look(&episode, &soft, &none, 90, 72), QUOTA_EPISODE_SAME);
}

/* Begins and ends take turns; the peak is the largest since it was first there. */
static void case_takes_turns(void)
{
    struct random random = random_start();
    for (int round = 0; round < ROUNDS; round++) {
        struct quota_episode episode = {0};
        const struct quota_episode_rules rules = {
            (enum quota_state)(1 + random_below(&random, 3)), random_below(&random, 90),
            random_below(&random, 90), random_below(&random, 20)};
        bool is_open = false;
        int64_t now = 1;
        for (int i = 0; i < STEPS; i++) {
            now += 1 + random_below(&random, 40);
            int64_t used = random_below(&random, 120);
            enum quota_episode_event event =
                quota_episode_look(&episode, &rules, &hundred, used, now);
            CHECK(event != QUOTA_EPISODE_BEGAN || !is_open);
            CHECK(event == QUOTA_EPISODE_SAME || event == QUOTA_EPISODE_BEGAN || is_open);
            CHECK(!episode.is_open || (episode.peak >= used && episode.worst >= rules.least &&
                                       episode.began_at <= now));
            is_open = episode.is_open;
        }
        if (check_case_failed) {
            return;
        }
    }
}

int main(void)
{
    static const struct check_case cases[] = {
        {"begin, peak, end", case_one_episode},
        {"a short spike is none", case_short_spike},
        {"swinging around the threshold is one", case_swinging},
        {"soft, hard, over", case_thresholds},
        {"the limit goes", case_limit_goes},
        {"begins and ends take turns", case_takes_turns},
    };
    return check_run(cases, ARRAY_COUNT(cases));
}
