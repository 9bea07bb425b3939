/*
 * The actions of a plan, each asynchronous, each ending in site_work_next or site_work_failed.
 * Called by site_work.c. Order matters in one place: visitors are led somewhere else before what
 * they were led to goes away.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "dialup-deployd/admission.h"
#include "dialup-deployd/converge_internal.h"
#include "dialup-deployd/deployd.h"
#include "dialup-deployd/listening.h"
#include "dialup-deployd/probe.h"
#include "dialup-deployd/queue.h"
#include "dialup-deployd/release.h"
#include "dialup-deployd/trash.h"
#include "libdialup/base/clock.h"
#include "libdialup/base/fs.h"
#include "libdialup/base/log.h"
#include "libdialup/base/memory.h"
#include "proto/gate_rpc.h"

/* An app that served for a minute before it ended starts with a clean slate. */
enum { STABLE_S = 60 };

enum { STOP_GRACE_S = 10, FAILED_LOG_LINES = 40, FAILED_LOG_BYTES = 64 << 10, MIB = 1 << 20 };

static const struct deployd *deployd_of(const struct site_work *work)
{
    return work->converger->deployd;
}

static const struct config *config_of(const struct site_work *work)
{
    return deployd_of(work)->run->config;
}

static struct db *db_of(const struct site_work *work)
{
    return deployd_of(work)->run->db;
}

static bool is_new_release(const struct site_work *work)
{
    return work->site.live_deployment != work->site.desired_deployment;
}

static void note(struct site_work *work, const char *text)
{
    release_log(deployd_of(work), work->site_id, work->site.desired_deployment, "%s", text);
}

/* Containers: create, start, limits, remove -------------------------------------------------- */

static void on_done(void *context, const struct error *err)
{
    struct site_work *work = context;
    if (err) {
        site_work_failed(work, err);
    } else {
        site_work_next(work);
    }
}

static void on_created(void *context, const char *id, const struct error *err)
{
    struct site_work *work = context;
    if (!err) {
        struct site_container *container = site_work_remember(work, id);
        container->running.memory_bytes = work->effective_memory_mib * MIB;
        container->running.cpu_millicores = work->effective_cpu_millicores;
        container->running.pids = SITE_WORK_PIDS;
    }
    on_done(work, err);
}

static void create(struct site_work *work)
{
    const struct deployd *deployd = deployd_of(work);
    const struct jobs_release *release = &work->release;
    const struct site *site = &work->site;
    struct arena *arena = work->arena;
    AUTO_FREE char *network = deployd_network_name(deployd, DEPLOYD_PRODUCTION);
    AUTO_FREE char *folder = deployd_release_path(deployd, site->id, release_id(&work->wanted));
    bool has_own_image = str_equal(release->type, "dockerfile");
    bool is_static = str_equal(release->type, "static-container");
    const struct container_mount mount = {
        .source = is_static ? arena_printf(arena, "%s/%s", folder, release->public_dir) : folder,
        .target = is_static ? "/usr/share/nginx/html" : "/app",
        .is_read_only = true,
    };
    static const char *const tmpfs[] = {"/tmp"};
    /* nginx begins as root and lets its workers be somebody else. */
    static const char *const kept[] = {"CHOWN", "SETGID", "SETUID"};
    const struct container_spec spec = {
        .image = release->image,
        .argv = release->argv_count ? release->argv : NULL,
        .argv_count = release->argv_count,
        .environment = release->environment,
        .environment_count = release->environment_count,
        .working_dir = has_own_image || is_static ? NULL : "/app",
        .uid = has_own_image || is_static
                   ? -1
                   : config_integer(config_of(work), CONFIG_deployd_uid_base) + site->id,
        .network = network,
        .memory_mib = work->effective_memory_mib,
        .cpu_millicores = work->effective_cpu_millicores,
        .pids = SITE_WORK_PIDS,
        .mounts = &mount,
        .mount_count = has_own_image ? 0 : 1,
        .tmpfs = tmpfs,
        .tmpfs_count = has_own_image ? 0 : 1,
        .has_read_only_root = !has_own_image && !is_static,
        .capabilities = kept,
        .capability_count = is_static ? ARRAY_COUNT(kept) : 0,
        .instance = config_text(config_of(work), CONFIG_common_instance),
        .owner = arena_printf(arena, "%s:%lld", quota_entity_name(site->owner_kind),
                              (long long)site->owner_id),
        .kind = "production",
        .site_id = site->id,
        .deployment_id = site->desired_deployment,
        .generation = site->restart_generation,
    };
    container_create(deployd->engine, &spec, on_created, work);
}

