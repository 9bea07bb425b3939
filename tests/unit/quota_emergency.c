/*
 * Fair shares, and who gives way in which order when memory runs out.
 */
#include "libdialup/quota/emergency.h"

#include "libdialup/base/memory.h"
#include "tests/harness/check.h"
#include "tests/harness/random.h"

enum { OWNERS = 3, MACHINE_MIB = 1000, ROUNDS = 5000, MANY = 12 };

static const struct quota_machine machine = {MACHINE_MIB, 1000, 1000};

static struct quota_owner owner(int64_t id, int64_t memory, int64_t cpu, int64_t storage)
{
    return (struct quota_owner){
        .entity = QUOTA_USER,
        .id = id,
        .name = "ann",
        .used = {.of = {[QUOTA_MEMORY] = memory, [QUOTA_CPU] = cpu, [QUOTA_STORAGE] = storage}},
        .is_active = true,
    };
}

static void case_dominant_share(void)
{
    static const struct {
        int64_t memory, cpu, storage, share;
        enum quota_dimension dimension;
    } rows[] = {
        {0, 0, 0, 0, QUOTA_MEMORY},         {500, 100, 100, 500000, QUOTA_MEMORY},
        {100, 250, 100, 250000, QUOTA_CPU}, {100, 250, 1500, 1500000, QUOTA_STORAGE},
        {-5, 1, 0, 1000, QUOTA_CPU},
    };
    enum quota_dimension dimension;
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        struct quota_owner one = owner(1, rows[i].memory, rows[i].cpu, rows[i].storage);
        CHECK_INT(quota_dominant_share(&one.used, &machine, &dimension), rows[i].share);
        CHECK_INT(dimension, rows[i].dimension);
    }
    static const struct quota_machine none = {0, 1000, 1000};
    struct quota_owner one = owner(1, 1, 1, 1);
    CHECK_INT(quota_dominant_share(&one.used, &none, &dimension), QUOTA_WHOLE_SHARE);
}

static void case_most_over(void)
{
    struct quota_owner owners[OWNERS] = {owner(1, 300, 0, 0), owner(2, 0, 400, 0),
                                         owner(3, 100, 100, 100)};
    CHECK_INT(quota_fair_share(900, 3), 300);
    CHECK_INT(quota_fair_share(900, 0), 900);
    CHECK_INT(quota_count_active(owners, OWNERS), 3);
    CHECK(quota_most_over_share(owners, OWNERS, &machine) == &owners[1]);
    owners[1].is_active = false; /* then a half each is fair */
    CHECK(quota_most_over_share(owners, OWNERS, &machine) == NULL);
    CHECK(quota_largest_share(owners, OWNERS, &machine) == &owners[0]);
    owners[2] = owner(3, 0, 300, 0);
    CHECK(quota_largest_share(owners, OWNERS, &machine) == &owners[0]);
    struct quota_owner turned[] = {owners[2], owners[0]};
    CHECK(quota_largest_share(turned, 2, &machine) == &turned[1]);
    turned[0].entity = QUOTA_TEAM;
    CHECK(quota_largest_share(turned, 2, &machine) == &turned[0]);
    CHECK(quota_largest_share(NULL, 0, &machine) == NULL);
}

/* ann has most of the machine, bob less. */
static const struct quota_container all_kinds[] = {
    {10, QUOTA_OTHER_SITE, 0, "old.example.org", false, 0, 900, 100, QUOTA_STANDS},
    {11, QUOTA_LAZY_SITE, 0, "lazy.example.org", true, 600, 100, 50, QUOTA_STANDS},
    {12, QUOTA_LAZY_SITE, 1, "lazier.example.org", true, 1200, 100, 50, QUOTA_STANDS},
    {13, QUOTA_DEV_CONTAINER, 1, "dev.example.org", true, 60, 100, 20, QUOTA_STANDS},
    {14, QUOTA_DEV_CONTAINER, 1, "busy.example.org", false, 0, 100, 20, QUOTA_STANDS},
    {15, QUOTA_BUILD, 0, "built.example.org", false, 0, 50, 200, QUOTA_STANDS},
    {16, QUOTA_BUILD, 1, "younger.example.org", false, 0, 10, 200, QUOTA_STANDS},
    {17, QUOTA_OTHER_SITE, 1, "bobs.example.org", false, 0, 2000, 100, QUOTA_STANDS},
    {18, QUOTA_LAZY_SITE, 0, "visited.example.org", false, 0, 950, 10, QUOTA_STANDS},
};

