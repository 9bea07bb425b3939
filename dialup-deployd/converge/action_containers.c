/*
 * Actions: a container is made, started, limited, removed.
 */
#include "dialup-deployd/converge/actions.h"
#include "dialup-deployd/deployd.h"
#include "dialup-deployd/engine/container.h"
#include "dialup-deployd/release.h"
#include "libdialup/base/clock.h"
#include "libdialup/base/log.h"
#include "libdialup/base/memory.h"

enum { STOP_GRACE_S = 10, MIB = 1 << 20 };

static void on_created(void *context, const char *id, const struct error *err)
{
    struct site_work *work = context;
    if (!err) {
        struct instance *instance = instances_remember(&work->instances, id);
        instance->running.memory_bytes = work->effective_memory_mib * MIB;
        instance->running.cpu_millicores = work->effective_cpu_millicores;
        instance->running.pids = SITE_WORK_PIDS;
    }
    action_end(work, err);
}

void action_create(struct site_work *work)
{
    const struct deployd *deployd = work->deployd;
    const struct config *config = deployd->run->config;
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
    /* What ordinary images need that begin as root and let their workers be somebody else. The
     * kernel gives none of them to an image whose USER is not root. Each has its reason in
     * docs/decisions/0015-what-a-dockerfile-site-may-do.md. */
    static const char *const kept[] = {"CHOWN",  "DAC_OVERRIDE",     "FOWNER", "KILL",
                                       "SETGID", "NET_BIND_SERVICE", "SETUID"};
    static const char *const kept_for_static[] = {"CHOWN", "SETGID", "SETUID"};
    const struct container_spec spec = {
        .image = release->image,
        .argv = release->argv_count ? release->argv : NULL,
        .argv_count = release->argv_count,
        .environment = release->environment,
        .environment_count = release->environment_count,
        .working_dir = has_own_image || is_static ? NULL : "/app",
        .uid = has_own_image || is_static
                   ? -1
                   : config_integer(config, CONFIG_deployd_uid_base) + site->id,
        .network = network,
        .memory_mib = work->effective_memory_mib,
        .cpu_millicores = work->effective_cpu_millicores,
        .pids = SITE_WORK_PIDS,
        .mounts = &mount,
        .mount_count = has_own_image ? 0 : 1,
        .tmpfs = tmpfs,
        .tmpfs_count = has_own_image ? 0 : 1,
        .has_read_only_root = !has_own_image && !is_static,
        .capabilities = is_static ? kept_for_static : kept,
        .capability_count = is_static       ? ARRAY_COUNT(kept_for_static)
                            : has_own_image ? ARRAY_COUNT(kept)
                                            : 0,
        .instance = config_text(config, CONFIG_common_instance),
        .owner = arena_printf(arena, "%s:%lld", quota_entity_name(site->owner_kind),
                              (long long)site->owner_id),
        .kind = "production",
        .site_id = site->id,
        .deployment_id = site->desired_deployment,
        .generation = site->restart_generation,
    };
    container_create(deployd->engine, &spec, on_created, work);
}

static void on_started(void *context, const struct error *err)
{
    struct site_work *work = context;
    const char *id = work->step.container->id;
    if (!err) {
        instances_note_started(&work->instances, id);
    } else if (err->code != ERR_UNAVAILABLE && err->code != ERR_TIMEOUT) {
        /* One that lost its network, say, never starts again; another one may. */
        instances_remember(&work->instances, id)->health = PLAN_UNHEALTHY;
    }
    action_end(work, err);
}

void action_start(struct site_work *work)
{
    container_start(work->deployd->engine, work->step.container->id, on_started, work);
}

static void on_stopped(void *context, const struct error *err)
{
    struct site_work *work = context;
    if (!err) {
        instances_note_stopped(&work->instances, work->step.container->id);
    }
    action_end(work, err);
}

/* Its address is free from now on, and the engine gives it to the next container. */
void action_stop(struct site_work *work)
{
    struct error err;
    if (sites_set_route(work->deployd->run->db, work->site_id, "", clock_unix(), &err) < 0) {
        action_end(work, &err);
        return;
    }
    container_stop(work->deployd->engine, work->step.container->id, STOP_GRACE_S, on_stopped, work);
}

static void on_limited(void *context, const struct error *err)
{
    struct site_work *work = context;
    struct instance *instance = instances_remember(&work->instances, work->step.container->id);
    /* Refused (memory in use above the new limit, on cgroup v1): what is in force is shown beside
     * what is declared, and asking again and again would not help. */
    instance->running.memory_bytes = work->effective_memory_mib * MIB;
    instance->running.cpu_millicores = work->effective_cpu_millicores;
    if (err) {
        log_warning("%s: its new limits were refused: %s", work->site.domain, err->message);
    } else {
        log_info("%s: limits are now %lld MB and %lld millicores", work->site.domain,
                 (long long)work->effective_memory_mib, (long long)work->effective_cpu_millicores);
    }
    action_end(work, NULL);
}

void action_limit(struct site_work *work)
{
    container_update(work->deployd->engine, work->step.container->id, work->effective_memory_mib,
                     work->effective_cpu_millicores, on_limited, work);
}

static void on_removed(void *context, const struct error *err)
{
    struct site_work *work = context;
    work->has_removed |= err == NULL;
    action_end(work, err);
}

void action_remove(struct site_work *work)
{
    container_remove(work->deployd->engine, work->step.container->id, STOP_GRACE_S, on_removed,
                     work);
}
