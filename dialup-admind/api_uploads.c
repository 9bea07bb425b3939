/*
 * Archives that arrive in parts. Called through routes.c; only who began an upload may go on with
 * it.
 */
#include "dialup-admind/access.h"
#include "dialup-admind/handlers.h"
#include "dialup-admind/upload_files.h"
#include "dialup-admind/views.h"

static void reply_upload(struct http_request *request, int status, const struct upload *upload)
{
    const struct http_upload shown = view_upload(upload);
    http_reply_json(request, status, &http_upload_shape, &shown);
}

int handle_uploads_create(struct http_request *request, void *context, struct error *err)
{
    const struct admind *admind = context;
    struct upload upload;
    struct site site;
    int result = access_find_site(admind, request, &site, err);
    if (result == 0) {
        result = upload_files_create(admind, http_request_arena(request), site.id,
                                     access_user_id(request), &upload, err);
    }
    if (result == 0) {
        reply_upload(request, 201, &upload);
    }
    return result;
}

static int find_own(const struct admind *admind, struct http_request *request,
                    struct upload *ret_upload, struct error *err)
{
    int result = uploads_find(admind->run->db, http_request_arena(request),
                              http_request_param(request, "id"), ret_upload, err);
    if (result == -ERR_NOT_FOUND ||
        (result == 0 && ret_upload->user_id != access_user_id(request))) {
        return error_set_field(err, ERR_NOT_FOUND, "id", "There is no such upload");
    }
    return result;
}

int handle_uploads_get(struct http_request *request, void *context, struct error *err)
{
    struct upload upload;
    int result = find_own(context, request, &upload, err);
    if (result == 0) {
        reply_upload(request, 200, &upload);
    }
    return result;
}

int handle_uploads_drop(struct http_request *request, void *context, struct error *err)
{
    const struct admind *admind = context;
    const struct http_done done = {0};
    struct upload upload;
    int result = find_own(admind, request, &upload, err);
    if (result == 0 && upload.state == UPLOAD_USED) {
        return error_set(err, ERR_CONFLICT, "A deployment has taken this upload");
    }
    if (result == 0) {
        upload_files_remove(admind, upload.id);
        http_reply_json(request, 200, &http_done_shape, &done);
    }
    return result;
}

int handle_uploads_put(struct http_request *request, void *context, struct error *err)
{
    const struct http_put_uploads_id_query *query = http_request_query(request);
    struct upload upload;
    int result = find_own(context, request, &upload, err);
    if (result == 0) {
        result = upload_files_write(context, request, query->offset, &upload, err);
    }
    if (result == 0) {
        reply_upload(request, 200, &upload);
    }
    return result;
}
