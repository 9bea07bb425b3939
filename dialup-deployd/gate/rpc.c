/*
 * The gate's methods, by table: deployd sets, removes and drains routes and asks which are wanted,
 * monitord collects counters. Called by the IPC server.
 */
#include <stdio.h>
#include <string.h>

#include "dialup-deployd/gate/address.h"
#include "dialup-deployd/gate/former.h"
#include "dialup-deployd/gate/gate.h"
#include "dialup-deployd/gate/process.h"
#include "dialup-deployd/gate/wanted.h"
#include "libdialup/base/clock.h"
#include "libdialup/base/log.h"
#include "libdialup/base/memory.h"
#include "libdialup/base/str.h"
#include "libdialup/daemon/daemon.h"
#include "libdialup/daemon/fdstore.h"
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

/* "user:7" or "team:3"; none is fine. */
static int check_owner(const char *owner, struct error *err)
{
    int64_t id;
    if (!owner || ((str_starts_with(owner, "user:") || str_starts_with(owner, "team:")) &&
                   str_parse_i64(owner + strlen("user:"), 1, INT64_MAX, &id))) {
        return 0;
    }
    return error_set_field(err, ERR_INVALID_ARGUMENT, "owner",
                           "Write an owner as user:7 or team:3");
}

static int parse_addresses(const struct gate_route_set_params *params, struct route_spec *spec,
                           struct error *err)
{
    for (size_t i = 0; i < params->addresses_count; i++) {
        int code = gate_address_parse(params->addresses[i], &spec->targets[i], err);
        if (code < 0) {
            snprintf(err->field, sizeof(err->field), "addresses");
            return code;
        }
    }
    spec->target_count = params->addresses_count; /* the contract allows no more */
    return 0;
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
    struct route_spec spec = {
        .host = host.name,
        .site_id = params->site_id,
        .owner = params->owner,
        .requests_per_s = (int)params->requests_per_s,
        .connections_max = (int)params->connections,
        .only_if_idle = params->has_if_idle_ms,
        .idle_ms = params->if_idle_ms,
    };
    ASSERT(route_state_parse(params->state, &spec.state)); /* the contract has no other words */
    code = check_owner(params->owner, err);
    if (code == 0) {
        code = parse_addresses(params, &spec, err);
    }
    if (code < 0) {
        return code;
    }
    bool is_new = !gate_route_find(gate, host.name);
    code = gate_route_set(gate, &spec, -1, err);
    if (code == 0 && is_new) {
        fdstore_keep(host.name, gate_route_listener_fd(gate_route_find(gate, host.name)));
    }
    return code;
}

static int handle_route_remove(void *context, struct ipc_request *request, const void *params_,
                               void *result, struct error *err)
{
    const struct gate_route_remove_params *params = params_;
    struct domain host;
    int code = parse_host(params->host, &host, err);
    if (code == 0) {
        code = gate_route_remove(process_of(context)->gate, host.name, err);
    }
    if (code == 0) {
        fdstore_forget(host.name);
    }
    return code;
}

/* A list that grows to the number of routes. */
struct collected {
    struct arena *arena;
    int64_t now_us;
    void *rows;
    size_t count;
};

static void collect_route(void *arg, const struct route *route)
{
    struct collected *collected = arg;
    struct gate_routes_result_routes *rows = collected->rows;
    const char **addresses = arena_calloc(collected->arena, TARGETS_MAX, sizeof(*addresses));
    size_t count = 0;
    const struct target *target;
    TAILQ_FOREACH(target, &route->targets.list, link)
    {
        if (target->is_current) {
            char *address = arena_alloc(collected->arena, GATE_ADDRESS_SIZE);
            gate_address_format(&target->address, address);
            addresses[count++] = address;
        }
    }
    rows[collected->count++] = (struct gate_routes_result_routes){
        .host = route->host,
        .site_id = route->site_id,
        .state = route_state_name(route->state),
        .addresses = addresses,
        .addresses_count = count,
        .owner = route->owner ? owner_name(route->owner) : "",
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
        .idle_ms = (collected->now_us - route->active_us) / 1000,
        .upgraded_connections = counters->upgraded,
        .held = (int64_t)counters->held,
        .expired = (int64_t)counters->expired,
        .limited = (int64_t)counters->limited,
    };
}

static void count_owner(void *arg, const struct owner *owner)
{
    ++*(size_t *)arg;
}

