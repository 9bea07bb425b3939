/*
 * Action: the connections of a container that visitors are no longer led to come to their end. The
 * gate sees to it; the site goes on meanwhile, and looks again when it is done.
 */
#include <stdlib.h>

#include "dialup-deployd/converge/actions.h"
#include "dialup-deployd/deployd.h"
#include "dialup-deployd/engine/container.h"
#include "dialup-deployd/release.h"
#include "libdialup/base/clock.h"
#include "libdialup/base/log.h"
#include "libdialup/base/memory.h"
#include "proto/gate_rpc.h"

/* Of a site that is to stop or to be deleted: what was asked before is answered, but soon. */
enum { GOING_DOWN_MS = 10 * 1000 };

struct draining {
    struct site_work *work;
    char id[CONTAINER_ID_SIZE];
    int64_t requests_ms; /* that it may take in all */
};

static int64_t not_below_zero(int64_t value_ms)
{
    return value_ms > 0 ? value_ms : 0;
}

/* The gate was replaced, or started anew, in the middle of it: the next one is asked, which knows
 * what the one before it still carries. Not for longer than the drain may take. */
static bool must_ask_again(const struct draining *draining, const struct instance *instance,
                           const struct error *err)
{
    bool has_gate_ended = err && (err->code == ERR_UNAVAILABLE || err->code == ERR_TIMEOUT);
    return has_gate_ended && instance && instance->drain == PLAN_DRAINING &&
           clock_monotonic_ms() - instance->drain_since_ms < draining->requests_ms;
}

static void on_drained(void *context, const void *result, const struct error *err)
{
    struct draining *draining = context;
    struct site_work *work = draining->work;
    struct instance *instance = instances_find(&work->instances, draining->id);
    const struct gate_drain_result *drained = result;
    if (must_ask_again(draining, instance, err)) {
        instance->drain = PLAN_UNDRAINED;
    } else if (err) {
        log_warning("container %.12s is removed undrained: %s", draining->id, err->message);
    } else if (drained->cut > 0) {
        log_info("container %.12s: %lld connections were cut", draining->id,
                 (long long)drained->cut);
    }
    if (instance && instance->drain == PLAN_DRAINING) {
        instance->drain = PLAN_DRAINED;
    }
    free(draining);
    work->kick(work);
}

static int64_t at_most(int64_t value, int64_t most)
{
    return value < most ? value : most;
}

/* Where others wait for the end, or it was asked for, it comes sooner. */
static void choose_times(const struct site_work *work, struct gate_drain_params *params)
{
    const struct config *config = work->deployd->run->config;
    int64_t patience_ms = config_integer(config, CONFIG_gate_patience_s) * 1000;
    params->requests_ms = config_integer(config, CONFIG_deployd_drain_s) * 1000;
    params->upgraded_ms = config_integer(config, CONFIG_deployd_drain_websockets_s) * 1000;
    if (work->site.desired != SITE_WANT_RUNNING) {
        params->requests_ms = at_most(params->requests_ms, GOING_DOWN_MS);
        params->upgraded_ms = 0;
    } else if (work->route.kind == PLAN_ROUTE_WAITING) {
        params->requests_ms = at_most(params->requests_ms, patience_ms / 2);
        params->upgraded_ms = at_most(params->upgraded_ms, patience_ms / 8);
    }
}

static void begin(struct site_work *work, struct instance *instance)
{
    struct draining *draining = xcalloc(1, sizeof(*draining));
    draining->work = work;
    str_copy(draining->id, sizeof(draining->id), instance->running.id);
    struct gate_drain_params params = {
        .host = work->site.domain,
        .address =
            arena_printf(work->arena, "%s:%lld", instance->address, (long long)instance->port),
    };
    struct error err;
    choose_times(work, &params);
    draining->requests_ms = params.requests_ms;
    if (instance->drain_since_ms == 0) {
        instance->drain_since_ms = clock_monotonic_ms();
    }
    int64_t passed_ms = clock_monotonic_ms() - instance->drain_since_ms;
    params.requests_ms = not_below_zero(params.requests_ms - passed_ms);
    params.upgraded_ms = not_below_zero(params.upgraded_ms - passed_ms);
    instance->drain = PLAN_DRAINING;
    if (gate_call_drain(work->deployd->gate, &params, NULL, on_drained, draining, &err) < 0) {
        free(draining);
        instance->drain = PLAN_DRAINED;
        log_warning("%s: cannot drain: %s", work->site.domain, err.message);
    }
    action_end(work, NULL);
}

/* One that visitors were led to by a former life of ours. */
static void on_inspected(void *context, const struct container_detail *detail,
                         const struct error *err)
{
    struct site_work *work = context;
    struct instance *instance = instances_remember(&work->instances, work->step.container->id);
    if (err) {
        action_end(work, err);
        return;
    }
    if (!detail->is_running || !*detail->address) {
        instance->drain = PLAN_DRAINED;
        action_end(work, NULL);
        return;
    }
    str_copy(instance->address, sizeof(instance->address), detail->address);
    begin(work, instance);
}

/* The port of the container's own release, which may not be the wanted one's. */
static int64_t find_port(struct site_work *work, int64_t deployment_id)
{
    struct deployment deployment;
    struct jobs_release release;
    struct error err;
    bool is_known = deployments_find(work->deployd->run->db, work->arena, deployment_id,
                                     &deployment, &err) == 0 &&
                    release_read(work->arena, &deployment, &release, &err) == 0;
    return is_known ? release.port : 0;
}

void action_drain(struct site_work *work)
{
    const struct plan_container *container = work->step.container;
    struct instance *instance = instances_remember(&work->instances, container->id);
    if (instance->port == 0) {
        instance->port = find_port(work, container->deployment);
    }
    if (instance->port == 0) {
        instance->drain = PLAN_DRAINED;
        action_end(work, NULL);
    } else if (*instance->address) {
        begin(work, instance);
    } else {
        AUTO_FREE char *network = deployd_network_name(work->deployd, DEPLOYD_PRODUCTION);
        container_inspect(work->deployd->engine, container->id, network, on_inspected, work);
    }
}
