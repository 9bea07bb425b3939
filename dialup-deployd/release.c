/*
 * See the header. Called by the queue, the actions of the converger and rpc_deployments.c.
 */
#include "dialup-deployd/release.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dialup-deployd/deployd.h"
#include "dialup-deployd/trash.h"
#include "libdialup/base/clock.h"
#include "libdialup/base/fs.h"
#include "libdialup/base/log.h"
#include "libdialup/base/memory.h"
#include "libdialup/json/json.h"

/* Of the newest deployments: older ones lost their files when these came. */
enum { LOOKED_AT_MAX = 1000 };

int64_t release_id(const struct deployment *deployment)
{
    return deployment->kind == DEPLOYMENT_ROLLBACK ? deployment->base_id : deployment->id;
}

int release_read(struct arena *arena, const struct deployment *deployment,
                 struct jobs_release *ret_release, struct error *err)
{
    if (!deployment->runtime || !*deployment->runtime) {
        return error_set(err, ERR_CONFLICT, "Deployment %lld has no release",
                         (long long)deployment->number);
    }
    const struct json_value *value;
    int result = json_parse(arena, deployment->runtime, strlen(deployment->runtime), &value, err);
    return result < 0 ? result : json_decode(arena, value, &jobs_release_shape, ret_release, err);
}

void release_log(const struct deployd *deployd, int64_t site_id, int64_t deployment_id,
                 const char *format, ...)
{
    AUTO_FREE char *path = deployd_log_path(deployd, site_id, deployment_id);
    AUTO_CLOSE int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640);
    if (fd < 0) {
        return; /* the deployment's row says the same */
    }
    va_list args;
    va_start(args, format);
    char *text = NULL;
    int len = vasprintf(&text, format, args);
    va_end(args);
    if (len < 0) {
        return;
    }
    fs_write_all(fd, text, (size_t)len, NULL);
    fs_write_all(fd, "\n", 1, NULL);
    free(text);
    struct stat info;
    if (fstat(fd, &info) == 0) {
        deployd_tell_log(deployd, deployment_id, info.st_size);
    }
}

const struct log_context *release_log_begin(struct log_context *context,
                                            const struct deployment *deployment, const char *site)
{
    *context = (struct log_context){
        .request_id = deployment->request_id[0] ? deployment->request_id : NULL,
        .user = deployment->created_by[0] ? deployment->created_by : NULL,
        .site = site,
    };
    return log_context_swap(context);
}

/* What was sent is used up, whether or not it was any good. */
static void remove_upload(const struct deployd *deployd, const struct deployment *deployment)
{
    if (deployment->kind == DEPLOYMENT_UPLOAD) {
        AUTO_FREE char *part = xasprintf("uploads/%s.part", deployment->source);
        AUTO_FREE char *path = config_state_path(deployd->run->config, part);
        unlink(path);
    }
}

static void log_end(const struct deployd *deployd, const struct deployment *deployment,
                    const struct error *failure)
{
    if (!failure) {
        release_log(deployd, deployment->site_id, deployment->id, "Live");
        return;
    }
    /* In one piece: who follows the log reads no further than the first that it finds at the end.
     */
    release_log(deployd, deployment->site_id, deployment->id, "\n%s%s%s", failure->message,
                failure->hint[0] ? "\n" : "", failure->hint);
}

static void follow_end(struct deployd *deployd, const struct deployment *deployment,
                       const struct error *failure)
{
    struct log_context context;
    const struct log_context *before = release_log_begin(&context, deployment, NULL);
    if (failure) {
        log_info("deployment %lld failed: %s", (long long)deployment->id, failure->message);
    } else {
        log_info("deployment %lld is live", (long long)deployment->id);
    }
    log_context_swap(before);
    remove_upload(deployd, deployment);
    deployd_tell_deployment(deployd, deployment->site_id, deployment->id,
                            failure ? "failed" : "live", "");
    deployd->on_deployment_end(deployd);
}

static void remove_release(struct deployd *deployd, const struct deployment *deployment)
{
    AUTO_FREE char *path = deployd_release_path(deployd, deployment->site_id, deployment->id);
    trash_move(deployd, path);
}

void release_tell_end(struct deployd *deployd, const struct deployment *deployment,
                      const struct error *failure)
{
    log_end(deployd, deployment, failure);
    if (deployment->state != DEPLOYMENT_BUILDING) {
        remove_release(deployd, deployment);
    }
    follow_end(deployd, deployment, failure);
}

int release_finish(struct deployd *deployd, int64_t deployment_id, const struct error *failure)
{
    AUTO_ARENA struct arena *arena = arena_new();
    struct deployment deployment;
    struct error err;
    int result = deployments_find(deployd->run->db, arena, deployment_id, &deployment, &err);
    if (result == 0 && deployment_state_is_final(deployment.state)) {
        return 0;
    }
    if (result == 0) {
        /* Before the state: who follows the log stops reading when it is final. */
        log_end(deployd, &deployment, failure);
        result = deployments_finish(deployd->run->db, deployment_id, failure, clock_unix(), &err);
    }
    if (result < 0) {
        log_error("cannot note the end of deployment %lld: %s", (long long)deployment_id,
                  err.message);
        return result;
    }
    if (failure) {
        remove_release(deployd, &deployment);
    }
    follow_end(deployd, &deployment, failure);
    return 0;
}

void release_prune(struct deployd *deployd, int64_t site_id, int64_t served)
{
    int64_t kept = config_integer(deployd->run->config, CONFIG_deployd_keep_releases);
    AUTO_ARENA struct arena *arena = arena_new();
    struct deployments_list list;
    if (deployments_list(deployd->run->db, arena, site_id, 0, LOOKED_AT_MAX, &list, NULL) < 0) {
        return;
    }
    for (size_t i = 0; i < list.count; i++) {
        const struct deployment *row = &list.rows[i];
        AUTO_FREE char *path = deployd_release_path(deployd, site_id, row->id);
        bool is_served = row->id == served;
        if (row->kind == DEPLOYMENT_ROLLBACK || !fs_exists(path) ||
            !deployment_state_is_final(row->state)) {
            continue;
        }
        if (row->state == DEPLOYMENT_FAILED) {
            trash_move(deployd, path); /* nobody can go back to it */
            continue;
        }
        kept--;
        if (kept < 0 && !is_served) {
            trash_move(deployd, path);
        }
    }
}
