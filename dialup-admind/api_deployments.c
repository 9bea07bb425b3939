/*
 * Deployments: shown from the database, begun by deployd. Called through routes.c.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dialup-admind/access.h"
#include "dialup-admind/call.h"
#include "dialup-admind/handlers.h"
#include "dialup-admind/upload_files.h"
#include "dialup-admind/views.h"
#include "libdialup/base/clock.h"
#include "libdialup/base/log.h"
#include "libdialup/base/memory.h"
#include "libdialup/view/view.h"

enum { PAGE = 20, MANIFEST_SEARCH = 100 };

int handle_deployments_list(struct http_request *request, void *context, struct error *err)
{
    const struct admind *admind = context;
    const struct http_get_sites_domain_deployments_query *query = http_request_query(request);
    struct arena *arena = http_request_arena(request);
    struct deployments_list list;
    struct site site;
    int result = access_find_site(admind, request, &site, err);
    if (result == 0) {
        result = deployments_list(admind->run->db, arena, site.id, 0,
                                  query->has_limit ? query->limit : PAGE, &list, err);
    }
    if (result != 0) {
        return result;
    }
    struct deployd_deployment *rows = arena_calloc(arena, list.count, sizeof(*rows));
    for (size_t i = 0; i < list.count; i++) {
        rows[i] = view_deployment(arena, &list.rows[i]);
    }
    const struct http_deployment_list answer = {rows, list.count};
    http_reply_json(request, 200, &http_deployment_list_shape, &answer);
    return 0;
}

int handle_deployments_get(struct http_request *request, void *context, struct error *err)
{
    struct deployment deployment;
    int result = access_find_deployment(context, request, &deployment, err);
    if (result == 0) {
        const struct deployd_deployment shown =
            view_deployment(http_request_arena(request), &deployment);
        http_reply_json(request, 200, &deployd_deployment_shape, &shown);
    }
    return result;
}

/* Beginning ------------------------------------------------------------------------------------ */

static void answer_deployment(struct call *call, const void *result)
{
    http_reply_json(call->request, 202, &deployd_deployment_shape, result);
}

/* Said twice about one upload (the same deployment was asked for again), it is used once. */
static void mark_used(struct call *call, const void *result)
{
    struct error err;
    const char *upload_id = call->context;
    int status = uploads_use(call->admind->run->db, upload_id, clock_unix(), &err);
    if (status < 0 && status != -ERR_CONFLICT) {
        log_warning("upload %s is deployed and still marked complete: %s", upload_id, err.message);
    }
}

/* Nobody else knows this upload. Where deployd may have taken it after all, it stays. */
static void drop_own(struct call *call, struct error *err)
{
    if (err->code != ERR_TIMEOUT && err->code != ERR_UNAVAILABLE) {
        upload_files_remove(call->admind, call->context);
    }
}

static int check_upload(const struct admind *admind, struct http_request *request,
                        const struct site *site, const char *id, struct upload *ret_upload,
                        struct error *err)
{
    int result = uploads_find(admind->run->db, http_request_arena(request), id, ret_upload, err);
    if (result == -ERR_NOT_FOUND ||
        (result == 0 &&
         (ret_upload->user_id != access_user_id(request) || ret_upload->site_id != site->id))) {
        return error_set_field(err, ERR_NOT_FOUND, "upload_id",
                               "There is no such upload for this site");
    }
    if (result == 0 && ret_upload->received_bytes == 0) {
        return error_set_field(err, ERR_CONFLICT, "upload_id", "Nothing was uploaded yet");
    }
    return result;
}

/* The upload of the request: the one it names, or a new one with its body. */
static int take_upload(const struct admind *admind, struct http_request *request,
                       const struct site *site, struct upload *ret_upload, struct error *err)
{
    const struct http_deployment_create *body = http_request_body(request);
    if (body) {
        return check_upload(admind, request, site, body->upload_id, ret_upload, err);
    }
    if (http_request_body_size(request) == 0) {
        error_set(err, ERR_INVALID_REQUEST, "An archive is missing");
        error_hint(err, "Send a .tar.gz of the site as the body, or the upload_id of an upload");
        return -ERR_INVALID_REQUEST;
    }
    int result = upload_files_create(admind, http_request_arena(request), site->id,
                                     access_user_id(request), ret_upload, err);
    if (result == 0) {
        result = upload_files_write(admind, request, 0, ret_upload, err);
        if (result < 0) {
            upload_files_remove(admind, ret_upload->id);
        }
    }
    return result;
}

