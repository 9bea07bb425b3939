/*
 * Limits: amounts and parts of the machine, what is refused as one, what people type; bursts, soft
 * limits and what would fit.
 */
#include "libdialup/base/memory.h"
#include "libdialup/quota/quota.h"
#include "tests/harness/check.h"
#include "tests/harness/random.h"

enum { ROUNDS = 20000 };

static const struct quota_machine machine = {4096, 2000, 40960};

static void case_effective(void)
{
    static const struct {
        enum quota_dimension dimension;
        struct quota_limit limit;
        int64_t hard;
        const char *by;
    } rows[] = {
        {QUOTA_MEMORY, {.hard = QUOTA_UNLIMITED}, QUOTA_UNLIMITED, "none"},
        {QUOTA_MEMORY, {.hard = 1000}, 1000, "hard"},
        {QUOTA_MEMORY, {.hard = 1000, .percent = 10}, 409, "percent"},
        {QUOTA_MEMORY, {.hard = 300, .percent = 10}, 300, "hard"},
        {QUOTA_MEMORY_PRODUCTION, {.hard = QUOTA_UNLIMITED, .percent = 50}, 2048, "percent"},
        {QUOTA_CPU_DEVELOPMENT, {.hard = QUOTA_UNLIMITED, .percent = 100}, 2000, "percent"},
        {QUOTA_STORAGE, {.hard = 0, .percent = 1}, 0, "hard"},
        {QUOTA_SITES, {.hard = 3, .percent = 1}, 3, "hard"},
        {QUOTA_SITES, {.hard = QUOTA_UNLIMITED, .percent = 1}, QUOTA_UNLIMITED, "none"},
    };
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        struct quota_effective got =
            quota_limit_effective(&rows[i].limit, rows[i].dimension, &machine);
        CHECK_INT(got.hard, rows[i].hard);
        CHECK_STR(quota_bound_name(got.by), rows[i].by);
    }
}

static void case_refused_limits(void)
{
    static const struct {
        const char *name;
        enum quota_dimension dimension;
        enum quota_entity entity;
        struct quota_limit limit;
        const char *field, *message, *hint;
    } rows[] = {
        {"a usual one", QUOTA_MEMORY, QUOTA_USER, {512, 80, 20, 50}, NULL, "", ""},
        {"none", QUOTA_MEMORY, QUOTA_USER, {QUOTA_UNLIMITED, 80, 0, 0}, NULL, "", ""},
        {"the largest", QUOTA_SITES, QUOTA_USER, {QUOTA_MAX_AMOUNT, 100, 100, 0}, NULL, "", ""},
        {"negative",
         QUOTA_SITES,
         QUOTA_USER,
         {-2, 80, 0, 0},
         "hard",
         "cannot be negative",
         "-1 for no limit"},
        {"overflow", QUOTA_SITES, QUOTA_USER, {INT64_MAX, 80, 0, 0}, "hard", "too large", "-1"},
        {"above 100", QUOTA_MEMORY, QUOTA_USER, {1, 80, 0, 101}, "percent", "101", "0 to 100"},
        {"below 0", QUOTA_MEMORY, QUOTA_USER, {1, 80, 0, -1}, "percent", "-1", "0 to 100"},
        {"part of no machine",
         QUOTA_SITES,
         QUOTA_USER,
         {1, 80, 0, 50},
         "percent",
         "Sites cannot be limited to a part",
         "Give an amount"},
        {"soft 0", QUOTA_SITES, QUOTA_USER, {1, 0, 0, 0}, "soft_percent", "0", "1 to 100"},
        {"soft 101", QUOTA_SITES, QUOTA_USER, {1, 101, 0, 0}, "soft_percent", "101", "1 to 100"},
        {"burst 101", QUOTA_SITES, QUOTA_USER, {1, 80, 101, 0}, "burst_percent", "101", "0 to"},
        {"servers of a user",
         QUOTA_SERVERS,
         QUOTA_USER,
         {1, 80, 0, 0},
         "dimension",
         "A user has no limit of \"servers\"",
         "Leave it out"},
        {"servers of a team", QUOTA_SERVERS, QUOTA_TEAM, {1, 80, 0, 0}, NULL, "", ""},
        {"hours of the system",
         QUOTA_RUNTIME_HOURS,
         QUOTA_SYSTEM,
         {1, 80, 0, 0},
         "dimension",
         "A system has no",
         ""},
    };
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        struct error err = {0};
        int result = quota_limit_check(&rows[i].limit, rows[i].dimension, rows[i].entity, &err);
        bool good = CHECK_INT(result, rows[i].field ? -ERR_INVALID_ARGUMENT : 0);
        if (rows[i].field) {
            good = CHECK_STR(err.field, rows[i].field) && good;
            good = CHECK_CONTAINS(err.message, rows[i].message) && good;
            good = CHECK_CONTAINS(err.hint, rows[i].hint) && good;
        }
        if (!good) {
            printf("# %s\n", rows[i].name);
        }
    }
}

