/*
 * dialup-editord: serves the editor's side of the browser. It tells who is logged in; what is not
 * in the table of routes does not exist.
 */
#include "dialup-editord/editord.h"
#include "libdialup/base/memory.h"
#include "libdialup/daemon/daemon.h"
#include "proto/editord_rpc.h"

static void stop(void *state)
{
    struct editord *editord = state;
    http_server_free(editord->server);
    free(editord->socket_path);
    free(editord->origin);
    free(editord->sites_suffix);
    free(editord);
}

static int start(struct daemon_run *run, void **ret_state, struct error *err)
{
    const char *domain = config_text(run->config, CONFIG_common_domain);
    AUTO_FREE char *host = xasprintf("editor.%s", domain);
    struct editord *editord = xcalloc(1, sizeof(*editord));
    editord->run = run;
    editord->socket_path = config_run_path(run->config, "http/editord.sock");
    editord->origin = config_public_url(run->config, host);
    editord->sites_suffix = xstrdup(domain);
    const struct http_options options = {
        .unix_path = editord->socket_path,
        .own_origin = editord->origin,
        .routes = editord_routes,
        .route_count = editord_route_count,
        .authenticate = editord_authenticate,
        .context = editord,
    };
    int result = http_server_new(run->base, &options, &editord->server, err);
    if (result < 0) {
        stop(editord);
        return result;
    }
    *ret_state = editord;
    return 0;
}

static struct health_finding check_http(void *state)
{
    const struct editord *editord = state;
    const struct http_counters *counters = http_server_counters(editord->server);
    if (counters->open_connections >= HTTP_DEFAULT_CONNECTIONS) {
        return health_problem(HEALTH_DEGRADED,
                              "If it stays so, restart dialup-editord and look at its log.",
                              "All %d connections are in use.", HTTP_DEFAULT_CONNECTIONS);
    }
    return health_ok("Listens; %zu connections are open", counters->open_connections);
}

static const struct health_check checks[] = {{"http", check_http}};

static ipc_handler_fn *const handlers[EDITORD_METHOD_COUNT] = {0};

int main(int argc, char **argv)
{
    static const struct daemon editord = {
        .program = "dialup-editord",
        .name = "editord",
        .summary = "Serves the editor.",
        .methods = editord_methods,
        .handlers = handlers,
        .method_count = EDITORD_METHOD_COUNT,
        .checks = checks,
        .check_count = ARRAY_COUNT(checks),
        .start = start,
        .stop = stop,
    };
    return daemon_main(&editord, argc, argv);
}
