/*
 * dialup-deployd: the descriptor, and the parts in their order. See deployd.h for the map.
 */
#include <event2/event.h>
#include <stdlib.h>

#include "dialup-deployd/bridges.h"
#include "dialup-deployd/converge/converge.h"
#include "dialup-deployd/converge/limiter.h"
#include "dialup-deployd/deployd.h"
#include "dialup-deployd/health.h"
#include "dialup-deployd/images.h"
#include "dialup-deployd/job.h"
#include "dialup-deployd/job_call.h"
#include "dialup-deployd/owner_limits.h"
#include "dialup-deployd/pressure/enforcer.h"
#include "dialup-deployd/pressure/pressure.h"
#include "dialup-deployd/queue/queue.h"
#include "dialup-deployd/reclaim.h"
#include "dialup-deployd/rpc.h"
#include "dialup-deployd/sleep/sleeper.h"
#include "dialup-deployd/sleep/waker.h"
#include "dialup-deployd/storage.h"
#include "dialup-deployd/trash.h"
#include "libdialup/base/clock.h"
#include "libdialup/base/fs.h"
#include "libdialup/base/log.h"
#include "libdialup/base/memory.h"
#include "libdialup/daemon/group.h"
#include "libdialup/daemon/machine.h"
#include "libdialup/db/batch.h"
#include "libdialup/store/idempotency.h"
#include "libdialup/store/reservations.h"
#include "proto/deployd_rpc.h"

enum { HOUSEKEEPING_S = 600, IDEMPOTENCY_KEEP_S = 24 * 3600 };

/* Start and stop ----------------------------------------------------------------------------- */

static void on_batch_timer(evutil_socket_t fd, short events, void *context)
{
    db_batch_run(((struct deployd *)context)->batch);
}

static void on_batch_needs_run(void *context, int delay_ms)
{
    struct deployd *deployd = context;
    struct timeval delay = clock_timeval_of_ms(delay_ms);
    evtimer_add(deployd->batch_timer, &delay);
}

static void on_housekeeping(evutil_socket_t fd, short events, void *context)
{
    struct deployd *deployd = context;
    int64_t removed;
    int64_t now = clock_unix();
    idempotency_expire(deployd->run->db, now - IDEMPOTENCY_KEEP_S, &removed, NULL);
    trash_sweep(deployd);
    images_sweep(deployd->images);
    owner_limits_tell_all(deployd->owner_limits);
}

static void on_deployment_end(struct deployd *deployd)
{
    queue_kick(deployd->queue);
    images_sweep(deployd->images);
    storage_kick(deployd->storage);
}

static int make_dirs(const struct deployd *deployd, struct error *err)
{
    static const char *const parts[] = {"sites", "live", "trash", "cache", "uploads"};
    int result = 0;
    for (size_t i = 0; result == 0 && i < ARRAY_COUNT(parts); i++) {
        AUTO_FREE char *path = config_state_path(deployd->run->config, parts[i]);
        result = fs_make_dirs(path, 0755, err);
    }
    return result;
}

/* Else the first deploy would find out. */
static int check_groups(const struct config *config, struct error *err)
{
    gid_t gid;
    return group_find(config, CONFIG_common_web_group, &gid, err);
}

/* Sites that are there need none of them to run, so this is no reason not to start. */
static void look_for_jobs(const struct config *config)
{
    struct error err;
    if (job_check_programs(config_text(config, CONFIG_deployd_jobs_dir), &err) < 0) {
        log_error("%s. %s", err.message, err.hint);
    }
}

static int measure_machine(struct deployd *deployd, struct error *err)
{
    const struct quota_machine machine = machine_of_settings(deployd->run->config);
    if (machine.memory_mib == 0 || machine.storage_mib == 0) {
        return error_set(err, ERR_IO, "The kernel does not tell how much %s this machine has",
                         machine.memory_mib == 0 ? "memory" : "storage");
    }
    deployd->machine = machine;
    return 0;
}

