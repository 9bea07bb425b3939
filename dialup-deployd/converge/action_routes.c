/*
 * Actions: where visitors are led. Order matters in one place: they are led somewhere else before
 * what they were led to goes away.
 */
#include <unistd.h>

#include "dialup-deployd/converge/actions.h"
#include "dialup-deployd/deployd.h"
#include "dialup-deployd/handover.h"
#include "dialup-deployd/last_words.h"
#include "dialup-deployd/release.h"
#include "libdialup/base/clock.h"
#include "libdialup/base/fs.h"
#include "libdialup/base/log.h"
#include "libdialup/base/memory.h"
#include "proto/gate_rpc.h"

/* A site that was visited within this time does not fall asleep. */
enum { IDLE_MS = 1000 };

static void forget_files(struct site_work *work)
{
    AUTO_FREE char *link = deployd_live_path(work->deployd, work->site.domain);
    unlink(link);
}

static void lead_nowhere(struct site_work *work, enum plan_route kind)
{
    const struct plan_container *const none[PLAN_INSTANCES_MAX] = {NULL};
    instances_set_routed(&work->instances, none);
    work->route = (struct site_route){.kind = kind, .since_ms = work->route.since_ms};
}

static int note_awake(struct site_work *work, struct error *err)
{
    work->is_woken = false;
    return work->site.sleep == SITE_AWAKE ? 0
                                          : sites_set_sleep(work->deployd->run->db, work->site_id,
                                                            SITE_AWAKE, clock_unix(), err);
}

/* The wanted release answers: it is live. */
static int note_live(struct site_work *work, struct error *err)
{
    struct deployd *deployd = work->deployd;
    struct admission admission = admission_for(deployd, work->site.owner_kind, work->site.owner_id);
    work->failure = (struct error){0};
    int result = note_awake(work, err);
    if (result < 0) {
        return result;
    }
    if (site_work_is_new_release(work)) {
        result = handover_done(&admission, work->arena, work->site_id, work->wanted.id,
                               clock_unix(), err);
        if (result < 0) {
            return result == -ERR_CONFLICT ? 0 : result; /* withdrawn meanwhile: the next look */
        }
    }
    if (!deployment_state_is_final(work->wanted.state)) {
        result = release_finish(deployd, work->wanted.id, NULL);
        if (result < 0) {
            return error_set(err, (enum error_code) - result, "its end cannot be written down");
        }
        release_prune(deployd, work->site_id, release_id(&work->wanted));
        last_words_forget(deployd, work->site_id);
    }
    return 0;
}

/* What could not be written down now is done again, with the whole step. */
static void end_route(struct site_work *work, int result, const struct error *err)
{
    if (result < 0) {
        work->route.kind = PLAN_ROUTE_UNKNOWN;
    }
    action_end(work, result < 0 ? err : NULL);
}

/* To a container ----------------------------------------------------------------------------- */

static void on_routed_to_container(void *context, const void *result, const struct error *err)
{
    struct site_work *work = context;
    if (err) {
        action_end(work, err);
        return;
    }
    const struct plan_container *const *targets = work->step.targets;
    bool is_wanted = targets[0]->deployment == work->site.desired_deployment;
    instances_set_routed(&work->instances, targets);
    work->route =
        (struct site_route){.kind = PLAN_ROUTE_CONTAINER, .since_ms = clock_monotonic_ms()};
    for (size_t i = 0; i < PLAN_INSTANCES_MAX && targets[i]; i++) {
        str_copy(work->route.containers[i], sizeof(work->route.containers[i]), targets[i]->id);
    }
    forget_files(work);
    struct error failure;
    int noted = is_wanted ? note_live(work, &failure) : note_awake(work, &failure);
    end_route(work, noted, &failure);
}

