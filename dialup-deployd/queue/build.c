/*
 * See the header. Called by the queue, and by the job's lines.
 */
#include "dialup-deployd/queue/build.h"

#include <event2/event.h>
#include <string.h>
#include <unistd.h>

#include "dialup-deployd/admission.h"
#include "dialup-deployd/converge/converge.h"
#include "dialup-deployd/converge/orphans.h"
#include "dialup-deployd/deployd.h"
#include "dialup-deployd/job_call.h"
#include "dialup-deployd/queue/accept.h"
#include "dialup-deployd/release.h"
#include "dialup-deployd/site_folders.h"
#include "dialup-deployd/trash.h"
#include "libdialup/base/clock.h"
#include "libdialup/base/log.h"
#include "libdialup/base/memory.h"
#include "libdialup/store/deployments.h"
#include "libdialup/store/sites.h"
#include "proto/jobs_rpc.h"

enum { MAX_RELEASE_FILES = 200000, KILL_GRACE_S = 30, AGAIN_S = 1, FROZEN_MAX = 4 };

/* For an owner without a limit: as much as fits the contract of the jobs. */
static const int64_t MAX_RELEASE_BYTES = (int64_t)1 << 50;

struct build {
    struct deployd *deployd;
    build_end_fn *on_end;
    void *context;
    struct job *job;     /* NULL when it has ended */
    struct event *again; /* to write down its end, if that cannot be done at once */
    bool is_built;
    struct arena *arena; /* of site, deployment, release */
    struct site site;
    struct deployment deployment;
    char *release_dir;
    char *upload_path;
    const struct jobs_release *release; /* what it made; NULL as long as it has not said */
    struct error error;                 /* what it said went wrong */
    bool is_cancelled;
    int64_t started_at;
    bool is_frozen;
    struct cgroup_freezer frozen[FROZEN_MAX];
    size_t frozen_count;
};

/* The end ------------------------------------------------------------------------------------ */

static void build_free(struct build *build)
{
    if (build->again) {
        event_free(build->again);
    }
    free(build->release_dir);
    free(build->upload_path);
    arena_free(build->arena);
    free(build);
}

static void explain_exit(struct build *build, const struct job_exit *exit)
{
    struct error *err = &build->error;
    if (build->is_cancelled) {
        error_set(err, ERR_CONFLICT, "The deployment was cancelled");
    } else if (exit->timed_out) {
        error_set(err, ERR_BUILD_FAILED, "The build took too long and was ended");
        error_hint(err, "Make the build smaller, or ask admin for a longer build time");
    } else if (err->code == ERR_OK) {
        error_set(err, ERR_INTERNAL, "The build program ended without a result");
        log_error("the build job of deployment %lld ended with status %d, signal %d",
                  (long long)build->deployment.id, exit->status, exit->signal);
    }
}

static void discard(struct build *build)
{
    trash_move(build->deployd, build->release_dir);
    orphans_remove(build->deployd);
}

static int hand_on(struct build *build)
{
    struct deployd *deployd = build->deployd;
    int64_t id = build->deployment.id;
    int64_t site_id = build->site.id;
    int result = accept_release(deployd, build->arena, site_id, id, build->release, &build->error);
    if (result == 0) {
        unlink(build->upload_path);
        deployd_tell_deployment(deployd, site_id, id, "starting", "Starting");
        converger_kick(deployd->converger, site_id);
    }
    return result;
}

static int refuse(struct build *build)
{
    int result = release_finish(build->deployd, build->deployment.id, &build->error);
    if (result == 0) {
        discard(build);
    }
    return result;
}

/* What was built is not thrown away, and no end is forgotten, because the database is locked or the
 * disk is full for a moment. */
static void conclude(struct build *build)
{
    const struct timeval later = {AGAIN_S, 0};
    int result = build->is_built ? hand_on(build) : refuse(build);
    if (result < 0 && build->is_built && !error_is_passing(build->error.code)) {
        build->is_built = false;
        result = refuse(build);
    }
    if (result < 0) {
        event_add(build->again, &later);
        return;
    }
    build->on_end(build->context, build);
    build_free(build);
}

static void on_again(evutil_socket_t fd, short events, void *context)
{
    conclude(context);
}