static int open_gate(struct deployd *deployd, struct error *err)
{
    deployd->gate_path = config_run_path(deployd->run->config, "ipc/gate.sock");
    const struct ipc_client_options options = {.daemon = "dialup-gate", .path = deployd->gate_path};
    int result = ipc_client_open(deployd->run->base, &options, &deployd->gate, err);
    if (result == 0) {
        daemon_watch(deployd->run, deployd->gate);
    }
    return result;
}

static void stop(void *state)
{
    struct deployd *deployd = state;
    if (deployd->sweep) {
        job_abandon(deployd->sweep);
    }
    /* First the gate: what it has not answered ends in the converger, which may ask the others. */
    waker_close(deployd->waker);
    ipc_client_close(deployd->gate);
    owner_limits_free(deployd->owner_limits);
    storage_free(deployd->storage);
    queue_free(deployd->queue);
    engine_close(deployd->engine);
    limiter_free(deployd->limiter);
    converger_free(deployd->converger);
    pressure_free(deployd->pressure);
    enforcer_free(deployd->enforcer);
    reclaimer_free(deployd->reclaimer);
    bridges_free(deployd->bridges);
    images_free(deployd->images);
    sleeper_free(deployd->sleeper);
    waker_free(deployd->waker);
    db_batch_free(deployd->batch);
    struct event *const events[] = {deployd->batch_timer, deployd->housekeeping};
    for (size_t i = 0; i < ARRAY_COUNT(events); i++) {
        if (events[i]) {
            event_free(events[i]);
        }
    }
    free(deployd->gate_path);
    free(deployd);
}

static void wake_site(struct deployd *deployd, int64_t site_id)
{
    waker_wake(deployd->waker, site_id);
}

static int start(struct daemon_run *run, void **ret_state, struct error *err)
{
    struct deployd *deployd = xcalloc(1, sizeof(*deployd));
    const struct timeval interval = {HOUSEKEEPING_S, 0};
    deployd->run = run;
    deployd->on_deployment_end = on_deployment_end;
    *ret_state = deployd;
    int result = check_groups(run->config, err);
    if (result < 0 || (result = make_dirs(deployd, err)) < 0 ||
        (result = measure_machine(deployd, err)) < 0 || (result = open_gate(deployd, err)) < 0 ||
        (result = engine_open(run->base, config_text(run->config, CONFIG_deployd_docker_socket),
                              &deployd->engine, err)) < 0) {
        return result;
    }
    look_for_jobs(run->config);
    deployd->limiter = limiter_new(run->base, deployd->engine,
                                   config_text(run->config, CONFIG_monitord_cgroup_root));
    deployd->owner_limits = owner_limits_new(deployd);
    deployd->batch_timer = evtimer_new(run->base, on_batch_timer, deployd);
    deployd->batch = db_batch_new(run->db, on_batch_needs_run, deployd);
    deployd->housekeeping = event_new(run->base, -1, EV_PERSIST, on_housekeeping, deployd);
    event_add(deployd->housekeeping, &interval);
    deployd->images = images_new(deployd);
    images_sweep(deployd->images);
    deployd->storage = storage_new(deployd);
    deployd->reclaimer = reclaimer_new(deployd);
    deployd->bridges = bridges_new(deployd);
    deployd->converger = converger_new(deployd);
    deployd->queue = queue_new(deployd);
    deployd->sleeper = sleeper_new(deployd, wake_site);
    deployd->waker = waker_new(deployd);
    deployd->pressure = pressure_new(deployd);
    deployd->enforcer = enforcer_new(deployd);
    return 0;
}

static const struct daemon deployd = {
    .program = "dialup-deployd",
    .name = "deployd",
    .summary = "Decides and carries out: sites, deployments, containers.",
    .methods = deployd_methods,
    .handlers = deployd_handlers,
    .method_count = DEPLOYD_METHOD_COUNT,
    .checks = deployd_checks,
    .check_count = DEPLOYD_CHECK_COUNT,
    .publishes_events = true,
    .start = start,
    .stop = stop,
};

int main(int argc, char **argv)
{
    return daemon_main(&deployd, argc, argv);
}