static struct quota_snapshot snapshot(const struct quota_owner owners[2], int64_t used_mib)
{
    return (struct quota_snapshot){
        .memory_mib = MACHINE_MIB,
        .memory_used_mib = used_mib,
        .machine = machine,
        .owners = owners,
        .owner_count = 2,
        .containers = all_kinds,
        .container_count = ARRAY_COUNT(all_kinds),
    };
}

static void case_order(void)
{
    static const struct {
        enum quota_step_kind kind;
        int64_t id;
        const char *reason;
    } wanted[] = {
        {QUOTA_STOP_DEV_CONTAINER, 13, "dev.example.org was idle for 1 minutes"},
        {QUOTA_FREEZE_BUILD, 16, "the build of younger.example.org goes on"},
        {QUOTA_FREEZE_BUILD, 15, "the build of built.example.org goes on"},
        {QUOTA_PUT_TO_SLEEP, 12, "lazier.example.org was idle for 20 minutes"},
        {QUOTA_PUT_TO_SLEEP, 11, "idle for 10 minutes"},
        {QUOTA_PUT_TO_SLEEP, 18, "nobody has more of it than ann"},
        {QUOTA_STOP_SITE, 10, "nobody has more of it than ann"},
        {QUOTA_STOP_SITE, 17, "nobody has more of it than bob"},
    };
    struct quota_owner owners[2] = {owner(1, 600, 0, 0), owner(2, 300, 0, 0)};
    struct quota_step steps[ARRAY_COUNT(all_kinds)];
    owners[1].name = "bob";
    struct quota_snapshot full = snapshot(owners, 1300); /* more than all of them have */
    struct quota_plan plan = quota_emergency_plan(&full, steps);
    CHECK(plan.is_emergency);
    if (!CHECK_INT(plan.count, ARRAY_COUNT(wanted))) {
        return;
    }
    for (size_t i = 0; i < plan.count; i++) {
        CHECK_STR(quota_step_name(steps[i].kind), quota_step_name(wanted[i].kind));
        CHECK_INT(all_kinds[steps[i].container].id, wanted[i].id);
        CHECK_CONTAINS(steps[i].reason, wanted[i].reason);
        CHECK_CONTAINS(steps[i].reason, "the server is short of memory");
    }
}

static void case_as_much_as_needed(void)
{
    static const struct {
        int64_t used_mib;
        bool was, is;
        size_t steps;
    } rows[] = {
        {899, false, false, 0}, {900, false, true, 5}, {899, true, true, 5},  {819, true, true, 1},
        {820, true, true, 4},   {800, true, true, 1},  {799, true, false, 0},
    };
    struct quota_owner owners[2] = {owner(1, 600, 0, 0), owner(2, 300, 0, 0)};
    struct quota_step steps[ARRAY_COUNT(all_kinds)];
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        struct quota_snapshot one = snapshot(owners, rows[i].used_mib);
        one.is_emergency = rows[i].was;
        struct quota_plan plan = quota_emergency_plan(&one, steps);
        bool good = CHECK_INT(plan.is_emergency, rows[i].is);
        if (!(CHECK_INT(plan.count, rows[i].steps) && good)) {
            printf("# %lld\n", (long long)rows[i].used_mib);
        }
    }
}