static void apply_limits(void *context, const struct error *err)
{
    struct site_work *work = context;
    struct site_container *container = site_work_remember(work, work->step.container->id);
    /* Refused (memory in use above the new limit, on cgroup v1): what is in force is shown beside
     * what is declared, and asking again and again would not help. */
    container->running.memory_bytes = work->effective_memory_mib * MIB;
    container->running.cpu_millicores = work->effective_cpu_millicores;
    if (err) {
        log_warning("%s: its new limits were refused: %s", work->site.domain, err->message);
    } else {
        log_info("%s: limits are now %lld MB and %lld millicores", work->site.domain,
                 (long long)work->effective_memory_mib, (long long)work->effective_cpu_millicores);
    }
    site_work_next(work);
}

/* Where visitors are led --------------------------------------------------------------------- */

static void forget_files(struct site_work *work)
{
    AUTO_FREE char *link = deployd_live_path(deployd_of(work), work->site.domain);
    unlink(link);
}

/* The wanted release answers: it is live. */
static void note_live(struct site_work *work)
{
    struct error err;
    struct db *db = db_of(work);
    int64_t now = clock_unix();
    work->failure = (struct error){0};
    if (is_new_release(work) &&
        sites_set_live_deployment(db, work->site_id, work->site.desired_deployment, now, &err) <
            0) {
        log_error("%s: cannot note its live release: %s", work->site.domain, err.message);
        return;
    }
    if (!deployment_state_is_final(work->wanted.state)) {
        note(work, "Live");
        queue_finish(deployd_of(work)->queue, work->wanted.id, NULL);
        log_info("%s: deployment %lld is live", work->site.domain, (long long)work->wanted.number);
        converger_prune_releases(work);
    }
}

static void on_routed_to_container(void *context, const void *result, const struct error *err)
{
    struct site_work *work = context;
    if (err) {
        site_work_failed(work, err);
        return;
    }
    const char *id = work->step.container->id;
    for (size_t i = 0; i < SITE_WORK_CONTAINERS; i++) {
        work->known[i].running.is_routed = str_equal(work->known[i].running.id, id);
    }
    work->route = PLAN_ROUTE_CONTAINER;
    str_copy(work->route_container, sizeof(work->route_container), id);
    work->routed_at = clock_unix();
    forget_files(work);
    note_live(work);
    site_work_next(work);
}

/* Sends a route to the gate. address NULL: a page, by state. */
static void tell_gate(struct site_work *work, const char *state, const char *address,
                      ipc_reply_fn *on_reply)
{
    const struct gate_route_set_params params = {
        .host = work->site.domain, .site_id = work->site_id, .state = state, .address = address};
    struct error err;
    if (sites_set_route(db_of(work), work->site_id, address ? address : "", clock_unix(), &err) <
            0 ||
        gate_call_route_set(deployd_of(work)->gate, &params, NULL, on_reply, work, &err) < 0) {
        site_work_failed(work, &err);
    }
}

static void route_to_container(struct site_work *work)
{
    const struct site_container *container = site_work_find(work, work->step.container->id);
    char address[32];
    snprintf(address, sizeof(address), "%s:%lld", container->address,
             (long long)work->release.port);
    tell_gate(work, "ready", address, on_routed_to_container);
}

static void on_gate_forgot(void *context, const void *result, const struct error *err)
{
    struct site_work *work = context;
    if (err && err->code != ERR_NOT_FOUND) {
        site_work_failed(work, err);
        return;
    }
    if (work->step.action == PLAN_ROUTE_TO_FILES) {
        work->route = PLAN_ROUTE_FILES;
        work->route_deployment = work->site.desired_deployment;
        note_live(work);
    } else {
        work->route = PLAN_ROUTE_NONE;
    }
    site_work_next(work);
}

static void tell_gate_to_forget(struct site_work *work)
{
    const struct gate_route_remove_params params = {.host = work->site.domain};
    struct error err;
    if (gate_call_route_remove(deployd_of(work)->gate, &params, NULL, on_gate_forgot, work, &err) <
        0) {
        site_work_failed(work, &err);
    }
}

static void route_to_files(struct site_work *work)
{
    const struct deployd *deployd = deployd_of(work);
    AUTO_FREE char *folder =
        deployd_release_path(deployd, work->site_id, release_id(&work->wanted));
    AUTO_FREE char *target = xasprintf("%s/%s", folder, work->release.public_dir);
    AUTO_FREE char *link = deployd_live_path(deployd, work->site.domain);
    struct error err;
    work->route = PLAN_ROUTE_UNKNOWN; /* until all of it is done */
    if (fs_replace_symlink(target, link, &err) < 0 ||
        sites_set_route(db_of(work), work->site_id, "", clock_unix(), &err) < 0) {
        site_work_failed(work, &err);
        return;
    }
    tell_gate_to_forget(work);
}

