/*
 * What an owner changes of a site: rows and ledger, awake, asleep, stopped, while a release comes.
 */
#include "dialup-deployd/adjust.h"

#include "dialup-deployd/handover.h"
#include "tests/unit/deployd_rig.h"

enum { NEEDED_MIB = 128 };

static bool wakes; /* what the last adjust() said */

/* A site with a container that is live. */
static void rig_init_live(struct rig *rig)
{
    rig_init(rig);
    rig_end(rig, rig_begin(rig, "node", NEEDED_MIB));
}

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
    wakes = false;
    return adjust_site(&rig->admission, rig->store.arena, &site, &adjustment, NOW + 1, &wakes,
                       &rig->err);
}

static void case_memory_of_what_runs(void)
{
    AUTO_RIG struct rig rig;
    rig_init_live(&rig);
    CHECK_INT(adjust(&rig, memory(LIMIT_MIB)), 0);
    rig_check_memory(&rig, LIMIT_MIB, LIMIT_MIB);
    CHECK_INT(adjust(&rig, memory(LIMIT_MIB + 1)), -ERR_QUOTA_EXCEEDED);
    CHECK_STR(rig.err.message, "Cannot change this site: Not enough memory available "
                               "(need 513MB, have 512MB)");
    rig_check_memory(&rig, LIMIT_MIB, LIMIT_MIB);
    rig_limit(&rig, 64);
    CHECK_INT(adjust(&rig, memory(256)), 0); /* less than before, though above the limit */
    rig_check_memory(&rig, 256, 256);
    CHECK_INT(adjust(&rig, (struct adjustment){.cpu_millicores = 200}), 0);
    CHECK_INT(rig_held(&rig).of[QUOTA_CPU_PRODUCTION], 200);
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
        rig_init_live(&rig);
        put_asleep(&rig, rows[i].sleep);
        CHECK_INT(adjust(&rig, memory(256)), 0);
        rig_check_memory(&rig, 256, rows[i].held_mib);
        CHECK_INT(adjust(&rig, memory(LIMIT_MIB + 1)), -ERR_QUOTA_EXCEEDED); /* it never woke */
        rig_check_memory(&rig, 256, rows[i].held_mib);
        CHECK_INT(rig_site(&rig).sleep, rows[i].sleep);
        CHECK(!wakes);
    }
}

/* Its container has not stopped yet, and a visitor may keep it awake: then nobody asks again. */
static void case_memory_of_what_falls_asleep(void)
{
    AUTO_RIG struct rig rig;
    rig_init_live(&rig);
    CHECK_INT(sites_set_sleep(rig.store.deployd, rig.site_id, SITE_ASLEEP, NOW, &rig.err), 0);
    CHECK_INT(adjust(&rig, memory(256)), 0);
    rig_check_memory(&rig, 256, 256);
    CHECK_INT(adjust(&rig, memory(64)), 0);
    rig_check_memory(&rig, 64, 64);
    CHECK_INT(adjust(&rig, memory(LIMIT_MIB + 1)), -ERR_QUOTA_EXCEEDED);
    rig_check_memory(&rig, 64, 64);
}

static void case_memory_of_what_is_stopped(void)
{
    AUTO_RIG struct rig rig;
    rig_init_live(&rig);
    sites_set_desired(rig.store.deployd, rig.site_id, SITE_WANT_STOPPED, NOW, &rig.err);
    admission_release_run(rig.store.deployd, rig.site_id, &rig.err);
    CHECK_INT(adjust(&rig, memory(256)), 0);
    rig_check_memory(&rig, 256, 0);
    CHECK_INT(adjust(&rig, strategy("persistent")), 0);
    rig_check_memory(&rig, 256, 0);
}

static void case_memory_of_files(void)
{
    AUTO_RIG struct rig rig;
    rig_init_live(&rig);
    rig_end(&rig, rig_begin(&rig, "static", 0));
    CHECK_INT(adjust(&rig, memory(64)), -ERR_CONFLICT);
    CHECK_STR(rig.err.field, "memory_mib");
    CHECK_STR(rig.err.message,
              "a.example.org is served from files: it needs no memory and no CPU of its own");
    CHECK_INT(adjust(&rig, (struct adjustment){.cpu_millicores = 100}), -ERR_CONFLICT);
    CHECK_STR(rig.err.field, "cpu_millicores");
    CHECK_INT(adjust(&rig, strategy("persistent")), 0);
    rig_check_memory(&rig, 0, 0);
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
        rig_init_live(&rig);
        put_asleep(&rig, rows[i].before);
        CHECK_INT(adjust(&rig, strategy(rows[i].strategy)), 0);
        CHECK_STR(rig_site(&rig).strategy, rows[i].strategy);
        CHECK_INT(rig_site(&rig).sleep, rows[i].after);
        CHECK_INT(wakes, rows[i].wakes);
        rig_check_memory(&rig, NEEDED_MIB, rows[i].held_mib);
    }
}

