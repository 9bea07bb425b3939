/*
 * The rules of a bridge; see the header. Called by deployd at start and by dialupctl.
 */
#include "libdialup/firewall/firewall.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "libdialup/base/memory.h"

enum { MATCH_MAX = 8, ARGUMENTS_MAX = 24 };

/* Providers tell a machine its secrets at link-local addresses, and some have their name service
 * there, too. Containers have no IPv6 address unless somebody gave Docker a range for it. */
static const struct rule {
    const char *program;
    const char *table;
    const char *chain;
    const char *match[MATCH_MAX];
    bool is_needed;
} rules[] = {
    {"iptables", "filter", "INPUT", {"-m", "conntrack", "--ctstate", "NEW"}, true},
    {"ip6tables", "filter", "INPUT", {"-m", "conntrack", "--ctstate", "NEW"}, false},
    {"iptables",
     "raw",
     "PREROUTING",
     {"-d", "169.254.0.0/16", "-p", "tcp", "!", "--dport", "53"},
     false},
};

/* The program's exit status, or -errno if it could not be run. Its words are not ours to show. */
static int run(const struct rule *rule, const char *action, const char *bridge)
{
    extern char **environ;
    const char *argv[ARGUMENTS_MAX] = {rule->program, "--wait=5", "-t",   rule->table, action,
                                       rule->chain,   "-i",       bridge, NULL};
    size_t count = 8;
    for (size_t i = 0; i < MATCH_MAX && rule->match[i]; i++) {
        argv[count++] = rule->match[i];
    }
    argv[count++] = "-j";
    argv[count++] = "DROP";
    posix_spawn_file_actions_t quiet;
    posix_spawn_file_actions_init(&quiet);
    posix_spawn_file_actions_addopen(&quiet, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_addopen(&quiet, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    pid_t pid;
    int failed =
        posix_spawnp(&pid, rule->program, &quiet, NULL, (char *const *)(uintptr_t)argv, environ);
    posix_spawn_file_actions_destroy(&quiet);
    if (failed) {
        return -failed;
    }
    int status;
    while (waitpid(pid, &status, 0) < 0) {
        if (errno != EINTR) {
            return -errno;
        }
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : -EIO;
}

void firewall_bridge_name(const char *instance, enum firewall_bridge bridge,
                          char ret_name[FIREWALL_BRIDGE_SIZE])
{
    static const char letters[FIREWALL_BRIDGE_COUNT] = {'p', 'd'};
    snprintf(ret_name, FIREWALL_BRIDGE_SIZE, "dul-%s-%c", instance, letters[bridge]);
}

bool firewall_bridge_is_closed(const char *bridge)
{
    return run(&rules[0], "-C", bridge) == 0;
}

static int refuse(const char *bridge, struct error *err)
{
    error_set(err, ERR_UNAVAILABLE,
              "Cannot close the host's own services to containers: iptables refused a rule for %s",
              bridge);
    error_hint(err, "Install iptables, or set deployd.firewall = none and write that rule in your "
                    "own firewall");
    return -ERR_UNAVAILABLE;
}

int firewall_close_bridge(const char *bridge, struct error *err)
{
    for (size_t i = 0; i < ARRAY_COUNT(rules); i++) {
        bool is_there = run(&rules[i], "-C", bridge) == 0 || run(&rules[i], "-I", bridge) == 0;
        if (!is_there && rules[i].is_needed) {
            return refuse(bridge, err);
        }
    }
    return 0;
}

static int remove_rule(const struct rule *rule, const char *bridge, struct error *err)
{
    enum { MOST_COPIES = 16 };
    for (int copy = 0; copy < MOST_COPIES && run(rule, "-C", bridge) == 0; copy++) {
        if (run(rule, "-D", bridge) != 0) {
            return error_set(err, ERR_UNAVAILABLE, "%s did not remove the rule for %s",
                             rule->program, bridge);
        }
    }
    return 0;
}

int firewall_open_bridge(const char *bridge, struct error *err)
{
    int result = 0;
    for (size_t i = 0; result == 0 && i < ARRAY_COUNT(rules); i++) {
        result = remove_rule(&rules[i], bridge, err);
    }
    return result;
}
