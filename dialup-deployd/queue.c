/*
 * From "queued" to "starting": see the header. Called by rpc.c (kick), by the converger (finish)
 * and by the jobs' lines.
 */
#include "dialup-deployd/queue.h"

#include <event2/event.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "dialup-deployd/admission.h"
#include "dialup-deployd/converge.h"
#include "dialup-deployd/deployd.h"
#include "dialup-deployd/job.h"
#include "dialup-deployd/release.h"
#include "dialup-deployd/trash.h"
#include "libdialup/base/clock.h"
#include "libdialup/base/fs.h"
#include "libdialup/base/log.h"
#include "libdialup/base/memory.h"
#include "libdialup/db/transaction.h"
#include "libdialup/site/site_type.h"
#include "libdialup/store/deployments.h"
#include "libdialup/store/sites.h"
#include "proto/jobs_rpc.h"

enum {
    MAX_RELEASE_FILES = 200000,
    KILL_GRACE_S = 30,
    FALLBACK_MEMORY_MIB = 256,
    FALLBACK_MILLICORES = 250,
};

/* For an owner without a limit: as much as fits the contract of the jobs. */
static const int64_t MAX_RELEASE_BYTES = (int64_t)1 << 50;

struct build {
    struct build *next;
    struct queue *queue;
    struct job *job;
    struct arena *arena; /* of site, deployment, release */
    struct site site;
    struct deployment deployment;
    char *release_dir;
    char *upload_path;
    const struct jobs_release *release; /* what it made; NULL as long as it has not said */
    struct error error;                 /* what it said went wrong */
    bool is_cancelled;
};

struct queue {
    struct deployd *deployd;
    struct build *builds;
    struct event *kick;
};

static void start_waiting(struct queue *queue);

/* The end ------------------------------------------------------------------------------------ */

void queue_finish(struct queue *queue, int64_t deployment_id, const struct error *failure)
{
    struct deployd *deployd = queue->deployd;
    AUTO_ARENA struct arena *arena = arena_new();
    struct deployment deployment;
    struct error err;
    int64_t now = clock_unix();
    int result = deployments_find(deployd->run->db, arena, deployment_id, &deployment, &err);
    if (result == 0 && failure) {
        /* Before the state: who follows the log stops reading when it is final. */
        release_log(deployd, deployment.site_id, deployment_id, "\n%s", failure->message);
        if (failure->hint[0]) {
            release_log(deployd, deployment.site_id, deployment_id, "%s", failure->hint);
        }
    }
    if (result == 0) {
        int64_t since = deployment.started_at ? deployment.started_at : deployment.created_at;
        result = deployments_finish(deployd->run->db, deployment_id, failure, (now - since) * 1000,
                                    now, &err);
    }
    if (result < 0) {
        log_error("cannot note the end of deployment %lld: %s", (long long)deployment_id,
                  err.message);
        return;
    }
    if (failure) {
        log_info("deployment %lld failed: %s", (long long)deployment_id, failure->message);
    }
    deployd_tell_deployment(deployd, deployment.site_id, deployment_id, failure ? "failed" : "live",
                            "");
    queue_kick(queue);
}

/* Builds ------------------------------------------------------------------------------------- */

static void build_free(struct build *build)
{
    struct build **link = &build->queue->builds;
    while (*link != build) {
        link = &(*link)->next;
    }
    *link = build->next;
    free(build->release_dir);
    free(build->upload_path);
    arena_free(build->arena);
    free(build);
}

/* The site's kind and needs, as the build found them, for a site that did not know yet. */
static void adopt_type(struct site *site, const struct jobs_release *release)
{
    const struct site_type *type = site_type_find(release->type);
    bool was_known = str_equal(site->type, release->type);
    site->type = release->type;
    if (str_equal(release->serve, "files")) {
        site->memory_mib = 0;
        site->cpu_millicores = 0;
    } else if (!was_known || site->memory_mib == 0) {
        /* A container always has limits. */
        site->memory_mib = type ? type->memory_mib : FALLBACK_MEMORY_MIB;
        site->cpu_millicores = type ? type->cpu_millicores : FALLBACK_MILLICORES;
    }
}