static void case_no_room_to_wake(void)
{
    AUTO_RIG struct rig rig;
    rig_init_live(&rig);
    put_asleep(&rig, SITE_ASLEEP);
    rig_limit(&rig, 64);
    CHECK_INT(adjust(&rig, strategy("persistent")), -ERR_QUOTA_EXCEEDED);
    CHECK_STR(rig_site(&rig).strategy, "lazy");
    CHECK_INT(rig_site(&rig).sleep, SITE_ASLEEP);
    CHECK(!wakes);
    rig_check_memory(&rig, NEEDED_MIB, 0);
}

static void case_instances(void)
{
    AUTO_RIG struct rig rig;
    rig_init_live(&rig);
    CHECK_INT(adjust(&rig, strategy("scalable")), 0);
    sites_set_instances(rig.store.deployd, rig.site_id, 2, NOW, &rig.err);
    struct site two = rig_site(&rig);
    CHECK_INT(admission_reserve_run(&rig.admission, rig.store.arena, &two, "x", NOW, &rig.err), 0);
    CHECK_INT(adjust(&rig, memory(LIMIT_MIB)), -ERR_QUOTA_EXCEEDED); /* twice */
    CHECK_INT(adjust(&rig, memory(LIMIT_MIB / 2)), 0);
    rig_check_memory(&rig, LIMIT_MIB / 2, LIMIT_MIB);
    CHECK_INT(rig_held(&rig).of[QUOTA_CONTAINERS], 2);
    CHECK_INT(adjust(&rig, strategy("lazy")), 0);
    CHECK_INT(rig_site(&rig).instances, 1);
    CHECK_INT(rig_held(&rig).of[QUOTA_CONTAINERS], 1);
    rig_check_memory(&rig, LIMIT_MIB / 2, LIMIT_MIB / 2);
}

/* The change reaches the release that is about to take over, and is not lost when it does. */
static void case_while_a_release_comes(void)
{
    AUTO_RIG struct rig rig;
    rig_init_live(&rig);
    int64_t id = rig_begin(&rig, "node", NEEDED_MIB);
    CHECK_INT(adjust(&rig, (struct adjustment){.strategy = site_strategy_find("persistent"),
                                               .has_idle_minutes = true,
                                               .idle_minutes = 7,
                                               .memory_mib = 256}),
              0);
    rig_check_memory(&rig, 256, 256);
    rig_end(&rig, id);
    rig_check_memory(&rig, 256, 256);
    CHECK_STR(rig_site(&rig).strategy, "persistent");
    CHECK_INT(rig_site(&rig).idle_minutes, 7);
    CHECK_INT(adjust(&rig, (struct adjustment){.has_idle_minutes = true}), 0);
    CHECK_INT(rig_site(&rig).idle_minutes, 0);
}

static int set_instances(struct rig *rig, int64_t instances)
{
    const struct site site = rig_site(rig);
    return adjust_instances(&rig->admission, rig->store.arena, &site, instances, NOW + 1,
                            &rig->err);
}

/* One less is never refused, not even above a limit that was lowered; one more is. */
static void case_instances_above_a_limit(void)
{
    AUTO_RIG struct rig rig;
    rig_init_live(&rig);
    CHECK_INT(set_instances(&rig, 2), 0);
    rig_check_memory(&rig, NEEDED_MIB, 2 * NEEDED_MIB);
    rig_limit(&rig, NEEDED_MIB / 2);
    CHECK_INT(set_instances(&rig, 1), 0);
    rig_check_memory(&rig, NEEDED_MIB, NEEDED_MIB);
    CHECK_INT(rig_held(&rig).of[QUOTA_CONTAINERS], 1);
    CHECK_INT(set_instances(&rig, 2), -ERR_QUOTA_EXCEEDED);
    rig_check_memory(&rig, NEEDED_MIB, NEEDED_MIB);
    CHECK_INT(rig_site(&rig).instances, 1);
}

int main(void)
{
    static const struct check_case cases[] = {
        {"what runs must fit as far as it grows", case_memory_of_what_runs},
        {"what sleeps must fit alone", case_memory_of_what_sleeps},
        {"what falls asleep still holds its memory", case_memory_of_what_falls_asleep},
        {"what is stopped holds nothing", case_memory_of_what_is_stopped},
        {"files need no memory", case_memory_of_files},
        {"one that may not sleep wakes", case_waking},
        {"without room it sleeps on, and nothing is changed", case_no_room_to_wake},
        {"fewer instances where fewer are allowed", case_instances},
        {"while a release comes", case_while_a_release_comes},
        {"instances, above a lowered limit", case_instances_above_a_limit},
    };
    return check_run(cases, ARRAY_COUNT(cases));
}
