/*
 * Admission with the real tables: people, what they bring into teams, teams instead of people, the
 * machine; and the containers that exist beside those that run.
 */
#include "dialup-deployd/admission.h"

#include "libdialup/base/memory.h"
#include "libdialup/store/limits.h"
#include "libdialup/store/reservations.h"
#include "libdialup/store/teams.h"
#include "tests/harness/check.h"
#include "tests/unit/store_fixture.h"

enum { NOW = 2000 };

static const struct quota_machine whole_machine = {4096, 2000, 50000};

struct rig {
    struct store_fixture store;
    struct quota_machine machine;
    int64_t ann, team;
    struct error err;
};

static void rig_limit(struct rig *rig, enum quota_entity entity, int64_t id,
                      enum quota_dimension dimension, struct quota_limit limit)
{
    limit.soft_percent = 80;
    CHECK_INT(limits_put(rig->store.admind, entity, id, dimension, &limit, NOW, &rig->err), 0);
}

static void rig_init(struct rig *rig)
{
    *rig = (struct rig){.machine = {4096, 2000, 50000}};
    store_fixture_init(&rig->store);
    rig->ann = add_user(&rig->store, "ann@example.org");
    CHECK_INT(teams_create(rig->store.admind, "The blog", rig->ann, NOW, &rig->team, &rig->err), 0);
    rig_limit(rig, QUOTA_USER, rig->ann, QUOTA_MEMORY_PRODUCTION, (struct quota_limit){512});
}

static void rig_fini(struct rig *rig)
{
    store_fixture_fini(&rig->store);
}

#define AUTO_RIG __attribute__((cleanup(rig_fini)))

static int bring(struct rig *rig, enum quota_dimension dimension, int64_t amount)
{
    const struct quota_move move = {QUOTA_NOBODY, rig->ann, dimension, amount};
    return teams_redistribute(rig->store.admind, rig->store.arena, rig->team, &whole_machine, &move,
                              1, NOW, NULL, &rig->err);
}

static struct admission rig_admission(struct rig *rig, enum quota_entity kind)
{
    return (struct admission){.db = rig->store.deployd,
                              .machine = &rig->machine,
                              .reserve_percent = 20,
                              .owner_kind = kind,
                              .owner_id = kind == QUOTA_TEAM ? rig->team : rig->ann};
}

static struct site rig_site(struct rig *rig, enum quota_entity kind, const char *domain,
                            int64_t memory_mib)
{
    struct admission admission = rig_admission(rig, kind);
    struct site site = {.owner_kind = kind,
                        .owner_id = admission.owner_id,
                        .domain = domain,
                        .type = "node",
                        .strategy = "lazy",
                        .memory_mib = memory_mib,
                        .cpu_millicores = 100};
    CHECK_INT(sites_create(rig->store.deployd, &site, NOW, &site.id, &rig->err), 0);
    CHECK_INT(admission_note_site(rig->store.deployd, &site, NOW, &rig->err), 0);
    return site;
}

static int run(struct rig *rig, const struct site *site)
{
    struct admission admission = rig_admission(rig, site->owner_kind);
    return admission_reserve_run(&admission, rig->store.arena, site, "Cannot deploy", NOW,
                                 &rig->err);
}

static int64_t held(struct rig *rig, const struct site *site, enum quota_dimension dimension)
{
    struct quota_amounts amounts;
    CHECK_INT(reservations_sum_site(rig->store.deployd, site->id, &amounts, &rig->err), 0);
    return amounts.of[dimension];
}