static void case_typed_amounts(void)
{
    static const struct {
        enum quota_dimension dimension;
        const char *text;
        int64_t amount; /* -1: refused */
        const char *message;
    } rows[] = {
        {QUOTA_SITES, "3", 3, NULL},
        {QUOTA_SITES, "0", 0, NULL},
        {QUOTA_SITES, "1.0", 1, NULL},
        {QUOTA_SITES, "1099511627776", QUOTA_MAX_AMOUNT, NULL},
        {QUOTA_MEMORY, "512", 512, NULL},
        {QUOTA_MEMORY, "512MB", 512, NULL},
        {QUOTA_MEMORY, "2GB", 2048, NULL},
        {QUOTA_MEMORY, "0.5 gib", 512, NULL},
        {QUOTA_CPU, "0.25 cores", 250, NULL},
        {QUOTA_CPU, "1 core", 1000, NULL},
        {QUOTA_CPU, "250m", 250, NULL},
        {QUOTA_BANDWIDTH, "1Gbit/s", 1000, NULL},
        {QUOTA_IDLE_MINUTES, "2h", 120, NULL},
        {QUOTA_RUNTIME_HOURS, "24 h", 24, NULL},
        {QUOTA_SITES, "-1", -1, "Sites cannot be negative"},
        {QUOTA_SITES, "1.5", -1, "Sites is not whole"},
        {QUOTA_CPU, "0.0005 cores", -1, "cannot"},
        {QUOTA_SITES, "NaN", -1, "not an amount"},
        {QUOTA_SITES, "inf", -1, "not an amount"},
        {QUOTA_SITES, "", -1, "not an amount"},
        {QUOTA_SITES, ".", -1, "not an amount"},
        {QUOTA_SITES, "3.", -1, "not an amount"},
        {QUOTA_SITES, "3MB", -1, "not an amount"},
        {QUOTA_MEMORY, "3 cores", -1, "not an amount"},
        {QUOTA_SITES, "1099511627777", -1, "too large"},
        {QUOTA_SITES, "99999999999999999999999999", -1, "too large"},
        {QUOTA_MEMORY, "1099511627776GB", -1, "too large"},
        {QUOTA_CPU, "99999999999999999999 cores", -1, "too large"},
    };
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        struct error err = {0};
        int64_t amount = -1;
        int result = quota_amount_parse(rows[i].dimension, rows[i].text, &amount, &err);
        bool good = CHECK_INT(result, rows[i].amount < 0 ? -ERR_INVALID_ARGUMENT : 0);
        good = CHECK_INT(amount, rows[i].amount) && good;
        if (rows[i].amount < 0) {
            good = CHECK_STR(err.field, quota_dimension_info(rows[i].dimension)->name) && good;
            CHECK(err.hint[0] != '\0');
        }
        if (!good) {
            printf("# \"%s\": %s\n", rows[i].text, err.message);
        }
    }
}

static void case_requests(void)
{
    struct quota_amounts request = {.of[QUOTA_MEMORY_PRODUCTION] = 256};
    struct error err;
    enum quota_dimension dimension;
    CHECK_INT(quota_request_check(&request, &err), 0);
    request.of[QUOTA_CPU_PRODUCTION] = -1;
    CHECK_INT(quota_request_check(&request, &err), -ERR_INVALID_ARGUMENT);
    CHECK_STR(err.field, "cpu_production");
    request.of[QUOTA_CPU_PRODUCTION] = QUOTA_MAX_AMOUNT + 1;
    CHECK_INT(quota_request_check(&request, &err), -ERR_INVALID_ARGUMENT);
    CHECK_CONTAINS(err.message, "too large");
    CHECK_INT(quota_dimension_find("fame", &dimension, &err), -ERR_INVALID_ARGUMENT);
    CHECK_STR(err.field, "dimension");
    CHECK_STR(err.message, "There is no dimension \"fame\"");
    CHECK_INT(quota_dimension_find("temp_storage", &dimension, &err), 0);
    CHECK_INT(dimension, QUOTA_TEMP_STORAGE);
}

