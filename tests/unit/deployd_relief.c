/*
 * Who stops when an owner has too much, and when hours of a day are used up.
 */
#include "dialup-deployd/pressure/relief.h"

#include "libdialup/base/memory.h"
#include "tests/harness/check.h"

enum { HOUR = 3600, DAY = 24 * HOUR };

static const struct quota_machine machine = {1000, 1000, 1000};

static struct quota_amounts memory(int64_t mib)
{
    struct quota_amounts amounts = {
        .of = {[QUOTA_MEMORY_PRODUCTION] = mib, [QUOTA_CONCURRENT_CONTAINERS] = 1}};
    quota_add_up(&amounts);
    return amounts;
}

/* 100 each: idle lazy ones, a visited one, and an old one that never sleeps. */
static void make_sites(struct relief_site sites[5])
{
    const struct relief_site all[] = {
        {1, false, false, 0, 900, memory(100)}, {2, true, true, 60, 100, memory(100)},
        {3, true, true, 600, 50, memory(100)},  {4, true, false, 0, 950, memory(100)},
        {5, false, false, 0, 100, memory(100)},
    };
    for (size_t i = 0; i < ARRAY_COUNT(all); i++) {
        sites[i] = all[i];
    }
}

static void case_order(void)
{
    static const struct {
        const char *name;
        int64_t hard, burst_percent;
        bool lends, lent_only;
        int64_t stopped[6]; /* ids, 0 ends them */
    } rows[] = {
        {"within the limit", 500, 0, false, false, {0}},
        {"idle first, longest idle before", 350, 0, false, false, {3, 2}},
        {"then the oldest", 150, 0, false, false, {3, 2, 4, 1}},
        {"nothing is allowed", 0, 0, false, false, {3, 2, 4, 1, 5}},
        {"lent, and the machine is calm", 400, 25, true, false, {0}},
        {"lent, and it is not any more", 400, 25, false, true, {3}},
        {"more than could be lent", 300, 25, true, false, {3, 2}},
        {"above a limit without a burst, and nobody asked", 100, 0, false, true, {0}},
        {"lowered below what runs, calm, and nobody asked", 300, 25, true, true, {0}},
        {"lowered below what runs, and nobody asked", 300, 25, false, true, {0}},
        {"no limit", QUOTA_UNLIMITED, 0, false, false, {0}},
    };
    struct relief_site sites[5];
    struct relief_step steps[5];
    make_sites(sites);
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        struct quota_level owner;
        quota_level_init(&owner, QUOTA_USER, "ann");
        owner.machine = machine;
        owner.used = memory(500);
        owner.limits[QUOTA_MEMORY_PRODUCTION].hard = rows[i].hard;
        owner.limits[QUOTA_MEMORY_PRODUCTION].burst_percent = rows[i].burst_percent;
        const struct relief_rules rules = {rows[i].lends, rows[i].lent_only};
        size_t count = relief_plan(&owner, &rules, sites, ARRAY_COUNT(sites), steps);
        bool good = true;
        size_t wanted = 0;
        for (; rows[i].stopped[wanted]; wanted++) {
            good =
                good && wanted < count && sites[steps[wanted].site].id == rows[i].stopped[wanted];
        }
        if (!CHECK(good && wanted == count)) {
            printf("# row \"%s\": %zu steps\n", rows[i].name, count);
        }
        CHECK(count == 0 || steps[0].sleeps);
    }
}

static void case_reason(void)
{
    struct relief_site sites[5];
    struct relief_step steps[5];
    struct quota_level owner;
    make_sites(sites);
    quota_level_init(&owner, QUOTA_USER, "ann");
    owner.used = memory(500);
    owner.limits[QUOTA_MEMORY_PRODUCTION].hard = 450;
    const struct relief_rules rules = {.lent_only = false};
    CHECK_INT(relief_plan(&owner, &rules, sites, ARRAY_COUNT(sites), steps), 1);
    CHECK_CONTAINS(steps[0].reason, "500MB of 450MB");
    owner.limits[QUOTA_MEMORY_PRODUCTION].burst_percent = 50;
    const struct relief_rules tight = {.lent_only = true};
    CHECK_INT(relief_plan(&owner, &tight, sites, ARRAY_COUNT(sites), steps), 1);
    CHECK_CONTAINS(steps[0].reason, "nothing to lend");
}

/* Its end would not help, so it is left alone. */
static void case_helps(void)
{
    struct relief_site one = {.id = 1, .held = memory(100)};
    struct relief_step step;
    struct quota_level owner;
    quota_level_init(&owner, QUOTA_USER, "ann");
    owner.used.of[QUOTA_STORAGE_PRODUCTION] = 90;
    owner.limits[QUOTA_STORAGE_PRODUCTION].hard = 10;
    owner.used.of[QUOTA_CPU_PRODUCTION] = 90;
    owner.limits[QUOTA_CPU_PRODUCTION].hard = 10;
    const struct relief_rules rules = {0};
    CHECK_INT(relief_plan(&owner, &rules, &one, 1, &step), 0);
    CHECK_INT(relief_plan(&owner, &rules, NULL, 0, NULL), 0);
}

static void case_calm(void)
{
    static const struct {
        int64_t memory, cpu;
        bool lends;
    } rows[] = {{0, 0, true}, {600, 600, true}, {601, 0, false}, {0, 601, false}};
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        struct quota_level system;
        quota_level_init_system(&system, 1000, 1000, 1000, 20);
        system.used.of[QUOTA_MEMORY] = rows[i].memory;
        system.used.of[QUOTA_CPU] = rows[i].cpu;
        CHECK_INT(relief_lends(&system), rows[i].lends);
    }
}

static void case_hours(void)
{
    static const struct {
        int64_t hours, awake_s;
        enum relief_hours wanted;
    } rows[] = {
        {QUOTA_UNLIMITED, DAY, RELIEF_HOURS_FINE},
        {24, DAY, RELIEF_HOURS_FINE}, /* a day has no more */
        {10, 0, RELIEF_HOURS_FINE},
        {10, 8 * HOUR - 1, RELIEF_HOURS_FINE},
        {10, 8 * HOUR, RELIEF_HOURS_SOFT},
        {10, 10 * HOUR - 1, RELIEF_HOURS_SOFT},
        {10, 10 * HOUR, RELIEF_HOURS_SPENT},
        {10, DAY, RELIEF_HOURS_SPENT},
        {0, 0, RELIEF_HOURS_SPENT},
    };
    const struct quota_limit limit = {.soft_percent = 80};
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        if (!CHECK_INT(relief_hours(&limit, rows[i].hours, rows[i].awake_s), rows[i].wanted)) {
            printf("# row %zu\n", i);
        }
    }
}

static void case_midnight(void)
{
    CHECK_INT(relief_today_s((int64_t)DAY * 5 + 100, 30), 30);
    CHECK_INT(relief_today_s((int64_t)DAY * 5 + 10, 30), 10);
    CHECK_INT(relief_today_s((int64_t)DAY * 5, 30), 0);
}

int main(void)
{
    static const struct check_case cases[] = {
        {"who stops, and in which order", case_order},
        {"the reason", case_reason},
        {"only what helps", case_helps},
        {"when the machine lends", case_calm},
        {"hours of a day", case_hours},
        {"a look across midnight", case_midnight},
    };
    return check_run(cases, ARRAY_COUNT(cases));
}
