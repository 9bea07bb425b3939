/*
 * Quotas: what fits, at which level and in which dimension; and the words of a refusal.
 */
#include "libdialup/quota/quota.h"

#include "libdialup/base/memory.h"
#include "tests/harness/check.h"

/* The parts come with their wholes, which have no limit of their own here. */
static const int countables[] = {
    QUOTA_SITES,
    QUOTA_CONTAINERS,
    QUOTA_CONCURRENT_CONTAINERS,
    QUOTA_DEV_CONTAINERS,
    QUOTA_MEMORY_PRODUCTION,
    QUOTA_MEMORY_DEVELOPMENT,
    QUOTA_CPU_PRODUCTION,
    QUOTA_CPU_DEVELOPMENT,
    QUOTA_STORAGE_PRODUCTION,
    QUOTA_STORAGE_DEVELOPMENT,
};

static struct quota_level user_level(void)
{
    struct quota_level level;
    quota_level_init(&level, QUOTA_USER, "ann@example.org");
    return level;
}

static void use(struct quota_level *level, enum quota_dimension dimension, int64_t used,
                int64_t hard)
{
    level->used.of[dimension] = used;
    level->limits[dimension].hard = hard;
}

static const struct quota_check *find_check(const struct quota_verdict *verdict,
                                            const struct quota_level *level, int dimension)
{
    for (size_t i = 0; i < verdict->count; i++) {
        if (verdict->checks[i].level == level &&
            verdict->checks[i].dimension == (enum quota_dimension)dimension) {
            return &verdict->checks[i];
        }
    }
    return NULL;
}

static void case_every_dimension(void)
{
    static const struct {
        int64_t used, requested, hard;
        bool allowed, soft;
    } rows[] = {
        {0, 1, QUOTA_UNLIMITED, true, false},
        {0, 100, 100, true, true},
        {0, 101, 100, false, true},
        {79, 1, 100, true, true},
        {78, 1, 100, true, false},
        {99, 1, 100, true, true},
        {100, 1, 100, false, true},
        {150, 1, 100, false, true}, /* over already: the limit was lowered */
        {0, 1, 0, false, true},
        {QUOTA_MAX_AMOUNT, QUOTA_MAX_AMOUNT, QUOTA_MAX_AMOUNT, false, true},
    };
    for (size_t d = 0; d < ARRAY_COUNT(countables); d++) {
        for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
            struct quota_level level = user_level();
            struct quota_amounts request = {0};
            struct quota_verdict verdict;
            use(&level, (enum quota_dimension)countables[d], rows[i].used, rows[i].hard);
            request.of[countables[d]] = rows[i].requested;
            quota_admit(&level, 1, &request, &verdict);
            const struct quota_check *check = find_check(&verdict, &level, countables[d]);
            if (!CHECK(check)) {
                return;
            }
            bool good = CHECK_INT(verdict.allowed, rows[i].allowed);
            good = CHECK_INT(check->allowed, rows[i].allowed) && good;
            good = CHECK_INT(check->soft_reached, rows[i].soft) && good;
            good = CHECK_INT(check->projected, rows[i].used + rows[i].requested) && good;
            if (!good) {
                printf("# dimension %d, row %zu\n", countables[d], i);
            }
        }
    }
}

static void case_every_level(void)
{
    for (size_t tight = 0; tight < QUOTA_MAX_LEVELS; tight++) {
        struct quota_level levels[QUOTA_MAX_LEVELS];
        struct quota_amounts request = {.of[QUOTA_MEMORY_PRODUCTION] = 256};
        struct quota_verdict verdict;
        quota_level_init(&levels[0], QUOTA_USER, "ann@example.org");
        quota_level_init(&levels[1], QUOTA_TEAM, "the blog team");
        quota_level_init(&levels[2], QUOTA_SYSTEM, "the server");
        use(&levels[tight], QUOTA_MEMORY, 100, 300);
        quota_admit(levels, QUOTA_MAX_LEVELS, &request, &verdict);
        CHECK(!verdict.allowed);
        CHECK_INT(verdict.count, 6); /* the part and its whole, at three levels */
        for (size_t i = 0; i < QUOTA_MAX_LEVELS; i++) {
            const struct quota_check *check = find_check(&verdict, &levels[i], QUOTA_MEMORY);
            CHECK(check && check->allowed == (i != tight));
        }
    }
}