static void case_kinds(void)
{
    static const struct {
        enum quota_dimension dimension;
        const char *kind, *unit;
        bool is_sum, is_counted, is_shared;
    } rows[] = {
        {QUOTA_SITES, "stock", "count", false, true, true},
        {QUOTA_MEMORY, "reserved", "MiB", true, true, false},
        {QUOTA_CPU_PRODUCTION, "reserved", "millicores", false, true, true},
        {QUOTA_TEMP_STORAGE, "measured", "MiB", false, true, true},
        {QUOTA_BANDWIDTH, "rate", "Mbit/s", false, false, true},
        {QUOTA_CONNECTIONS, "gauge", "count", false, false, true},
        {QUOTA_RUNTIME_HOURS, "integral", "hours", false, false, false},
        {QUOTA_IDLE_MINUTES, "timer", "minutes", false, false, false},
        {QUOTA_SERVERS, "stock", "count", false, true, false},
    };
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        const struct quota_dimension_info *info = quota_dimension_info(rows[i].dimension);
        CHECK_STR(quota_kind_name(info->kind), rows[i].kind);
        CHECK_STR(quota_unit_name(info->unit), rows[i].unit);
        CHECK_INT(quota_dimension_is_sum(rows[i].dimension), rows[i].is_sum);
        CHECK_INT(quota_dimension_is_counted(rows[i].dimension), rows[i].is_counted);
        CHECK_INT(quota_dimension_is_shared(rows[i].dimension), rows[i].is_shared);
    }
    struct quota_amounts amounts = {.of[QUOTA_SITES] = 2};
    quota_amounts_add(&amounts, &amounts);
    CHECK_INT(amounts.of[QUOTA_SITES], 4);
    quota_amounts_take(&amounts, &amounts);
    CHECK_INT(amounts.of[QUOTA_SITES], 0);
    enum quota_entity entity;
    CHECK(quota_entity_parse("team", &entity) && entity == QUOTA_TEAM);
    CHECK(!quota_entity_parse("king", &entity));
}

static void case_consequences(void)
{
    char text[200] = "";
    CHECK(!quota_limit_consequence(QUOTA_MEMORY, QUOTA_UNLIMITED, 500, 500, text, sizeof(text)));
    CHECK(!quota_limit_consequence(QUOTA_MEMORY, 500, 500, 500, text, sizeof(text)));
    CHECK(quota_limit_consequence(QUOTA_MEMORY, 256, 512, 0, text, sizeof(text)));
    CHECK_STR(text, "Memory is over by 256MB now: what runs goes on with less, nothing new starts");
    CHECK(quota_limit_consequence(QUOTA_CPU_PRODUCTION, 100, 500, 0, text, sizeof(text)));
    CHECK_CONTAINS(text, "CPU (Production) is over by 0.4 cores now");
    CHECK(quota_limit_consequence(QUOTA_SITES, 2, 3, 0, text, sizeof(text)));
    CHECK_STR(text, "Sites is over by 1 now: what is there stays, nothing new is taken");
    CHECK(quota_limit_consequence(QUOTA_MEMORY, 128, 0, 256, text, sizeof(text)));
    CHECK_STR(text, "Memory: what needs 256MB cannot start with 128MB");
}

/* Profiles ----------------------------------------------------------------------------------- */

