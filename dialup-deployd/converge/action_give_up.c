/*
 * Action: a release does not start. A new one gives way to what was live before; a live one shows
 * its visitors a page, and is tried again now and then.
 */
#include "dialup-deployd/admission.h"
#include "dialup-deployd/converge/actions.h"
#include "dialup-deployd/deployd.h"
#include "dialup-deployd/engine/container.h"
#include "dialup-deployd/release.h"
#include "libdialup/base/clock.h"
#include "libdialup/base/log.h"

/* Back to what was live before; its needs again, instead of those of the release that failed. */
static void return_to_live(struct site_work *work)
{
    struct error err;
    struct db *db = work->deployd->run->db;
    int64_t live = work->site.live_deployment;
    int64_t failed = work->site.desired_deployment;
    int64_t now = clock_unix();
    struct deployment row;
    struct jobs_release release;
    /* First its end: a deployment that nobody wants any more would wait for it for ever. */
    release_finish(work->deployd, failed, &work->failure);
    int result = sites_set_desired_deployment(db, work->site_id, live, now, &err);
    bool live_is_files = !live || (deployments_find(db, work->arena, live, &row, NULL) == 0 &&
                                   release_read(work->arena, &row, &release, NULL) == 0 &&
                                   str_equal(release.serve, "files"));
    if (result == 0 && live_is_files) {
        result = admission_release_run(db, work->site_id, &err);
    }
    if (result < 0) {
        log_error("%s: cannot go back to its live release: %s", work->site.domain, err.message);
    }
}

static void on_given_up(void *context, const struct error *err)
{
    struct site_work *work = context;
    if (site_work_is_new_release(work)) {
        return_to_live(work);
        action_end(work, NULL);
        return;
    }
    sites_set_state(work->deployd->run->db, work->site_id, SITE_FAILED, work->failure.message,
                    clock_unix(), NULL);
    deployd_tell_site(work->deployd, work->site_id, work->site.domain, "failed");
    work->is_given_up = true;
    action_end(work, NULL);
}

static void remove_failed(struct site_work *work)
{
    if (work->step.container) {
        container_remove(work->deployd->engine, work->step.container->id, 1, on_given_up, work);
    } else {
        on_given_up(work, NULL);
    }
}

static void on_failed_page(void *context, const void *result, const struct error *err)
{
    struct site_work *work = context;
    work->route.kind = err ? PLAN_ROUTE_UNKNOWN : PLAN_ROUTE_PAGE;
    remove_failed(work);
}

void action_give_up(struct site_work *work)
{
    if (!site_work_is_new_release(work) || !work->site.live_deployment) {
        action_tell_gate(work, "failed", NULL, on_failed_page);
    } else {
        remove_failed(work); /* visitors stay with the live release */
    }
}