static void case_nothing_asked(void)
{
    struct quota_level level = user_level();
    struct quota_amounts request = {0};
    struct quota_verdict verdict;
    use(&level, QUOTA_MEMORY_PRODUCTION, 900, 100);
    quota_admit(&level, 1, &request, &verdict);
    CHECK(verdict.allowed); /* over the limit, but nothing more is asked for */
    CHECK_INT(verdict.count, 0);
    request.of[QUOTA_SITES] = 1;
    quota_admit(NULL, 0, &request, &verdict);
    CHECK(verdict.allowed);
}

static void case_wholes(void)
{
    struct quota_amounts amounts = {
        .of = {[QUOTA_SITES] = 2,
               [QUOTA_MEMORY] = 9999, /* what stands there is replaced */
               [QUOTA_MEMORY_PRODUCTION] = 100,
               [QUOTA_MEMORY_DEVELOPMENT] = 50,
               [QUOTA_CPU_DEVELOPMENT] = 300}};
    quota_add_up(&amounts);
    CHECK_INT(amounts.of[QUOTA_SITES], 2);
    CHECK_INT(amounts.of[QUOTA_MEMORY], 150);
    CHECK_INT(amounts.of[QUOTA_CPU], 300);
    CHECK_INT(amounts.of[QUOTA_STORAGE], 0);

    /* Each part fits, the sum does not. */
    struct quota_level level = user_level();
    struct quota_verdict verdict;
    struct error err;
    use(&level, QUOTA_MEMORY, 0, 120);
    use(&level, QUOTA_MEMORY_PRODUCTION, 0, 100);
    use(&level, QUOTA_MEMORY_DEVELOPMENT, 0, 100);
    quota_admit(&level, 1, &amounts, &verdict);
    CHECK(!verdict.allowed);
    quota_refuse(&verdict, "Cannot deploy", &err);
    CHECK_STR(err.message, "Cannot deploy: Not enough memory available (need 150MB, have 120MB)");
}

static void case_friendly_words(void)
{
    static const struct {
        const char *action;
        enum quota_dimension dimension;
        int64_t used, hard, requested;
        const char *message, *hint;
    } rows[] = {
        {"Cannot deploy", QUOTA_SITES, 3, 3, 1,
         "Cannot deploy: You've reached your site limit (3/3)",
         "Contact admin to increase your limits or remove an old site"},
        {"Cannot deploy", QUOTA_MEMORY_PRODUCTION, 384, 512, 256,
         "Cannot deploy: Not enough memory available (need 256MB, have 128MB)",
         "Try stopping unused sites or ask admin for more memory"},
        {"Cannot start editor", QUOTA_DEV_CONTAINERS, 2, 2, 1,
         "Cannot start editor: You've reached your dev container limit (2/2)",
         "Close other editor sessions or ask admin for more dev containers"},
        {"Cannot start", QUOTA_CPU_PRODUCTION, 900, 500, 250,
         "Cannot start: Not enough CPU available (need 0.25 cores, have 0 cores)",
         "Try stopping unused sites or ask admin for more CPU"},
        {"Cannot wake", QUOTA_MEMORY_PRODUCTION, 0, 448, 600,
         "Cannot wake: Not enough memory available (need 600MB, have 448MB)",
         "Take at most 448MB for it, or ask admin for more memory"},
        {"Cannot deploy", QUOTA_STORAGE_PRODUCTION, 0, 1024, 2048,
         "Cannot deploy: Not enough storage available (need 2GB, have 1GB)",
         "Remove files or an old site, or ask admin for more storage"},
    };
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        struct quota_level level = user_level();
        struct quota_amounts request = {0};
        struct quota_verdict verdict;
        struct error err;
        use(&level, rows[i].dimension, rows[i].used, rows[i].hard);
        request.of[rows[i].dimension] = rows[i].requested;
        quota_admit(&level, 1, &request, &verdict);
        CHECK_INT(quota_refuse(&verdict, rows[i].action, &err), -ERR_QUOTA_EXCEEDED);
        CHECK_INT(err.code, ERR_QUOTA_EXCEEDED);
        CHECK_STR(err.message, rows[i].message);
        CHECK_STR(err.hint, rows[i].hint);
    }
}

