/*
 * Actions: a release does not start. A new one gives way to what was live before; a live one shows
 * its visitors a page, and is tried again now and then. One that was restarted goes on as before,
 * if the container from before still runs.
 */
#include <stdio.h>

#include "dialup-deployd/converge/actions.h"
#include "dialup-deployd/deployd.h"
#include "dialup-deployd/engine/container.h"
#include "dialup-deployd/release.h"
#include "dialup-deployd/withdraw.h"
#include "libdialup/base/clock.h"
#include "libdialup/base/log.h"

/* Back to what was live before. */
static int return_to_live(struct site_work *work, struct error *err)
{
    const struct site *site = &work->site;
    struct admission admission = admission_for(work->deployd, site->owner_kind, site->owner_id);
    bool was_open;
    int result = withdraw_one(&admission, work->arena, &work->wanted, &work->failure, clock_unix(),
                              &was_open, err);
    if (result == 0 && was_open) {
        release_tell_end(work->deployd, &work->wanted, &work->failure);
    }
    return result;
}

static void on_given_up(void *context, const struct error *err)
{
    struct site_work *work = context;
    if (site_work_is_new_release(work)) {
        struct error failure;
        int result = return_to_live(work, &failure);
        action_end(work, result < 0 ? &failure : NULL);
        return;
    }
    bool has_advice = work->failure.code == ERR_QUOTA_EXCEEDED; /* nothing of it is in the log */
    sites_set_state(
        work->deployd->run->db, work->site_id, SITE_FAILED,
        has_advice ? arena_printf(work->arena, "%s. %s", work->failure.message, work->failure.hint)
                   : arena_printf(work->arena, "%s. See why: deploy sites logs %s",
                                  work->failure.message, work->site.domain),
        clock_unix(), NULL);
    deployd_tell_site(work->deployd, work->site_id, work->site.domain, "failed");
    work->is_given_up = true;
    work->is_woken = false;
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
    work->route.page = "failed";
    remove_failed(work);
}

void action_give_up(struct site_work *work)
{
    if (!site_work_is_new_release(work) || !work->site.live_deployment) {
        action_tell_gate(work, "failed", on_failed_page);
    } else {
        remove_failed(work); /* visitors stay with the live release */
    }
}

/* Its generation is the site's again, as if nobody had asked. */
void action_stay(struct site_work *work)
{
    const struct site *site = &work->site;
    struct error err;
    if (sites_undo_restart(work->deployd->run->db, work->site_id, site->restart_generation,
                           work->step.container->generation, clock_unix(), &err) < 0) {
        action_end(work, &err);
        return;
    }
    work->stayed_generation = work->step.container->generation;
    snprintf(work->stayed, sizeof(work->stayed),
             "The restart failed, what ran before goes on. %s. See why: deploy sites logs %s",
             work->failure.message, site->domain);
    release_log(work->deployd, work->site_id, site->live_deployment, "%s", work->stayed);
    log_warning("%s: %s", site->domain, work->stayed);
    action_end(work, NULL);
}
