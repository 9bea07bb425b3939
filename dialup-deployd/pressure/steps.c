/*
 * See the header. Called by pressure.c, one step at a time.
 */
#include "dialup-deployd/pressure/steps.h"

#include "dialup-deployd/converge/converge.h"
#include "dialup-deployd/deployd.h"
#include "dialup-deployd/engine/container.h"
#include "dialup-deployd/pressure/hold.h"
#include "dialup-deployd/queue/build.h"
#include "dialup-deployd/queue/queue.h"
#include "dialup-deployd/release.h"
#include "dialup-deployd/sleep/sleeper.h"
#include "dialup-deployd/sleep/waker.h"
#include "libdialup/base/clock.h"
#include "libdialup/base/log.h"

enum { DEV_GRACE_S = 10 };

struct doing {
    struct deployd *deployd;
    const struct quota_container *container;
    const struct census_entry *entry;
    const struct quota_step *step;
};

static int note(const struct doing *doing, bool lasts, struct error *err)
{
    const struct site *site = &doing->entry->site;
    int64_t now = clock_unix();
    const struct enforcement row = {
        .at = now,
        .cause = ENFORCED_BY_MEMORY,
        .step = quota_step_name(doing->step->kind),
        .owner_kind = site->owner_kind,
        .owner_id = site->owner_id,
        .site_id = site->id,
        .deployment_id = doing->entry->deployment_id,
        .memory_mib = doing->container->memory_mib,
        .reason = doing->step->reason,
        .ended_at = lasts ? 0 : now,
    };
    return enforcements_add(doing->deployd->run->db, &row, err);
}

static void on_dev_stopped(void *context, const struct error *err)
{
    if (err) {
        log_warning("a development container cannot be stopped: %s", err->message);
    }
}

static int stop_dev_container(const struct doing *doing, struct error *err)
{
    container_stop(doing->deployd->engine, doing->entry->container_id, DEV_GRACE_S, on_dev_stopped,
                   NULL);
    return note(doing, false, err);
}

/* The row first: whoever finds it after a crash lets the build go on. */
static int freeze_build(const struct doing *doing, struct error *err)
{
    const struct census_entry *entry = doing->entry;
    struct build *build = queue_find_build(doing->deployd->queue, entry->deployment_id);
    int result = build ? note(doing, true, err) : 0;
    if (build && result == 0) {
        build_freeze(build, entry->freezers, entry->freezer_count);
        release_log(doing->deployd, entry->site.id, entry->deployment_id,
                    "Waits: the server is short of memory");
    }
    return result;
}

static int thaw_build(const struct doing *doing, struct error *err)
{
    const struct census_entry *entry = doing->entry;
    struct build *build = queue_find_build(doing->deployd->queue, entry->deployment_id);
    if (build) {
        build_thaw(build);
        release_log(doing->deployd, entry->site.id, entry->deployment_id, "Goes on");
    }
    return enforcements_end(doing->deployd->run->db, entry->site.id, entry->deployment_id,
                            clock_unix(), err);
}

static int hold(const struct doing *doing, struct error *err)
{
    struct deployd *deployd = doing->deployd;
    const struct site *site = &doing->entry->site;
    int result = hold_site(deployd, site, SITE_HELD_BY_MEMORY, doing->container->memory_mib,
                           doing->step->reason, err);
    if (result == 0) {
        converger_kick(deployd->converger, site->id);
    }
    return result;
}

/* The next visitor wakes it. One that is visited now would be woken at once: it is held. */
static int put_to_sleep(const struct doing *doing, struct error *err)
{
    if (!doing->container->is_idle) {
        return hold(doing, err);
    }
    int result = sleeper_put(doing->deployd->sleeper, &doing->entry->site, SITE_ASLEEP,
                             doing->step->reason, err);
    return result < 0 ? result : note(doing, false, err);
}

static int start_site(const struct doing *doing, struct error *err)
{
    struct deployd *deployd = doing->deployd;
    const struct site *site = &doing->entry->site;
    int result = hold_free(deployd, site, err);
    if (result == 0) {
        waker_let_go_on(deployd->waker, site);
    }
    return result;
}

void steps_do(struct deployd *deployd, const struct quota_container *container,
              const struct census_entry *entry, const struct quota_step *step)
{
    static int (*const ways[])(const struct doing *doing, struct error *err) = {
        [QUOTA_STOP_DEV_CONTAINER] = stop_dev_container,
        [QUOTA_FREEZE_BUILD] = freeze_build,
        [QUOTA_PUT_TO_SLEEP] = put_to_sleep,
        [QUOTA_STOP_SITE] = hold,
        [QUOTA_THAW_BUILD] = thaw_build,
        [QUOTA_START_SITE] = start_site,
    };
    const struct doing doing = {deployd, container, entry, step};
    struct error err;
    log_warning("%s %s (%lld MiB): %s", quota_step_name(step->kind), entry->site.domain,
                (long long)container->memory_mib, step->reason);
    if (ways[step->kind](&doing, &err) < 0) {
        log_error("%s %s: %s", quota_step_name(step->kind), entry->site.domain, err.message);
    }
}