/* What ann brings in is the team's, and not hers meanwhile. */
static void case_team_sites(void)
{
    AUTO_RIG struct rig rig;
    rig_init(&rig);
    struct site own = rig_site(&rig, QUOTA_USER, "own.example.org", 256);
    struct site shared = rig_site(&rig, QUOTA_TEAM, "shared.example.org", 256);
    CHECK_INT(run(&rig, &shared), -ERR_QUOTA_EXCEEDED);
    CHECK_CONTAINS(rig.err.message,
                   "Not enough memory available to your team (need 256MB, have 0MB)");
    CHECK_INT(bring(&rig, QUOTA_MEMORY_PRODUCTION, 300), 0);
    CHECK_INT(bring(&rig, QUOTA_CPU_PRODUCTION, 200), 0);
    CHECK_INT(bring(&rig, QUOTA_CONTAINERS, 2), 0);
    CHECK_INT(run(&rig, &shared), -ERR_QUOTA_EXCEEDED);
    CHECK_STR(rig.err.message,
              "Cannot deploy: Your team has reached its running container limit (0/0)");
    CHECK_CONTAINS(rig.err.hint, "Ask ann@example.org to move more into the team The blog");
    CHECK_INT(bring(&rig, QUOTA_CONCURRENT_CONTAINERS, 1), 0);
    CHECK_INT(run(&rig, &shared), 0);
    CHECK_INT(held(&rig, &shared, QUOTA_MEMORY_PRODUCTION), 256);
    CHECK_INT(held(&rig, &shared, QUOTA_APPLICATIONS), 1);
    CHECK_INT(run(&rig, &own), -ERR_QUOTA_EXCEEDED);
    CHECK_STR(rig.err.message,
              "Cannot deploy: Not enough memory available (need 256MB, have 212MB)");
    CHECK_CONTAINS(rig.err.hint, "You bring 300MB into a team");
    own.memory_mib = 212;
    CHECK_INT(run(&rig, &own), 0); /* the team's use is not hers */
    CHECK_INT(held(&rig, &own, QUOTA_APPLICATIONS), 0);
}

static void case_applications(void)
{
    AUTO_RIG struct rig rig;
    rig_init(&rig);
    struct admission admission = rig_admission(&rig, QUOTA_TEAM);
    struct admission_levels levels;
    struct quota_verdict verdict;
    rig_limit(&rig, QUOTA_TEAM, rig.team, QUOTA_SITES, (struct quota_limit){9});
    rig_limit(&rig, QUOTA_TEAM, rig.team, QUOTA_APPLICATIONS, (struct quota_limit){1});
    const struct site asked = {.owner_kind = QUOTA_TEAM};
    const struct quota_amounts existing = admission_for_existing(&asked);
    for (int i = 0; i < 2; i++) {
        CHECK_INT(admission_read_levels(&admission, rig.store.arena, &levels, &rig.err), 0);
        CHECK_STR(levels.levels[0].name, "The blog");
        quota_admit(levels.levels, levels.count, &existing, &verdict);
        CHECK_INT(verdict.allowed, i == 0);
        rig_site(&rig, QUOTA_TEAM, i == 0 ? "a.example.org" : "b.example.org", 0);
    }
    quota_refuse(&verdict, "Cannot deploy", &rig.err);
    CHECK_STR(rig.err.message, "Cannot deploy: Your team has reached its application limit (1/1)");
    admission.owner_id = 99;
    CHECK_INT(admission_read_levels(&admission, rig.store.arena, &levels, &rig.err),
              -ERR_NOT_FOUND);
}

static void case_parts_and_bursts(void)
{
    AUTO_RIG struct rig rig;
    rig_init(&rig);
    struct site site = rig_site(&rig, QUOTA_USER, "a.example.org", 410);
    rig_limit(&rig, QUOTA_USER, rig.ann, QUOTA_MEMORY_PRODUCTION,
              (struct quota_limit){.hard = 512, .percent = 10});
    CHECK_INT(run(&rig, &site), -ERR_QUOTA_EXCEEDED);
    CHECK_CONTAINS(rig.err.message, "(need 410MB, have 409MB)");
    CHECK_CONTAINS(rig.err.checks_json, "\"limit\":409");
    rig_limit(&rig, QUOTA_USER, rig.ann, QUOTA_MEMORY_PRODUCTION,
              (struct quota_limit){.hard = 512, .percent = 10, .burst_percent = 10});
    CHECK_INT(run(&rig, &site), 0);
    rig.machine.memory_mib = 600; /* not calm any more, and a tenth is less */
    CHECK_INT(run(&rig, &site), -ERR_QUOTA_EXCEEDED);
    struct admission admission = rig_admission(&rig, QUOTA_USER);
    int64_t left;
    CHECK_INT(admission_storage_left(&admission, rig.store.arena, &left, &rig.err), 0);
    CHECK_INT(left, (int64_t)40000 << 20);
    rig_limit(&rig, QUOTA_USER, rig.ann, QUOTA_STORAGE,
              (struct quota_limit){.hard = QUOTA_UNLIMITED, .percent = 1});
    CHECK_INT(admission_storage_left(&admission, rig.store.arena, &left, &rig.err), 0);
    CHECK_INT(left, (int64_t)500 << 20);
}

