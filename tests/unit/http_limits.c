/*
 * Time and amounts: slow clients, too many of them, too many bytes, replies that come later,
 * clients that go, event streams, and the end of the server.
 */
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "libdialup/base/fs.h"
#include "libdialup/base/memory.h"
#include "libdialup/crypto/crypto.h"
#include "libdialup/http/sse.h"
#include "tests/harness/check.h"
#include "tests/unit/http_rig.h"

static struct http_request *pending;
static struct http_stream *stream;
static int gone;
static int closed;
static int64_t later_ms = 10000;

static void on_gone(void *context, struct http_request *request)
{
    CHECK(request == pending);
    pending = NULL;
    gone++;
}

static int handle_later(struct http_request *request, void *context, struct error *err)
{
    pending = request;
    http_request_later(request, later_ms, on_gone, NULL);
    return 0;
}

static void on_closed(void *context, struct http_stream *which)
{
    CHECK(which == stream);
    stream = NULL;
    closed++;
}

static int handle_events(struct http_request *request, void *context, struct error *err)
{
    stream = http_sse_start(request, on_closed, NULL);
    return 0;
}

static int handle_large(struct http_request *request, void *context, struct error *err)
{
    size_t size = 32 << 20;
    char *text = xmalloc(size);
    memset(text, 'x', size);
    http_reply_text(request, 200, text, size);
    free(text);
    return 0;
}

static int handle_ok(struct http_request *request, void *context, struct error *err)
{
    http_reply_text(request, 200, "fine", 4);
    return 0;
}

static const struct http_route routes[] = {
    {.method = "GET", .path = "/later", .handle = handle_later, .answers_later = true},
    {.method = "GET", .path = "/events", .handle = handle_events},
    {.method = "GET", .path = "/large", .handle = handle_large},
    {.method = "GET", .path = "/ok", .handle = handle_ok},
    {.method = "PUT",
     .path = "/ok",
     .body_kind = HTTP_BODY_RAW,
     .max_body_bytes = 1 << 20,
     .handle = handle_ok},
};

static struct http_options limits(void)
{
    return (struct http_options){.routes = routes, .route_count = ARRAY_COUNT(routes)};
}

static void start(struct rig *rig, const struct http_options *options)
{
    pending = NULL;
    stream = NULL;
    gone = closed = 0;
    rig_start(rig, options);
}

static void say(struct rig_client *client, const char *text)
{
    rig_send(client, text, strlen(text));
}

#define GET(path) "GET " path " HTTP/1.1\r\nHost: x\r\n\r\n"

static const struct http_counters *counters(const struct rig *rig)
{
    return http_server_counters(rig->server);
}

/* A byte with each turn of the clock, never silent, never done. */
struct drip {
    struct rig_client *client;
    struct event *tick;
};

static void on_tick(evutil_socket_t fd, short what, void *argument)
{
    struct drip *drip = argument;
    struct timeval pause = {.tv_usec = 5000};
    rig_send(drip->client, "a", 1);
    event_add(drip->tick, &pause);
}

static void drip_until_cut(const char *beginning)
{
    struct http_options options = limits();
    options.read_ms = 150;
    struct rig rig;
    struct rig_client client;
    start(&rig, &options);
    rig_connect(&rig, &client);
    say(&client, beginning);
    struct drip drip = {&client, NULL};
    drip.tick = event_new(rig.base, -1, 0, on_tick, &drip);
    event_active(drip.tick, EV_TIMEOUT, 1);
    rig_wait_end(&rig, &client);
    CHECK_INT(client.received.size, 0);
    CHECK_INT(counters(&rig)->cut_slow, 1);
    CHECK_INT(counters(&rig)->open_connections, 0);
    CHECK_INT(counters(&rig)->held_bytes, 0);
    event_free(drip.tick);
    rig_close(&client);
    rig_end(&rig);
}

static void case_dripping_first_line(void)
{
    drip_until_cut("");
}

