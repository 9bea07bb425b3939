/*
 * Deployments that come to nothing: rows, ledger, and what their site wants afterwards.
 */
#include "dialup-deployd/withdraw.h"

#include "tests/unit/deployd_rig.h"

static struct error reason(void)
{
    struct error why;
    error_set(&why, ERR_CONFLICT, "The site was stopped");
    return why;
}

static int64_t queue(struct rig *rig, int64_t site_id)
{
    const struct deployment row = {
        .site_id = site_id, .source = "u", .commit_ref = "", .message = "", .created_by = "user:1"};
    int64_t id = 0;
    CHECK_INT(deployments_create(rig->store.deployd, &row, NOW, &id, &rig->err), 0);
    return id;
}

static struct deployment find(struct rig *rig, int64_t id)
{
    struct deployment row;
    CHECK_INT(deployments_find(rig->store.deployd, rig->store.arena, id, &row, &rig->err), 0);
    return row;
}

static void case_all_of_a_site(void)
{
    for (int has_live = 0; has_live < 2; has_live++) {
        AUTO_RIG struct rig rig;
        rig_init(&rig);
        int64_t live = has_live ? rig_begin(&rig, "node", 128) : 0;
        if (live) {
            rig_end(&rig, live);
            CHECK_INT(deployments_finish(rig.store.deployd, live, NULL, NOW, &rig.err), 0);
        }
        int64_t starting = rig_begin(&rig, "node", 256);
        int64_t waiting = queue(&rig, rig.site_id);
        int64_t others = queue(&rig, add_site(&rig.store, rig.admission.owner_id, "b.example.org"));
        struct site site = rig_site(&rig);
        struct deployments_list ended;
        const struct error why = reason();
        CHECK_INT(
            withdraw_all(rig.store.deployd, rig.store.arena, &site, &why, NOW, &ended, &rig.err),
            0);
        CHECK_INT(ended.count, 2);
        CHECK_INT(ended.rows[0].state, DEPLOYMENT_STARTING); /* as it was */
        CHECK_INT(find(&rig, starting).state, DEPLOYMENT_FAILED);
        CHECK_STR(find(&rig, waiting).error_message, why.message);
        CHECK_INT(find(&rig, others).state, DEPLOYMENT_QUEUED);
        CHECK_INT(rig_site(&rig).desired_deployment, live);
        CHECK_INT(rig_held(&rig).of[QUOTA_MEMORY_PRODUCTION], 256); /* until it has stopped */
    }
}

static void case_one_that_is_wanted(void)
{
    AUTO_RIG struct rig rig;
    rig_init(&rig);
    int64_t live = rig_begin(&rig, "node", 128);
    rig_end(&rig, live);
    struct deployment next = find(&rig, rig_begin(&rig, "node", 256));
    const struct error why = reason();
    for (int times = 0; times < 2; times++) {
        bool was_open = times > 0;
        CHECK_INT(
            withdraw_one(&rig.admission, rig.store.arena, &next, &why, NOW, &was_open, &rig.err),
            0);
        CHECK_INT(was_open, times == 0);
        CHECK_INT(rig_site(&rig).desired_deployment, live);
        rig_check_memory(&rig, 128, 128);
    }
    CHECK_INT(find(&rig, next.id).state, DEPLOYMENT_FAILED);
}

/* Its end comes late: something newer is on its way, or it is what serves. */
static void case_one_that_is_not_wanted(void)
{
    AUTO_RIG struct rig rig;
    rig_init(&rig);
    const struct error why = reason();
    bool was_open;
    struct deployment old = find(&rig, rig_begin(&rig, "node", 128));
    int64_t newer = rig_begin(&rig, "node", 256);
    CHECK_INT(withdraw_one(&rig.admission, rig.store.arena, &old, &why, NOW, &was_open, &rig.err),
              0);
    CHECK(was_open);
    CHECK_INT(rig_site(&rig).desired_deployment, newer);
    CHECK_INT(find(&rig, newer).state, DEPLOYMENT_STARTING);
    rig_end(&rig, newer);
    CHECK_INT(handover_done(&rig.admission, rig.store.arena, rig.site_id, old.id, NOW, &rig.err),
              -ERR_CONFLICT);
    CHECK_INT(rig_site(&rig).live_deployment, newer);
}

static void case_left_over(void)
{
    static const struct {
        const char *name;
        enum deployment_state state;
        struct site site;
        bool is_due;
    } rows[] = {
        {"waits for a stopped site", DEPLOYMENT_QUEUED, {.desired = SITE_WANT_STOPPED}, false},
        {"waits for a deleted one", DEPLOYMENT_QUEUED, {.desired = SITE_WANT_DELETED}, true},
        {"is built for a deleted one", DEPLOYMENT_BUILDING, {.desired = SITE_WANT_DELETED}, true},
        {"starts and is wanted", DEPLOYMENT_STARTING, {.desired_deployment = 7}, false},
        {"starts, another is wanted", DEPLOYMENT_STARTING, {.desired_deployment = 8}, true},
        {"starts a stopped site",
         DEPLOYMENT_STARTING,
         {.desired = SITE_WANT_STOPPED, .desired_deployment = 7},
         true},
    };
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        const struct deployment deployment = {.id = 7, .state = rows[i].state};
        check_report(withdraw_is_due(&deployment, &rows[i].site) == rows[i].is_due, __FILE__,
                     __LINE__, rows[i].name);
    }
}

int main(void)
{
    static const struct check_case cases[] = {
        {"all that is on its way to a site", case_all_of_a_site},
        {"the one that is wanted, also twice", case_one_that_is_wanted},
        {"one that is not wanted any more", case_one_that_is_not_wanted},
        {"what is left over", case_left_over},
    };
    return check_run(cases, ARRAY_COUNT(cases));
}
