/*
 * The INPUT rule of a bridge; see the header. Called by deployd at start and by dialupctl.
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

static const char *const programs[] = {"iptables", "ip6tables"};

/* The program's exit status, or -errno if it could not be run. Its words are not ours to show. */
static int run(const char *program, const char *action, const char *bridge)
{
    extern char **environ;
    const char *argv[] = {program,     "-w",        action, "INPUT", "-i",   bridge, "-m",
                          "conntrack", "--ctstate", "NEW",  "-j",    "DROP", NULL};
    posix_spawn_file_actions_t quiet;
    posix_spawn_file_actions_init(&quiet);
    posix_spawn_file_actions_addopen(&quiet, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_addopen(&quiet, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    pid_t pid;
    int failed = posix_spawnp(&pid, program, &quiet, NULL, (char *const *)(uintptr_t)argv, environ);
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
    return run(programs[0], "-C", bridge) == 0;
}

int firewall_close_bridge(const char *bridge, struct error *err)
{
    for (size_t i = 0; i < ARRAY_COUNT(programs); i++) {
        bool is_there = run(programs[i], "-C", bridge) == 0;
        if (is_there || run(programs[i], "-I", bridge) == 0) {
            continue;
        }
        /* Containers have no IPv6 address unless somebody gave Docker a range for it. */
        if (i > 0) {
            continue;
        }
        int result = error_set(err, ERR_UNAVAILABLE,
                               "Cannot close the host's own services to containers: iptables "
                               "refused a rule for %s",
                               bridge);
        error_hint(err, "Install iptables, or set deployd.firewall = none and write that rule in "
                        "your own firewall");
        return result;
    }
    return 0;
}

int firewall_open_bridge(const char *bridge, struct error *err)
{
    enum { MOST_COPIES = 16 };
    for (size_t i = 0; i < ARRAY_COUNT(programs); i++) {
        for (int copy = 0; copy < MOST_COPIES && run(programs[i], "-C", bridge) == 0; copy++) {
            if (run(programs[i], "-D", bridge) != 0) {
                return error_set(err, ERR_UNAVAILABLE, "%s did not remove the rule for %s",
                                 programs[i], bridge);
            }
        }
    }
    return 0;
}