static const char *encode_release(const struct build *build)
{
    AUTO_STRBUF struct strbuf text = STRBUF_INIT;
    struct json_writer writer;
    json_writer_init(&writer, &text);
    json_encode(&writer, &jobs_release_shape, build->release);
    return arena_strdup(build->arena, strbuf_text(&text));
}

/* In one transaction: is there room for what was built, and from now on it is what should be. */
static int accept_release(struct build *build, struct error *err)
{
    struct deployd *deployd = build->queue->deployd;
    struct db *db = deployd->run->db;
    const struct jobs_release *release = build->release;
    int64_t id = build->deployment.id;
    int64_t now = clock_unix();
    AUTO_TRANSACTION struct db_transaction transaction = {0};
    int result = db_transaction_begin(&transaction, db, err);
    if (result == 0) {
        result = sites_find(db, build->arena, build->site.id, &build->site, err);
    }
    if (result == 0 && build->site.desired == SITE_WANT_DELETED) {
        result = error_set(err, ERR_CONFLICT, "The site was deleted meanwhile");
    }
    if (result < 0) {
        return result;
    }
    struct admission admission =
        admission_for(deployd, build->site.owner_kind, build->site.owner_id);
    adopt_type(&build->site, release);
    if ((result = admission_reserve_run(&admission, build->arena, &build->site, "Cannot deploy",
                                        now, err)) < 0 ||
        (result = admission_account_storage(&admission, build->arena, &build->site,
                                            release->site_bytes, "Cannot deploy", now, err)) < 0 ||
        (result = sites_update(db, &build->site, now, err)) < 0 ||
        (result = sites_set_storage(db, build->site.id, release->site_bytes, release->site_inodes,
                                    now, err)) < 0 ||
        (result = deployments_set_release(db, id, encode_release(build), release->files,
                                          release->size_bytes, release->received_bytes, err)) < 0 ||
        (result = deployments_set_state(db, id, DEPLOYMENT_STARTING, "Starting", now, err)) < 0 ||
        (result = sites_set_desired_deployment(db, build->site.id, id, now, err)) < 0 ||
        (result = sites_set_desired(db, build->site.id, SITE_WANT_RUNNING, now, err)) < 0) {
        return result;
    }
    return db_transaction_commit(&transaction, err);
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
    trash_move(build->queue->deployd, build->release_dir);
    converger_remove_builds(build->queue->deployd->converger, build->deployment.id);
}

