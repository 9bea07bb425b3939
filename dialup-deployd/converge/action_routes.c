/*
 * Actions: where visitors are led. Order matters in one place: they are led somewhere else before
 * what they were led to goes away.
 */
#include <stdio.h>
#include <unistd.h>

#include "dialup-deployd/converge/actions.h"
#include "dialup-deployd/deployd.h"
#include "dialup-deployd/handover.h"
#include "dialup-deployd/release.h"
#include "libdialup/base/clock.h"
#include "libdialup/base/fs.h"
#include "libdialup/base/log.h"
#include "libdialup/base/memory.h"
#include "proto/gate_rpc.h"

static void forget_files(struct site_work *work)
{
    AUTO_FREE char *link = deployd_live_path(work->deployd, work->site.domain);
    unlink(link);
}

/* The wanted release answers: it is live. */
static void note_live(struct site_work *work)
{
    struct error err;
    struct deployd *deployd = work->deployd;
    struct admission admission = admission_for(deployd, work->site.owner_kind, work->site.owner_id);
    work->failure = (struct error){0};
    if (site_work_is_new_release(work) && handover_done(&admission, work->arena, &work->site,
                                                        &work->wanted, clock_unix(), &err) < 0) {
        log_error("%s: cannot note its live release: %s", work->site.domain, err.message);
        return;
    }
    if (!deployment_state_is_final(work->wanted.state)) {
        release_log(deployd, work->site_id, work->wanted.id, "Live");
        release_finish(deployd, work->wanted.id, NULL);
        log_info("%s: deployment %lld is live", work->site.domain, (long long)work->wanted.number);
        release_prune(deployd, work->site_id, release_id(&work->wanted));
    }
}

/* To a container ----------------------------------------------------------------------------- */

static void on_routed_to_container(void *context, const void *result, const struct error *err)
{
    struct site_work *work = context;
    if (err) {
        action_end(work, err);
        return;
    }
    const char *id = work->step.container->id;
    instances_set_routed(&work->instances, id);
    work->route.kind = PLAN_ROUTE_CONTAINER;
    str_copy(work->route.container, sizeof(work->route.container), id);
    work->route.since = clock_unix();
    forget_files(work);
    note_live(work);
    action_end(work, NULL);
}

void action_tell_gate(struct site_work *work, const char *state, const char *address,
                      ipc_reply_fn *on_reply)
{
    const struct deployd *deployd = work->deployd;
    const struct gate_route_set_params params = {
        .host = work->site.domain,
        .site_id = work->site_id,
        .state = state,
        .addresses = &address,
        .addresses_count = address ? 1 : 0,
        .owner = arena_printf(work->arena, "%s:%lld", quota_entity_name(work->site.owner_kind),
                              (long long)work->site.owner_id),
    };
    struct error err;
    if (sites_set_route(deployd->run->db, work->site_id, address ? address : "", clock_unix(),
                        &err) < 0 ||
        gate_call_route_set(deployd->gate, &params, NULL, on_reply, work, &err) < 0) {
        action_end(work, &err);
    }
}

void action_route_to(struct site_work *work)
{
    const struct instance *instance = instances_find(&work->instances, work->step.container->id);
    char address[32];
    snprintf(address, sizeof(address), "%s:%lld", instance->address, (long long)work->release.port);
    action_tell_gate(work, "ready", address, on_routed_to_container);
}

/* To files, or to nothing -------------------------------------------------------------------- */

static void on_gate_forgot(void *context, const void *result, const struct error *err)
{
    struct site_work *work = context;
    if (err && err->code != ERR_NOT_FOUND) {
        action_end(work, err);
        return;
    }
    if (work->step.action == PLAN_ROUTE_TO_FILES) {
        work->route.kind = PLAN_ROUTE_FILES;
        work->route.deployment = work->site.desired_deployment;
        note_live(work);
    } else {
        work->route.kind = PLAN_ROUTE_NONE;
    }
    action_end(work, NULL);
}

static void tell_gate_to_forget(struct site_work *work)
{
    const struct gate_route_remove_params params = {.host = work->site.domain};
    struct error err;
    if (gate_call_route_remove(work->deployd->gate, &params, NULL, on_gate_forgot, work, &err) <
        0) {
        action_end(work, &err);
    }
}

void action_route_to_files(struct site_work *work)
{
    const struct deployd *deployd = work->deployd;
    AUTO_FREE char *folder =
        deployd_release_path(deployd, work->site_id, release_id(&work->wanted));
    AUTO_FREE char *target = xasprintf("%s/%s", folder, work->release.public_dir);
    AUTO_FREE char *link = deployd_live_path(deployd, work->site.domain);
    struct error err;
    work->route.kind = PLAN_ROUTE_UNKNOWN; /* until all of it is done */
    if (fs_replace_symlink(target, link, &err) < 0 ||
        sites_set_route(deployd->run->db, work->site_id, "", clock_unix(), &err) < 0) {
        action_end(work, &err);
        return;
    }
    tell_gate_to_forget(work);
}

void action_route_remove(struct site_work *work)
{
    forget_files(work);
    tell_gate_to_forget(work);
}

/* To a page, or to a bench to wait on -------------------------------------------------------- */

static void on_page_shown(void *context, const void *result, const struct error *err)
{
    struct site_work *work = context;
    if (!err) {
        work->route.kind = PLAN_ROUTE_PAGE;
        forget_files(work);
    }
    action_end(work, err);
}

void action_route_stopped(struct site_work *work)
{
    bool has_failed = work->site.desired == SITE_WANT_RUNNING && work->failure.code;
    action_tell_gate(work, has_failed ? "failed" : "stopped", NULL, on_page_shown);
}

static void on_waiting(void *context, const void *result, const struct error *err)
{
    struct site_work *work = context;
    if (!err) {
        work->route.kind = PLAN_ROUTE_WAITING;
    }
    action_end(work, err);
}

void action_route_wait(struct site_work *work)
{
    action_tell_gate(work, "starting", NULL, on_waiting);
}