int handle_deployments_create(struct http_request *request, void *context, struct error *err)
{
    struct admind *admind = context;
    const struct http_deployment_create *body = http_request_body(request);
    struct upload upload;
    struct site site;
    int result = access_find_site(admind, request, &site, err);
    if (result == 0) {
        result = take_upload(admind, request, &site, &upload, err);
    }
    if (result == 0 && upload.state == UPLOAD_OPEN) {
        result = uploads_finish(admind->run->db, upload.id, clock_unix(), err);
    }
    if (result != 0) {
        return result;
    }
    struct call *call = call_new(admind, request, answer_deployment);
    call_record(call, "deployment.create", arena_printf(call->arena, "site:%s", site.domain));
    call->on_done = mark_used;
    call->on_failed = body ? NULL : drop_own;
    call->context = arena_strdup(call->arena, upload.id);
    const struct deployd_deployment_create_params params = {
        .idempotency_key = upload.id, /* an upload is deployed once, however often it is asked */
        .site_id = site.id,
        .upload_id = upload.id,
        .created_by = call->actor,
        .message = body ? body->message : NULL,
        .commit_ref = body ? body->commit_ref : NULL,
    };
    return call_send(call, PEER_DEPLOYD, &deployd_methods[DEPLOYD_DEPLOYMENT_CREATE], &params, err);
}

int handle_rollback(struct http_request *request, void *context, struct error *err)
{
    const struct http_rollback_request *body = http_request_body(request);
    struct site site;
    int result = access_find_site(context, request, &site, err);
    if (result < 0) {
        return result;
    }
    struct call *call = call_new(context, request, answer_deployment);
    call_record(call, "deployment.rollback", arena_printf(call->arena, "site:%s", site.domain));
    struct deployd_deployment_rollback_params params = {
        .site_id = site.id,
        .number = body->number,
        .has_number = body->has_number,
        .created_by = call->actor,
    };
    result = call_idempotency_key(call, &params.idempotency_key, err);
    if (result < 0) {
        call_drop(call);
        return result;
    }
    return call_send(call, PEER_DEPLOYD, &deployd_methods[DEPLOYD_DEPLOYMENT_ROLLBACK], &params,
                     err);
}

/* Manifest ------------------------------------------------------------------------------------- */

static bool is_good_upload(const struct deployment *deployment)
{
    return deployment->kind == DEPLOYMENT_UPLOAD &&
           (deployment->state == DEPLOYMENT_LIVE || deployment->state == DEPLOYMENT_SUPERSEDED);
}

static int refuse_manifest(struct error *err)
{
    error_set(err, ERR_NOT_FOUND, "There is no release of this site yet");
    error_hint(err, "Send all files");
    return -ERR_NOT_FOUND;
}

static int open_manifest(const struct admind *admind, const struct deployment *deployment,
                         int *ret_fd, off_t *ret_size, struct error *err)
{
    AUTO_FREE char *part = xasprintf("sites/%lld/manifests/%lld", (long long)deployment->site_id,
                                     (long long)deployment->id);
    AUTO_FREE char *path = config_state_path(admind->run->config, part);
    struct stat info;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0) {
        return errno == ENOENT ? refuse_manifest(err)
                               : error_set_errno(err, ERR_IO, errno, "Cannot read the manifest");
    }
    if (fstat(fd, &info) < 0 || !S_ISREG(info.st_mode)) {
        close(fd);
        return error_set(err, ERR_IO, "Cannot read the manifest");
    }
    *ret_fd = fd;
    *ret_size = info.st_size;
    return 0;
}

int handle_manifest(struct http_request *request, void *context, struct error *err)
{
    const struct admind *admind = context;
    struct deployments_list list;
    struct site site;
    size_t i = 0;
    off_t size;
    int fd;
    int result = access_find_site(admind, request, &site, err);
    if (result == 0) {
        result = deployments_list(admind->run->db, http_request_arena(request), site.id, 0,
                                  MANIFEST_SEARCH, &list, err);
    }
    if (result != 0) {
        return result;
    }
    while (i < list.count && !is_good_upload(&list.rows[i])) {
        i++;
    }
    result = i < list.count ? open_manifest(admind, &list.rows[i], &fd, &size, err)
                            : refuse_manifest(err);
    if (result == 0) {
        http_reply_file(request, fd, 0, size, "text/plain; charset=utf-8", NULL);
    }
    return result;
}
