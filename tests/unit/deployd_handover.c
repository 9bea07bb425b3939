/*
 * Releases that follow each other: whose needs stand in the site's row, and what the ledger holds,
 * whichever way it ends.
 */
#include "dialup-deployd/handover.h"

#include "libdialup/base/memory.h"
#include "libdialup/store/limits.h"
#include "libdialup/store/reservations.h"
#include "tests/harness/check.h"
#include "tests/unit/store_fixture.h"

enum { LIMIT_MIB = 512, NOW = 2000 };

struct rig {
    struct store_fixture store;
    struct machine machine;
    struct admission admission;
    int64_t site_id;
    struct error err;
};

static void rig_limit(struct rig *rig, int64_t memory_mib)
{
    const struct quota_limit limit = {.hard = memory_mib, .soft_percent = 80};
    CHECK_INT(limits_put(rig->store.admind, QUOTA_USER, 1, QUOTA_MEMORY_PRODUCTION, &limit, NOW,
                         &rig->err),
              0);
}

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
}

static void rig_fini(struct rig *rig)
{
    store_fixture_fini(&rig->store);
}

#define AUTO_RIG __attribute__((cleanup(rig_fini)))

static struct site rig_site(struct rig *rig)
{
    struct site site;
    CHECK_INT(sites_find(rig->store.deployd, rig->store.arena, rig->site_id, &site, &rig->err), 0);
    return site;
}

static int64_t rig_held(struct rig *rig)
{
    struct quota_amounts held = {0};
    reservations_sum_site(rig->store.deployd, rig->site_id, &held, &rig->err);
    return held.of[QUOTA_MEMORY_PRODUCTION];
}

/* A deployment that begins to take over; its id, or the negative error. */
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
    int result = handover_begin(&rig->admission, rig->store.arena, &site, id, &needs,
                                "Cannot deploy", NOW, &rig->err);
    return result < 0 ? result : id;
}

static void end(struct rig *rig, int64_t id)
{
    CHECK_INT(handover_done(&rig->admission, rig->store.arena, rig->site_id, id, NOW, &rig->err),
              0);
}

static void undo(struct rig *rig)
{
    CHECK_INT(handover_undo(&rig->admission, rig->store.arena, rig->site_id, NOW, &rig->err), 0);
}

static void check_row(struct rig *rig, const char *type, int64_t memory_mib, int64_t held_mib)
{
    struct site site = rig_site(rig);
    CHECK_STR(site.type, type);
    CHECK_INT(site.memory_mib, memory_mib);
    CHECK_INT(rig_held(rig), held_mib);
}

static void case_first_release(void)
{
    AUTO_RIG struct rig rig;
    rig_init(&rig);
    begin(&rig, "node", 256);
    check_row(&rig, "static", 64, 256); /* what was asked for when it was made */
    undo(&rig);
    check_row(&rig, "static", 64, 0);
    CHECK_INT(rig_site(&rig).desired_deployment, 0);
    int64_t id = begin(&rig, "node", 256);
    end(&rig, id);
    check_row(&rig, "node", 256, 256);
    CHECK_INT(rig_site(&rig).live_deployment, id);
}

static void case_needs_by_outcome(void)
{
    static const struct {
        const char *name;
        int64_t live_mib, next_mib, both_mib;
    } rows[] = {{"more", 128, 256, 256},
                {"less", 256, 128, 256},
                {"files", 256, 0, 256},
                {"from files", 0, 256, 256}};
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        for (int is_good = 0; is_good < 2; is_good++) {
            AUTO_RIG struct rig rig;
            rig_init(&rig);
            int64_t live = begin(&rig, "node", rows[i].live_mib);
            end(&rig, live);
            int64_t next = begin(&rig, "next", rows[i].next_mib);
            check_row(&rig, "node", rows[i].live_mib, rows[i].both_mib);
            if (is_good) {
                end(&rig, next);
                check_row(&rig, "next", rows[i].next_mib, rows[i].next_mib);
            } else {
                undo(&rig);
                check_row(&rig, "node", rows[i].live_mib, rows[i].live_mib);
                CHECK_INT(rig_site(&rig).desired_deployment, live);
            }
        }
    }
}

static void case_refused(void)
{
    AUTO_RIG struct rig rig;
    rig_init(&rig);
    int64_t live = begin(&rig, "node", 256);
    end(&rig, live);
    CHECK_INT(begin(&rig, "next", LIMIT_MIB + 1), -ERR_QUOTA_EXCEEDED);
    check_row(&rig, "node", 256, 256);
    CHECK_INT(rig_site(&rig).desired_deployment, live);
}

/* What is live keeps its place when the limit shrinks below it meanwhile. */
static void case_limit_lowered_meanwhile(void)
{
    AUTO_RIG struct rig rig;
    rig_init(&rig);
    end(&rig, begin(&rig, "node", 256));
    begin(&rig, "node", 300);
    rig_limit(&rig, 100);
    undo(&rig);
    check_row(&rig, "node", 256, 256);
    CHECK_INT(rig_site(&rig).desired, SITE_WANT_RUNNING);
}

/* A stopped site holds nothing; its place may be gone when the new release fails. */
static void case_stopped_before(void)
{
    for (int is_taken = 0; is_taken < 2; is_taken++) {
        AUTO_RIG struct rig rig;
        rig_init(&rig);
        end(&rig, begin(&rig, "node", 256));
        CHECK_INT(
            sites_set_desired(rig.store.deployd, rig.site_id, SITE_WANT_STOPPED, NOW, &rig.err), 0);
        CHECK_INT(admission_release_run(rig.store.deployd, rig.site_id, &rig.err), 0);
        begin(&rig, "next", 64);
        CHECK_INT(rig_held(&rig), 64);
        rig_limit(&rig, is_taken ? 100 : LIMIT_MIB);
        undo(&rig);
        check_row(&rig, "node", 256, is_taken ? 0 : 256);
        CHECK_INT(rig_site(&rig).desired, is_taken ? SITE_WANT_STOPPED : SITE_WANT_RUNNING);
    }
}

static void case_started_meanwhile(void)
{
    AUTO_RIG struct rig rig;
    rig_init(&rig);
    end(&rig, begin(&rig, "node", 128));
    begin(&rig, "next", 256);
    struct site site = rig_site(&rig);
    CHECK_INT(
        handover_reserve(&rig.admission, rig.store.arena, &site, "Cannot start", NOW, &rig.err), 0);
    CHECK_INT(rig_held(&rig), 256);
}

static void case_declared(void)
{
    const struct site node = {.type = "node", .memory_mib = 100, .cpu_millicores = 10};
    CHECK_INT(handover_declare(&node, "node", false).memory_mib, 100);
    CHECK_INT(handover_declare(&node, "next", false).memory_mib, 512);
    CHECK_INT(handover_declare(&node, "unheard of", false).memory_mib, 256);
    CHECK_INT(handover_declare(&node, "static", true).memory_mib, 0);
    const struct site astro = {.type = "astro"};
    CHECK_INT(handover_declare(&astro, "astro", false).memory_mib, 256);
}

int main(void)
{
    static const struct check_case cases[] = {
        {"a first release", case_first_release},
        {"needs, by how it ends", case_needs_by_outcome},
        {"a release that does not fit", case_refused},
        {"a limit lowered meanwhile", case_limit_lowered_meanwhile},
        {"a site that was stopped before", case_stopped_before},
        {"a restart meanwhile", case_started_meanwhile},
        {"what a release declares", case_declared},
    };
    return check_run(cases, ARRAY_COUNT(cases));
}
