/*
 * dialup-monitord: measures what containers use and what visitors do, and writes it down. It acts
 * on nothing: it reads control groups, counters and Caddy's log.
 */
#include <event2/event.h>

#include "dialup-monitord/front_door.h"
#include "dialup-monitord/monitord.h"
#include "libdialup/base/memory.h"
#include "libdialup/base/str.h"
#include "libdialup/daemon/daemon.h"

/* A site may change from files to a container and back; its events tell, and this if one is lost.
 */
enum { FORGET_HOSTS_S = 30 };

static void on_access_line(void *context, const struct access_line *line)
{
    struct monitord *monitord = context;
    int64_t site_id = hosts_find_static(monitord->hosts, line->host.name);
    if (site_id > 0) {
        traffic_book_request(monitord->book, site_id, &line->traffic);
    }
}

static void on_deployd_event(void *context, const struct ipc_event *event)
{
    struct monitord *monitord = context;
    if (str_equal(event->name, "site.state")) {
        hosts_forget(monitord->hosts);
        cycle_refresh(monitord->cycle);
    }
}

static void on_deployd_gap(void *context)
{
    struct monitord *monitord = context;
    hosts_forget(monitord->hosts);
    cycle_refresh(monitord->cycle);
}

static void on_forget(evutil_socket_t fd, short events, void *context)
{
    hosts_forget(context);
}

static void stop(void *state)
{
    struct monitord *monitord = state;
    ipc_subscriber_close(monitord->deployd_events);
    access_log_close(monitord->access_log);
    cycle_close(monitord->cycle);
    if (monitord->forget) {
        event_free(monitord->forget);
    }
    hosts_free(monitord->hosts);
    traffic_book_free(monitord->book);
    sampler_close(monitord->sampler);
    free(monitord->deployd_events_path);
    free(monitord);
}

static int follow_deployd(struct monitord *monitord, struct error *err)
{
    monitord->deployd_events_path = config_run_path(monitord->run->config, "ipc/deployd.events");
    const struct ipc_subscriber_options options = {
        .path = monitord->deployd_events_path,
        .on_event = on_deployd_event,
        .on_gap = on_deployd_gap,
        .context = monitord,
    };
    return ipc_subscriber_open(monitord->run->base, &options, &monitord->deployd_events, err);
}

static int listen_for_access_log(struct monitord *monitord, struct error *err)
{
    int64_t port = config_integer(monitord->run->config, CONFIG_monitord_access_log_port);
    return port == 0 ? 0
                     : access_log_open(monitord->run->base, (int)port, on_access_line, monitord,
                                       &monitord->access_log, err);
}

static int open_parts(struct monitord *monitord, struct error *err)
{
    struct daemon_run *run = monitord->run;
    const char *root = config_text(run->config, CONFIG_monitord_cgroup_root);
    monitord->book = traffic_book_new();
    monitord->hosts = hosts_new(run->db);
    monitord->forget = event_new(run->base, -1, EV_PERSIST, on_forget, monitord->hosts);
    event_add(monitord->forget, &(struct timeval){FORGET_HOSTS_S, 0});
    int result = sampler_open(root, &monitord->sampler, err);
    if (result == 0) {
        result = cycle_open(run, monitord->sampler, monitord->book, &monitord->cycle, err);
    }
    if (result == 0) {
        result = listen_for_access_log(monitord, err);
    }
    return result == 0 ? follow_deployd(monitord, err) : result;
}

static int start(struct daemon_run *run, void **ret_state, struct error *err)
{
    struct monitord *monitord = xcalloc(1, sizeof(*monitord));
    monitord->run = run;
    int result = open_parts(monitord, err);
    if (result < 0) {
        stop(monitord);
        return result;
    }
    *ret_state = monitord;
    return 0;
}

/* Health ----------------------------------------------------------------------------------- */

static struct health_finding check_samples(void *state)
{
    return cycle_check_samples(((struct monitord *)state)->cycle);
}

static struct health_finding check_deployd(void *state)
{
    return cycle_check_deployd(((struct monitord *)state)->cycle);
}

static struct health_finding check_gate(void *state)
{
    return cycle_check_gate(((struct monitord *)state)->cycle);
}

static struct health_finding check_writes(void *state)
{
    return cycle_check_writes(((struct monitord *)state)->cycle);
}

static struct health_finding check_limits(void *state)
{
    return cycle_check_limits(((struct monitord *)state)->cycle);
}

static struct health_finding check_rollups(void *state)
{
    return cycle_check_rollups(((struct monitord *)state)->cycle);
}

static struct health_finding check_caddy(void *state)
{
    return front_door_check(((struct monitord *)state)->run->config);
}

static const struct health_check checks[] = {
    {"samples", check_samples}, {"deployd", check_deployd}, {"gate", check_gate},
    {"writes", check_writes},   {"limits", check_limits},   {"rollups", check_rollups},
    {"caddy", check_caddy},
};

int main(int argc, char **argv)
{
    static const struct daemon monitord = {
        .program = "dialup-monitord",
        .name = "monitord",
        .summary = "Measures what sites use, and writes it down.",
        .methods = monitord_methods,
        .handlers = monitord_handlers,
        .method_count = MONITORD_METHOD_COUNT,
        .checks = checks,
        .check_count = ARRAY_COUNT(checks),
        .start = start,
        .stop = stop,
    };
    return daemon_main(&monitord, argc, argv);
}
