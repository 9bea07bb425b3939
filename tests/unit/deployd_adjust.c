/*
 * What an owner changes of a site: rows and ledger, awake, asleep, stopped, while a release comes.
 */
#include "dialup-deployd/adjust.h"

#include "dialup-deployd/handover.h"
#include "libdialup/base/memory.h"
#include "libdialup/base/str.h"
#include "libdialup/store/deployments.h"
#include "libdialup/store/limits.h"
#include "libdialup/store/reservations.h"
#include "tests/harness/check.h"
#include "tests/unit/store_fixture.h"

enum { LIMIT_MIB = 512, NEEDED_MIB = 128, NOW = 2000 };

struct rig {
    struct store_fixture store;
    struct machine machine;
    struct admission admission;
    int64_t site_id;
    bool wakes;
    struct error err;
};

static void rig_limit(struct rig *rig, int64_t memory_mib)
{
    const struct quota_limit limit = {.hard = memory_mib, .soft_percent = 80};
    CHECK_INT(limits_put(rig->store.admind, QUOTA_USER, 1, QUOTA_MEMORY_PRODUCTION, &limit, NOW,
                         &rig->err),
              0);
}

static struct site rig_site(struct rig *rig)
{
    struct site site;
    CHECK_INT(sites_find(rig->store.deployd, rig->store.arena, rig->site_id, &site, &rig->err), 0);
    return site;
}

static int64_t begin(struct rig *rig, const char *type, int64_t memory_mib)
{
    struct site site = rig_site(rig);
    const struct deployment row = {.site_id = rig->site_id,
                                   .source = "u",
                                   .commit_ref = "",
                                   .message = "",
                                   .created_by = "user:1"};
    const struct deployment_needs needs = {type, memory_mib, memory_mib};
    int64_t id = 0;
    CHECK_INT(deployments_create(rig->store.deployd, &row, NOW, &id, &rig->err), 0);
    CHECK_INT(handover_begin(&rig->admission, rig->store.arena, &site, id, &needs, "Cannot deploy",
                             NOW, &rig->err),
              0);
    return id;
}

static void end(struct rig *rig, int64_t id)
{
    CHECK_INT(handover_done(&rig->admission, rig->store.arena, rig->site_id, id, NOW, &rig->err),
              0);
}

/* A site with a container that is live. */
static void rig_init(struct rig *rig)
{
    *rig = (struct rig){.machine = {4096, 2000, 50000}};
    store_fixture_init(&rig->store);
    int64_t user = add_user(&rig->store, "ann@example.org");
    rig->site_id = add_site(&rig->store, user, "a.example.org");
    rig->admission = (struct admission){.db = rig->store.deployd,
                                        .machine = &rig->machine,
                                        .reserve_percent = 20,
                                        .owner_kind = QUOTA_USER,
                                        .owner_id = user};
    rig_limit(rig, LIMIT_MIB);
    end(rig, begin(rig, "node", NEEDED_MIB));
}

static void rig_fini(struct rig *rig)
{
    store_fixture_fini(&rig->store);
}

#define AUTO_RIG __attribute__((cleanup(rig_fini)))

static void put_asleep(struct rig *rig, enum site_sleep sleep)
{
    CHECK_INT(sites_set_sleep(rig->store.deployd, rig->site_id, sleep, NOW, &rig->err), 0);
    if (sleep == SITE_ASLEEP) {
        CHECK_INT(admission_release_run(rig->store.deployd, rig->site_id, &rig->err), 0);
    }
}

static struct adjustment strategy(const char *name)
{
    return (struct adjustment){.strategy = site_strategy_find(name)};
}

static struct adjustment memory(int64_t memory_mib)
{
    return (struct adjustment){.memory_mib = memory_mib};
}

static int adjust(struct rig *rig, struct adjustment adjustment)
{
    struct site site = rig_site(rig);
    rig->wakes = false;
    return adjust_site(&rig->admission, rig->store.arena, &site, &adjustment, NOW + 1, &rig->wakes,
                       &rig->err);
}