static void case_dripping_headers(void)
{
    drip_until_cut("GET /ok HTTP/1.1\r\nHost: x\r\nX-Long: ");
}

static void case_dripping_body(void)
{
    drip_until_cut("PUT /ok HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n");
}

static void case_idle_is_ended(void)
{
    struct http_options options = limits();
    options.idle_ms = 50;
    struct rig rig;
    struct rig_client silent;
    struct rig_client used;
    start(&rig, &options);
    rig_connect(&rig, &silent);
    rig_wait_end(&rig, &silent);
    rig_connect(&rig, &used);
    say(&used, GET("/ok"));
    rig_wait_end(&rig, &used);
    CHECK_CONTAINS(strbuf_text(&used.received), "fine");
    CHECK_INT(counters(&rig)->cut_slow, 0);
    rig_close(&silent);
    rig_close(&used);
    rig_end(&rig);
}

static bool nothing_open(void *context)
{
    return counters(context)->open_connections == 0;
}

static void case_slow_reader(void)
{
    struct http_options options = limits();
    options.write_ms = 100;
    struct rig rig;
    struct rig_client client;
    start(&rig, &options);
    rig_connect(&rig, &client);
    event_del(client.readable);
    say(&client, GET("/large"));
    rig_turn(&rig);
    rig_wait(&rig, nothing_open, &rig);
    CHECK_INT(counters(&rig)->cut_slow + counters(&rig)->connections, 2);
    rig_close(&client);
    rig_end(&rig);
}

static bool two_answers(void *context)
{
    struct rig_client *clients = context;
    return clients[0].received.size > 0 && clients[1].received.size > 0;
}

static void case_connection_limit(void)
{
    struct http_options options = limits();
    options.max_connections = 2;
    struct rig rig;
    struct rig_client clients[3];
    start(&rig, &options);
    for (int i = 0; i < 3; i++) {
        rig_connect(&rig, &clients[i]);
        say(&clients[i], GET("/ok"));
    }
    rig_wait(&rig, two_answers, clients);
    CHECK_INT(counters(&rig)->open_connections, 2);
    CHECK_INT(counters(&rig)->paused, 1);
    CHECK_INT(clients[2].received.size, 0);
    rig_close(&clients[0]);
    rig_wait_text(&rig, &clients[2], "fine");
    rig_close(&clients[1]);
    rig_close(&clients[2]);
    rig_end(&rig);
}

static void case_held_bytes(void)
{
    struct http_options options = limits();
    options.max_held_bytes = 100000;
    struct rig rig;
    struct rig_client one;
    struct rig_client two;
    start(&rig, &options);
    rig_connect(&rig, &one);
    rig_connect(&rig, &two);
    char *bytes = xcalloc(1, 90000);
    say(&one, "PUT /ok HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n");
    say(&two, "PUT /ok HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n");
    rig_send(&one, bytes, 90000);
    rig_send(&two, bytes, 90000);
    free(bytes);
    while (!one.ended && !two.ended) {
        rig_turn(&rig);
    }
    const struct rig_client *cut = one.ended ? &one : &two;
    CHECK_INT(cut->received.size, 0);
    CHECK_INT(counters(&rig)->cut_large, 1);
    CHECK_INT(counters(&rig)->open_connections, 1);
    rig_close(&one);
    rig_close(&two);
    rig_wait(&rig, nothing_open, &rig);
    CHECK_INT(counters(&rig)->held_bytes, 0);
    rig_end(&rig);
}

static bool has_pending(void *context)
{
    return pending != NULL;
}

