/*
 * dialup-gate: carries bytes between Caddy and the containers, and counts them.
 *
 * The engine does the work; this is the process around it: settings, the routes that the database
 * knows when it starts, and health. It reads the database once and never writes to it; afterwards
 * deployd tells it what changes.
 */
#include <stdio.h>
#include <sys/stat.h>

#include "dialup-deployd/gate/address.h"
#include "dialup-deployd/gate/gate.h"
#include "dialup-deployd/gate/process.h"
#include "dialup-deployd/gate/wanted.h"
#include "libdialup/base/clock.h"
#include "libdialup/base/log.h"
#include "libdialup/base/memory.h"
#include "libdialup/daemon/daemon.h"
#include "libdialup/store/sites.h"

/* What a site that was last seen in this state needs. */
enum need { NO_ROUTE, CONTAINER_OR_NONE, CONTAINER_OR_WAIT, STOPPED_PAGE, FAILED_PAGE };

static const enum need needs[] = {
    [SITE_NEW] = NO_ROUTE,
    [SITE_STARTING] = CONTAINER_OR_WAIT,
    [SITE_RUNNING] = CONTAINER_OR_NONE, /* what needs no memory is files, which Caddy serves */
    [SITE_STOPPED] = STOPPED_PAGE,
    [SITE_FAILED] = FAILED_PAGE,
    [SITE_DELETED] = NO_ROUTE,
};

static bool find_targets(const struct site *site, struct route_spec *spec)
{
    return *site->route_address &&
           gate_address_parse_list(site->route_address, spec->targets, TARGETS_MAX,
                                   &spec->target_count, NULL) == 0;
}

/* False if the site needs no route. The spec borrows from the site and from owner. */
static bool plan_route(const struct site *site, char owner[OWNER_NAME_SIZE],
                       struct route_spec *ret_spec)
{
    struct route_spec spec = {.host = site->domain, .site_id = site->id, .owner = owner};
    snprintf(owner, OWNER_NAME_SIZE, "%s:%lld", quota_entity_name(site->owner_kind),
             (long long)site->owner_id);
    enum need need = needs[site->state];
    bool may_have_container = need == CONTAINER_OR_NONE || need == CONTAINER_OR_WAIT;
    bool has_container = may_have_container && find_targets(site, &spec);
    if (may_have_container && site->sleep != SITE_AWAKE) {
        spec.state = ROUTE_HOLD;
    } else if (has_container) {
        spec.state = ROUTE_READY;
    } else if (need == CONTAINER_OR_WAIT || (may_have_container && site->memory_mib > 0)) {
        spec.state = ROUTE_STARTING;
    } else if (need == STOPPED_PAGE || need == FAILED_PAGE) {
        spec.state = need == STOPPED_PAGE ? ROUTE_STOPPED : ROUTE_FAILED;
    } else {
        return false;
    }
    *ret_spec = spec;
    return true;
}

/* One site that cannot have its socket keeps no other from having theirs. */
static int make_known_routes(struct gate_process *process, struct db *db, struct error *err)
{
    AUTO_ARENA struct arena *arena = arena_new();
    struct sites_list sites;
    int result = sites_list(db, arena, &(struct sites_page){0}, &sites, err);
    if (result < 0) {
        return result;
    }
    for (size_t i = 0; i < sites.count; i++) {
        struct route_spec spec;
        char owner[OWNER_NAME_SIZE];
        struct error failure;
        if (plan_route(&sites.rows[i], owner, &spec) &&
            gate_route_set(process->gate, &spec, -1, &failure) < 0) {
            process->failed_routes++;
            log_error("no route for %s: %s", spec.host, failure.message);
        }
    }
    return gate_sweep(process->gate, err);
}

static void stop(void *state)
{
    struct gate_process *process = state;
    wanted_close(process->wanted);
    gate_close(process->gate);
    free(process->sites_dir);
    free(process);
}