static struct quota_amounts held(struct rig *rig)
{
    struct quota_amounts amounts = {0};
    reservations_sum_site(rig->store.deployd, rig->site_id, &amounts, &rig->err);
    return amounts;
}

static void check_memory(struct rig *rig, int64_t declared_mib, int64_t held_mib)
{
    CHECK_INT(rig_site(rig).memory_mib, declared_mib);
    CHECK_INT(held(rig).of[QUOTA_MEMORY_PRODUCTION], held_mib);
}

static void case_memory_of_what_runs(void)
{
    AUTO_RIG struct rig rig;
    rig_init(&rig);
    CHECK_INT(adjust(&rig, memory(LIMIT_MIB)), 0);
    check_memory(&rig, LIMIT_MIB, LIMIT_MIB);
    CHECK_INT(adjust(&rig, memory(LIMIT_MIB + 1)), -ERR_QUOTA_EXCEEDED);
    CHECK_STR(rig.err.message, "Cannot change this site: Not enough memory available "
                               "(need 513MB, have 512MB)");
    check_memory(&rig, LIMIT_MIB, LIMIT_MIB);
    rig_limit(&rig, 64);
    CHECK_INT(adjust(&rig, memory(256)), 0); /* less than before, though above the limit */
    check_memory(&rig, 256, 256);
    CHECK_INT(adjust(&rig, (struct adjustment){.cpu_millicores = 200}), 0);
    CHECK_INT(held(&rig).of[QUOTA_CPU_PRODUCTION], 200);
    CHECK_INT(rig_site(&rig).memory_mib, 256);
}

static void case_memory_of_what_sleeps(void)
{
    static const struct {
        const char *name;
        enum site_sleep sleep;
        int64_t held_mib;
    } rows[] = {{"frozen", SITE_FROZEN, 256}, {"asleep", SITE_ASLEEP, 0}};
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        AUTO_RIG struct rig rig;
        rig_init(&rig);
        put_asleep(&rig, rows[i].sleep);
        CHECK_INT(adjust(&rig, memory(256)), 0);
        check_memory(&rig, 256, rows[i].held_mib);
        CHECK_INT(adjust(&rig, memory(LIMIT_MIB + 1)), -ERR_QUOTA_EXCEEDED); /* it never woke */
        check_memory(&rig, 256, rows[i].held_mib);
        CHECK_INT(rig_site(&rig).sleep, rows[i].sleep);
        CHECK(!rig.wakes);
    }
}

static void case_memory_of_what_is_stopped(void)
{
    AUTO_RIG struct rig rig;
    rig_init(&rig);
    sites_set_desired(rig.store.deployd, rig.site_id, SITE_WANT_STOPPED, NOW, &rig.err);
    admission_release_run(rig.store.deployd, rig.site_id, &rig.err);
    CHECK_INT(adjust(&rig, memory(256)), 0);
    check_memory(&rig, 256, 0);
    CHECK_INT(adjust(&rig, strategy("persistent")), 0);
    check_memory(&rig, 256, 0);
}

static void case_memory_of_files(void)
{
    AUTO_RIG struct rig rig;
    rig_init(&rig);
    end(&rig, begin(&rig, "static", 0));
    CHECK_INT(adjust(&rig, memory(64)), -ERR_CONFLICT);
    CHECK_STR(rig.err.field, "memory_mib");
    CHECK_STR(rig.err.message,
              "a.example.org is served from files: it needs no memory and no CPU of its own");
    CHECK_INT(adjust(&rig, (struct adjustment){.cpu_millicores = 100}), -ERR_CONFLICT);
    CHECK_STR(rig.err.field, "cpu_millicores");
    CHECK_INT(adjust(&rig, strategy("persistent")), 0);
    check_memory(&rig, 0, 0);
}