static void case_later_reply(void)
{
    struct http_options options = limits();
    struct rig rig;
    struct rig_client client;
    start(&rig, &options);
    rig_connect(&rig, &client);
    say(&client, GET("/later"));
    rig_wait(&rig, has_pending, NULL);
    say(&client, GET("/ok")); /* ahead of its time */
    rig_turn(&rig);
    CHECK_INT(client.received.size, 0);
    http_reply_text(pending, 200, "at last", 7);
    rig_wait_text(&rig, &client, "fine");
    CHECK_CONTAINS(strbuf_text(&client.received), "at last");
    CHECK_INT(gone, 0);
    rig_close(&client);
    rig_end(&rig);
}

static void case_large_body_behind_later(void)
{
    struct rig rig;
    struct rig_client client;
    struct http_options options = limits();
    start(&rig, &options);
    rig_connect(&rig, &client);
    say(&client, GET("/later"));
    rig_wait(&rig, has_pending, NULL);
    char *bytes = xcalloc(1, 100000);
    say(&client, "PUT /ok HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n"
                 "Content-Type: application/octet-stream\r\n\r\n");
    rig_send(&client, bytes, 100000);
    free(bytes);
    for (int i = 0; i < 100; i++) {
        rig_turn(&rig);
    }
    CHECK(counters(&rig)->held_bytes < 40000); /* reading has stopped */
    http_reply_text(pending, 200, "at last", 7);
    rig_wait_text(&rig, &client, "fine");
    rig_close(&client);
    rig_end(&rig);
}

static bool has_gone(void *context)
{
    return gone > 0;
}

static void case_client_goes(void)
{
    struct http_options options = limits();
    struct rig rig;
    struct rig_client client;
    start(&rig, &options);
    for (int i = 0; i < 50; i++) {
        gone = 0;
        rig_connect(&rig, &client);
        say(&client, GET("/later"));
        rig_wait(&rig, has_pending, NULL);
        rig_close(&client);
        rig_wait(&rig, has_gone, NULL);
        CHECK(!pending);
    }
    CHECK_INT(counters(&rig)->gone, 50);
    CHECK_INT(counters(&rig)->open_connections, 0);
    rig_end(&rig);
}

static void case_reply_as_client_goes(void)
{
    struct http_options options = limits();
    struct rig rig;
    struct rig_client client;
    start(&rig, &options);
    rig_connect(&rig, &client);
    say(&client, GET("/later"));
    rig_wait(&rig, has_pending, NULL);
    rig_close(&client);
    http_reply_text(pending, 200, "too late", 8); /* the loop has not noticed yet */
    rig_wait(&rig, nothing_open, &rig);
    CHECK_INT(gone, 0);
    rig_end(&rig);
}

static void case_later_deadline(void)
{
    struct http_options options = limits();
    struct rig rig;
    struct rig_client client;
    start(&rig, &options);
    later_ms = 50;
    rig_connect(&rig, &client);
    say(&client, GET("/later"));
    rig_wait_text(&rig, &client, "\"name\":\"timeout\"");
    CHECK_INT(rig_status(strbuf_text(&client.received)), 504);
    CHECK_INT(gone, 1);
    CHECK_INT(counters(&rig)->timed_out, 1);
    later_ms = 10000;
    say(&client, GET("/ok"));
    rig_wait_text(&rig, &client, "fine");
    rig_close(&client);
    rig_end(&rig);
}

static void case_free_with_pending(void)
{
    struct http_options options = limits();
    struct rig rig;
    struct rig_client client;
    struct rig_client listener;
    struct rig_client fresh;
    start(&rig, &options);
    rig_connect(&rig, &client);
    rig_connect(&rig, &listener);
    say(&client, GET("/later"));
    say(&listener, GET("/events"));
    rig_wait(&rig, has_pending, NULL);
    rig_wait_text(&rig, &listener, ":\n\n");
    rig_connect(&rig, &fresh);
    rig_close(&client);
    rig_close(&listener);
    rig_close(&fresh);
    rig_end(&rig); /* before the loop has seen any of that */
    CHECK_INT(gone, 1);
    CHECK_INT(closed, 1);
}