static void case_profiles(void)
{
    struct error err;
    for (size_t i = 0; quota_profile_at(i); i++) {
        for (int d = 0; d < QUOTA_DIMENSION_COUNT; d++) {
            enum quota_dimension dimension = (enum quota_dimension)d;
            const struct quota_limit *limit = &quota_profile_at(i)->limits[d];
            bool is_bound =
                !quota_dimension_is_sum(dimension) && quota_dimension_binds(dimension, QUOTA_USER);
            CHECK_INT(limit->soft_percent, QUOTA_SOFT_PERCENT);
            CHECK(is_bound ? limit->hard > 0 : limit->hard == QUOTA_UNLIMITED);
            CHECK(limit->burst_percent == 0 && limit->percent == 0);
        }
    }
    const struct quota_profile *standard = quota_profile_find(QUOTA_DEFAULT_PROFILE);
    CHECK_INT(standard->limits[QUOTA_BANDWIDTH].hard, 100);
    CHECK_INT(standard->limits[QUOTA_CONNECTIONS].hard, 100);
    CHECK_INT(standard->limits[QUOTA_RUNTIME_HOURS].hard, 24);
    CHECK_INT(standard->limits[QUOTA_IDLE_MINUTES].hard, 60);
    CHECK_INT(standard->limits[QUOTA_CONTAINERS].hard, 10);
    CHECK_INT(quota_profile_check_name("our_friends2", &err), 0);
    CHECK_INT(quota_profile_check_name("standard", &err), -ERR_ALREADY_EXISTS);
    static const char *const bad[] = {"", "Ann", "a b", "a123456789012345678901234567890123"};
    for (size_t i = 0; i < ARRAY_COUNT(bad); i++) {
        CHECK_INT(quota_profile_check_name(bad[i], &err), -ERR_INVALID_ARGUMENT);
        CHECK_STR(err.field, "name");
    }
}

/* Burst -------------------------------------------------------------------------------------- */

static void levels_init(struct quota_level levels[2], int64_t machine_used_mib)
{
    quota_level_init(&levels[0], QUOTA_USER, "ann@example.org");
    quota_level_init_system(&levels[1], 1000, 1000, 1000, 20);
    levels[0].limits[QUOTA_MEMORY_PRODUCTION] = (struct quota_limit){100, 80, 50, 0};
    levels[0].limits[QUOTA_SITES] = (struct quota_limit){2, 80, 50, 0};
    levels[1].used.of[QUOTA_MEMORY] = machine_used_mib;
}

static void case_burst(void)
{
    static const struct {
        const char *name;
        int64_t machine_used, used, requested;
        bool allowed, lent;
    } rows[] = {
        {"below the limit", 0, 0, 100, true, false},
        {"above it", 0, 0, 101, true, true},
        {"at the end of the burst", 0, 100, 50, true, true},
        {"above the burst", 0, 100, 51, false, false},
        {"the last of the calm machine", 450, 0, 150, true, true},
        {"not so calm", 451, 0, 150, false, false},
        {"not calm, but within the limit", 700, 0, 100, true, false},
    };
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        struct quota_level levels[2];
        struct quota_verdict verdict;
        struct quota_amounts request = {.of[QUOTA_MEMORY_PRODUCTION] = rows[i].requested};
        levels_init(levels, rows[i].machine_used);
        levels[0].used.of[QUOTA_MEMORY_PRODUCTION] = rows[i].used;
        quota_admit(levels, 2, &request, &verdict);
        bool good = CHECK_INT(verdict.allowed, rows[i].allowed);
        if (!(CHECK_INT(verdict.lent, rows[i].lent) && good)) {
            printf("# %s\n", rows[i].name);
        }
        quota_admit(levels, 1, &request, &verdict); /* without the machine nothing is lent */
        CHECK(!verdict.lent);
    }
}

static void case_burst_of_sites(void)
{
    struct quota_level levels[2];
    struct quota_verdict verdict;
    struct quota_amounts request = {.of[QUOTA_SITES] = 1};
    levels_init(levels, 600);
    levels[0].used.of[QUOTA_SITES] = 2;
    quota_admit(levels, 2, &request, &verdict);
    CHECK(verdict.allowed && verdict.lent);
    levels[1].used.of[QUOTA_CPU] = 601;
    quota_admit(levels, 2, &request, &verdict);
    CHECK(!verdict.allowed);
}

