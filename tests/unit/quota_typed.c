/*
 * Limits as people type them (libdialup/quota/typed.c).
 */
#include "libdialup/quota/typed.h"

#include "libdialup/base/memory.h"
#include "libdialup/quota/limits.h"
#include "tests/harness/check.h"

static void case_limits(void)
{
    enum { NOT_GIVEN = -7 };
    static const struct {
        const char *text;
        enum quota_dimension dimension;
        int64_t hard, percent, soft, burst;
    } rows[] = {
        {"sites=5", QUOTA_SITES, 5, NOT_GIVEN, NOT_GIVEN, NOT_GIVEN},
        {"sites=0", QUOTA_SITES, 0, NOT_GIVEN, NOT_GIVEN, NOT_GIVEN},
        {"memory_production=1GB", QUOTA_MEMORY_PRODUCTION, 1024, NOT_GIVEN, NOT_GIVEN, NOT_GIVEN},
        {"memory=256", QUOTA_MEMORY, 256, NOT_GIVEN, NOT_GIVEN, NOT_GIVEN},
        {"cpu_production=8", QUOTA_CPU_PRODUCTION, 8000, NOT_GIVEN, NOT_GIVEN, NOT_GIVEN},
        {"cpu_production=0.25", QUOTA_CPU_PRODUCTION, 250, NOT_GIVEN, NOT_GIVEN, NOT_GIVEN},
        {"cpu_production=250m", QUOTA_CPU_PRODUCTION, 250, NOT_GIVEN, NOT_GIVEN, NOT_GIVEN},
        {"cpu=2 cores", QUOTA_CPU, 2000, NOT_GIVEN, NOT_GIVEN, NOT_GIVEN},
        {"runtime_hours=12h", QUOTA_RUNTIME_HOURS, 12, NOT_GIVEN, NOT_GIVEN, NOT_GIVEN},
        {"idle_minutes=2h", QUOTA_IDLE_MINUTES, 120, NOT_GIVEN, NOT_GIVEN, NOT_GIVEN},
        {"bandwidth=100Mbit/s", QUOTA_BANDWIDTH, 100, NOT_GIVEN, NOT_GIVEN, NOT_GIVEN},
        {"memory=25%", QUOTA_MEMORY, NOT_GIVEN, 25, NOT_GIVEN, NOT_GIVEN},
        {"memory=0%", QUOTA_MEMORY, NOT_GIVEN, 0, NOT_GIVEN, NOT_GIVEN},
        {"memory=none", QUOTA_MEMORY, QUOTA_UNLIMITED, 0, NOT_GIVEN, NOT_GIVEN},
        {"memory=2GB,25%", QUOTA_MEMORY, 2048, 25, NOT_GIVEN, NOT_GIVEN},
        {"memory=2GB,soft=90%,burst=20%", QUOTA_MEMORY, 2048, NOT_GIVEN, 90, 20},
        {"memory=burst=0%", QUOTA_MEMORY, NOT_GIVEN, NOT_GIVEN, NOT_GIVEN, 0},
    };
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        struct quota_typed typed;
        struct error err = {0};
        bool good = CHECK_INT(quota_typed_limit(rows[i].text, &typed, &err), 0);
        if (good) {
            good = CHECK_INT(typed.dimension, rows[i].dimension);
            good = CHECK_INT(typed.has_hard ? typed.hard : NOT_GIVEN, rows[i].hard) && good;
            good =
                CHECK_INT(typed.has_percent ? typed.percent : NOT_GIVEN, rows[i].percent) && good;
            good =
                CHECK_INT(typed.has_soft_percent ? typed.soft_percent : NOT_GIVEN, rows[i].soft) &&
                good;
            good = CHECK_INT(typed.has_burst_percent ? typed.burst_percent : NOT_GIVEN,
                             rows[i].burst) &&
                   good;
        }
        if (!good) {
            printf("# \"%s\": %s\n", rows[i].text, err.message);
        }
    }
}

