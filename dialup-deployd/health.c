/*
 * What deployd says about itself and the machine that it decides for; see the header.
 */
#include "dialup-deployd/health.h"

#include <fcntl.h>
#include <sys/quota.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "dialup-deployd/bridges.h"
#include "dialup-deployd/converge/converge.h"
#include "dialup-deployd/deployd.h"
#include "dialup-deployd/job_call.h"
#include "libdialup/base/clock.h"
#include "libdialup/base/memory.h"
#include "libdialup/base/str.h"
#include "libdialup/daemon/machine_health.h"
#include "libdialup/ipc/client.h"

enum { DOCKER_SILENCE_MS = 60000 };

static struct health_finding check_docker(void *state)
{
    const struct deployd *deployd = state;
    const char *problem = converger_docker_error(deployd->converger);
    int64_t seen_ms = converger_docker_seen_ms(deployd->converger);
    if (*problem) {
        return health_problem(HEALTH_FAILING, "Look at it with: systemctl status docker",
                              "%s. Sites that run go on; nothing can be started", problem);
    }
    if (seen_ms == 0 || clock_monotonic_ms() - seen_ms > DOCKER_SILENCE_MS) {
        return health_problem(HEALTH_DEGRADED, "Wait a moment; then: systemctl status docker",
                              "Docker has not answered for a while");
    }
    if (*converger_network_error(deployd->converger)) {
        return health_problem(HEALTH_FAILING,
                              "See what is there: docker network ls; what nobody needs goes with: "
                              "docker network prune",
                              "Docker answers, but does not make our networks: %s",
                              converger_network_error(deployd->converger));
    }
    return health_ok("Docker answers");
}

static struct health_finding check_jobs(void *state)
{
    const struct deployd *deployd = state;
    struct error err;
    return job_check_programs(config_text(deployd->run->config, CONFIG_deployd_jobs_dir), &err) == 0
               ? health_ok("The job programs are there")
               : health_problem(HEALTH_FAILING, err.hint, "%s", err.message);
}

static struct health_finding check_gate(void *state)
{
    const struct deployd *deployd = state;
    return ipc_client_is_connected(deployd->gate)
               ? health_ok("The gate is connected")
               : health_problem(HEALTH_FAILING, "Start it: systemctl start dialup-gate",
                                "dialup-gate does not answer: no route can change");
}

static struct health_finding check_sites(void *state)
{
    const struct deployd *deployd = state;
    return converger_is_caught_up(deployd->converger)
               ? health_ok("Every site was looked at")
               : health_problem(HEALTH_DEGRADED, "Wait a moment",
                                "Sites are being brought up after the start");
}

static struct health_finding check_firewall(void *state)
{
    const struct deployd *deployd = state;
    bool is_off = str_equal(config_text(deployd->run->config, CONFIG_deployd_firewall), "none");
    return bridges_are_closed(deployd->bridges)
               ? health_ok(is_off ? "The firewall is left to the admin"
                                  : "Containers cannot reach the host's own services")
               : health_problem(HEALTH_DEGRADED,
                                "Install iptables, or look why it refuses: iptables -S INPUT",
                                "Containers may reach services of this host");
}

/* Of no use to us so far (docs/decisions/0025-limits-where-they-bind.md), but good to know. */
static bool has_project_quotas(const char *path)
{
    const unsigned command = (unsigned)Q_GETQUOTA << SUBCMDSHIFT | PRJQUOTA; /* QCMD overflows */
    struct dqblk quota;
    AUTO_CLOSE int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return fd >= 0 && syscall(SYS_quotactl_fd, fd, command, 0, &quota) == 0;
}

/* Docker's folder is known once Docker has told. */
static struct health_finding check_storage(void *state)
{
    const struct deployd *deployd = state;
    const struct health_folder folders[] = {
        {"the state directory", config_text(deployd->run->config, CONFIG_common_state_dir),
         "Empty trash/ and cache/ below it, lower deployd.keep_releases, or enlarge the disk"},
        {"Docker's data", converger_docker_folder(deployd->converger),
         "See what it holds: docker system df; throw away: docker image prune; or enlarge the "
         "disk"},
    };
    struct health_finding finding = health_of_storage(folders, ARRAY_COUNT(folders));
    return finding.status == HEALTH_OK
               ? health_ok("%s. Owners' limits are kept by measuring; project quotas of the file "
                           "system are %s",
                           finding.reason,
                           has_project_quotas(folders[0].path) ? "on, and left to the admin"
                                                               : "off")
               : finding;
}

static struct health_finding check_memory(void *state)
{
    return health_of_memory("/proc");
}

const struct health_check deployd_checks[DEPLOYD_CHECK_COUNT] = {
    {"docker", check_docker}, {"jobs", check_jobs},         {"gate", check_gate},
    {"sites", check_sites},   {"firewall", check_firewall}, {"storage", check_storage},
    {"memory", check_memory},
};