static void case_warnings(void)
{
    static const enum quota_entity user = QUOTA_USER;
    static const enum quota_entity system = QUOTA_SYSTEM;
    struct quota_level levels[2];
    struct quota_verdict verdict;
    char text[300];
    struct quota_amounts request = {.of = {[QUOTA_MEMORY_PRODUCTION] = 90, [QUOTA_SITES] = 2}};
    levels_init(levels, 0);
    quota_admit(levels, 2, &request, &verdict);
    quota_warn(&verdict, NULL, text, sizeof(text));
    CHECK_STR(text, "You use 2 of your 2 sites. You use 90MB of your 100MB of memory");
    quota_warn(&verdict, &system, text, sizeof(text));
    CHECK_STR(text, "");
    request.of[QUOTA_MEMORY_PRODUCTION] = 120;
    request.of[QUOTA_SITES] = 0;
    quota_admit(levels, 2, &request, &verdict);
    quota_warn(&verdict, &user, text, sizeof(text));
    CHECK_STR(text, "20MB of memory above the limit of 100MB: this is lent, and goes first when "
                    "the server fills up");
    char tiny[8];
    quota_warn(&verdict, NULL, tiny, sizeof(tiny));
    CHECK_STR(tiny, "20MB of");
}

static void case_states_of_a_level(void)
{
    struct quota_level level;
    quota_level_init(&level, QUOTA_USER, "ann@example.org");
    level.machine = machine;
    level.limits[QUOTA_MEMORY] = (struct quota_limit){QUOTA_UNLIMITED, 80, 0, 10};
    level.used.of[QUOTA_MEMORY] = 400;
    CHECK_STR(quota_state_name(quota_level_state(&level, QUOTA_MEMORY)), "soft");
    level.brought.of[QUOTA_MEMORY] = 100;
    CHECK_STR(quota_state_name(quota_level_state(&level, QUOTA_MEMORY)), "over");
    level.brought.of[QUOTA_MEMORY] = 5000;
    CHECK_INT(quota_level_limit(&level, QUOTA_MEMORY).hard, 0);
}

/* Who lent to a team hears where their room is. */
static void case_room_in_a_team(void)
{
    struct quota_level level;
    struct quota_verdict verdict;
    struct error err;
    struct quota_amounts request = {.of[QUOTA_MEMORY_PRODUCTION] = 256};
    quota_level_init(&level, QUOTA_USER, "ann@example.org");
    level.limits[QUOTA_MEMORY_PRODUCTION].hard = 512;
    level.brought.of[QUOTA_MEMORY_PRODUCTION] = 300;
    quota_admit(&level, 1, &request, &verdict);
    CHECK_INT(quota_refuse(&verdict, "Cannot deploy", &err), -ERR_QUOTA_EXCEEDED);
    CHECK_STR(err.message, "Cannot deploy: Not enough memory available (need 256MB, have 212MB)");
    CHECK_STR(err.hint, "You bring 300MB into a team: ask its lead to give some back. Or: Try "
                        "stopping unused sites or ask admin for more memory");
    CHECK_INT(quota_refuse_editor("Cannot create site", &err), -ERR_FORBIDDEN);
    CHECK_STR(err.message, "Cannot create site: Editor access disabled for your account");
    CHECK_STR(err.hint, "Contact admin to enable editor access");
}

/* Properties --------------------------------------------------------------------------------- */

static void random_level(struct random *random, struct quota_level *level, enum quota_entity entity)
{
    quota_level_init(level, entity, "x");
    level->machine = machine;
    for (int i = 0; i < QUOTA_DIMENSION_COUNT; i++) {
        struct quota_limit *limit = &level->limits[i];
        limit->hard = random_below(random, 3) ? random_below(random, 3000) : QUOTA_UNLIMITED;
        limit->percent = random_below(random, 3) ? 0 : 1 + random_below(random, 100);
        limit->burst_percent = random_below(random, 2) ? random_below(random, 101) : 0;
        level->used.of[i] = random_below(random, 3000);
        level->brought.of[i] = random_below(random, 2) ? random_below(random, 200) : 0;
    }
    quota_add_up(&level->used);
    quota_add_up(&level->brought);
}

static void random_levels(struct random *random, struct quota_level levels[2])
{
    random_level(random, &levels[0], random_below(random, 2) ? QUOTA_USER : QUOTA_TEAM);
    quota_level_init_system(&levels[1], machine.memory_mib, machine.cpu_millicores,
                            machine.storage_mib, 20);
    for (int i = 0; i < QUOTA_DIMENSION_COUNT; i++) {
        levels[1].used.of[i] = levels[0].used.of[i] + random_below(random, 1000);
    }
    quota_add_up(&levels[1].used);
}