static void on_page_shown(void *context, const void *result, const struct error *err)
{
    struct site_work *work = context;
    if (err) {
        site_work_failed(work, err);
        return;
    }
    work->route = PLAN_ROUTE_PAGE;
    forget_files(work);
    site_work_next(work);
}

static void show_stopped(struct site_work *work)
{
    bool has_failed = work->site.desired == SITE_WANT_RUNNING && work->failure.code;
    tell_gate(work, has_failed ? "failed" : "stopped", NULL, on_page_shown);
}

static void on_waiting(void *context, const void *result, const struct error *err)
{
    struct site_work *work = context;
    if (err) {
        site_work_failed(work, err);
        return;
    }
    work->route = PLAN_ROUTE_WAITING;
    site_work_next(work);
}

static void remove_route(struct site_work *work)
{
    forget_files(work);
    tell_gate_to_forget(work);
}

/* Does it answer? ---------------------------------------------------------------------------- */

struct failed_start {
    struct site_work *work;
    struct container_detail detail;
};

static void conclude_failed_start(struct site_work *work, const struct container_detail *detail)
{
    struct error err;
    if (detail->was_oom_killed) {
        error_set(&err, ERR_START_FAILED, "The app ran out of memory (%lld MB)",
                  (long long)work->effective_memory_mib);
        error_hint(&err, "Make it use less, or ask admin for more memory");
    } else if (!detail->is_running) {
        error_set(&err, ERR_START_FAILED, "The app ended by itself, with exit code %d",
                  detail->exit_code);
        error_hint(&err, "Its last words stand in the deployment's log");
    } else if (work->probe_status >= 500) {
        error_set(&err, ERR_START_FAILED, "The app answers GET / with an error (%d)",
                  work->probe_status);
        error_hint(&err, "The first page must answer with a status below 500");
    } else {
        char advice[200];
        listening_explain((pid_t)detail->pid, (uint16_t)work->release.port, advice, sizeof(advice));
        error_set(&err, ERR_START_FAILED, "The app does not answer on port %lld",
                  (long long)work->release.port);
        error_hint(&err, "%s", advice);
    }
    struct site_container *container = site_work_remember(work, work->step.container->id);
    container->health = PLAN_UNHEALTHY;
    if (!is_new_release(work) && clock_unix() - work->routed_at > STABLE_S) {
        work->failures = 0;
    }
    site_work_failed(work, &err);
}

static void on_last_words(void *context, const char *text, size_t size, const struct error *err)
{
    struct failed_start *failed = context;
    struct site_work *work = failed->work;
    size_t cut = size > FAILED_LOG_BYTES ? size - FAILED_LOG_BYTES : 0; /* lines have no limit */
    if (is_new_release(work) && size > 0) {
        release_log(deployd_of(work), work->site_id, work->site.desired_deployment,
                    "--- what the app wrote ---\n%.*s--- end ---", (int)(size - cut), text + cut);
    }
    conclude_failed_start(work, &failed->detail);
    free(failed);
}

static void on_failed_detail(void *context, const struct container_detail *detail,
                             const struct error *err)
{
    struct site_work *work = context;
    if (err) {
        site_work_failed(work, err);
        return;
    }
    struct failed_start *failed = xcalloc(1, sizeof(*failed));
    failed->work = work;
    failed->detail = *detail;
    container_logs(deployd_of(work)->engine, work->step.container->id, FAILED_LOG_LINES,
                   on_last_words, failed);
}

static void find_out_why(struct site_work *work)
{
    container_inspect(deployd_of(work)->engine, work->step.container->id, NULL, on_failed_detail,
                      work);
}

static void on_probed(void *context, const struct probe_result *result)
{
    struct site_work *work = context;
    work->probe = NULL;
    work->probe_status = result->status;
    /* What is live already may answer with an error: that is its owner's matter, not ours to end.
     */
    bool is_good = result->is_healthy || (!is_new_release(work) && result->status != 0);
    if (!is_good) {
        find_out_why(work);
        return;
    }
    struct site_container *container = site_work_remember(work, work->step.container->id);
    container->health = PLAN_HEALTHY;
    if (is_new_release(work)) {
        release_log(deployd_of(work), work->site_id, work->site.desired_deployment,
                    "Answers after %lld ms (status %d)", (long long)result->duration_ms,
                    result->status);
    }
    site_work_next(work);
}

static void on_detail_to_probe(void *context, const struct container_detail *detail,
                               const struct error *err)
{
    struct site_work *work = context;
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)work->release.port)};
    if (err) {
        site_work_failed(work, err);
        return;
    }
    if (!detail->is_running || inet_pton(AF_INET, detail->address, &address.sin_addr) != 1) {
        work->probe_status = 0;
        find_out_why(work);
        return;
    }
    struct site_container *container = site_work_remember(work, work->step.container->id);
    container->running.pid = detail->pid;
    container->running.memory_bytes = detail->memory_bytes;
    container->running.cpu_millicores = detail->cpu_millicores;
    container->running.pids = detail->pids;
    str_copy(container->address, sizeof(container->address), detail->address);
    work->probe = probe_start(
        deployd_of(work)->run->base, &address, work->site.domain,
        config_integer(config_of(work), CONFIG_deployd_start_timeout_s) * 1000, on_probed, work);
}

