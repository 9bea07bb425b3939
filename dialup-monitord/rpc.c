/*
 * monitord's methods, by table. Called by the IPC server.
 */
#include "dialup-monitord/monitord.h"
#include "libdialup/base/memory.h"
#include "libdialup/base/str.h"
#include "libdialup/daemon/daemon.h"

static struct monitord *monitord_of(void *context)
{
    const struct daemon_run *run = context;
    return run->state;
}

static struct monitord_usage_current_result_sites describe(const struct usage_sample *row)
{
    return (struct monitord_usage_current_result_sites){
        .site_id = row->site_id,
        .owner_kind = quota_entity_name(row->owner_kind),
        .owner_id = row->owner_id,
        .kind = usage_kind_name(row->kind),
        .container_id = row->container_id,
        .cpu_millicores = row->interval_ms > 0 ? row->cpu_us / row->interval_ms : 0,
        .memory_bytes = row->memory_bytes,
        .memory_limit_bytes = row->memory_limit_bytes,
        .pids = row->pids,
        .rx_bytes = row->rx_bytes,
        .tx_bytes = row->tx_bytes,
    };
}

static int64_t sum_of(const int64_t by_kind[USAGE_KIND_COUNT])
{
    int64_t sum = 0;
    for (int kind = 0; kind < USAGE_KIND_COUNT; kind++) {
        sum += by_kind[kind];
    }
    return sum;
}

static struct monitord_usage_current_result_owners describe_owner(const struct owner_use *use)
{
    return (struct monitord_usage_current_result_owners){
        .owner_kind = quota_entity_name(use->owner_kind),
        .owner_id = use->owner_id,
        .containers = use->containers,
        .cpu_millicores = sum_of(use->cpu_millicores),
        .memory_bytes = sum_of(use->memory_bytes),
        .connections = use->connections,
        .kbit_per_s = use->kbit_per_s,
    };
}

static int handle_usage_current(void *context, struct ipc_request *request, const void *params,
                                void *result, struct error *err)
{
    struct cycle_latest latest = cycle_latest(monitord_of(context)->cycle);
    struct monitord_usage_current_result_sites *sites =
        arena_calloc(ipc_request_arena(request), latest.count + 1, sizeof(*sites));
    for (size_t i = 0; i < latest.count; i++) {
        sites[i] = describe(&latest.rows[i]);
    }
    struct monitord_usage_current_result_owners *owners =
        arena_calloc(ipc_request_arena(request), latest.owner_count + 1, sizeof(*owners));
    for (size_t i = 0; i < latest.owner_count; i++) {
        owners[i] = describe_owner(&latest.owners[i]);
    }
    *(struct monitord_usage_current_result *)result = (struct monitord_usage_current_result){
        .at = latest.at,
        .sites = sites,
        .sites_count = latest.count,
        .owners = owners,
        .owners_count = latest.owner_count,
    };
    return 0;
}

static int handle_usage_of_owner(void *context, struct ipc_request *request, const void *params,
                                 void *result, struct error *err)
{
    const struct monitord_usage_of_owner_params *wanted = params;
    struct cycle_latest latest = cycle_latest(monitord_of(context)->cycle);
    struct monitord_usage_of_owner_result *answer = result;
    *answer = (struct monitord_usage_of_owner_result){.at = latest.at};
    for (size_t i = 0; i < latest.owner_count; i++) {
        const struct owner_use *use = &latest.owners[i];
        if (use->owner_id == wanted->owner_id &&
            str_equal(quota_entity_name(use->owner_kind), wanted->owner_kind)) {
            answer->containers = use->containers;
            answer->cpu_millicores = sum_of(use->cpu_millicores);
            answer->memory_bytes = sum_of(use->memory_bytes);
            answer->connections = use->connections;
            answer->kbit_per_s = use->kbit_per_s;
        }
    }
    return 0;
}

static void on_sampled(void *context, const struct cycle_result *result, const struct error *err)
{
    struct ipc_request *request = context;
    if (err) {
        ipc_request_fail(request, err);
        return;
    }
    const struct monitord_sample_result answer = {.containers = (int64_t)result->containers,
                                                  .duration_us = result->duration_us};
    ipc_request_reply(request, &answer);
}

static int handle_sample(void *context, struct ipc_request *request, const void *params,
                         void *result, struct error *err)
{
    int code = cycle_request(monitord_of(context)->cycle, on_sampled, request, err);
    return code < 0 ? code : IPC_LATER;
}

ipc_handler_fn *const monitord_handlers[MONITORD_METHOD_COUNT] = {
    [MONITORD_USAGE_CURRENT] = handle_usage_current,
    [MONITORD_USAGE_OF_OWNER] = handle_usage_of_owner,
    [MONITORD_SAMPLE] = handle_sample,
};