static void case_undo(void)
{
    struct quota_container given[] = {all_kinds[0], all_kinds[5], all_kinds[6]};
    struct quota_owner owners[2] = {owner(1, 600, 0, 0), owner(2, 300, 0, 0)};
    struct quota_step steps[ARRAY_COUNT(given)];
    given[0].given_way = QUOTA_WAS_STOPPED;
    given[1].given_way = QUOTA_WAS_FROZEN;
    struct quota_snapshot calm = snapshot(owners, 700);
    calm.is_emergency = true;
    calm.containers = given;
    calm.container_count = ARRAY_COUNT(given);
    struct quota_plan plan = quota_emergency_plan(&calm, steps);
    CHECK(!plan.is_emergency);
    CHECK_INT(plan.count, 2);
    CHECK_STR(quota_step_name(steps[0].kind), "start_site");
    CHECK_STR(quota_step_name(steps[1].kind), "thaw_build");
    CHECK_STR(steps[1].reason, "the server has memory again for built.example.org");
    calm.memory_used_mib = 790; /* the site's 100 more are an emergency again */
    given[0].memory_mib = 150;
    plan = quota_emergency_plan(&calm, steps);
    CHECK_INT(plan.count, 1);
    CHECK_INT(steps[0].container, 1);
    calm.memory_used_mib = 950; /* what gave way before does not do so again */
    plan = quota_emergency_plan(&calm, steps);
    CHECK_INT(plan.count, 1);
    CHECK_INT(steps[0].container, 2);
}

static void case_nobody(void)
{
    struct quota_snapshot empty = {.memory_mib = 1000, .memory_used_mib = 990, .machine = machine};
    struct quota_plan plan = quota_emergency_plan(&empty, NULL);
    CHECK(plan.is_emergency);
    CHECK_INT(plan.count, 0);
}

/* Whoever gives way when less is needed does so when more is, and first. */
static void case_prefix(void)
{
    struct random random = random_start();
    for (int round = 0; round < ROUNDS; round++) {
        struct quota_owner owners[OWNERS];
        struct quota_container containers[MANY];
        struct quota_step fewer[MANY];
        struct quota_step more[MANY];
        for (int i = 0; i < OWNERS; i++) {
            owners[i] = owner(i, random_below(&random, 500), random_below(&random, 500), 0);
        }
        for (int i = 0; i < MANY; i++) {
            containers[i] = (struct quota_container){
                .id = i,
                .kind = (enum quota_container_kind)random_below(&random, 4),
                .owner = (size_t)random_below(&random, OWNERS),
                .name = "x",
                .is_idle = random_below(&random, 2),
                .idle_s = random_below(&random, 5),
                .age_s = random_below(&random, 5),
                .memory_mib = random_below(&random, 100),
                .given_way = (enum quota_given_way)(random_below(&random, 6) / 4),
            };
        }
        struct quota_snapshot one = {
            .memory_mib = MACHINE_MIB,
            .memory_used_mib = 900 + random_below(&random, 200),
            .machine = machine,
            .owners = owners,
            .owner_count = OWNERS,
            .containers = containers,
            .container_count = MANY,
        };
        struct quota_plan small = quota_emergency_plan(&one, fewer);
        one.memory_used_mib += random_below(&random, 500);
        struct quota_plan large = quota_emergency_plan(&one, more);
        CHECK(large.count >= small.count);
        for (size_t i = 0; i < small.count && i < large.count; i++) {
            CHECK_INT(fewer[i].container, more[i].container);
            CHECK_INT(fewer[i].kind, more[i].kind);
        }
        if (check_case_failed) {
            return;
        }
    }
}

int main(void)
{
    static const struct check_case cases[] = {
        {"the dominant share", case_dominant_share},
        {"who is most over a fair share", case_most_over},
        {"who gives way, in order", case_order},
        {"as many as needed, with hysteresis", case_as_much_as_needed},
        {"what is undone when it is calm", case_undo},
        {"nobody could give way", case_nobody},
        {"less need is a prefix of more", case_prefix},
    };
    return check_run(cases, ARRAY_COUNT(cases));
}