static void case_refusals(void)
{
    static const struct {
        const char *text, *field, *message, *hint;
    } rows[] = {
        {"", "dimension", "not of the form", "sites=5"},
        {"sites", "dimension", "not of the form", "sites=5"},
        {"=5", "dimension", "not of the form", "sites=5"},
        {"sites=", "dimension", "not of the form", "sites=5"},
        {"memroy_production=5", "dimension", "no dimension \"memroy_production\"",
         "Did you mean memory_production?"},
        {"xyzzyplugh=5", "dimension", "no dimension \"xyzzyplugh\"", "sites, containers"},
        {"sites=x", "sites", "\"x\" is no amount of sites", "a whole number"},
        {"sites=-1", "sites", "\"-1\" is no amount of sites", "a whole number"},
        {"sites=1.5", "sites", "\"1.5\" is no amount of sites", "a whole number"},
        {"sites=5TB", "sites", "\"5TB\"", "a whole number"},
        {"memory=nan", "memory", "\"nan\"", "512MB"},
        {"memory=1 core", "memory", "\"1 core\"", "512MB"},
        {"memory=99999999999999999999999", "memory", "is no amount", "512MB"},
        {"cpu_production=500000", "cpu_production", "is no amount", "0.5"},
        {"cpu_production=1GB", "cpu_production", "is no amount", "cores"},
        {"idle_minutes=1day", "idle_minutes", "is no amount", "30min"},
        {"memory=101%", "percent", "\"101%\"", "0% to 100%"},
        {"memory=-1%", "percent", "\"-1%\"", "0% to 100%"},
        {"memory=%", "percent", "\"%\"", "0% to 100%"},
        {"memory=2.5%", "percent", "\"2.5%\"", "0% to 100%"},
        {"memory=1GB,soft=x", "percent", "\"soft=x\"", "soft=90%"},
        {"memory=1GB,burst=200%", "percent", "\"burst=200%\"", "burst=10%"},
        {"memory=1GB,,", "memory", "\"\" is no amount", "512MB"},
    };
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        struct quota_typed typed = {.hard = 77};
        struct error err = {0};
        bool good = CHECK_INT(quota_typed_limit(rows[i].text, &typed, &err), -ERR_INVALID_ARGUMENT);
        good = CHECK_INT(typed.hard, 77) && good;
        good = CHECK_STR(err.field, rows[i].field) && good;
        good = CHECK_CONTAINS(err.message, rows[i].message) && good;
        good = CHECK_CONTAINS(err.hint, rows[i].hint) && good;
        if (!good) {
            printf("# \"%s\"\n", rows[i].text);
        }
    }
}

/* Every dimension has an example that it takes itself. */
static void case_examples(void)
{
    static const char *const typed[] = {
        [QUOTA_COUNT] = "5",        [QUOTA_MIB] = "2GB",
        [QUOTA_MILLICORES] = "0.5", [QUOTA_MBIT_PER_S] = "100Mbit",
        [QUOTA_HOURS] = "12h",      [QUOTA_MINUTES] = "30min",
    };
    for (int i = 0; i < QUOTA_DIMENSION_COUNT; i++) {
        enum quota_dimension dimension = (enum quota_dimension)i;
        enum quota_unit unit = quota_dimension_info(dimension)->unit;
        struct error err = {0};
        int64_t amount = 0;
        CHECK_INT(quota_typed_amount(dimension, typed[unit], &amount, &err), 0);
        CHECK(amount > 0);
        CHECK_INT(quota_typed_amount(dimension, "much", &amount, &err), -ERR_INVALID_ARGUMENT);
        CHECK_CONTAINS(err.hint, typed[unit]);
    }
}

static void case_shares(void)
{
    enum quota_dimension dimension;
    int64_t amount;
    struct error err;
    CHECK_INT(quota_typed_share("memory_production=128MB", &dimension, &amount, &err), 0);
    CHECK_INT(dimension, QUOTA_MEMORY_PRODUCTION);
    CHECK_INT(amount, 128);
    CHECK_INT(quota_typed_share("memory_production=25%", &dimension, &amount, &err),
              -ERR_INVALID_ARGUMENT);
    CHECK_INT(quota_typed_share("memory_production=none", &dimension, &amount, &err),
              -ERR_INVALID_ARGUMENT);
}

int main(void)
{
    static const struct check_case cases[] = {
        {"limits are read", case_limits},
        {"what cannot be read is said, and how it is done", case_refusals},
        {"examples are right", case_examples},
        {"shares are amounts alone", case_shares},
    };
    return check_run(cases, ARRAY_COUNT(cases));
}