/* A site that sleeps has a container, and needs no second one to wake. */
static void case_containers_that_exist(void)
{
    AUTO_RIG struct rig rig;
    rig_init(&rig);
    struct site site = rig_site(&rig, QUOTA_USER, "a.example.org", 128);
    struct site other = rig_site(&rig, QUOTA_USER, "b.example.org", 128);
    rig_limit(&rig, QUOTA_USER, rig.ann, QUOTA_CONTAINERS, (struct quota_limit){1});
    CHECK_INT(held(&rig, &site, QUOTA_CONTAINERS), 0);
    CHECK_INT(run(&rig, &site), 0);
    CHECK_INT(held(&rig, &site, QUOTA_CONTAINERS), 1);
    CHECK_INT(held(&rig, &site, QUOTA_CONCURRENT_CONTAINERS), 1);
    CHECK_INT(admission_release_run(rig.store.deployd, site.id, &rig.err), 0);
    CHECK_INT(held(&rig, &site, QUOTA_CONTAINERS), 1);
    CHECK_INT(held(&rig, &site, QUOTA_CONCURRENT_CONTAINERS), 0);
    CHECK_INT(run(&rig, &other), -ERR_QUOTA_EXCEEDED);
    CHECK_CONTAINS(rig.err.message, "You've reached your container limit (1/1)");
    CHECK_INT(run(&rig, &site), 0);
    site.instances = 2;
    CHECK_INT(run(&rig, &site), -ERR_QUOTA_EXCEEDED);
    CHECK_INT(admission_release_stopped(rig.store.deployd, &site, NOW, &rig.err), 0);
    CHECK_INT(held(&rig, &site, QUOTA_CONTAINERS), 0);
    CHECK_INT(held(&rig, &site, QUOTA_SITES), 1);
    CHECK_INT(run(&rig, &other), 0);
    rig_limit(&rig, QUOTA_USER, rig.ann, QUOTA_CONTAINERS, (struct quota_limit){0});
    CHECK_INT(run(&rig, &other), 0); /* lowered below what there is: nothing new, but this stays */
}

/* Files are live; a release with a container was on its way when the site was stopped. */
static void case_containers_of_what_never_came(void)
{
    AUTO_RIG struct rig rig;
    rig_init(&rig);
    struct site site = rig_site(&rig, QUOTA_USER, "a.example.org", 128);
    CHECK_INT(run(&rig, &site), 0);
    CHECK_INT(held(&rig, &site, QUOTA_CONTAINERS), 1);
    site.memory_mib = 0;
    site.live_deployment = 1;
    CHECK_INT(admission_release_stopped(rig.store.deployd, &site, NOW, &rig.err), 0);
    CHECK_INT(held(&rig, &site, QUOTA_CONTAINERS), 0);
    CHECK_INT(held(&rig, &site, QUOTA_CONCURRENT_CONTAINERS), 0);
    CHECK_INT(held(&rig, &site, QUOTA_SITES), 1);
    site.memory_mib = 128;
    CHECK_INT(run(&rig, &site), 0);
    CHECK_INT(admission_release_stopped(rig.store.deployd, &site, NOW, &rig.err), 0);
    CHECK_INT(held(&rig, &site, QUOTA_CONTAINERS), 1); /* it starts again with its own */
}

int main(void)
{
    static const struct check_case cases[] = {
        {"a team's site, and its members' own", case_team_sites},
        {"applications of a team", case_applications},
        {"parts of the machine, and bursts", case_parts_and_bursts},
        {"containers that exist", case_containers_that_exist},
        {"containers of what never came", case_containers_of_what_never_came},
    };
    return check_run(cases, ARRAY_COUNT(cases));
}