static void on_build_done(void *context, const struct job_exit *exit)
{
    struct build *build = context;
    build->job = NULL;
    build->is_built = exit->status == 0 && build->release && !build->is_cancelled;
    if (!build->is_built) {
        explain_exit(build, exit);
    }
    conclude(build);
}

static void take_error(struct build *build, const struct jobs_job_error *said)
{
    enum error_code code = error_by_name(said->name);
    error_set(&build->error, code ? code : ERR_BUILD_FAILED, "%s", said->message);
    error_hint(&build->error, "%s", said->hint);
}

static void on_build_line(void *context, const char *line, size_t size)
{
    struct build *build = context;
    struct deployd *deployd = build->deployd;
    const struct json_value *value;
    struct jobs_progress progress;
    struct error err;
    if (json_parse(build->arena, line, size, &value, &err) < 0 ||
        json_decode(build->arena, value, &jobs_progress_shape, &progress, &err) < 0) {
        log_warning("the build job wrote a line that is not understood: %s", err.message);
        return;
    }
    if (progress.step) {
        deployments_set_step(deployd->run->db, build->deployment.id, progress.step, NULL);
        deployd_tell_deployment(deployd, build->site.id, build->deployment.id, "building",
                                progress.step);
    }
    if (progress.has_log_bytes) {
        deployd_tell_log(deployd, build->deployment.id, progress.log_bytes);
    }
    if (progress.release) {
        build->release = progress.release;
    }
    if (progress.error) {
        take_error(build, progress.error);
    }
}

/* The start ---------------------------------------------------------------------------------- */

/* What the site's owner keeps from build to build. */
static const char *cache_dir(const struct build *build)
{
    const struct site *site = &build->site;
    AUTO_FREE char *part =
        xasprintf("cache/%s-%lld", quota_entity_name(site->owner_kind), (long long)site->owner_id);
    AUTO_FREE char *path = config_state_path(build->deployd->run->config, part);
    return arena_strdup(build->arena, path);
}

/* The params of the job. Texts are owned by the build's arena. */
static struct jobs_build_params describe_build(struct build *build)
{
    const struct deployd *deployd = build->deployd;
    const struct config *config = deployd->run->config;
    struct arena *arena = build->arena;
    const struct site *site = &build->site;
    const struct deployment *deployment = &build->deployment;
    AUTO_FREE char *network = deployd_network_name(deployd, DEPLOYD_DEVELOPMENT);
    AUTO_FREE char *log_path = deployd_log_path(deployd, site->id, deployment->id);
    AUTO_FREE char *manifests = deployd_site_path(deployd, site->id, "manifests");
    AUTO_FREE char *releases = deployd_site_path(deployd, site->id, "releases");
    return (struct jobs_build_params){
        .instance = config_text(config, CONFIG_common_instance),
        .site_id = site->id,
        .deployment_id = deployment->id,
        .owner = arena_printf(arena, "%s:%lld", quota_entity_name(site->owner_kind),
                              (long long)site->owner_id),
        .domain = site->domain,
        .type = site->type,
        .upload_path = build->upload_path,
        .release_dir = build->release_dir,
        .base_dir = site->live_deployment ? arena_strdup(arena, releases) : NULL,
        .manifest_path = arena_printf(arena, "%s/%lld", manifests, (long long)deployment->id),
        .log_path = arena_strdup(arena, log_path),
        .cache_dir = cache_dir(build),
        .network = arena_strdup(arena, network),
        .docker_socket = config_text(config, CONFIG_deployd_docker_socket),
        .uid = config_integer(config, CONFIG_deployd_uid_base) + site->id,
        .allow_dockerfile = str_equal(config_text(config, CONFIG_deployd_dockerfile_sites), "yes"),
        .node_image = config_text(config, CONFIG_deployd_node_image),
        .static_image = config_text(config, CONFIG_deployd_static_image),
        .timeout_s = config_integer(config, CONFIG_deployd_build_timeout_s),
        .max_files = MAX_RELEASE_FILES,
    };
}