static void collect_owner(void *arg, const struct owner *owner)
{
    struct collected *collected = arg;
    struct gate_owner_counters *rows = collected->rows;
    const struct owner_counters *counters = owner_get_counters(owner);
    struct owner_limits limits = owner_get_limits(owner);
    rows[collected->count++] = (struct gate_owner_counters){
        .owner = owner_name(owner),
        .kbit_per_s = limits.kbit_per_s,
        .connections = limits.connections,
        .open_connections = counters->open,
        .in_line = counters->in_line,
        .bytes = (int64_t)counters->bytes,
        .queued = (int64_t)counters->queued,
        .refused = (int64_t)counters->refused,
        .waits = (int64_t)counters->waits,
    };
}

static struct collected collect_owners(const struct gate *gate, struct arena *arena)
{
    size_t count = 0;
    gate_owners_each(gate, count_owner, &count);
    struct collected collected = {
        .arena = arena,
        .rows = arena_calloc(arena, count + 1, sizeof(struct gate_owner_counters)),
    };
    gate_owners_each(gate, collect_owner, &collected);
    return collected;
}

static int handle_counters(void *context, struct ipc_request *request, const void *params,
                           void *result, struct error *err)
{
    const struct gate *gate = process_of(context)->gate;
    struct arena *arena = ipc_request_arena(request);
    struct gate_site_counters *rows =
        arena_calloc(arena, gate_get_totals(gate).routes, sizeof(*rows));
    struct collected collected = {.arena = arena, .now_us = clock_monotonic_us(), .rows = rows};
    gate_routes_each(gate, collect_counters, &collected);
    struct collected owners = collect_owners(gate, arena);
    *(struct gate_counters_result *)result = (struct gate_counters_result){
        .owners = owners.rows,
        .owners_count = owners.count,
        .started_at_unix = process_of(context)->counting_since_unix,
        .sites = rows,
        .sites_count = collected.count,
    };
    return 0;
}

static int handle_owner_limit_set(void *context, struct ipc_request *request, const void *params_,
                                  void *result, struct error *err)
{
    const struct gate_process *process = process_of(context);
    const struct gate_owner_limit_set_params *params = params_;
    const struct owner_limits limits = {
        .kbit_per_s = params->has_kbit_per_s ? params->kbit_per_s : process->owner_kbit_per_s,
        .connections = params->connections,
    };
    int code = check_owner(params->owner, err);
    return code < 0 ? code : gate_set_owner_limits(process->gate, params->owner, &limits, err);
}

static int handle_wanted(void *context, struct ipc_request *request, const void *params,
                         void *result, struct error *err)
{
    return wanted_ask(process_of(context)->wanted, request, params, result);
}

/* What is open here, and what gates before us still carry: one answer when all of it is over. */
struct drain_request {
    struct ipc_request *request;
    size_t left;
    uint64_t cut;
    struct error failure; /* the first */
};

static void on_drained(void *arg, uint64_t cut, const struct error *err)
{
    struct drain_request *asked = arg;
    asked->cut += cut;
    if (err && !asked->failure.code) {
        asked->failure = *err;
    }
    if (--asked->left > 0) {
        return;
    }
    if (asked->failure.code) {
        ipc_request_fail(asked->request, &asked->failure);
    } else {
        ipc_request_reply(asked->request, &(struct gate_drain_result){.cut = (int64_t)asked->cut});
    }
    free(asked);
}

/* As gate_drain. */
static int start_drain(const struct gate_process *process, struct ipc_request *request,
                       struct drain_spec *spec, struct error *err)
{
    struct drain_request *asked = xcalloc(1, sizeof(*asked));
    asked->request = request;
    spec->on_end = on_drained;
    spec->arg = asked;
    int code = gate_drain(process->gate, spec, err);
    if (code >= 0) {
        asked->left = (size_t)code + formers_drain(process->formers, spec);
    }
    if (code < 0 || asked->left == 0) {
        free(asked);
        return code;
    }
    return IPC_LATER;
}

static int handle_drain(void *context, struct ipc_request *request, const void *params_,
                        void *result, struct error *err)
{
    const struct gate_drain_params *params = params_;
    struct domain host;
    struct drain_spec spec = {
        .requests_ms = (int)params->requests_ms,
        .upgraded_ms = (int)params->upgraded_ms,
    };
    int code = parse_host(params->host, &host, err);
    if (code == 0) {
        code = gate_address_parse(params->address, &spec.address, err);
    }
    if (code < 0) {
        return code;
    }
    spec.host = host.name;
    return start_drain(process_of(context), request, &spec, err);
}

ipc_handler_fn *const gate_handlers[GATE_METHOD_COUNT] = {
    [GATE_ROUTE_SET] = handle_route_set,
    [GATE_ROUTE_REMOVE] = handle_route_remove,
    [GATE_ROUTES] = handle_routes,
    [GATE_COUNTERS] = handle_counters,
    [GATE_OWNER_LIMIT_SET] = handle_owner_limit_set,
    [GATE_WANTED] = handle_wanted,
    [GATE_DRAIN] = handle_drain,
};
