/*
 * Actions: a container is made to stand still, and to go on. Docker is asked for its process once;
 * from then on its freezer's file is enough, whatever Docker does.
 */
#include "dialup-deployd/converge/actions.h"
#include "dialup-deployd/deployd.h"
#include "dialup-deployd/engine/container.h"
#include "dialup-deployd/reclaim.h"
#include "libdialup/base/clock.h"
#include "libdialup/base/log.h"

/* Its container is stopped instead, which every kernel can do. */
static void stop_instead(struct site_work *work, const struct error *reason)
{
    struct error err;
    log_warning("%s cannot be frozen and is stopped instead: %s", work->site.domain,
                reason->message);
    int result =
        sites_set_sleep(work->deployd->run->db, work->site_id, SITE_ASLEEP, clock_unix(), &err);
    action_end(work, result < 0 ? &err : NULL);
}

static void freeze(struct site_work *work, struct instance *instance)
{
    struct error err;
    if (cgroup_freeze(&instance->freezer, &err) < 0) {
        stop_instead(work, &err);
        return;
    }
    instance->pulse = PLAN_STILL;
    reclaimer_add(work->deployd->reclaimer, &instance->freezer);
    action_end(work, NULL);
}

static void on_unpaused(void *context, const struct error *err)
{
    struct site_work *work = context;
    struct instance *instance = instances_remember(&work->instances, work->step.container->id);
    if (!err) {
        instance->is_paused = false;
        instance->pulse = PLAN_GOING;
    }
    action_end(work, err);
}

static void thaw(struct site_work *work, struct instance *instance)
{
    struct error err;
    if (instance->is_paused) {
        container_unpause(work->deployd->engine, work->step.container->id, on_unpaused, work);
        return;
    }
    int result = cgroup_thaw(&instance->freezer, &err);
    if (result == 0) {
        instance->pulse = PLAN_GOING;
    }
    action_end(work, result < 0 ? &err : NULL);
}

static void act(struct site_work *work, struct instance *instance)
{
    if (work->step.action == PLAN_FREEZE) {
        freeze(work, instance);
    } else {
        thaw(work, instance);
    }
}

static void on_inspected(void *context, const struct container_detail *detail,
                         const struct error *err)
{
    struct site_work *work = context;
    struct instance *instance = instances_remember(&work->instances, work->step.container->id);
    const char *root = config_text(work->deployd->run->config, CONFIG_monitord_cgroup_root);
    struct error missing;
    if (err) {
        action_end(work, err);
    } else if (!detail->is_running) {
        instance->is_dead = true; /* Docker's list was older than this */
        action_end(work, NULL);
    } else if (cgroup_freezer_find(root, (pid_t)detail->pid, &instance->freezer, &missing) == 0) {
        act(work, instance);
    } else if (work->step.action == PLAN_FREEZE) {
        stop_instead(work, &missing);
    } else {
        instance->pulse = PLAN_GOING; /* nobody can have frozen it */
        action_end(work, NULL);
    }
}

static void with_freezer(struct site_work *work)
{
    struct instance *instance = instances_remember(&work->instances, work->step.container->id);
    if (*instance->freezer.dir) {
        act(work, instance);
    } else {
        container_inspect(work->deployd->engine, work->step.container->id, NULL, on_inspected,
                          work);
    }
}

void action_freeze(struct site_work *work)
{
    with_freezer(work);
}

void action_thaw(struct site_work *work)
{
    with_freezer(work);
}

bool action_thaw_now(struct site_work *work, const char *id)
{
    struct instance *instance = instances_find(&work->instances, id);
    bool is_thawed =
        instance && *instance->freezer.dir && cgroup_thaw(&instance->freezer, NULL) == 0;
    if (is_thawed) {
        instance->pulse = PLAN_GOING;
    }
    return is_thawed;
}

void action_note_asleep(struct site_work *work)
{
    struct error err;
    struct db *db = work->deployd->run->db;
    int64_t now = clock_unix();
    int result = sites_set_route(db, work->site_id, "", now, &err);
    if (result == 0) {
        result = sites_set_sleep(db, work->site_id, SITE_ASLEEP, now, &err);
    }
    action_end(work, result < 0 ? &err : NULL);
}
