/*
 * dialup-admind: the descriptor, and the parts in their order. See admind.h for the map.
 */
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

#include "dialup-admind/access.h"
#include "dialup-admind/admind.h"
#include "dialup-admind/handlers.h"
#include "dialup-admind/notice_watch.h"
#include "dialup-admind/trail.h"
#include "dialup-admind/upload_files.h"
#include "libdialup/base/log.h"
#include "libdialup/base/memory.h"
#include "libdialup/base/str.h"
#include "libdialup/crypto/crypto.h"
#include "libdialup/crypto/password_worker.h"
#include "libdialup/http/static_files.h"
#include "libdialup/ipc/events.h"
#include "proto/admind_rpc.h"

enum { HOUSEKEEPING_S = 600, PASSWORD_JOBS = 32 };

static const struct peer {
    const char *daemon;
    const char *socket;
} peers[PEER_COUNT] = {
    [PEER_DEPLOYD] = {"dialup-deployd", "ipc/deployd.sock"},
    [PEER_GATE] = {"dialup-gate", "ipc/gate.sock"},
    [PEER_MONITORD] = {"dialup-monitord", "ipc/monitord.sock"},
    [PEER_EDITORD] = {"dialup-editord", "ipc/editord.sock"},
};

static void on_passwords_ready(evutil_socket_t fd, short what, void *context)
{
    password_worker_collect(((struct admind *)context)->passwords);
}

static void on_housekeeping(evutil_socket_t fd, short what, void *context)
{
    housekeeping_run(context);
}

static int start_passwords(struct admind *admind, struct error *err)
{
    int result = crypto_init(err);
    if (result == 0) {
        result = password_worker_start(PASSWORD_JOBS, &admind->passwords, err);
    }
    if (result == 0) {
        admind->passwords_ready =
            event_new(admind->run->base, password_worker_fd(admind->passwords),
                      EV_READ | EV_PERSIST, on_passwords_ready, admind);
        event_add(admind->passwords_ready, NULL);
    }
    return result;
}

static int open_peers(struct admind *admind, struct error *err)
{
    int result = 0;
    for (int i = 0; result == 0 && i < PEER_COUNT; i++) {
        admind->peer_paths[i] = config_run_path(admind->run->config, peers[i].socket);
        const struct ipc_client_options options = {.daemon = peers[i].daemon,
                                                   .path = admind->peer_paths[i]};
        result = ipc_client_open(admind->run->base, &options, &admind->peers[i], err);
    }
    return result;
}

static int open_events(struct admind *admind, struct error *err)
{
    admind->events_path = config_run_path(admind->run->config, "ipc/deployd.events");
    const struct ipc_subscriber_options options = {
        .path = admind->events_path,
        .on_event = log_on_event,
        .on_gap = log_on_gap,
        .context = admind,
    };
    return ipc_subscriber_open(admind->run->base, &options, &admind->events, err);
}

/* Without a panel the API serves all the same. */
static int open_files(struct admind *admind, struct error *err)
{
    const struct http_static_options options = {
        .folder = config_text(admind->run->config, CONFIG_admind_web_dir)};
    int result = http_static_open(&options, &admind->files, err);
    if (result == -ERR_NOT_FOUND) {
        log_warning("no panel in %s: only the API is served", options.folder);
        admind->files = NULL;
        return 0;
    }
    return result;
}

/* The table with what the settings say, and the plain home page where there is no panel. */
static size_t copy_routes(struct admind *admind)
{
    size_t count = admind_route_count;
    admind->routes = xcalloc(count + 1, sizeof(*admind->routes));
    memcpy(admind->routes, admind_routes, count * sizeof(*admind->routes));
    for (size_t i = 0; i < count; i++) {
        if (str_equal(admind->routes[i].path, "/api/login") ||
            str_equal(admind->routes[i].path, "/api/me/password")) {
            admind->routes[i].requests_a_minute =
                (unsigned)config_integer(admind->run->config, CONFIG_admind_logins_per_minute);
        }
    }
    if (!admind->files) {
        admind->routes[count++] = admind_bare_route;
    }
    return count;
}