static void case_events(void)
{
    struct http_options options = limits();
    options.heartbeat_ms = 30;
    struct rig rig;
    struct rig_client client;
    start(&rig, &options);
    rig_connect(&rig, &client);
    say(&client, GET("/events"));
    rig_wait_text(&rig, &client, ":\n\n");
    CHECK_CONTAINS(strbuf_text(&client.received), "Content-Type: text/event-stream\r\n");
    CHECK(http_sse_send(stream, "usage", "7", "{\"a\":1}", 7));
    CHECK(http_sse_send(stream, NULL, NULL, "one\ntwo", 7));
    rig_wait_text(&rig, &client, "event: usage\nid: 7\ndata: {\"a\":1}\n\n");
    rig_wait_text(&rig, &client, "data: one\ndata: two\n\n");
    strbuf_clear(&client.received);
    rig_wait_text(&rig, &client, ":\n\n"); /* a heartbeat by itself */
    CHECK_INT(counters(&rig)->open_streams, 1);
    http_sse_close(stream);
    rig_wait_text(&rig, &client, "0\r\n\r\n");
    CHECK_INT(closed, 0);
    CHECK_INT(counters(&rig)->open_streams, 0);
    say(&client, GET("/ok"));
    rig_wait_text(&rig, &client, "fine");
    rig_close(&client);
    rig_end(&rig);
}

static bool has_closed(void *context)
{
    return closed > 0;
}

static void case_event_client_goes(void)
{
    struct http_options options = limits();
    struct rig rig;
    struct rig_client client;
    start(&rig, &options);
    for (int i = 0; i < 20; i++) {
        closed = 0;
        rig_connect(&rig, &client);
        say(&client, GET("/events"));
        rig_wait_text(&rig, &client, ":\n\n");
        rig_close(&client);
        rig_wait(&rig, has_closed, NULL);
    }
    CHECK_INT(counters(&rig)->open_connections, 0);
    rig_end(&rig);
}

static void case_event_client_talks(void)
{
    struct http_options options = limits();
    struct rig rig;
    struct rig_client client;
    start(&rig, &options);
    rig_connect(&rig, &client);
    say(&client, GET("/events"));
    rig_wait_text(&rig, &client, ":\n\n");
    say(&client, "more and more");
    rig_wait_end(&rig, &client);
    CHECK_INT(closed, 1);
    CHECK_INT(counters(&rig)->cut_large, 1);
    rig_close(&client);
    rig_end(&rig);
}

static void case_event_client_sleeps(void)
{
    struct http_options options = limits();
    options.max_stream_bytes = 100000;
    struct rig rig;
    struct rig_client client;
    start(&rig, &options);
    rig_connect(&rig, &client);
    say(&client, GET("/events"));
    rig_wait_text(&rig, &client, ":\n\n");
    event_del(client.readable);
    char data[1000];
    memset(data, 'x', sizeof(data));
    int sent = 0;
    while (http_sse_send(stream, NULL, NULL, data, sizeof(data)) && sent < 100000) {
        sent++;
        rig_turn(&rig);
    }
    CHECK(sent < 100000);
    rig_wait(&rig, has_closed, NULL);
    CHECK_INT(counters(&rig)->cut_slow, 1);
    rig_close(&client);
    rig_end(&rig);
}

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
    struct http_options options = limits();
    struct rig rig;
    struct rig_client idle;
    struct rig_client busy;
    struct rig_client listener;
    stopped = false;
    start(&rig, &options);
    rig_connect(&rig, &idle);
    rig_connect(&rig, &busy);
    rig_connect(&rig, &listener);
    say(&idle, GET("/ok"));
    rig_wait_text(&rig, &idle, "fine");
    say(&busy, GET("/later"));
    rig_wait(&rig, has_pending, NULL);
    say(&listener, GET("/events"));
    rig_wait_text(&rig, &listener, ":\n\n");

    http_server_stop(rig.server, 5000, on_stopped, NULL);
    CHECK(!fs_exists(rig.socket_path));
    rig_wait_end(&rig, &idle);
    rig_wait_end(&rig, &listener);
    CHECK_INT(closed, 1);
    CHECK(!stopped && !busy.ended);
    http_reply_text(pending, 200, "at last", 7);
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
    struct http_options options = limits();
    struct rig rig;
    struct rig_client busy;
    stopped = false;
    start(&rig, &options);
    rig_connect(&rig, &busy);
    say(&busy, GET("/later"));
    rig_wait(&rig, has_pending, NULL);
    http_server_stop(rig.server, 50, on_stopped, NULL);
    rig_wait(&rig, has_stopped, NULL);
    CHECK_INT(gone, 1);
    rig_close(&busy);
    rig_end(&rig);
}