static void send_route(struct site_work *work, const struct gate_route_set_params *route,
                       ipc_reply_fn *on_reply)
{
    const struct site *site = &work->site;
    struct gate_route_set_params params = *route;
    struct error err;
    params.host = site->domain;
    params.site_id = site->id;
    params.owner = arena_printf(work->arena, "%s:%lld", quota_entity_name(site->owner_kind),
                                (long long)site->owner_id);
    if (gate_call_route_set(work->deployd->gate, &params, NULL, on_reply, work, &err) < 0) {
        action_end(work, &err);
    }
}

/* The row first: from it the gate makes its routes when it starts. */
void action_route_to(struct site_work *work)
{
    const char *addresses[PLAN_INSTANCES_MAX];
    size_t count = 0;
    AUTO_STRBUF struct strbuf list = STRBUF_INIT;
    struct error err;
    for (; count < PLAN_INSTANCES_MAX && work->step.targets[count]; count++) {
        const struct plan_container *target = work->step.targets[count];
        struct instance *instance = instances_find(&work->instances, target->id);
        if (target->deployment == work->site.desired_deployment) {
            instance->port = work->release.port; /* another release's was noted when it was live */
        }
        addresses[count] =
            arena_printf(work->arena, "%s:%lld", instance->address, (long long)instance->port);
        strbuf_printf(&list, "%s%s", count ? "," : "", addresses[count]);
    }
    if (sites_set_route(work->deployd->run->db, work->site_id, strbuf_text(&list), clock_unix(),
                        &err) < 0) {
        action_end(work, &err);
        return;
    }
    const struct gate_route_set_params route = {
        .state = "ready", .addresses = addresses, .addresses_count = count};
    send_route(work, &route, on_routed_to_container);
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
        lead_nowhere(work, PLAN_ROUTE_FILES);
        work->route.deployment = work->site.desired_deployment;
        struct error failure;
        end_route(work, note_live(work, &failure), &failure);
    } else {
        lead_nowhere(work, PLAN_ROUTE_NONE);
        action_end(work, NULL);
    }
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
        lead_nowhere(work, PLAN_ROUTE_PAGE);
        work->route.page = site_work_page(work);
        forget_files(work);
    }
    action_end(work, err);
}

void action_tell_gate(struct site_work *work, const char *state, ipc_reply_fn *on_reply)
{
    struct error err;
    if (sites_set_route(work->deployd->run->db, work->site_id, "", clock_unix(), &err) < 0) {
        action_end(work, &err);
        return;
    }
    send_route(work, &(struct gate_route_set_params){.state = state}, on_reply);
}

void action_route_stopped(struct site_work *work)
{
    action_tell_gate(work, site_work_page(work), on_page_shown);
}

static void on_waiting(void *context, const void *result, const struct error *err)
{
    struct site_work *work = context;
    if (!err) {
        lead_nowhere(work, PLAN_ROUTE_WAITING);
    }
    action_end(work, err);
}

void action_route_wait(struct site_work *work)
{
    action_tell_gate(work, "starting", on_waiting);
}

/* To sleep ----------------------------------------------------------------------------------- */

static void on_held(void *context, const void *result, const struct error *err)
{
    struct site_work *work = context;
    if (err && err->code == ERR_CONFLICT) {
        /* Somebody visits it: it does not sleep now. What it has reserved, it still has. */
        struct error failure;
        bool is_noted = sites_set_sleep(work->deployd->run->db, work->site_id, SITE_AWAKE,
                                        clock_unix(), &failure) == 0;
        action_end(work, is_noted ? NULL : &failure);
        return;
    }
    if (!err) {
        lead_nowhere(work, PLAN_ROUTE_HOLD);
    }
    action_end(work, err);
}

/* The row keeps the address: it is right as long as the container stands there frozen. */
void action_hold(struct site_work *work)
{
    struct gate_route_set_params route = {.state = "hold"};
    for (size_t i = 0; i < work->observed.container_count; i++) {
        route.has_if_idle_ms |= work->observed.containers[i].is_running;
    }
    route.if_idle_ms = IDLE_MS;
    send_route(work, &route, on_held);
}
