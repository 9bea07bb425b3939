/*
 * Releases that follow each other: whose needs stand in the site's row, and what the ledger holds,
 * whichever way it ends.
 */
#include "dialup-deployd/handover.h"

#include "tests/unit/deployd_rig.h"

static void undo(struct rig *rig)
{
    CHECK_INT(handover_undo(&rig->admission, rig->store.arena, rig->site_id, NOW, &rig->err), 0);
}

static void check_row(struct rig *rig, const char *type, int64_t memory_mib, int64_t held_mib)
{
    CHECK_STR(rig_site(rig).type, type);
    rig_check_memory(rig, memory_mib, held_mib);
}

static void case_first_release(void)
{
    AUTO_RIG struct rig rig;
    rig_init(&rig);
    rig_begin(&rig, "node", 256);
    check_row(&rig, "static", 64, 256); /* what was asked for when it was made */
    undo(&rig);
    check_row(&rig, "static", 64, 0);
    CHECK_INT(rig_site(&rig).desired_deployment, 0);
    int64_t id = rig_begin(&rig, "node", 256);
    rig_end(&rig, id);
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
            int64_t live = rig_begin(&rig, "node", rows[i].live_mib);
            rig_end(&rig, live);
            int64_t next = rig_begin(&rig, "next", rows[i].next_mib);
            check_row(&rig, "node", rows[i].live_mib, rows[i].both_mib);
            if (is_good) {
                rig_end(&rig, next);
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
    int64_t live = rig_begin(&rig, "node", 256);
    rig_end(&rig, live);
    CHECK_INT(rig_begin(&rig, "next", LIMIT_MIB + 1), -ERR_QUOTA_EXCEEDED);
    check_row(&rig, "node", 256, 256);
    CHECK_INT(rig_site(&rig).desired_deployment, live);
}

/* What is live keeps its place when the limit shrinks below it meanwhile. */
static void case_limit_lowered_meanwhile(void)
{
    AUTO_RIG struct rig rig;
    rig_init(&rig);
    rig_end(&rig, rig_begin(&rig, "node", 256));
    rig_begin(&rig, "node", 300);
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
        rig_end(&rig, rig_begin(&rig, "node", 256));
        CHECK_INT(
            sites_set_desired(rig.store.deployd, rig.site_id, SITE_WANT_STOPPED, NOW, &rig.err), 0);
        CHECK_INT(admission_release_run(rig.store.deployd, rig.site_id, &rig.err), 0);
        rig_begin(&rig, "next", 64);
        CHECK_INT(rig_held(&rig).of[QUOTA_MEMORY_PRODUCTION], 64);
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
    rig_end(&rig, rig_begin(&rig, "node", 128));
    rig_begin(&rig, "next", 256);
    struct site site = rig_site(&rig);
    CHECK_INT(
        handover_reserve(&rig.admission, rig.store.arena, &site, "Cannot start", NOW, &rig.err), 0);
    CHECK_INT(rig_held(&rig).of[QUOTA_MEMORY_PRODUCTION], 256);
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
