/*
 * Parts of an archive; see the header. Called by the site command.
 */
#include "deploy/upload.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "deploy/format.h"
#include "deploy/interrupt.h"
#include "libdialup/base/memory.h"
#include "libdialup/base/str.h"

enum {
    PART_MIN = 4 * 1024,
    PART_MAX = 64 * 1024 * 1024,
    ATTEMPTS = 6,
    PAUSE_MS = 500,
    DROP_TIMEOUT_MS = 5000
};

struct upload {
    struct run *run;
    int fd;
    int64_t size_bytes;
    int64_t sent_bytes;
    int64_t part_bytes;
    char id[UPLOAD_ID_SIZE];
    char *part; /* part_bytes */
};

static int refuse_answer(struct error *err)
{
    int result =
        error_set(err, ERR_UNAVAILABLE, "The server's answer about the upload is not usable");
    error_hint(err, "Is deploy as new as the server? See: deploy --version");
    return result;
}

static int begin(struct upload *upload, const char *domain, struct error *err)
{
    const struct json_value *answer;
    const char *path = arena_printf(upload->run->arena, "/api/sites/%s/uploads", domain);
    int result = run_call(upload->run, "POST", path, NULL, &answer, err);
    if (result < 0) {
        return result;
    }
    const char *id = json_find_text(answer, "id", "");
    upload->part_bytes = json_find_integer(answer, "part_bytes", 0);
    bool is_id = id[0] != '\0' && id[strspn(id, "0123456789abcdefghijklmnopqrstuvwxyz"
                                                "ABCDEFGHIJKLMNOPQRSTUVWXYZ-_")] == '\0';
    if (!is_id || !str_copy(upload->id, sizeof(upload->id), id) || upload->part_bytes < PART_MIN ||
        upload->part_bytes > PART_MAX) {
        return refuse_answer(err);
    }
    int64_t max_bytes = json_find_integer(answer, "max_bytes", INT64_MAX);
    if (upload->size_bytes > max_bytes) {
        struct text_size size = format_bytes(upload->size_bytes);
        struct text_size max = format_bytes(max_bytes);
        error_set(err, ERR_TOO_LARGE, "The archive has %s, the server takes %s at most", size.text,
                  max.text);
        error_hint(err, "Name what visitors do not need in .dialupignore");
        return -ERR_TOO_LARGE;
    }
    return 0;
}

static int read_part(struct upload *upload, size_t size, struct error *err)
{
    size_t have = 0;
    while (have < size) {
        ssize_t got =
            pread(upload->fd, upload->part + have, size - have, upload->sent_bytes + (off_t)have);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            return error_set_errno(err, ERR_IO, got < 0 ? errno : EIO,
                                   "Could not read the archive back");
        }
        have += (size_t)got;
    }
    return 0;
}

/* Takes over where the server stands. */
static int note_received(struct upload *upload, const struct strbuf *text, struct error *err)
{
    const struct json_value *answer = NULL;
    json_parse(upload->run->arena, strbuf_text(text), text->size, &answer, NULL);
    int64_t received = json_find_integer(answer, "received_bytes", -1);
    if (received < 0 || received > upload->size_bytes) {
        return refuse_answer(err);
    }
    upload->sent_bytes = received;
    return 0;
}

static int send_part(struct upload *upload, struct error *err)
{
    int64_t left = upload->size_bytes - upload->sent_bytes;
    size_t size = (size_t)(left < upload->part_bytes ? left : upload->part_bytes);
    int result = read_part(upload, size, err);
    if (result < 0) {
        return result;
    }
    AUTO_FREE char *path =
        xasprintf("/api/uploads/%s?offset=%" PRId64, upload->id, upload->sent_bytes);
    struct client_request request = {
        .method = "PUT",
        .path = path,
        .content_type = "application/octet-stream",
        .data = upload->part,
        .size = size,
        .timeout_ms = -1,
    };
    AUTO_STRBUF struct strbuf answer = STRBUF_INIT;
    result = client_call(upload->run->client, &request, &answer, err);
    return result < 0 ? result : note_received(upload, &answer, err);
}

static int ask_received(struct upload *upload, struct error *err)
{
    AUTO_FREE char *path = xasprintf("/api/uploads/%s", upload->id);
    struct client_request request = {.method = "GET", .path = path};
    AUTO_STRBUF struct strbuf answer = STRBUF_INIT;
    int result = client_call(upload->run->client, &request, &answer, err);
    return result < 0 ? result : note_received(upload, &answer, err);
}

/* Worth another try: a broken connection, a busy server, or a part that is not the next one. */
static bool is_passing(const struct error *err)
{
    return client_is_network_error(err) || err->code == ERR_UNAVAILABLE || err->code == ERR_BUSY ||
           err->code == ERR_CONFLICT || err->code == ERR_TIMEOUT;
}

static int send_all(struct upload *upload, struct error *err)
{
    int failures = 0;
    while (upload->sent_bytes < upload->size_bytes) {
        terminal_progress(&upload->run->terminal, "Sending", upload->sent_bytes,
                          upload->size_bytes);
        int64_t before = upload->sent_bytes;
        struct error local;
        int result = failures > 0 ? ask_received(upload, &local) : 0;
        if (result == 0 && upload->sent_bytes < upload->size_bytes) {
            result = send_part(upload, &local);
        }
        if (result == 0) {
            failures = upload->sent_bytes > before ? 0 : failures + 1;
            error_set(&local, ERR_UNAVAILABLE, "The server does not take what is sent");
        } else {
            failures++;
        }
        if (interrupt_pending()) {
            return error_set(err, ERR_IO, "Stopped while sending; the site is as it was");
        }
        if (failures == ATTEMPTS || (result < 0 && !is_passing(&local))) {
            *err = local;
            return -(int)local.code;
        }
        if (failures > 0) {
            terminal_note(&upload->run->terminal, "%s; trying again", local.message);
            interrupt_sleep_ms(PAUSE_MS << failures);
        }
    }
    terminal_progress(&upload->run->terminal, "Sending", upload->size_bytes, upload->size_bytes);
    terminal_progress_end(&upload->run->terminal);
    return 0;
}

int upload_send(struct run *run, const char *domain, int fd, int64_t size_bytes,
                char ret_upload_id[UPLOAD_ID_SIZE], struct error *err)
{
    struct upload upload = {.run = run, .fd = fd, .size_bytes = size_bytes};
    int result = begin(&upload, domain, err);
    memcpy(ret_upload_id, upload.id, sizeof(upload.id));
    if (result < 0) {
        return result;
    }
    AUTO_FREE char *part = xmalloc((size_t)upload.part_bytes);
    upload.part = part;
    return send_all(&upload, err);
}

void upload_drop(struct run *run, const char *upload_id)
{
    if (!*upload_id) {
        return;
    }
    AUTO_FREE char *path = xasprintf("/api/uploads/%s", upload_id);
    AUTO_STRBUF struct strbuf answer = STRBUF_INIT;
    const struct client_request request = {
        .method = "DELETE", .path = path, .timeout_ms = DROP_TIMEOUT_MS, .is_aside = true};
    client_call(run->client, &request, &answer, NULL);
}
