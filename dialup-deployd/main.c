/*
 * dialup-deployd: the descriptor, the parts in their order, and the few helpers that all parts
 * share. See deployd.h for the map.
 */
#include <event2/event.h>
#include <stdlib.h>

#include "dialup-deployd/converge.h"
#include "dialup-deployd/deployd.h"
#include "dialup-deployd/job.h"
#include "dialup-deployd/queue.h"
#include "dialup-deployd/trash.h"
#include "libdialup/base/clock.h"
#include "libdialup/base/fs.h"
#include "libdialup/base/log.h"
#include "libdialup/base/memory.h"
#include "libdialup/db/batch.h"
#include "libdialup/firewall/firewall.h"
#include "libdialup/store/idempotency.h"
#include "libdialup/store/reservations.h"
#include "proto/deployd_rpc.h"

enum { HOUSEKEEPING_S = 600, IDEMPOTENCY_KEEP_S = 24 * 3600, DOCKER_SILENCE_S = 60 };

/* Paths and names
 * ---------------------------------------------------------------------------------- */

char *deployd_site_path(const struct deployd *deployd, int64_t site_id, const char *part)
{
    AUTO_FREE char *below = xasprintf("sites/%lld/%s", (long long)site_id, part);
    return config_state_path(deployd->run->config, below);
}

char *deployd_release_path(const struct deployd *deployd, int64_t site_id, int64_t deployment_id)
{
    AUTO_FREE char *part = xasprintf("releases/%lld", (long long)deployment_id);
    return deployd_site_path(deployd, site_id, part);
}

char *deployd_log_path(const struct deployd *deployd, int64_t site_id, int64_t deployment_id)
{
    AUTO_FREE char *part = xasprintf("logs/%lld.log", (long long)deployment_id);
    return deployd_site_path(deployd, site_id, part);
}

char *deployd_live_path(const struct deployd *deployd, const char *domain)
{
    AUTO_FREE char *part = xasprintf("live/%s", domain);
    return config_state_path(deployd->run->config, part);
}

char *deployd_network_name(const struct deployd *deployd, enum deployd_network network)
{
    return xasprintf("%s-%s", config_text(deployd->run->config, CONFIG_common_instance),
                     network == DEPLOYD_PRODUCTION ? "production" : "development");
}

char *deployd_bridge_name(const struct deployd *deployd, enum deployd_network network)
{
    return xasprintf("dul-%s-%c", config_text(deployd->run->config, CONFIG_common_instance),
                     network == DEPLOYD_PRODUCTION ? 'p' : 'd');
}

void deployd_close_bridges(struct deployd *deployd)
{
    if (deployd->has_firewall ||
        str_equal(config_text(deployd->run->config, CONFIG_deployd_firewall), "none")) {
        return;
    }
    deployd->has_firewall = true;
    for (int i = DEPLOYD_PRODUCTION; i <= DEPLOYD_DEVELOPMENT; i++) {
        AUTO_FREE char *bridge = deployd_bridge_name(deployd, (enum deployd_network)i);
        struct error err;
        if (firewall_close_bridge(bridge, &err) < 0) {
            deployd->has_firewall = false;
            log_error("%s. %s", err.message, err.hint);
        }
    }
}

/* Events
 * ------------------------------------------------------------------------------------------- */

void deployd_tell_deployment(const struct deployd *deployd, int64_t site_id, int64_t deployment_id,
                             const char *state, const char *step)
{
    const struct deployd_deployment_state_event event = {
        .deployment_id = deployment_id, .site_id = site_id, .state = state, .step = step};
    ipc_publisher_emit(deployd->run->publisher, "deployment.state",
                       &deployd_deployment_state_event_shape, &event);
}

void deployd_tell_log(const struct deployd *deployd, int64_t deployment_id, int64_t size_bytes)
{
    const struct deployd_deployment_log_event event = {.deployment_id = deployment_id,
                                                       .size_bytes = size_bytes};
    ipc_publisher_emit(deployd->run->publisher, "deployment.log",
                       &deployd_deployment_log_event_shape, &event);
}

void deployd_tell_site(const struct deployd *deployd, int64_t site_id, const char *domain,
                       const char *state)
{
    const struct deployd_site_state_event event = {
        .site_id = site_id, .domain = domain, .state = state};
    ipc_publisher_emit(deployd->run->publisher, "site.state", &deployd_site_state_event_shape,
                       &event);
}

/* Start and stop
 * ----------------------------------------------------------------------------------- */

static void on_batch_timer(evutil_socket_t fd, short events, void *context)
{
    db_batch_run(((struct deployd *)context)->batch);
}

static void on_batch_needs_run(void *context, int delay_ms)
{
    struct deployd *deployd = context;
    struct timeval delay = {delay_ms / 1000, (delay_ms % 1000) * 1000};
    evtimer_add(deployd->batch_timer, &delay);
}

static void on_housekeeping(evutil_socket_t fd, short events, void *context)
{
    struct deployd *deployd = context;
    int64_t removed;
    int64_t now = clock_unix();
    idempotency_expire(deployd->run->db, now - IDEMPOTENCY_KEEP_S, &removed, NULL);
    reservations_expire(deployd->run->db, now, &removed, NULL);
    trash_sweep(deployd);
}

