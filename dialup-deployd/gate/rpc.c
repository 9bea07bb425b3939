/*
 * The gate's methods, by table: routes are set and removed by deployd, counters are collected by
 * monitord. Called by the IPC server.
 */
#include <stdio.h>

#include "dialup-deployd/gate/address.h"
#include "dialup-deployd/gate/gate.h"
#include "dialup-deployd/gate/process.h"
#include "libdialup/base/log.h"
#include "libdialup/base/memory.h"
#include "libdialup/daemon/daemon.h"
#include "libdialup/site/domain.h"

static struct gate_process *process_of(void *context)
{
    const struct daemon_run *run = context;
    return run->state;
}

static int parse_host(const char *text, struct domain *ret_host, struct error *err)
{
    const struct domain_rules rules = {.allow_punycode = true};
    int result = domain_parse(text, &rules, ret_host, err);
    if (result < 0) {
        snprintf(err->field, sizeof(err->field), "host");
    }
    return result;
}

static int handle_route_set(void *context, struct ipc_request *request, const void *params_,
                            void *result, struct error *err)
{
    struct gate *gate = process_of(context)->gate;
    const struct gate_route_set_params *params = params_;
    struct domain host;
    int code = parse_host(params->host, &host, err);
    if (code < 0) {
        return code;
    }
    struct route_spec spec = {.host = host.name, .site_id = params->site_id};
    if (params->address && *params->address) {
        code = gate_address_parse(params->address, &spec.target, err);
        if (code < 0) {
            return code;
        }
    }
    ASSERT(route_state_parse(params->state, &spec.state)); /* the contract has no other words */
    return gate_route_set(gate, &spec, -1, err);
}

static int handle_route_remove(void *context, struct ipc_request *request, const void *params_,
                               void *result, struct error *err)
{
    const struct gate_route_remove_params *params = params_;
    struct domain host;
    int code = parse_host(params->host, &host, err);
    return code < 0 ? code : gate_route_remove(process_of(context)->gate, host.name, err);
}

/* A list that grows to the number of routes. */
struct collected {
    struct arena *arena;
    void *rows;
    size_t count;
};

static void collect_route(void *arg, const struct route *route)
{
    struct collected *collected = arg;
    struct gate_routes_result_routes *rows = collected->rows;
    char *address = arena_alloc(collected->arena, GATE_ADDRESS_SIZE);
    gate_address_format(&route->target, address);
    rows[collected->count++] = (struct gate_routes_result_routes){
        .host = route->host,
        .site_id = route->site_id,
        .state = route_state_name(route->state),
        .address = address,
    };
}

static int handle_routes(void *context, struct ipc_request *request, const void *params,
                         void *result, struct error *err)
{
    const struct gate *gate = process_of(context)->gate;
    struct arena *arena = ipc_request_arena(request);
    struct collected collected = {.arena = arena};
    struct gate_routes_result_routes *rows =
        arena_calloc(arena, gate_get_totals(gate).routes, sizeof(*rows));
    collected.rows = rows;
    gate_routes_each(gate, collect_route, &collected);
    *(struct gate_routes_result *)result =
        (struct gate_routes_result){.routes = rows, .routes_count = collected.count};
    return 0;
}

static void collect_counters(void *arg, const struct route *route)
{
    struct collected *collected = arg;
    struct gate_site_counters *rows = collected->rows;
    const struct gate_counters *counters = &route->counters;
    rows[collected->count++] = (struct gate_site_counters){
        .site_id = route->site_id,
        .requests = (int64_t)counters->requests,
        .refused = (int64_t)counters->refused,
        .open_connections = counters->open,
        .bytes_in = (int64_t)counters->bytes_in,
        .bytes_out = (int64_t)counters->bytes_out,
        .duration_us = (int64_t)counters->total_us,
        .status_2xx = (int64_t)counters->status_class[2],
        .status_3xx = (int64_t)counters->status_class[3],
        .status_4xx = (int64_t)counters->status_class[4],
        .status_5xx = (int64_t)counters->status_class[5],
    };
}

static int handle_counters(void *context, struct ipc_request *request, const void *params,
                           void *result, struct error *err)
{
    const struct daemon_run *run = context;
    const struct gate *gate = process_of(context)->gate;
    struct arena *arena = ipc_request_arena(request);
    struct gate_site_counters *rows =
        arena_calloc(arena, gate_get_totals(gate).routes, sizeof(*rows));
    struct collected collected = {.arena = arena, .rows = rows};
    gate_routes_each(gate, collect_counters, &collected);
    *(struct gate_counters_result *)result = (struct gate_counters_result){
        .started_at_unix = run->started_at_unix,
        .sites = rows,
        .sites_count = collected.count,
    };
    return 0;
}

ipc_handler_fn *const gate_handlers[GATE_METHOD_COUNT] = {
    [GATE_ROUTE_SET] = handle_route_set,
    [GATE_ROUTE_REMOVE] = handle_route_remove,
    [GATE_ROUTES] = handle_routes,
    [GATE_COUNTERS] = handle_counters,
};