static void case_stop_when_idle(void)
{
    struct http_options options = limits();
    struct rig rig;
    stopped = false;
    start(&rig, &options);
    http_server_stop(rig.server, 5000, on_stopped, NULL);
    rig_wait(&rig, has_stopped, NULL);
    rig_end(&rig);
}

static int start_at(struct rig *rig, const char *path, struct http_server **ret_server,
                    struct error *err)
{
    struct http_options options = limits();
    options.unix_path = path;
    options.own_origin = RIG_ORIGIN;
    return http_server_new(rig->base, &options, ret_server, err);
}

static void case_socket_file(void)
{
    struct http_options options = limits();
    struct rig rig;
    struct http_server *other = NULL;
    struct error err = {0};
    start(&rig, &options);
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
    struct http_options options = limits();
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

static bool has_paused(void *context)
{
    return counters(context)->paused > 0;
}

static void case_no_descriptors(void)
{
    struct http_options options = limits();
    struct rig rig;
    struct rig_client client;
    struct rlimit before;
    start(&rig, &options);
    rig_connect(&rig, &client);
    say(&client, GET("/ok"));
    getrlimit(RLIMIT_NOFILE, &before);
    struct rlimit tight = before;
    tight.rlim_cur = (rlim_t)client.fd + 1; /* the server's end would be one more */
    setrlimit(RLIMIT_NOFILE, &tight);
    rig_wait(&rig, has_paused, &rig);
    uint64_t paused = counters(&rig)->paused;
    for (int i = 0; i < 1000; i++) {
        rig_turn(&rig);
    }
    CHECK(counters(&rig)->paused <= paused + 1); /* it does not spin */
    setrlimit(RLIMIT_NOFILE, &before);
    rig_wait_text(&rig, &client, "fine");
    rig_close(&client);
    rig_end(&rig);
}

int main(void)
{
    static const struct check_case cases[] = {
        {"a dripping first line is cut", case_dripping_first_line},
        {"dripping headers are cut", case_dripping_headers},
        {"a dripping body is cut", case_dripping_body},
        {"an idle connection is ended", case_idle_is_ended},
        {"a slow reader is cut", case_slow_reader},
        {"connection limit", case_connection_limit},
        {"held bytes", case_held_bytes},
        {"a later reply", case_later_reply},
        {"a large request behind a later reply", case_large_body_behind_later},
        {"the client goes before the reply", case_client_goes},
        {"a reply as the client goes", case_reply_as_client_goes},
        {"a later reply's deadline", case_later_deadline},
        {"an end with everything open", case_free_with_pending},
        {"events", case_events},
        {"an event client goes", case_event_client_goes},
        {"an event client that talks is cut", case_event_client_talks},
        {"an event client that sleeps is cut", case_event_client_sleeps},
        {"drain", case_drain},
        {"drain has a deadline", case_drain_deadline},
        {"stop when idle", case_stop_when_idle},
        {"the socket's file", case_socket_file},
        {"loopback alone", case_loopback},
        {"no descriptors left", case_no_descriptors},
    };
    return crypto_init(NULL) < 0 || check_run(cases, ARRAY_COUNT(cases));
}
