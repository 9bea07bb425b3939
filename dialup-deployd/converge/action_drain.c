/*
 * Action: the connections of a container that visitors are no longer led to come to their end. The
 * gate sees to it; the site goes on meanwhile, and looks again when it is done.
 */
#include <stdlib.h>

#include "dialup-deployd/converge/actions.h"
#include "dialup-deployd/deployd.h"
#include "libdialup/base/log.h"
#include "libdialup/base/memory.h"
#include "proto/gate_rpc.h"

struct draining {
    struct site_work *work;
    char id[CONTAINER_ID_SIZE];
};

static void on_drained(void *context, const void *result, const struct error *err)
{
    struct draining *draining = context;
    struct site_work *work = draining->work;
    struct instance *instance = instances_find(&work->instances, draining->id);
    const struct gate_drain_result *drained = result;
    if (err) {
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

void action_drain(struct site_work *work)
{
    const struct config *config = work->deployd->run->config;
    struct instance *instance = instances_remember(&work->instances, work->step.container->id);
    if (!*instance->address || instance->port == 0) {
        instance->drain = PLAN_DRAINED; /* nobody was led there by us */
        action_end(work, NULL);
        return;
    }
    struct draining *draining = xcalloc(1, sizeof(*draining));
    draining->work = work;
    str_copy(draining->id, sizeof(draining->id), instance->running.id);
    const struct gate_drain_params params = {
        .host = work->site.domain,
        .address =
            arena_printf(work->arena, "%s:%lld", instance->address, (long long)instance->port),
        .requests_ms = config_integer(config, CONFIG_deployd_drain_s) * 1000,
        .upgraded_ms = config_integer(config, CONFIG_deployd_drain_websockets_s) * 1000,
    };
    struct error err;
    instance->drain = PLAN_DRAINING;
    if (gate_call_drain(work->deployd->gate, &params, NULL, on_drained, draining, &err) < 0) {
        free(draining);
        instance->drain = PLAN_DRAINED;
        log_warning("%s: cannot drain: %s", work->site.domain, err.message);
    }
    action_end(work, NULL);
}
