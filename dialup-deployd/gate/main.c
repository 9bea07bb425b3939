/*
 * dialup-gate: carries bytes between Caddy and the containers, and counts them.
 *
 * The engine does the work; this is the process around it: settings, the routes that the database
 * knows when it starts, or those of the gate whose place it takes, and health. It reads the
 * database once and never writes to it; afterwards deployd tells it what changes.
 */
#include <event2/event.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dialup-deployd/gate/address.h"
#include "dialup-deployd/gate/former.h"
#include "dialup-deployd/gate/gate.h"
#include "dialup-deployd/gate/handover.h"
#include "dialup-deployd/gate/pages.h"
#include "dialup-deployd/gate/process.h"
#include "dialup-deployd/gate/wanted.h"
#include "libdialup/base/clock.h"
#include "libdialup/base/fs.h"
#include "libdialup/base/log.h"
#include "libdialup/base/memory.h"
#include "libdialup/daemon/daemon.h"
#include "libdialup/daemon/fdstore.h"
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

/* Where one gate offers its place to the next. */
static const char handover_socket[] = "ipc/gate.handover";

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
    if (site->hold != SITE_FREE && site->desired == SITE_WANT_RUNNING && site->memory_mib > 0) {
        spec.state = site->hold == SITE_HELD_BY_RUNTIME ? ROUTE_SPENT : ROUTE_CROWDED;
        *ret_spec = spec;
        return true;
    }
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

/* Sockets of an earlier life, by host. */
struct stored {
    struct stored_socket {
        char *host;
        int fd; /* -1: taken */
    } * sockets;
    size_t count;
};

static void add_stored(void *arg, const char *name, int fd)
{
    struct stored *stored = arg;
    stored->sockets = xreallocarray(stored->sockets, stored->count + 1, sizeof(*stored->sockets));
    stored->sockets[stored->count++] = (struct stored_socket){xstrdup(name), fd};
}

/* NULL if there is none, or if its place in the folder is empty: nobody could come by it. */
static struct stored_socket *find_stored(struct stored *stored, const char *sites_dir,
                                         const char *host)
{
    AUTO_FREE char *path = xasprintf("%s/%s.sock", sites_dir, host);
    for (size_t i = 0; i < stored->count; i++) {
        if (str_equal(stored->sockets[i].host, host) && fs_exists(path)) {
            return &stored->sockets[i];
        }
    }
    return NULL;
}

/* What no route has taken is given up. */
static void free_stored(struct stored *stored)
{
    for (size_t i = 0; i < stored->count; i++) {
        if (stored->sockets[i].fd >= 0) {
            close(stored->sockets[i].fd);
            fdstore_forget(stored->sockets[i].host);
        }
        free(stored->sockets[i].host);
    }
    free(stored->sockets);
}

static void make_route(struct gate_process *process, const struct route_spec *spec,
                       struct stored *stored)
{
    struct error err;
    struct stored_socket *socket = find_stored(stored, process->sites_dir, spec->host);
    if (gate_route_set(process->gate, spec, socket ? socket->fd : -1, &err) < 0) {
        process->failed_routes++;
        log_error("no route for %s: %s", spec->host, err.message);
    } else if (socket) {
        socket->fd = -1;
    } else {
        fdstore_keep(spec->host,
                     gate_route_listener_fd(gate_route_find(process->gate, spec->host)));
    }
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
    struct stored stored = {0};
    fdstore_take(add_stored, &stored);
    for (size_t i = 0; i < sites.count; i++) {
        struct route_spec spec;
        char owner[OWNER_NAME_SIZE];
        if (plan_route(&sites.rows[i], owner, &spec)) {
            make_route(process, &spec, &stored);
        }
    }
    free_stored(&stored);
    return gate_sweep(process->gate, err);
}

/* The end ---------------------------------------------------------------------------------- */

static bool is_quiet(const struct gate_process *process)
{
    struct gate_totals totals = gate_get_totals(process->gate);
    return totals.open == 0 && totals.answering == 0;
}

static void on_quiet_check(evutil_socket_t fd, short what, void *arg)
{
    struct gate_process *process = arg;
    bool is_late = clock_monotonic_us() >= process->quit_at_us;
    if (is_quiet(process) || is_late) {
        log_info("%u connections are left", gate_get_totals(process->gate).open);
        daemon_quit(process->run);
    }
}