static void on_build_done(void *context, const struct job_exit *exit)
{
    struct build *build = context;
    struct queue *queue = build->queue;
    struct deployd *deployd = queue->deployd;
    int64_t id = build->deployment.id;
    int64_t site_id = build->site.id;
    build->job = NULL;
    bool is_built = exit->status == 0 && build->release && !build->is_cancelled;
    if (is_built && accept_release(build, &build->error) == 0) {
        unlink(build->upload_path);
        deployd_tell_deployment(deployd, site_id, id, "starting", "Starting");
        converger_kick(deployd->converger, site_id);
    } else {
        if (!is_built) {
            explain_exit(build, exit);
        }
        discard(build);
        queue_finish(queue, id, &build->error);
    }
    build_free(build);
    queue_kick(queue);
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
    struct deployd *deployd = build->queue->deployd;
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

/* The params of the job. Texts are owned by the build's arena. */
static struct jobs_build_params describe_build(struct build *build)
{
    struct deployd *deployd = build->queue->deployd;
    const struct config *config = deployd->run->config;
    struct arena *arena = build->arena;
    const struct site *site = &build->site;
    const struct deployment *deployment = &build->deployment;
    const char *sites = config_text(config, CONFIG_common_state_dir);
    long long site_id = site->id;
    struct jobs_build_params params = {
        .instance = config_text(config, CONFIG_common_instance),
        .site_id = site->id,
        .deployment_id = deployment->id,
        .owner = arena_printf(arena, "%s:%lld", quota_entity_name(site->owner_kind),
                              (long long)site->owner_id),
        .domain = site->domain,
        .type = site->type,
        .upload_path = build->upload_path,
        .release_dir = build->release_dir,
        .manifest_path = arena_printf(arena, "%s/sites/%lld/manifests/%lld", sites, site_id,
                                      (long long)deployment->id),
        .log_path = arena_printf(arena, "%s/sites/%lld/logs/%lld.log", sites, site_id,
                                 (long long)deployment->id),
        .cache_dir = arena_printf(arena, "%s/cache/%s-%lld", sites,
                                  quota_entity_name(site->owner_kind), (long long)site->owner_id),
        .docker_socket = config_text(config, CONFIG_deployd_docker_socket),
        .uid = config_integer(config, CONFIG_deployd_uid_base) + site->id,
        .node_image = config_text(config, CONFIG_deployd_node_image),
        .static_image = config_text(config, CONFIG_deployd_static_image),
        .timeout_s = config_integer(config, CONFIG_deployd_build_timeout_s),
        .max_files = MAX_RELEASE_FILES,
    };
    AUTO_FREE char *network = deployd_network_name(deployd, DEPLOYD_DEVELOPMENT);
    params.network = arena_strdup(arena, network);
    if (site->live_deployment) {
        params.base_dir = arena_printf(arena, "%s/sites/%lld/releases", sites, site_id);
    }
    return params;
}

static int spawn_build(struct build *build, struct error *err)
{
    struct deployd *deployd = build->queue->deployd;
    const struct config *config = deployd->run->config;
    struct jobs_build_params params = describe_build(build);
    struct admission admission =
        admission_for(deployd, build->site.owner_kind, build->site.owner_id);
    int result = admission_storage_left(&admission, build->arena, &params.max_bytes, err);
    if (result < 0) {
        return result;
    }
    if (params.max_bytes > MAX_RELEASE_BYTES) {
        params.max_bytes = MAX_RELEASE_BYTES;
    }
    AUTO_STRBUF struct strbuf input = STRBUF_INIT;
    struct json_writer writer;
    json_writer_init(&writer, &input);
    json_encode(&writer, &jobs_build_params_shape, &params);
    AUTO_FREE char *program =
        xasprintf("%s/dialup-job-build", config_text(config, CONFIG_deployd_jobs_dir));
    const struct job_options options = {
        .program = program,
        .input = strbuf_text(&input),
        .input_size = input.size,
        /* The job keeps the time itself and says why it ended; this is for one that hangs. */
        .timeout_ms = (params.timeout_s + KILL_GRACE_S) * 1000,
        .on_line = on_build_line,
        .on_done = on_build_done,
        .context = build,
    };
    return job_start(deployd->run->base, &options, &build->job, err);
}

static int make_site_dirs(const struct deployd *deployd, int64_t site_id, struct error *err)
{
    static const char *const parts[] = {"releases", "manifests", "logs"};
    int result = 0;
    for (size_t i = 0; result == 0 && i < ARRAY_COUNT(parts); i++) {
        AUTO_FREE char *path = deployd_site_path(deployd, site_id, parts[i]);
        result = fs_make_dirs(path, 0755, err);
    }
    return result;
}

static struct build *build_new(struct queue *queue, int64_t deployment_id, struct error *err)
{
    struct deployd *deployd = queue->deployd;
    struct db *db = deployd->run->db;
    struct build *build = xcalloc(1, sizeof(*build));
    build->queue = queue;
    build->arena = arena_new();
    build->next = queue->builds;
    queue->builds = build;
    if (deployments_find(db, build->arena, deployment_id, &build->deployment, err) < 0 ||
        sites_find(db, build->arena, build->deployment.site_id, &build->site, err) < 0 ||
        make_site_dirs(deployd, build->site.id, err) < 0) {
        build_free(build);
        return NULL;
    }
    build->release_dir = deployd_release_path(deployd, build->site.id, deployment_id);
    AUTO_FREE char *part = xasprintf("uploads/%s.part", build->deployment.source);
    build->upload_path = config_state_path(deployd->run->config, part);
    return build;
}

static void start_build(struct queue *queue, int64_t deployment_id)
{
    struct deployd *deployd = queue->deployd;
    struct error err = {0};
    struct build *build = build_new(queue, deployment_id, &err);
    if (!build) {
        queue_finish(queue, deployment_id, &err);
        return;
    }
    /* What a former attempt left. */
    trash_move(deployd, build->release_dir);
    if (deployments_set_state(deployd->run->db, deployment_id, DEPLOYMENT_BUILDING, "Unpacking",
                              clock_unix(), &err) < 0 ||
        spawn_build(build, &err) < 0) {
        queue_finish(queue, deployment_id, &err);
        build_free(build);
        return;
    }
    deployd_tell_deployment(deployd, build->site.id, deployment_id, "building", "Unpacking");
}

/* Rollbacks: there is nothing to build ------------------------------------------------------- */

static int accept_rollback(struct deployd *deployd, struct arena *arena,
                           const struct deployment *deployment, struct error *err)
{
    struct db *db = deployd->run->db;
    struct deployment origin;
    struct jobs_release release;
    struct site site;
    int64_t now = clock_unix();
    AUTO_TRANSACTION struct db_transaction transaction = {0};
    int result = db_transaction_begin(&transaction, db, err);
    if (result < 0 ||
        (result = deployments_find(db, arena, deployment->base_id, &origin, err)) < 0 ||
        (result = release_read(arena, &origin, &release, err)) < 0 ||
        (result = sites_find(db, arena, deployment->site_id, &site, err)) < 0) {
        return result;
    }
    if (site.desired == SITE_WANT_DELETED) {
        return error_set(err, ERR_CONFLICT, "The site was deleted meanwhile");
    }
    struct admission admission = admission_for(deployd, site.owner_kind, site.owner_id);
    adopt_type(&site, &release);
    if ((result = admission_reserve_run(&admission, arena, &site, "Cannot roll back", now, err)) <
            0 ||
        (result = sites_update(db, &site, now, err)) < 0 ||
        (result = deployments_set_release(db, deployment->id, origin.runtime, origin.files,
                                          origin.size_bytes, 0, err)) < 0 ||
        (result = deployments_set_state(db, deployment->id, DEPLOYMENT_STARTING, "Starting", now,
                                        err)) < 0 ||
        (result = sites_set_desired_deployment(db, site.id, deployment->id, now, err)) < 0 ||
        (result = sites_set_desired(db, site.id, SITE_WANT_RUNNING, now, err)) < 0) {
        return result;
    }
    return db_transaction_commit(&transaction, err);
}

static void start_rollback(struct queue *queue, struct arena *arena,
                           const struct deployment *deployment)
{
    struct error err;
    make_site_dirs(queue->deployd, deployment->site_id, NULL);
    if (accept_rollback(queue->deployd, arena, deployment, &err) < 0) {
        queue_finish(queue, deployment->id, &err);
        return;
    }
    release_log(queue->deployd, deployment->site_id, deployment->id, "%s", deployment->message);
    converger_kick(queue->deployd->converger, deployment->site_id);
}

/* The order ---------------------------------------------------------------------------------- */

static bool is_busy(const struct deployments_list *list, int64_t site_id)
{
    for (size_t i = 0; i < list->count; i++) {
        if (list->rows[i].site_id == site_id && list->rows[i].state != DEPLOYMENT_QUEUED) {
            return true;
        }
    }
    return false;
}

static int64_t count_builds(const struct queue *queue)
{
    int64_t count = 0;
    for (const struct build *build = queue->builds; build; build = build->next) {
        count++;
    }
    return count;
}

/* Starts the first that may; true if it did, and the list is out of date. */
static bool start_one(struct queue *queue)
{
    AUTO_ARENA struct arena *arena = arena_new();
    struct deployments_list list;
    struct error err;
    if (deployments_list_unfinished(queue->deployd->run->db, arena, &list, &err) < 0) {
        log_error("cannot read the queue of deployments: %s", err.message);
        return false;
    }
    int64_t at_once = config_integer(queue->deployd->run->config, CONFIG_deployd_builds_at_once);
    bool is_full = count_builds(queue) >= at_once;
    for (size_t i = 0; i < list.count; i++) {
        const struct deployment *row = &list.rows[i];
        if (row->state != DEPLOYMENT_QUEUED || is_busy(&list, row->site_id)) {
            continue;
        }
        if (row->kind == DEPLOYMENT_ROLLBACK) {
            start_rollback(queue, arena, row);
            return true;
        }
        if (!is_full) {
            start_build(queue, row->id);
            return true;
        }
    }
    return false;
}

static void start_waiting(struct queue *queue)
{
    while (start_one(queue)) {
    }
}

static void on_kick(evutil_socket_t fd, short events, void *context)
{
    start_waiting(context);
}

void queue_kick(struct queue *queue)
{
    struct timeval now = {0, 0};
    evtimer_add(queue->kick, &now);
}

static void cancel(struct queue *queue, int64_t site_id, bool also_starting)
{
    AUTO_ARENA struct arena *arena = arena_new();
    struct deployments_list list;
    struct error cancelled;
    error_set(&cancelled, ERR_CONFLICT, "The deployment was cancelled");
    for (struct build *build = queue->builds; build; build = build->next) {
        if (build->site.id == site_id && build->job) {
            build->is_cancelled = true;
            job_stop(build->job);
        }
    }
    if (deployments_list_unfinished(queue->deployd->run->db, arena, &list, NULL) < 0) {
        return;
    }
    for (size_t i = 0; i < list.count; i++) {
        const struct deployment *row = &list.rows[i];
        bool is_waiting =
            row->state == DEPLOYMENT_QUEUED || (also_starting && row->state == DEPLOYMENT_STARTING);
        if (row->site_id == site_id && is_waiting) {
            queue_finish(queue, row->id, &cancelled);
        }
    }
}

void queue_cancel_site(struct queue *queue, int64_t site_id)
{
    cancel(queue, site_id, true);
}

void queue_cancel_builds(struct queue *queue, int64_t site_id)
{
    cancel(queue, site_id, false);
}

/* Jobs of a former life ended with it: their deployments begin again. */
static void requeue_abandoned(struct queue *queue)
{
    AUTO_ARENA struct arena *arena = arena_new();
    struct deployments_list list;
    struct db *db = queue->deployd->run->db;
    if (deployments_list_unfinished(db, arena, &list, NULL) < 0) {
        return;
    }
    for (size_t i = 0; i < list.count; i++) {
        if (list.rows[i].state == DEPLOYMENT_BUILDING) {
            deployments_set_state(db, list.rows[i].id, DEPLOYMENT_QUEUED, "Queued again",
                                  clock_unix(), NULL);
            converger_remove_builds(queue->deployd->converger, list.rows[i].id);
        }
    }
}

struct queue *queue_new(struct deployd *deployd)
{
    struct queue *queue = xcalloc(1, sizeof(*queue));
    queue->deployd = deployd;
    queue->kick = evtimer_new(deployd->run->base, on_kick, queue);
    requeue_abandoned(queue);
    queue_kick(queue);
    return queue;
}

void queue_free(struct queue *queue)
{
    if (!queue) {
        return;
    }
    while (queue->builds) {
        if (queue->builds->job) {
            job_abandon(queue->builds->job);
        }
        build_free(queue->builds);
    }
    event_free(queue->kick);
    free(queue);
}
