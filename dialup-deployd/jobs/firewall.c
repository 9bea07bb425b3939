/*
 * dialup-job-firewall: closes the bridges of a suite again if somebody has opened them. Reads
 * {"instance": NAME} on stdin. Started by deployd, which must not wait for iptables.
 */
#include "libdialup/firewall/firewall.h"

#include "dialup-deployd/jobs/input.h"
#include "dialup-deployd/jobs/progress.h"
#include "libdialup/base/log.h"
#include "libdialup/base/memory.h"

static int close_again(const char *bridge, struct error *err)
{
    bool was_closed = firewall_bridge_is_closed(bridge);
    int result = firewall_close_bridge(bridge, err);
    if (result == 0 && !was_closed) {
        log_warning("somebody has removed the firewall's rule for %s; it is there again", bridge);
    }
    return result;
}

static int close_all(const char *instance, struct error *err)
{
    int result = 0;
    for (int i = 0; result == 0 && i < FIREWALL_BRIDGE_COUNT; i++) {
        char name[FIREWALL_BRIDGE_SIZE];
        firewall_bridge_name(instance, (enum firewall_bridge)i, name);
        result = close_again(name, err);
    }
    return result;
}

int main(void)
{
    struct jobs_firewall_params params;
    struct progress progress = {.log_fd = -1};
    struct error err = {0};
    log_init("dialup-job-firewall", LOG_LEVEL_INFO);
    AUTO_ARENA struct arena *arena = arena_new();
    int result = input_read(arena, &jobs_firewall_params_shape, &params, &err);
    if (result == 0) {
        result = close_all(params.instance, &err);
    }
    if (result < 0) {
        progress_error(&progress, &err);
    }
    return result < 0 ? 1 : 0;
}
