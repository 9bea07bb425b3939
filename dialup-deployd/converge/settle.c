/*
 * See the header. Called by the loop of a site.
 */
#include "dialup-deployd/converge/settle.h"

#include "dialup-deployd/admission.h"
#include "dialup-deployd/converge/site_work.h"
#include "dialup-deployd/deployd.h"
#include "dialup-deployd/images.h"
#include "dialup-deployd/pressure/hold.h"
#include "dialup-deployd/trash.h"
#include "libdialup/base/clock.h"
#include "libdialup/base/log.h"
#include "libdialup/base/str.h"

static void note_deleted(struct site_work *work)
{
    struct error err;
    struct deployd *deployd = work->deployd;
    if (sites_set_deleted(deployd->run->db, work->site_id, clock_unix(), &err) < 0) {
        log_error("%s: cannot note that it was deleted: %s", work->site.domain, err.message);
        return;
    }
    enforcements_end(deployd->run->db, work->site_id, 0, clock_unix(), NULL);
    trash_keep_site(deployd, work->site_id);
    images_sweep(deployd->images);
    log_info("%s was deleted; its files stay in the trash for 7 days", work->site.domain);
}

/* What sleeps without a container holds nothing; files do not sleep. */
static void settle_sleep(struct site_work *work)
{
    struct db *db = work->deployd->run->db;
    if (work->site.sleep == SITE_AWAKE || work->is_woken || site_work_is_new_release(work)) {
        return;
    }
    if (work->serve != PLAN_CONTAINER || work->site.desired != SITE_WANT_RUNNING) {
        sites_set_sleep(db, work->site_id, SITE_AWAKE, clock_unix(), NULL);
    } else if (work->site.sleep == SITE_ASLEEP) {
        admission_release_run(db, work->site_id, NULL);
    }
}

/* Who gave way because memory ran out has its place again as soon as there is some; who ran long
 * enough, or has too much, asks for one anew. */
static void settle_hold(struct site_work *work)
{
    if (work->site.hold != SITE_HELD_BY_MEMORY) {
        admission_release_run(work->deployd->run->db, work->site_id, NULL);
    }
}

void settle_site(struct site_work *work)
{
    struct deployd *deployd = work->deployd;
    struct db *db = deployd->run->db;
    enum site_state state = SITE_RUNNING;
    const char *reason = "";
    if (work->site.desired == SITE_WANT_DELETED) {
        note_deleted(work);
        state = SITE_DELETED;
    } else if (work->site.desired == SITE_WANT_STOPPED) {
        state = SITE_STOPPED;
        admission_release_stopped(db, &work->site, clock_unix(), NULL);
    } else if (site_work_is_held(work)) {
        state = SITE_STOPPED;
        reason = hold_words(work->site.hold);
        settle_hold(work);
    } else if (work->serve == PLAN_NO_RELEASE) {
        state = work->failure.code ? SITE_FAILED : SITE_NEW;
        reason = work->failure.message;
    } else if (work->evicted.code) {
        reason = arena_printf(work->arena, "It began anew with a clean container. %s. %s",
                              work->evicted.message, work->evicted.hint);
    } else if (work->stayed_generation == work->site.restart_generation) {
        reason = work->stayed;
    } else if (work->site.sleep == SITE_ASLEEP && !work->is_woken &&
               str_starts_with(work->site.state_reason, SETTLE_NO_ROOM)) {
        reason = work->site.state_reason;
    }
    settle_sleep(work);
    if (work->has_removed) {
        work->has_removed = false;
        images_sweep(deployd->images);
    }
    if (state != SITE_DELETED) {
        sites_set_state(db, work->site_id, state, reason, clock_unix(), NULL);
    }
    if (state != work->site.state) {
        deployd_tell_site(deployd, work->site_id, work->site.domain, site_state_name(state));
    }
}