static int start(struct daemon_run *run, void **ret_state, struct error *err)
{
    const struct config *config = run->config;
    struct gate_process *process = xcalloc(1, sizeof(*process));
    process->sites_dir = config_run_path(config, "sites");
    process->wanted = wanted_open(run->base, clock_unix_ms());
    process->max_connections = config_integer(config, CONFIG_gate_max_connections);
    process->owner_kbit_per_s = config_integer(config, CONFIG_gate_owner_mbit_per_s) * 1000;
    const struct gate_config options = {
        .sites_dir = process->sites_dir,
        .pages_dir = config_text(config, CONFIG_gate_pages_dir),
        .connections_max = (int)process->max_connections,
        .connections_per_route_max = (int)config_integer(config, CONFIG_gate_site_connections),
        .connect_timeout_ms = (int)config_integer(config, CONFIG_gate_connect_timeout_ms),
        .requests_per_s = (int)config_integer(config, CONFIG_gate_site_requests_per_s),
        .owner_kbit_per_s = process->owner_kbit_per_s,
        .patience_ms = (int)config_integer(config, CONFIG_gate_patience_s) * 1000,
        .no_wake_agents = config_text(config, CONFIG_gate_no_wake_agents),
        .no_wake_paths = config_text(config, CONFIG_gate_no_wake_paths),
        .on_wanted = wanted_on_route,
        .arg = process->wanted,
    };
    int result = gate_open(run->base, &options, &process->gate, err);
    wanted_set_gate(process->wanted, process->gate);
    if (result == 0) {
        result = make_known_routes(process, run->db, err);
    }
    if (result < 0) {
        stop(process);
        return result;
    }
    log_info("%u routes", gate_get_totals(process->gate).routes);
    *ret_state = process;
    return 0;
}

/* Health ----------------------------------------------------------------------------------- */

struct missing_sockets {
    const char *sites_dir;
    size_t count;
    const char *first_host;
};

static void look_for_socket(void *arg, const struct route *route)
{
    struct missing_sockets *missing = arg;
    AUTO_FREE char *path = xasprintf("%s/%s.sock", missing->sites_dir, route->host);
    struct stat status;
    if (stat(path, &status) < 0 || !S_ISSOCK(status.st_mode)) {
        missing->count++;
        missing->first_host = missing->first_host ? missing->first_host : route->host;
    }
}

static struct health_finding check_listeners(void *state)
{
    const struct gate_process *process = state;
    struct missing_sockets missing = {.sites_dir = process->sites_dir};
    gate_routes_each(process->gate, look_for_socket, &missing);
    if (missing.count > 0) {
        return health_problem(HEALTH_FAILING, "Restart dialup-gate; it makes its sockets anew.",
                              "%zu sites have lost their socket in %s, %s among them.",
                              missing.count, process->sites_dir, missing.first_host);
    }
    if (process->failed_routes > 0) {
        return health_problem(
            HEALTH_DEGRADED, "The log of dialup-gate names them; restart it when that is solved.",
            "%zu sites got no route when the gate started.", process->failed_routes);
    }
    return health_ok("Routes: %u", gate_get_totals(process->gate).routes);
}

static struct health_finding check_connections(void *state)
{
    enum { FULL_PERCENT = 90 };
    const struct gate_process *process = state;
    struct gate_totals totals = gate_get_totals(process->gate);
    if ((int64_t)totals.open * 100 >= process->max_connections * FULL_PERCENT) {
        return health_problem(HEALTH_DEGRADED,
                              "`dialupctl call gate counters` shows which site has so many; raise "
                              "gate.max_connections if the machine can take more.",
                              "%u of %lld connections are open; visitors above that are sent away.",
                              totals.open, (long long)process->max_connections);
    }
    return health_ok("%u of %lld connections are open", totals.open,
                     (long long)process->max_connections);
}

static const struct health_check checks[] = {
    {"listeners", check_listeners},
    {"connections", check_connections},
};

int main(int argc, char **argv)
{
    static const struct daemon gate = {
        .program = "dialup-gate",
        .name = "gate",
        .summary = "Carries bytes between Caddy and the sites' containers, and counts them.",
        .methods = gate_methods,
        .handlers = gate_handlers,
        .method_count = GATE_METHOD_COUNT,
        .checks = checks,
        .check_count = ARRAY_COUNT(checks),
        .start = start,
        .stop = stop,
    };
    return daemon_main(&gate, argc, argv);
}
