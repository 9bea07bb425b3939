/*
 * The server's two ends: the listener and its file, and the stop with everything open.
 */
#include <event2/event.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "libdialup/base/fs.h"
#include "libdialup/base/memory.h"
#include "libdialup/crypto/crypto.h"
#include "tests/harness/check.h"
#include "tests/unit/http_waiting.h"

static bool stopped;

static void on_stopped(void *context)
{
    stopped = true;
}

static bool has_stopped(void *context)
{
    return stopped;
}

static void case_drain(void)
{
    struct http_options options = waiting_options();
    struct rig rig;
    struct rig_client idle;
    struct rig_client busy;
    struct rig_client listener;
    stopped = false;
    waiting_start(&rig, &options);
    rig_connect(&rig, &idle);
    rig_connect(&rig, &busy);
    rig_connect(&rig, &listener);
    rig_say(&idle, RIG_GET("/ok"));
    rig_wait_text(&rig, &idle, "fine");
    rig_say(&busy, RIG_GET("/later"));
    rig_wait(&rig, waiting_has_pending, NULL);
    rig_say(&listener, RIG_GET("/events"));
    rig_wait_text(&rig, &listener, ":\n\n");

    http_server_stop(rig.server, 5000, on_stopped, NULL);
    CHECK(!fs_exists(rig.socket_path));
    rig_wait_end(&rig, &idle);
    rig_wait_end(&rig, &listener);
    CHECK_INT(waiting.closed, 1);
    CHECK(!stopped && !busy.ended);
    http_reply_text(waiting.pending, 200, "at last", 7);
    rig_wait(&rig, has_stopped, NULL);
    rig_wait_end(&rig, &busy);
    CHECK_CONTAINS(strbuf_text(&busy.received), "at last");
    CHECK_CONTAINS(strbuf_text(&busy.received), "Connection: close\r\n");
    rig_close(&idle);
    rig_close(&busy);
    rig_close(&listener);
    rig_end(&rig);
}

static void case_drain_deadline(void)
{
    struct http_options options = waiting_options();
    struct rig rig;
    struct rig_client busy;
    stopped = false;
    waiting_start(&rig, &options);
    rig_connect(&rig, &busy);
    rig_say(&busy, RIG_GET("/later"));
    rig_wait(&rig, waiting_has_pending, NULL);
    http_server_stop(rig.server, 50, on_stopped, NULL);
    rig_wait(&rig, has_stopped, NULL);
    CHECK_INT(waiting.gone, 1);
    rig_close(&busy);
    rig_end(&rig);
}

static void case_stop_when_idle(void)
{
    struct http_options options = waiting_options();
    struct rig rig;
    stopped = false;
    waiting_start(&rig, &options);
    http_server_stop(rig.server, 5000, on_stopped, NULL);
    rig_wait(&rig, has_stopped, NULL);
    rig_end(&rig);
}

static int start_at(struct rig *rig, const char *path, struct http_server **ret_server,
                    struct error *err)
{
    struct http_options options = waiting_options();
    options.unix_path = path;
    options.own_origin = RIG_ORIGIN;
    return http_server_new(rig->base, &options, ret_server, err);
}

static void case_socket_file(void)
{
    struct http_options options = waiting_options();
    struct rig rig;
    struct http_server *other = NULL;
    struct error err = {0};
    waiting_start(&rig, &options);
    struct stat info;
    CHECK_INT(stat(rig.socket_path, &info), 0);
    CHECK_INT(info.st_mode & 07777, 0660);
    CHECK_INT(start_at(&rig, rig.socket_path, &other, &err), -ERR_ALREADY_EXISTS);
    CHECK_CONTAINS(err.message, "Another program answers");
    CHECK_INT(rig_status(rig_request(&rig, "GET /ok", "", NULL)), 200); /* still there */

    char path[128];
    snprintf(path, sizeof(path), "%s/file", rig.folder);
    CHECK_INT(fs_write_file(path, "x", 1, 0600, NULL), 0);
    CHECK_INT(start_at(&rig, path, &other, &err), -ERR_ALREADY_EXISTS);
    CHECK(fs_exists(path));

    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof(address.sun_path), "%s/stale", rig.folder);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK_INT(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    close(fd); /* a file that nobody answers */
    CHECK_INT(start_at(&rig, address.sun_path, &other, &err), 0);
    http_server_free(other);
    CHECK(!fs_exists(address.sun_path));

    memset(path, 'a', sizeof(path) - 1);
    path[sizeof(path) - 1] = '\0';
    CHECK_INT(start_at(&rig, path, &other, &err), -ERR_INVALID_ARGUMENT);
    rig_end(&rig);
}

static void case_loopback(void)
{
    struct event_base *base = event_base_new();
    struct http_options options = waiting_options();
    struct http_server *server = NULL;
    struct error err = {0};
    options.own_origin = RIG_ORIGIN;
    options.address = "0.0.0.0";
    CHECK_INT(http_server_new(base, &options, &server, &err), -ERR_INVALID_ARGUMENT);
    options.address = "127.0.0.1";
    if (CHECK_INT(http_server_new(base, &options, &server, &err), 0)) {
        CHECK(http_server_port(server) > 0);
        http_server_free(server);
    }
    event_base_free(base);
}

int main(void)
{
    static const struct check_case cases[] = {
        {"drain", case_drain},
        {"drain has a deadline", case_drain_deadline},
        {"stop when idle", case_stop_when_idle},
        {"the socket's file", case_socket_file},
        {"loopback alone", case_loopback},
    };
    return crypto_init(NULL) < 0 || check_run(cases, ARRAY_COUNT(cases));
}