static void case_all_refusals_at_once(void)
{
    struct quota_level levels[2] = {user_level()};
    struct quota_amounts request = {.of = {[QUOTA_SITES] = 1,
                                           [QUOTA_CONTAINERS] = 1,
                                           [QUOTA_MEMORY_PRODUCTION] = 256,
                                           [QUOTA_CPU_PRODUCTION] = 250}};
    struct quota_verdict verdict;
    struct error err;
    use(&levels[0], QUOTA_SITES, 3, 3);
    use(&levels[0], QUOTA_CONTAINERS, 1, 6);
    use(&levels[0], QUOTA_MEMORY, 512, 512);
    use(&levels[0], QUOTA_MEMORY_PRODUCTION, 512, 512);
    quota_level_init_system(&levels[1], 1000, 1000, 1000, 20);
    levels[1].used.of[QUOTA_CPU] = 700;
    quota_admit(levels, 2, &request, &verdict);
    quota_refuse(&verdict, "Cannot deploy", &err);
    /* The whole of memory is not said again after its part. */
    CHECK_STR(err.message,
              "Cannot deploy: You've reached your site limit (3/3). "
              "Not enough memory available (need 256MB, have 0MB). "
              "Not enough CPU available on the server (need 0.25 cores, have 0.1 cores)");
    CHECK_STR(err.hint, "Contact admin to increase your limits or remove an old site");
}

static void case_longest_refusal(void)
{
    struct quota_level levels[QUOTA_MAX_LEVELS];
    struct quota_amounts request;
    struct quota_verdict verdict;
    struct error err;
    static const enum quota_entity entities[] = {QUOTA_USER, QUOTA_TEAM, QUOTA_SYSTEM};
    for (size_t i = 0; i < QUOTA_MAX_LEVELS; i++) {
        quota_level_init(&levels[i], entities[i], "x");
        for (int d = 0; d < QUOTA_DIMENSION_COUNT; d++) {
            use(&levels[i], (enum quota_dimension)d, QUOTA_MAX_AMOUNT, 1);
            request.of[d] = QUOTA_MAX_AMOUNT;
        }
    }
    quota_admit(levels, QUOTA_MAX_LEVELS, &request, &verdict);
    CHECK_INT(verdict.count, QUOTA_MAX_CHECKS);
    CHECK_INT(quota_refuse(&verdict, "Cannot deploy", &err), -ERR_QUOTA_EXCEEDED);
    CHECK(strlen(err.message) < sizeof(err.message));
}