static int spawn_build(struct build *build, struct error *err)
{
    struct deployd *deployd = build->deployd;
    struct jobs_build_params params = describe_build(build);
    struct admission admission =
        admission_for(deployd, build->site.owner_kind, build->site.owner_id);
    int result = admission_storage_left(&admission, build->arena, &params.max_bytes, err);
    if (result == 0) {
        result = admission_temp_left(&admission, build->arena, &params.temp_bytes, err);
    }
    if (result < 0) {
        return result;
    }
    /* A team into which nobody brought any builds, too. */
    params.has_temp_bytes = params.temp_bytes > 0 && params.temp_bytes <= MAX_RELEASE_BYTES;
    if (params.max_bytes > MAX_RELEASE_BYTES) {
        params.max_bytes = MAX_RELEASE_BYTES;
    }
    const struct job_call call = {
        .name = "build",
        .shape = &jobs_build_params_shape,
        .params = &params,
        /* The job keeps the time itself and says why it ended; this is for one that hangs. */
        .timeout_ms = (params.timeout_s + KILL_GRACE_S) * 1000,
        .on_line = on_build_line,
        .on_done = on_build_done,
        .context = build,
    };
    return job_call_start(deployd, &call, &build->job, err);
}

static struct build *build_new(struct deployd *deployd, int64_t deployment_id, struct error *err)
{
    struct db *db = deployd->run->db;
    struct build *build = xcalloc(1, sizeof(*build));
    build->deployd = deployd;
    build->arena = arena_new();
    if (deployments_find(db, build->arena, deployment_id, &build->deployment, err) < 0 ||
        sites_find(db, build->arena, build->deployment.site_id, &build->site, err) < 0 ||
        site_folders_make(deployd, build->site.id, err) < 0) {
        build_free(build);
        return NULL;
    }
    build->release_dir = deployd_release_path(deployd, build->site.id, deployment_id);
    AUTO_FREE char *part = xasprintf("uploads/%s.part", build->deployment.source);
    build->upload_path = config_state_path(deployd->run->config, part);
    return build;
}

struct build *build_start(struct deployd *deployd, int64_t deployment_id, build_end_fn *on_end,
                          void *context, struct error *err)
{
    struct build *build = build_new(deployd, deployment_id, err);
    if (!build) {
        return NULL;
    }
    build->on_end = on_end;
    build->context = context;
    build->started_at = clock_unix();
    build->again = evtimer_new(deployd->run->base, on_again, build);
    trash_move(deployd, build->release_dir); /* what a former attempt left */
    if (deployments_set_state(deployd->run->db, deployment_id, DEPLOYMENT_BUILDING, "Unpacking",
                              clock_unix(), err) < 0 ||
        spawn_build(build, err) < 0) {
        build_free(build);
        return NULL;
    }
    struct log_context story;
    const struct log_context *before =
        release_log_begin(&story, &build->deployment, build->site.domain);
    log_info("deployment %lld is being built", (long long)deployment_id);
    log_context_swap(before);
    deployd_tell_deployment(deployd, build->site.id, deployment_id, "building", "Unpacking");
    return build;
}

int64_t build_deployment_id(const struct build *build)
{
    return build->deployment.id;
}

int64_t build_site_id(const struct build *build)
{
    return build->site.id;
}

void build_freeze(struct build *build, const struct cgroup_freezer *containers, size_t count)
{
    struct error err;
    if (!build->job) {
        return;
    }
    build->is_frozen = true;
    build->frozen_count = 0;
    job_pause(build->job);
    for (size_t i = 0; i < count && build->frozen_count < FROZEN_MAX; i++) {
        build->frozen[build->frozen_count++] = containers[i];
        if (cgroup_freeze(&containers[i], &err) < 0) {
            log_warning("%s: its build goes on: %s", build->site.domain, err.message);
        }
    }
}

void build_thaw(struct build *build)
{
    if (!build->is_frozen) {
        return;
    }
    build->is_frozen = false;
    for (size_t i = 0; i < build->frozen_count; i++) {
        cgroup_thaw(&build->frozen[i], NULL); /* one that is gone needs no thaw */
    }
    if (build->job) {
        job_resume(build->job);
    }
}

bool build_is_frozen(const struct build *build)
{
    return build->is_frozen;
}

int64_t build_started_at(const struct build *build)
{
    return build->started_at;
}

void build_cancel(struct build *build)
{
    build_thaw(build);
    build->is_cancelled = true;
    if (build->job) {
        job_stop(build->job);
    } else if (build->is_built) {
        build->is_built = false;
        error_set(&build->error, ERR_CONFLICT, "The deployment was cancelled");
    }
}

void build_abandon(struct build *build)
{
    build_thaw(build);
    if (build->job) {
        job_abandon(build->job);
    }
    build_free(build);
}