static void case_waking(void)
{
    static const struct {
        const char *name;
        enum site_sleep before;
        const char *strategy;
        enum site_sleep after;
        bool wakes;
        int64_t held_mib;
    } rows[] = {
        {"awake stays so", SITE_AWAKE, "persistent", SITE_AWAKE, false, NEEDED_MIB},
        {"frozen wakes", SITE_FROZEN, "persistent", SITE_AWAKE, true, NEEDED_MIB},
        {"asleep wakes and holds again", SITE_ASLEEP, "scalable", SITE_AWAKE, true, NEEDED_MIB},
        {"a lazy one sleeps on", SITE_ASLEEP, "lazy", SITE_ASLEEP, false, 0},
    };
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        AUTO_RIG struct rig rig;
        rig_init(&rig);
        put_asleep(&rig, rows[i].before);
        CHECK_INT(adjust(&rig, strategy(rows[i].strategy)), 0);
        CHECK_STR(rig_site(&rig).strategy, rows[i].strategy);
        CHECK_INT(rig_site(&rig).sleep, rows[i].after);
        CHECK_INT(rig.wakes, rows[i].wakes);
        check_memory(&rig, NEEDED_MIB, rows[i].held_mib);
    }
}

static void case_no_room_to_wake(void)
{
    AUTO_RIG struct rig rig;
    rig_init(&rig);
    put_asleep(&rig, SITE_ASLEEP);
    rig_limit(&rig, 64);
    CHECK_INT(adjust(&rig, strategy("persistent")), -ERR_QUOTA_EXCEEDED);
    CHECK_STR(rig_site(&rig).strategy, "lazy");
    CHECK_INT(rig_site(&rig).sleep, SITE_ASLEEP);
    CHECK(!rig.wakes);
    check_memory(&rig, NEEDED_MIB, 0);
}

static void case_instances(void)
{
    AUTO_RIG struct rig rig;
    rig_init(&rig);
    CHECK_INT(adjust(&rig, strategy("scalable")), 0);
    sites_set_instances(rig.store.deployd, rig.site_id, 2, NOW, &rig.err);
    struct site two = rig_site(&rig);
    CHECK_INT(admission_reserve_run(&rig.admission, rig.store.arena, &two, "x", NOW, &rig.err), 0);
    CHECK_INT(adjust(&rig, memory(LIMIT_MIB)), -ERR_QUOTA_EXCEEDED); /* twice */
    CHECK_INT(adjust(&rig, memory(LIMIT_MIB / 2)), 0);
    check_memory(&rig, LIMIT_MIB / 2, LIMIT_MIB);
    CHECK_INT(held(&rig).of[QUOTA_CONTAINERS], 2);
    CHECK_INT(adjust(&rig, strategy("lazy")), 0);
    CHECK_INT(rig_site(&rig).instances, 1);
    CHECK_INT(held(&rig).of[QUOTA_CONTAINERS], 1);
    check_memory(&rig, LIMIT_MIB / 2, LIMIT_MIB / 2);
}

/* The change reaches the release that is about to take over, and is not lost when it does. */
static void case_while_a_release_comes(void)
{
    AUTO_RIG struct rig rig;
    rig_init(&rig);
    int64_t id = begin(&rig, "node", NEEDED_MIB);
    CHECK_INT(adjust(&rig, (struct adjustment){.strategy = site_strategy_find("persistent"),
                                               .has_idle_minutes = true,
                                               .idle_minutes = 7,
                                               .memory_mib = 256}),
              0);
    check_memory(&rig, 256, 256);
    end(&rig, id);
    check_memory(&rig, 256, 256);
    CHECK_STR(rig_site(&rig).strategy, "persistent");
    CHECK_INT(rig_site(&rig).idle_minutes, 7);
    CHECK_INT(adjust(&rig, (struct adjustment){.has_idle_minutes = true}), 0);
    CHECK_INT(rig_site(&rig).idle_minutes, 0);
}

int main(void)
{
    static const struct check_case cases[] = {
        {"what runs must fit as far as it grows", case_memory_of_what_runs},
        {"what sleeps must fit alone", case_memory_of_what_sleeps},
        {"what is stopped holds nothing", case_memory_of_what_is_stopped},
        {"files need no memory", case_memory_of_files},
        {"one that may not sleep wakes", case_waking},
        {"without room it sleeps on, and nothing is changed", case_no_room_to_wake},
        {"fewer instances where fewer are allowed", case_instances},
        {"while a release comes", case_while_a_release_comes},
    };
    return check_run(cases, ARRAY_COUNT(cases));
}