static void quit_when_quiet(struct gate_process *process, int64_t grace_s)
{
    enum { CHECK_MS = 50 };
    process->quit_at_us = clock_monotonic_us() + grace_s * 1000000;
    process->quiet_check = event_new(process->run->base, -1, EV_PERSIST, on_quiet_check, process);
    struct timeval period = clock_timeval_of_ms(CHECK_MS);
    event_add(process->quiet_check, &period);
}

static bool drain(void *state)
{
    struct gate_process *process = state;
    handover_close(process->handover);
    process->handover = NULL;
    gate_retire(process->gate, fdstore_is_there(), GATE_PARKED_PAGE);
    if (is_quiet(process)) {
        return false;
    }
    quit_when_quiet(process, config_integer(process->run->config, CONFIG_gate_stop_grace_s));
    return true;
}

static void on_taken(void *arg, int channel_fd)
{
    struct gate_process *process = arg;
    process->successor = successor_new(process->run->base, process->gate, channel_fd);
    log_info("another gate takes over; %u connections go on here",
             gate_get_totals(process->gate).open);
    gate_retire(process->gate, true, GATE_PARKED_CLOSE);
    wanted_close(process->wanted);
    process->wanted = NULL;
    handover_close(process->handover);
    process->handover = NULL;
    daemon_retire(process->run);
    formers_free(process->formers); /* the new one has them */
    process->formers = NULL;
    quit_when_quiet(process, config_integer(process->run->config, CONFIG_gate_handover_grace_s));
}

/* What the new one could fail for is looked at while the old one still serves. */
static int take_over(struct daemon_run *run, struct error *err)
{
    struct pages pages;
    int result = pages_load(&pages, config_text(run->config, CONFIG_gate_pages_dir), err);
    if (result < 0) {
        return result;
    }
    pages_fini(&pages);
    AUTO_FREE char *path = config_run_path(run->config, handover_socket);
    struct inheritance *inheritance;
    result = handover_take(path, &inheritance, err);
    run->inherited = inheritance;
    return result;
}

/* The beginning ---------------------------------------------------------------------------- */

static void stop(void *state)
{
    struct gate_process *process = state;
    if (process->quiet_check) {
        event_free(process->quiet_check);
    }
    handover_close(process->handover);
    wanted_close(process->wanted);
    formers_free(process->formers);
    successor_free(process->successor);
    gate_close(process->gate);
    free(process->sites_dir);
    free(process);
}

/* From the gate before us, or from the database. */
static int make_routes(struct gate_process *process, struct error *err)
{
    struct daemon_run *run = process->run;
    struct inheritance *inheritance = run->inherited;
    run->inherited = NULL;
    process->counting_since_unix = run->started_at_unix;
    if (!inheritance) {
        return make_known_routes(process, run->db, err);
    }
    process->failed_routes =
        handover_apply(inheritance, process->gate, process->formers, &process->counting_since_unix);
    return 0;
}

static int offer_place(struct gate_process *process, struct error *err)
{
    AUTO_FREE char *path = config_run_path(process->run->config, handover_socket);
    const struct handover_options options = {
        .path = path,
        .gate = process->gate,
        .formers = process->formers,
        .counting_since_unix = process->counting_since_unix,
        .on_taken = on_taken,
        .arg = process,
    };
    return handover_open(process->run->base, &options, &process->handover, err);
}

static int start(struct daemon_run *run, void **ret_state, struct error *err)
{
    const struct config *config = run->config;
    struct gate_process *process = xcalloc(1, sizeof(*process));
    process->run = run;
    process->sites_dir = config_run_path(config, "sites");
    process->wanted = wanted_open(run->base, clock_unix_ms());
    process->formers = formers_new(run->base);
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
        result = make_routes(process, err);
    }
    if (result == 0) {
        result = offer_place(process, err);
    }
    if (result < 0) {
        handover_free(run->inherited);
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
        .take_over = take_over,
        .drain = drain,
        .start = start,
        .stop = stop,
    };
    return daemon_main(&gate, argc, argv);
}
