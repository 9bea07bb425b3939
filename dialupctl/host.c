/*
 * What the suite changed on this machine: `firewall`.
 */
#include <stdio.h>
#include <unistd.h>

#include "dialupctl/command.h"
#include "libdialup/base/memory.h"
#include "libdialup/base/str.h"
#include "libdialup/firewall/firewall.h"

static int show(const char *bridge, struct error *err)
{
    printf("%-15s %s\n", bridge,
           firewall_bridge_is_closed(bridge) ? "closed: containers cannot reach this host"
                                             : "open: iptables has no rule for it");
    return 0;
}

static int remove_rule(const char *bridge, struct error *err)
{
    int result = firewall_open_bridge(bridge, err);
    if (result == 0) {
        printf("%-15s no rule any more\n", bridge);
    }
    return result;
}

int command_firewall(struct ctl *ctl, struct error *err)
{
    static const struct {
        const char *word;
        int (*act)(const char *bridge, struct error *err);
    } actions[] = {{"show", show}, {"remove", remove_rule}};
    const char *instance = config_text(ctl->config, CONFIG_common_instance);
    if (ctl->argc == 2 && geteuid() != 0) { /* iptables would say that there is no rule */
        error_set(err, ERR_FORBIDDEN, "Only root may look at the firewall");
        error_hint(err, "sudo dialupctl firewall %s", ctl->argv[1]);
        return -ERR_FORBIDDEN;
    }
    for (size_t i = 0; ctl->argc == 2 && i < ARRAY_COUNT(actions); i++) {
        if (!str_equal(ctl->argv[1], actions[i].word)) {
            continue;
        }
        int result = 0;
        for (int bridge = 0; result == 0 && bridge < FIREWALL_BRIDGE_COUNT; bridge++) {
            char name[FIREWALL_BRIDGE_SIZE];
            firewall_bridge_name(instance, (enum firewall_bridge)bridge, name);
            result = actions[i].act(name, err);
        }
        return result;
    }
    return command_wrong_use(ctl, err);
}
