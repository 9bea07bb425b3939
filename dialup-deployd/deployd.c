/*
 * What all parts of deployd share: where things are, what they are called, and telling those who
 * watch. See deployd.h.
 */
#include "dialup-deployd/deployd.h"

#include "libdialup/base/log.h"
#include "libdialup/base/memory.h"
#include "libdialup/firewall/firewall.h"
#include "proto/deployd_rpc.h"

/* Paths and names ---------------------------------------------------------------------------- */

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
    char name[FIREWALL_BRIDGE_SIZE];
    firewall_bridge_name(config_text(deployd->run->config, CONFIG_common_instance),
                         network == DEPLOYD_PRODUCTION ? FIREWALL_PRODUCTION : FIREWALL_DEVELOPMENT,
                         name);
    return xstrdup(name);
}

/* Events ------------------------------------------------------------------------------------- */

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
