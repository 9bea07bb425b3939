/*
 * The files behind uploads; see the header. Called by the handlers that receive bytes and by the
 * housekeeping. Ids are made here, so a path never holds what a client chose.
 */
#include "dialup-admind/upload_files.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "libdialup/base/clock.h"
#include "libdialup/base/fs.h"
#include "libdialup/base/memory.h"
#include "libdialup/base/str.h"
#include "libdialup/crypto/crypto.h"
#include "libdialup/json/writer.h"
#include "proto/deployd_rpc.h"

enum { MIB = 1024 * 1024, NAMED = 3 };

int upload_files_make_folder(const struct admind *admind, struct error *err)
{
    AUTO_FREE char *path = config_state_path(admind->run->config, "uploads");
    return fs_make_dirs(path, 0750, err);
}

static char *path_of(const struct admind *admind, const char *id)
{
    AUTO_FREE char *part = xasprintf("uploads/%s.part", id);
    return config_state_path(admind->run->config, part);
}

static int open_file(const struct admind *admind, const char *id, int flags, struct error *err)
{
    AUTO_FREE char *path = path_of(admind, id);
    int fd = open(path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW | flags, 0640);
    return fd < 0 ? error_set_errno(err, ERR_IO, errno, "Cannot write the upload's file") : fd;
}

/* Room ----------------------------------------------------------------------------------------- */

static int64_t max_bytes_held(const struct admind *admind)
{
    const struct config *config = admind->run->config;
    int64_t together = config_integer(config, CONFIG_admind_uploads_per_user_mib);
    int64_t one = config_integer(config, CONFIG_admind_upload_max_mib);
    return (together > one ? together : one) * MIB;
}

/* "8f3a for shop.example.org (12 MB), ...": what the account could give up. */
static const char *name_held(const struct admind *admind, struct arena *arena, int64_t user_id)
{
    struct uploads_held_list list;
    const char *names = "";
    if (uploads_list_held(admind->run->db, arena, user_id, NAMED, &list, NULL) < 0) {
        return names;
    }
    for (size_t i = 0; i < list.count; i++) {
        const struct upload_held *row = &list.rows[i];
        names = arena_printf(arena, "%s%s%s for %.60s (%lld MB)", names, i ? ", " : "", row->id,
                             row->domain ? row->domain : "a deleted site",
                             (long long)((row->received_bytes + MIB - 1) / MIB));
    }
    return names;
}

static const char *check_json(struct arena *arena, const struct deployd_check *checks, size_t count)
{
    AUTO_STRBUF struct strbuf text = STRBUF_INIT;
    struct json_writer writer;
    json_writer_init(&writer, &text);
    json_begin_array(&writer);
    for (size_t i = 0; i < count; i++) {
        json_encode(&writer, &deployd_check_shape, &checks[i]);
    }
    json_end_array(&writer);
    return arena_strdup(arena, strbuf_text(&text));
}

static struct deployd_check check_of(const char *dimension, const char *unit, int64_t used,
                                     int64_t requested, int64_t limit)
{
    return (struct deployd_check){
        .level = "user",
        .level_name = "",
        .dimension = dimension,
        .unit = unit,
        .used = used,
        .requested = requested,
        .limit = limit,
        .projected = used + requested,
        .allowed = used + requested <= limit,
        .soft_reached = used + requested >= limit,
    };
}

/* Room for more uploads and more bytes on the account's side. This program alone writes uploads,
 * one request after the other, so what is read here holds until the caller has written. */
