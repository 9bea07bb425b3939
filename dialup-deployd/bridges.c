/*
 * See the header. Called by the converger in each pass, and by the health check.
 */
#include "dialup-deployd/bridges.h"

#include <stdlib.h>

#include "dialup-deployd/deployd.h"
#include "dialup-deployd/job_call.h"
#include "libdialup/base/clock.h"
#include "libdialup/base/log.h"
#include "libdialup/base/memory.h"
#include "libdialup/firewall/firewall.h"
#include "proto/jobs_rpc.h"

enum { TIMEOUT_MS = 30 * 1000, MS_PER_S = 1000 };

struct bridges {
    struct deployd *deployd;
    struct job *job; /* NULL if none looks */
    int64_t looked_ms;
    bool are_closed;
    bool is_told; /* that they are open */
};

static bool is_left_to_admin(const struct bridges *bridges)
{
    return str_equal(config_text(bridges->deployd->run->config, CONFIG_deployd_firewall), "none");
}

static bool is_due(const struct bridges *bridges)
{
    int64_t every_s = config_integer(bridges->deployd->run->config, CONFIG_deployd_firewall_s);
    return clock_monotonic_ms() - bridges->looked_ms >= every_s * MS_PER_S;
}

static void note(struct bridges *bridges, bool are_closed)
{
    bridges->are_closed = are_closed;
    bridges->looked_ms = clock_monotonic_ms();
    bridges->is_told = bridges->is_told && !are_closed;
}

static void close_at_once(struct bridges *bridges)
{
    const char *instance = config_text(bridges->deployd->run->config, CONFIG_common_instance);
    bool are_closed = true;
    for (int i = 0; i < FIREWALL_BRIDGE_COUNT && are_closed; i++) {
        char name[FIREWALL_BRIDGE_SIZE];
        struct error err;
        firewall_bridge_name(instance, (enum firewall_bridge)i, name);
        are_closed = firewall_close_bridge(name, &err) == 0;
        if (!are_closed && !bridges->is_told) {
            bridges->is_told = true;
            log_error("%s. %s", err.message, err.hint);
        }
    }
    note(bridges, are_closed);
}

static void on_line(void *context, const char *line, size_t size)
{
    log_debug("firewall: %.*s", (int)size, line);
}

static void on_done(void *context, const struct job_exit *exit)
{
    struct bridges *bridges = context;
    bridges->job = NULL;
    note(bridges, exit->status == 0);
}

static void look(struct bridges *bridges)
{
    const char *instance = config_text(bridges->deployd->run->config, CONFIG_common_instance);
    const struct jobs_firewall_params params = {.instance = instance};
    const struct job_call call = {
        .name = "firewall",
        .shape = &jobs_firewall_params_shape,
        .params = &params,
        .timeout_ms = TIMEOUT_MS,
        .on_line = on_line,
        .on_done = on_done,
        .context = bridges,
    };
    struct error err;
    bridges->looked_ms = clock_monotonic_ms();
    if (job_call_start(bridges->deployd, &call, &bridges->job, &err) < 0) {
        log_warning("cannot look after the firewall: %s", err.message);
    }
}

void bridges_close(struct bridges *bridges)
{
    if (is_left_to_admin(bridges) || bridges->job) {
        return;
    }
    if (!bridges->are_closed) {
        close_at_once(bridges);
    } else if (is_due(bridges)) {
        look(bridges);
    }
}

bool bridges_are_closed(const struct bridges *bridges)
{
    return bridges->are_closed || is_left_to_admin(bridges);
}

struct bridges *bridges_new(struct deployd *deployd)
{
    struct bridges *bridges = xcalloc(1, sizeof(*bridges));
    bridges->deployd = deployd;
    return bridges;
}

void bridges_free(struct bridges *bridges)
{
    if (bridges && bridges->job) {
        job_abandon(bridges->job);
    }
    free(bridges);
}