static void case_never_beyond(void)
{
    struct random random = random_start();
    for (int round = 0; round < ROUNDS; round++) {
        struct quota_level levels[2];
        struct quota_amounts request = {0};
        struct quota_verdict verdict;
        random_levels(&random, levels);
        for (int i = 0; i < QUOTA_DIMENSION_COUNT; i++) {
            request.of[i] = random_below(&random, 3) ? 0 : random_below(&random, 2000);
        }
        quota_admit(levels, 2, &request, &verdict);
        bool all = true;
        for (size_t i = 0; i < verdict.count; i++) {
            const struct quota_check *check = &verdict.checks[i];
            int64_t hard = quota_level_limit(check->level, check->dimension).hard;
            int64_t most = quota_limit_with_burst(&check->level->limits[check->dimension], hard);
            all = all && check->allowed;
            CHECK(!check->allowed || hard == QUOTA_UNLIMITED || check->projected <= most);
            CHECK(check->allowed || (hard != QUOTA_UNLIMITED && check->projected > hard));
            CHECK(!check->lent || check->level->entity != QUOTA_SYSTEM);
            CHECK(check->lent ==
                  (check->allowed && hard != QUOTA_UNLIMITED && check->projected > hard));
        }
        CHECK_INT(verdict.allowed, all);
        if (check_case_failed) {
            return;
        }
    }
}

static bool is_admitted(const struct quota_level *levels, int dimension, int64_t amount)
{
    struct quota_amounts request = {0};
    struct quota_verdict verdict;
    request.of[dimension] = amount;
    quota_admit(levels, 2, &request, &verdict);
    return verdict.allowed && !verdict.lent;
}

/* The largest request fits; one more does not. */
static void case_what_would_fit(void)
{
    struct random random = random_start();
    for (int round = 0; round < ROUNDS / 4; round++) {
        struct quota_level levels[2];
        struct quota_amounts largest;
        random_levels(&random, levels);
        quota_fit(levels, 2, &largest);
        for (int i = 0; i < QUOTA_DIMENSION_COUNT; i++) {
            if (quota_dimension_is_sum((enum quota_dimension)i) || largest.of[i] < 0) {
                continue;
            }
            CHECK(is_admitted(levels, i, largest.of[i]));
            CHECK(!is_admitted(levels, i, largest.of[i] + 1));
            int whole = (int)quota_dimension_info((enum quota_dimension)i)->whole;
            CHECK(largest.of[whole] == QUOTA_UNLIMITED || largest.of[whole] >= largest.of[i]);
        }
        if (check_case_failed) {
            return;
        }
    }
    struct quota_level level;
    struct quota_amounts largest;
    quota_level_init(&level, QUOTA_USER, "x");
    quota_fit(&level, 1, &largest);
    CHECK_INT(largest.of[QUOTA_MEMORY], QUOTA_UNLIMITED);
    CHECK_INT(largest.of[QUOTA_BANDWIDTH], QUOTA_UNLIMITED);
    level.limits[QUOTA_MEMORY_PRODUCTION].hard = 100;
    level.limits[QUOTA_MEMORY_DEVELOPMENT].hard = 50;
    quota_fit(&level, 1, &largest);
    CHECK_INT(largest.of[QUOTA_MEMORY], 150);
}

int main(void)
{
    static const struct check_case cases[] = {
        {"the stricter of amount and part", case_effective},
        {"limits that are refused", case_refused_limits},
        {"amounts that people type", case_typed_amounts},
        {"requests that are refused", case_requests},
        {"kinds of dimensions", case_kinds},
        {"what a limit means", case_consequences},
        {"profiles limit all that a user may have", case_profiles},
        {"burst", case_burst},
        {"burst of what is no part of a machine", case_burst_of_sites},
        {"warnings", case_warnings},
        {"how a level stands", case_states_of_a_level},
        {"room that is in a team", case_room_in_a_team},
        {"never beyond limit and burst", case_never_beyond},
        {"what would fit, fits", case_what_would_fit},
    };
    return check_run(cases, ARRAY_COUNT(cases));
}