static int check_room(const struct admind *admind, struct arena *arena, int64_t user_id,
                      int64_t uploads, int64_t bytes, struct error *err)
{
    int64_t max_count = config_integer(admind->run->config, CONFIG_admind_uploads_per_user);
    int64_t max_bytes = max_bytes_held(admind);
    struct uploads_held held;
    int result = uploads_sum_held(admind->run->db, user_id, &held, err);
    if (result < 0) {
        return result;
    }
    const struct deployd_check checks[] = {
        check_of("uploads", "count", held.count, uploads, max_count),
        check_of("upload_bytes", "bytes", held.bytes, bytes, max_bytes),
    };
    if (checks[0].allowed && checks[1].allowed) {
        return 0;
    }
    if (!checks[0].allowed) {
        error_set(err, ERR_QUOTA_EXCEEDED,
                  "Cannot upload: You have %lld of %lld uploads open: %s%s", (long long)held.count,
                  (long long)max_count, name_held(admind, arena, user_id),
                  held.count > NAMED ? ", and others" : "");
    } else {
        error_set(err, ERR_QUOTA_EXCEEDED,
                  "Cannot upload: Your open uploads have %lld of %lld MB together: %s%s",
                  (long long)(held.bytes / MIB), (long long)(max_bytes / MIB),
                  name_held(admind, arena, user_id), held.count > NAMED ? ", and others" : "");
    }
    error_hint(err, "Deploy them, or drop one with DELETE /api/uploads/ID; what is left alone goes "
                    "by itself after a day");
    if (err) {
        err->checks_json = check_json(arena, checks, ARRAY_COUNT(checks));
    }
    return -ERR_QUOTA_EXCEEDED;
}

/* Files ---------------------------------------------------------------------------------------- */

int upload_files_create(const struct admind *admind, struct arena *arena, int64_t site_id,
                        int64_t user_id, struct upload *ret_upload, struct error *err)
{
    int result = check_room(admind, arena, user_id, 1, 0, err);
    if (result < 0) {
        return result;
    }
    char *id = arena_alloc(arena, CRYPTO_ID_SIZE);
    crypto_random_id(id);
    int64_t now = clock_unix();
    const struct upload upload = {
        .id = id,
        .site_id = site_id,
        .user_id = user_id,
        .max_bytes = config_integer(admind->run->config, CONFIG_admind_upload_max_mib) * MIB,
        .created_at = now,
        .updated_at = now,
    };
    AUTO_CLOSE int fd = open_file(admind, id, O_CREAT | O_EXCL, err);
    if (fd < 0) {
        return fd;
    }
    result = uploads_create(admind->run->db, &upload, err);
    if (result < 0) {
        upload_files_remove(admind, id);
        return result;
    }
    *ret_upload = upload;
    return 0;
}

static int check_part(const struct upload *upload, int64_t offset, int64_t size, struct error *err)
{
    if (upload->state != UPLOAD_OPEN) {
        error_set(err, ERR_CONFLICT, "This upload is complete: nothing can be added");
        error_hint(err, "Begin a new upload");
        return -ERR_CONFLICT;
    }
    if (offset != upload->received_bytes) {
        error_set_field(err, ERR_CONFLICT, "offset", "This part does not follow what has arrived");
        error_hint(err, "received_bytes is %lld: go on from there",
                   (long long)upload->received_bytes);
        return -ERR_CONFLICT;
    }
    if (size > upload->max_bytes - offset) {
        error_set(err, ERR_TOO_LARGE, "An archive may have at most %lld MB here",
                  (long long)(upload->max_bytes / MIB));
        error_hint(err, "Leave out what the site does not need, with a .dialupignore");
        return -ERR_TOO_LARGE;
    }
    return 0;
}

int upload_files_write(const struct admind *admind, struct http_request *request, int64_t offset,
                       struct upload *upload, struct error *err)
{
    int64_t size = (int64_t)http_request_body_size(request);
    int result = check_part(upload, offset, size, err);
    if (result < 0 || size == 0) {
        return result;
    }
    result = check_room(admind, http_request_arena(request), upload->user_id, 0, size, err);
    if (result < 0) {
        return result;
    }
    AUTO_CLOSE int fd = open_file(admind, upload->id, 0, err);
    if (fd < 0) {
        return fd;
    }
    result = http_request_body_write(request, fd, offset, err);
    if (result == 0 && fdatasync(fd) < 0) {
        result = error_set_errno(err, ERR_IO, errno, "The upload cannot be written");
    }
    if (result == 0) {
        result = uploads_advance(admind->run->db, upload->id, offset, size, clock_unix(), err);
    }
    if (result == 0) {
        upload->received_bytes += size;
    }
    return result;
}

void upload_files_remove(const struct admind *admind, const char *id)
{
    AUTO_FREE char *path = path_of(admind, id);
    if (unlink(path) == 0 || errno == ENOENT) {
        uploads_delete(admind->run->db, id, NULL);
    }
}
