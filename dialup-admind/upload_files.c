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
#include "libdialup/crypto/crypto.h"

enum { MIB = 1024 * 1024 };

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

int upload_files_create(const struct admind *admind, struct arena *arena, int64_t site_id,
                        int64_t user_id, struct upload *ret_upload, struct error *err)
{
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
    int result = uploads_create(admind->run->db, &upload, err);
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
        error_hint(err, "Leave out what the site does not need, with a .deployignore");
        return -ERR_TOO_LARGE;
    }
    return 0;
}

int upload_files_write(const struct admind *admind, const struct http_request *request,
                       int64_t offset, struct upload *upload, struct error *err)
{
    int64_t size = (int64_t)http_request_body_size(request);
    int result = check_part(upload, offset, size, err);
    if (result < 0 || size == 0) {
        return result;
    }
    AUTO_CLOSE int fd = open_file(admind, upload->id, 0, err);
    if (fd < 0) {
        return fd;
    }
    result = http_request_body_write(request, fd, offset, err);
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