static void probe(struct site_work *work)
{
    AUTO_FREE char *network = deployd_network_name(deployd_of(work), DEPLOYD_PRODUCTION);
    container_inspect(deployd_of(work)->engine, work->step.container->id, network,
                      on_detail_to_probe, work);
}

void site_action_container_died(struct site_work *work, const char *id)
{
    struct site_container *container = site_work_find(work, id);
    if (container) {
        container->is_dead = true;
    }
    if (work->is_waiting) {
        return; /* it looks again soon enough */
    }
    if (work->probe && str_equal(work->step.container->id, id)) {
        probe_cancel(work->probe);
        work->probe = NULL;
        work->probe_status = 0;
        find_out_why(work);
    } else {
        site_work_kick(work);
    }
}

/* Giving up ---------------------------------------------------------------------------------- */

/* Back to what was live before; its needs again, instead of those of the release that failed. */
static void return_to_live(struct site_work *work)
{
    struct error err;
    struct db *db = db_of(work);
    int64_t live = work->site.live_deployment;
    int64_t failed = work->site.desired_deployment;
    int64_t now = clock_unix();
    struct deployment row;
    struct jobs_release release;
    /* First its end: a deployment that nobody wants any more would wait for it for ever. */
    queue_finish(deployd_of(work)->queue, failed, &work->failure);
    int result = sites_set_desired_deployment(db, work->site_id, live, now, &err);
    bool live_is_files = !live || (deployments_find(db, work->arena, live, &row, NULL) == 0 &&
                                   release_read(work->arena, &row, &release, NULL) == 0 &&
                                   str_equal(release.serve, "files"));
    if (result == 0 && live_is_files) {
        result = admission_release_run(db, work->site_id, &err);
    }
    if (result < 0) {
        log_error("%s: cannot go back to its live release: %s", work->site.domain, err.message);
    }
}

static void on_given_up(void *context, const struct error *err)
{
    struct site_work *work = context;
    if (is_new_release(work)) {
        return_to_live(work);
        site_work_next(work);
        return;
    }
    sites_set_state(db_of(work), work->site_id, SITE_FAILED, work->failure.message, clock_unix(),
                    NULL);
    deployd_tell_site(deployd_of(work), work->site_id, work->site.domain, "failed");
    site_work_given_up(work);
}

static void remove_failed(struct site_work *work)
{
    if (work->step.container) {
        container_remove(deployd_of(work)->engine, work->step.container->id, 1, on_given_up, work);
    } else {
        on_given_up(work, NULL);
    }
}

static void on_failed_page(void *context, const void *result, const struct error *err)
{
    struct site_work *work = context;
    work->route = err ? PLAN_ROUTE_UNKNOWN : PLAN_ROUTE_PAGE;
    remove_failed(work);
}

static void give_up(struct site_work *work)
{
    if (!is_new_release(work) || !work->site.live_deployment) {
        tell_gate(work, "failed", NULL, on_failed_page);
    } else {
        remove_failed(work); /* visitors stay with the live release */
    }
}

void site_action_run(struct site_work *work)
{
    struct engine *engine = deployd_of(work)->engine;
    const struct plan_container *container = work->step.container;
    switch (work->step.action) {
    case PLAN_CREATE:
        create(work);
        return;
    case PLAN_START:
        container_start(engine, container->id, on_done, work);
        return;
    case PLAN_PROBE:
        probe(work);
        return;
    case PLAN_ROUTE_TO:
        route_to_container(work);
        return;
    case PLAN_ROUTE_TO_FILES:
        route_to_files(work);
        return;
    case PLAN_ROUTE_STOPPED:
        show_stopped(work);
        return;
    case PLAN_ROUTE_WAIT:
        tell_gate(work, "starting", NULL, on_waiting);
        return;
    case PLAN_ROUTE_REMOVE:
        remove_route(work);
        return;
    case PLAN_LIMIT:
        container_update(engine, container->id, work->effective_memory_mib,
                         work->effective_cpu_millicores, apply_limits, work);
        return;
    case PLAN_REMOVE:
        container_remove(engine, container->id, STOP_GRACE_S, on_done, work);
        return;
    case PLAN_GIVE_UP:
        give_up(work);
        return;
    case PLAN_NOTHING:
        break;
    }
    log_panic("a plan without an action was carried out");
}