static void case_levels_other_than_the_asker(void)
{
    struct quota_level level;
    struct quota_amounts request = {.of[QUOTA_SITES] = 1};
    struct quota_verdict verdict;
    struct error err;
    quota_level_init(&level, QUOTA_TEAM, "The blog");
    use(&level, QUOTA_SITES, 3, 3);
    quota_admit(&level, 1, &request, &verdict);
    quota_refuse(&verdict, "Cannot deploy", &err);
    CHECK_STR(err.message, "Cannot deploy: Your team has reached its site limit (3/3)");
    CHECK_STR(err.hint,
              "Ask its lead to move more into the team The blog (deploy team advice shows "
              "what would help), or admin to raise its limit; or stop or remove a site "
              "of it");
    level.leads = "ann@example.org or bob@example.org";
    quota_refuse(&verdict, "Cannot deploy", &err);
    CHECK_CONTAINS(err.hint, "Ask ann@example.org or bob@example.org to move more");
    use(&level, QUOTA_APPLICATIONS, 1, 1);
    request = (struct quota_amounts){.of[QUOTA_APPLICATIONS] = 1};
    quota_admit(&level, 1, &request, &verdict);
    quota_refuse(&verdict, "Cannot deploy", &err);
    CHECK_STR(err.hint, "Ask admin to raise the limit of the team The blog, or ann@example.org or "
                        "bob@example.org which of its sites can go");
    quota_level_init_system(&level, 1000, 1000, 1000, 20);
    request = (struct quota_amounts){.of[QUOTA_MEMORY_PRODUCTION] = 801};
    quota_admit(&level, 1, &request, &verdict);
    quota_refuse(&verdict, "Cannot deploy", &err);
    CHECK_STR(err.message,
              "Cannot deploy: Not enough memory available on the server (need 801MB, have 800MB)");
    CHECK_CONTAINS(err.hint, "the server itself is nearly full");
    use(&level, QUOTA_SITES, 2, 2);
    request = (struct quota_amounts){.of[QUOTA_SITES] = 1};
    quota_admit(&level, 1, &request, &verdict);
    quota_refuse(&verdict, "Cannot deploy", &err);
    CHECK_STR(err.hint, "Remove what is not needed, or ask admin: the server itself is full");
}

static void case_formats(void)
{
    static const struct {
        enum quota_unit unit;
        int64_t amount;
        const char *wanted;
    } rows[] = {
        {QUOTA_COUNT, 3, "3"},
        {QUOTA_COUNT, -1, "-1"},
        {QUOTA_MIB, 0, "0MB"},
        {QUOTA_MIB, 256, "256MB"},
        {QUOTA_MIB, 1024, "1GB"},
        {QUOTA_MIB, 1536, "1536MB"},
        {QUOTA_MIB, -1024, "-1GB"},
        {QUOTA_MILLICORES, 0, "0 cores"},
        {QUOTA_MILLICORES, 1000, "1 core"},
        {QUOTA_MILLICORES, 2000, "2 cores"},
        {QUOTA_MILLICORES, 500, "0.5 cores"},
        {QUOTA_MILLICORES, 250, "0.25 cores"},
        {QUOTA_MILLICORES, 5, "0.005 cores"},
        {QUOTA_MILLICORES, 1050, "1.05 cores"},
        {QUOTA_MILLICORES, -500, "-0.5 cores"},
    };
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        char text[32];
        quota_format(rows[i].unit, rows[i].amount, text, sizeof(text));
        CHECK_STR(text, rows[i].wanted);
    }
}

static void case_states(void)
{
    static const struct {
        int64_t hard, used;
        const char *wanted;
    } rows[] = {
        {QUOTA_UNLIMITED, 1000, "ok"},
        {100, 0, "ok"},
        {100, 79, "ok"},
        {100, 80, "soft"},
        {100, 99, "soft"},
        {100, 100, "hard"},
        {100, 101, "over"},
        {0, 0, "ok"},
        {0, 1, "over"},
        {3, 2, "ok"},
        {3, 3, "hard"},
    };
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        struct quota_limit limit = {.hard = rows[i].hard, .soft_percent = QUOTA_SOFT_PERCENT};
        if (!CHECK_STR(quota_state_name(quota_state(&limit, rows[i].used)), rows[i].wanted)) {
            printf("# %lld of %lld\n", (long long)rows[i].used, (long long)rows[i].hard);
        }
    }
}