static int make_dirs(const struct deployd *deployd, struct error *err)
{
    static const char *const parts[] = {"sites", "live", "trash", "cache", "uploads"};
    int result = 0;
    for (size_t i = 0; result == 0 && i < ARRAY_COUNT(parts); i++) {
        AUTO_FREE char *path = config_state_path(deployd->run->config, parts[i]);
        result = fs_make_dirs(path, 0755, err);
    }
    return result;
}

static int measure_machine(struct deployd *deployd, struct error *err)
{
    const struct config *config = deployd->run->config;
    int result =
        machine_measure(config_text(config, CONFIG_common_state_dir), &deployd->machine, err);
    int64_t memory_mib = config_integer(config, CONFIG_deployd_memory_mib);
    int64_t cpu_millicores = config_integer(config, CONFIG_deployd_cpu_millicores);
    deployd->machine.memory_mib = memory_mib ? memory_mib : deployd->machine.memory_mib;
    deployd->machine.cpu_millicores =
        cpu_millicores ? cpu_millicores : deployd->machine.cpu_millicores;
    return result;
}

static int open_gate(struct deployd *deployd, struct error *err)
{
    deployd->gate_path = config_run_path(deployd->run->config, "ipc/gate.sock");
    const struct ipc_client_options options = {.daemon = "dialup-gate", .path = deployd->gate_path};
    return ipc_client_open(deployd->run->base, &options, &deployd->gate, err);
}

static void stop(void *state)
{
    struct deployd *deployd = state;
    if (deployd->sweep) {
        job_abandon(deployd->sweep);
    }
    /* First the gate: what it has not answered ends in the converger, which may ask the others. */
    ipc_client_close(deployd->gate);
    queue_free(deployd->queue);
    engine_close(deployd->engine);
    converger_free(deployd->converger);
    db_batch_free(deployd->batch);
    struct event *const events[] = {deployd->batch_timer, deployd->housekeeping};
    for (size_t i = 0; i < ARRAY_COUNT(events); i++) {
        if (events[i]) {
            event_free(events[i]);
        }
    }
    free(deployd->gate_path);
    free(deployd);
}

static int start(struct daemon_run *run, void **ret_state, struct error *err)
{
    struct deployd *deployd = xcalloc(1, sizeof(*deployd));
    const struct timeval interval = {HOUSEKEEPING_S, 0};
    deployd->run = run;
    *ret_state = deployd;
    int result = make_dirs(deployd, err);
    if (result < 0 || (result = measure_machine(deployd, err)) < 0 ||
        (result = open_gate(deployd, err)) < 0 ||
        (result = engine_open(run->base, config_text(run->config, CONFIG_deployd_docker_socket),
                              &deployd->engine, err)) < 0) {
        return result;
    }
    deployd->batch_timer = evtimer_new(run->base, on_batch_timer, deployd);
    deployd->batch = db_batch_new(run->db, on_batch_needs_run, deployd);
    deployd->housekeeping = event_new(run->base, -1, EV_PERSIST, on_housekeeping, deployd);
    event_add(deployd->housekeeping, &interval);
    deployd->converger = converger_new(deployd);
    deployd->queue = queue_new(deployd);
    return 0;
}

static struct health_finding check_docker(void *state)
{
    const struct deployd *deployd = state;
    const char *problem = converger_docker_error(deployd->converger);
    int64_t seen_at = converger_docker_seen_at(deployd->converger);
    if (*problem) {
        return health_problem(HEALTH_FAILING, "Look at it with: systemctl status docker",
                              "%s. Sites that run go on; nothing can be started", problem);
    }
    if (clock_unix() - seen_at > DOCKER_SILENCE_S) {
        return health_problem(HEALTH_DEGRADED, "Wait a moment; then: systemctl status docker",
                              "Docker has not answered for a while");
    }
    return health_ok("Docker answers");
}

static struct health_finding check_gate(void *state)
{
    const struct deployd *deployd = state;
    return ipc_client_is_connected(deployd->gate)
               ? health_ok("The gate is connected")
               : health_problem(HEALTH_FAILING, "Start it: systemctl start dialup-gate",
                                "dialup-gate does not answer: no route can change");
}

static struct health_finding check_firewall(void *state)
{
    const struct deployd *deployd = state;
    bool is_off = str_equal(config_text(deployd->run->config, CONFIG_deployd_firewall), "none");
    return deployd->has_firewall || is_off
               ? health_ok(is_off ? "The firewall is left to the admin"
                                  : "Containers cannot reach the host's own services")
               : health_problem(HEALTH_DEGRADED, "Install iptables and restart dialup-deployd",
                                "Containers may reach services of this host");
}

static const struct health_check checks[] = {
    {"docker", check_docker},
    {"gate", check_gate},
    {"firewall", check_firewall},
};

static const struct daemon deployd = {
    .program = "dialup-deployd",
    .name = "deployd",
    .summary = "Decides and carries out: sites, deployments, containers.",
    .methods = deployd_methods,
    .handlers = deployd_handlers,
    .method_count = DEPLOYD_METHOD_COUNT,
    .checks = checks,
    .check_count = ARRAY_COUNT(checks),
    .publishes_events = true,
    .start = start,
    .stop = stop,
};

int main(int argc, char **argv)
{
    return daemon_main(&deployd, argc, argv);
}
