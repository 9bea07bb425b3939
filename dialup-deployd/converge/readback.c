/*
 * See the header.
 */
#include "dialup-deployd/converge/readback.h"

#include "dialup-deployd/converge/limiter.h"
#include "dialup-deployd/converge/site_work.h"
#include "dialup-deployd/deployd.h"
#include "libdialup/cgroup/cgroup.h"

/* One whose limit comes down bit by bit has more in force than it should; that is no news. */
static void look_at(const struct site_work *work, struct running_container *running)
{
    const char *root = config_text(work->deployd->run->config, CONFIG_monitord_cgroup_root);
    struct cgroup_dirs dirs;
    struct cgroup_limits kernel;
    if (!limiter_is_busy(work->deployd->limiter, running->id) &&
        cgroup_find(root, (pid_t)running->pid, &dirs, NULL) == 0 &&
        cgroup_read_limits(&dirs, &kernel, NULL) == 0) {
        running->memory_bytes = kernel.memory_bytes;
        running->cpu_millicores = kernel.cpu_millicores;
    }
}

void readback_look(struct site_work *work)
{
    for (size_t i = 0; i < INSTANCES_MAX; i++) {
        struct running_container *running = &work->instances.known[i].running;
        if (*running->id && running->pid > 0) {
            look_at(work, running);
        }
    }
}
