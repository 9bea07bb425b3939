/*
 * Actions: a container is made, started, limited, removed.
 */
#include "dialup-deployd/converge/actions.h"
#include "dialup-deployd/converge/limiter.h"
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

/* How the containers of a type of release are made. */
struct making {
    const char *type;         /* NULL: all others, which bring no image */
    const char *mount_target; /* where its files are found; NULL: they are in the image */
    bool mounts_public;       /* only the folder that visitors may see */
    const char *working_dir;  /* NULL: the image's own */
    bool is_site_user;        /* runs as a user of its own, with a root that nobody can write */
    const char *tmpfs[1];
    size_t tmpfs_count;
    const char *capabilities[8]; /* that it keeps */
    size_t capability_count;
};

/* The capabilities are what ordinary images need that begin as root and let their workers be
 * somebody else. The kernel gives none of them to an image whose USER is not root. Each has its
 * reason in docs/decisions/0015-what-a-dockerfile-site-may-do.md. */
static const struct making makings[] = {
    {.type = "dockerfile",
     .capabilities = {"CHOWN", "DAC_OVERRIDE", "FOWNER", "KILL", "SETGID", "NET_BIND_SERVICE",
                      "SETUID"},
     .capability_count = 7},
    {.type = "static-container",
     .mount_target = "/usr/share/nginx/html",
     .mounts_public = true,
     .tmpfs = {"/tmp"},
     .tmpfs_count = 1,
     .capabilities = {"CHOWN", "SETGID", "SETUID"},
     .capability_count = 3},
    {.mount_target = "/app",
     .working_dir = "/app",
     .is_site_user = true,
     .tmpfs = {"/tmp"},
     .tmpfs_count = 1},
};

static const struct making *find_making(const char *type)
{
    const struct making *making = makings;
    while (making->type && !str_equal(making->type, type)) {
        making++;
    }
    return making;
}

void action_create(struct site_work *work)
{
    const struct deployd *deployd = work->deployd;
    const struct config *config = deployd->run->config;
    const struct jobs_release *release = &work->release;
    const struct making *making = find_making(release->type);
    const struct site *site = &work->site;
    struct arena *arena = work->arena;
    AUTO_FREE char *network = deployd_network_name(deployd, DEPLOYD_PRODUCTION);
    AUTO_FREE char *folder = deployd_release_path(deployd, site->id, release_id(&work->wanted));
    const struct container_mount mount = {
        .source = making->mounts_public ? arena_printf(arena, "%s/%s", folder, release->public_dir)
                                        : folder,
        .target = making->mount_target,
        .is_read_only = true,
    };
    const struct container_spec spec = {
        .image = release->image,
        .argv = release->argv_count ? release->argv : NULL,
        .argv_count = release->argv_count,
        .environment = release->environment,
        .environment_count = release->environment_count,
        .working_dir = making->working_dir,
        .uid =
            making->is_site_user ? config_integer(config, CONFIG_deployd_uid_base) + site->id : -1,
        .network = network,
        .memory_mib = work->effective_memory_mib,
        .cpu_millicores = work->effective_cpu_millicores,
        .pids = SITE_WORK_PIDS,
        .mounts = &mount,
        .mount_count = making->mount_target ? 1 : 0,
        .tmpfs = making->tmpfs,
        .tmpfs_count = making->tmpfs_count,
        .has_read_only_root = making->is_site_user,
        .capabilities = making->capabilities,
        .capability_count = making->capability_count,
        .instance = config_text(config, CONFIG_common_instance),
        .owner = arena_printf(arena, "%s:%lld", quota_entity_name(site->owner_kind),
                              (long long)site->owner_id),
        .kind = CONTAINER_KIND_PRODUCTION,
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
    } else if (!error_is_passing(err->code)) {
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

static void on_evicted(void *context, const struct error *err)
{
    struct site_work *work = context;
    struct instance *instance = instances_find(&work->instances, work->step.container->id);
    if (!err && instance) {
        instance->is_dead = true;
    }
    action_end(work, err);
}

/* No grace: it writes. It stays a moment longer, for its last words. */
void action_evict(struct site_work *work)
{
    container_stop(work->deployd->engine, work->step.container->id, 0, on_evicted, work);
}

static void on_limited(void *context, const struct error *err)
{
    struct site_work *work = context;
    struct instance *instance = instances_remember(&work->instances, work->step.container->id);
    if (err && error_is_passing(err->code)) {
        action_end(work, err);
        return;
    }
    /* Refused: asking again and again would not help. What is in force is shown beside it. */
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
    limiter_set(work->deployd->limiter, work->step.container->id, work->effective_memory_mib,
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