static int listen_http(struct admind *admind, struct error *err)
{
    AUTO_FREE char *host = xasprintf("admin.%s", admind->sites_suffix);
    size_t count = copy_routes(admind);
    admind->socket_path = config_run_path(admind->run->config, "http/admind.sock");
    admind->origin = config_public_url(admind->run->config, host);
    const struct http_options options = {
        .unix_path = admind->socket_path,
        .own_origin = admind->origin,
        .routes = admind->routes,
        .route_count = count,
        .files = admind->files,
        .authenticate = access_authenticate,
        .context = admind,
    };
    return http_server_new(admind->run->base, &options, &admind->server, err);
}

/* Requests end first, then what they waited for. */
static void stop(void *state)
{
    struct admind *admind = state;
    http_server_free(admind->server);
    rpc_end_all(admind);
    struct event *const events[] = {admind->passwords_ready, admind->housekeeping};
    for (size_t i = 0; i < ARRAY_COUNT(events); i++) {
        if (events[i]) {
            event_free(events[i]);
        }
    }
    notice_watch_free(admind->notices);
    trail_free(admind->trail);
    password_worker_free(admind->passwords);
    ipc_subscriber_close(admind->events);
    for (int i = 0; i < PEER_COUNT; i++) {
        ipc_client_close(admind->peers[i]);
        free(admind->peer_paths[i]);
    }
    http_static_close(admind->files);
    free(admind->routes);
    free(admind->events_path);
    free(admind->socket_path);
    free(admind->origin);
    free(admind);
}

static int start(struct daemon_run *run, void **ret_state, struct error *err)
{
    static int (*const parts[])(struct admind *, struct error *) = {
        start_passwords, open_peers, open_events, open_files, listen_http,
    };
    const struct timeval interval = {HOUSEKEEPING_S, 0};
    struct admind *admind = xcalloc(1, sizeof(*admind));
    admind->run = run;
    admind->sites_suffix = config_text(run->config, CONFIG_common_domain);
    LIST_INIT(&admind->polls);
    LIST_INIT(&admind->root_work);
    admind->trail = trail_new(run->base, run->db);
    *ret_state = admind;
    int result = upload_files_make_folder(admind, err);
    for (size_t i = 0; result == 0 && i < ARRAY_COUNT(parts); i++) {
        result = parts[i](admind, err);
    }
    if (result == 0) {
        admind->housekeeping = event_new(run->base, -1, EV_PERSIST, on_housekeeping, admind);
        event_add(admind->housekeeping, &interval);
        housekeeping_run(admind);
        admind->notices = notice_watch_new(admind);
    }
    for (int i = 0; result == 0 && i < PEER_COUNT; i++) {
        daemon_watch(run, admind->peers[i]);
    }
    return result;
}

static struct health_finding check_http(void *state)
{
    const struct admind *admind = state;
    const struct http_counters *counters = http_server_counters(admind->server);
    if (counters->open_connections >= HTTP_DEFAULT_CONNECTIONS) {
        return health_problem(HEALTH_DEGRADED,
                              "If it stays so, restart dialup-admind and look at its log",
                              "All %d connections are in use", HTTP_DEFAULT_CONNECTIONS);
    }
    return health_ok("Listens; %zu connections are open", counters->open_connections);
}

static struct health_finding check_panel(void *state)
{
    const struct admind *admind = state;
    return admind->files
               ? health_ok("The panel is served")
               : health_problem(HEALTH_DEGRADED, "Install it, and set admind.web_dir to its folder",
                                "The panel's files are not there; the API works");
}

static struct health_finding check_deployd(void *state)
{
    const struct admind *admind = state;
    return ipc_client_is_connected(admind->peers[PEER_DEPLOYD])
               ? health_ok("dialup-deployd is connected")
               : health_problem(HEALTH_DEGRADED, "Start it: systemctl start dialup-deployd",
                                "dialup-deployd does not answer: sites cannot be changed");
}

static const struct health_check checks[] = {
    {"http", check_http},
    {"panel", check_panel},
    {"deployd", check_deployd},
};

int main(int argc, char **argv)
{
    static const struct daemon admind = {
        .program = "dialup-admind",
        .name = "admind",
        .summary = "Serves the panel and the API; knows the people.",
        .methods = admind_methods,
        .handlers = admind_handlers,
        .method_count = ADMIND_METHOD_COUNT,
        .checks = checks,
        .check_count = ARRAY_COUNT(checks),
        .start = start,
        .stop = stop,
    };
    return daemon_main(&admind, argc, argv);
}