static void case_dimensions(void)
{
    for (int i = 0; i < QUOTA_DIMENSION_COUNT; i++) {
        const struct quota_dimension_info *info = quota_dimension_info((enum quota_dimension)i);
        const struct quota_dimension_info *whole = quota_dimension_info(info->whole);
        enum quota_dimension parsed;
        CHECK(quota_dimension_parse(info->name, &parsed) && (int)parsed == i);
        CHECK_STR(quota_unit_name(whole->unit), quota_unit_name(info->unit));
        CHECK_INT(whole->whole, info->whole); /* two storeys, not three */
    }
    enum quota_dimension parsed;
    CHECK(!quota_dimension_parse("fame", &parsed));
    CHECK_STR(quota_entity_name(QUOTA_SYSTEM), "system");
    CHECK_STR(quota_entity_name(QUOTA_TEAM), "team");
    CHECK_STR(quota_entity_name(QUOTA_USER), "user");
}

static void case_profiles(void)
{
    static const struct {
        const char *name;
        int64_t sites, memory_production, cpu_production, storage_production;
    } rows[] = {
        {"basic", 2, 256, 250, 512},
        {"standard", 3, 512, 500, 1024},
        {"power", 5, 1024, 1000, 2048},
        {"editor_only", 1, 256, 250, 512},
    };
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        const struct quota_profile *profile = quota_profile_find(rows[i].name);
        if (!CHECK(profile) || !CHECK(profile == quota_profile_at(i))) {
            return;
        }
        CHECK_INT(profile->limits[QUOTA_SITES].hard, rows[i].sites);
        CHECK_INT(profile->limits[QUOTA_MEMORY_PRODUCTION].hard, rows[i].memory_production);
        CHECK_INT(profile->limits[QUOTA_CPU_PRODUCTION].hard, rows[i].cpu_production);
        CHECK_INT(profile->limits[QUOTA_STORAGE_PRODUCTION].hard, rows[i].storage_production);
        CHECK_INT(profile->limits[QUOTA_MEMORY].hard, QUOTA_UNLIMITED);
        /* A switch runs two at once: each site needs a second container for a moment. */
        CHECK(profile->limits[QUOTA_CONCURRENT_CONTAINERS].hard >= 2 * rows[i].sites);
        CHECK_INT(profile->limits[QUOTA_SITES].soft_percent, QUOTA_SOFT_PERCENT);
    }
    CHECK(!quota_profile_at(ARRAY_COUNT(rows)));
    CHECK(!quota_profile_find("king"));
    CHECK(quota_profile_find(QUOTA_DEFAULT_PROFILE));
}

static void case_the_machine(void)
{
    struct quota_level level;
    quota_level_init_system(&level, 4096, 2000, 40960, 20);
    CHECK_INT(level.limits[QUOTA_MEMORY].hard, 3276);
    CHECK_INT(level.limits[QUOTA_CPU].hard, 1600);
    CHECK_INT(level.limits[QUOTA_STORAGE].hard, 32768);
    CHECK_INT(level.limits[QUOTA_SITES].hard, QUOTA_UNLIMITED);
    CHECK_INT(level.limits[QUOTA_MEMORY_PRODUCTION].hard, QUOTA_UNLIMITED);
}

int main(void)
{
    static const struct check_case cases[] = {
        {"each dimension, at and around its limit", case_every_dimension},
        {"each level can refuse", case_every_level},
        {"who asks for nothing is admitted", case_nothing_asked},
        {"wholes and parts", case_wholes},
        {"the words of refusals", case_friendly_words},
        {"all refusals at once", case_all_refusals_at_once},
        {"the longest refusal fits", case_longest_refusal},
        {"refusals by a team and by the server", case_levels_other_than_the_asker},
        {"amounts as people write them", case_formats},
        {"states", case_states},
        {"the table of dimensions", case_dimensions},
        {"profiles", case_profiles},
        {"the machine keeps its reserve", case_the_machine},
    };
    return check_run(cases, ARRAY_COUNT(cases));
}
