/*
 * The stub and its engine; see the header. Used by the tests of the Docker client.
 */
#include "tests/unit/engine_rig.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/listener.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "libdialup/base/log.h"
#include "libdialup/base/memory.h"
#include "libdialup/base/str.h"
#include "tests/harness/check.h"

enum { PATIENCE_S = 30 };

const char golden_spec[] =
    "{\"Image\":\"node:22-alpine\",\"Entrypoint\":[],\"Cmd\":[\"node\",\"a \\\"b\\\".js\"],"
    "\"Env\":[\"PORT=3000\",\"NAME=\xC3\xA4\"],\"WorkingDir\":\"/app\",\"User\":\"100007:100007\","
    "\"Labels\":{\"dialup.instance\":\"dialup\",\"dialup.owner\":\"user:7\","
    "\"dialup.kind\":\"production\",\"dialup.site\":\"7\",\"dialup.deployment\":\"12\","
    "\"dialup.generation\":\"3\"},"
    "\"Healthcheck\":{\"Test\":[\"NONE\"]},"
    "\"HostConfig\":{\"Memory\":268435456,\"MemorySwap\":268435456,\"NanoCpus\":250000000,"
    "\"CpuShares\":256,\"PidsLimit\":128,\"Init\":true,\"ReadonlyRootfs\":true,\"NetworkMode\":"
    "\"dialup-prod\","
    "\"UsernsMode\":\"host\","
    "\"RestartPolicy\":{\"Name\":\"no\"},\"CapDrop\":[\"ALL\"],\"CapAdd\":[\"CHOWN\"],"
    "\"SecurityOpt\":[\"no-new-privileges\"],"
    "\"Mounts\":[{\"Type\":\"bind\",\"Source\":\"/srv/7\",\"Target\":\"/app\",\"ReadOnly\":true}],"
    "\"Tmpfs\":{\"/tmp\":\"rw,nosuid,nodev,size=64m,mode=1777\"},"
    "\"LogConfig\":{\"Type\":\"json-file\",\"Config\":{\"max-size\":\"10m\",\"max-file\":\"3\"}},"
    "\"Ulimits\":[{\"Name\":\"nofile\",\"Soft\":1024,\"Hard\":4096}]}}";

struct container_spec make_spec(void)
{
    static const char *const argv[] = {"node", "a \"b\".js"};
    static const char *const environment[] = {"PORT=3000", "NAME=\xC3\xA4"};
    static const char *const tmpfs[] = {"/tmp"};
    static const char *const capabilities[] = {"CHOWN"};
    static const struct container_mount mounts[] = {{"/srv/7", "/app", true}};
    return (struct container_spec){
        .name = "dialup-7-12",
        .image = "node:22-alpine",
        .argv = argv,
        .argv_count = ARRAY_COUNT(argv),
        .environment = environment,
        .environment_count = ARRAY_COUNT(environment),
        .working_dir = "/app",
        .uid = 100007,
        .network = "dialup-prod",
        .memory_mib = 256,
        .cpu_millicores = 250,
        .pids = 128,
        .has_read_only_root = true,
        .mounts = mounts,
        .mount_count = ARRAY_COUNT(mounts),
        .capabilities = capabilities,
        .capability_count = ARRAY_COUNT(capabilities),
        .tmpfs = tmpfs,
        .tmpfs_count = ARRAY_COUNT(tmpfs),
        .instance = "dialup",
        .owner = "user:7",
        .kind = "production",
        .site_id = 7,
        .deployment_id = 12,
        .generation = 3,
    };
}

struct stub stub;

struct seen seen;

static void on_sent_close(struct bufferevent *connection, void *context)
{
    shutdown(bufferevent_getfd(connection), SHUT_RDWR);
}

static void answer(struct bufferevent *connection, bool is_ping)
{
    const char *text = is_ping ? stub.pong : stub.answer;
    bufferevent_write(connection, text, strlen(text));
    if (!is_ping && stub.filler > 0) {
        char chunk[4096];
        memset(chunk, ' ', sizeof(chunk));
        for (int64_t left = stub.filler; left > 0; left -= (int64_t)sizeof(chunk)) {
            bufferevent_write(connection, chunk, sizeof(chunk));
        }
    }
    if (!is_ping && stub.closes) {
        bufferevent_setcb(connection, NULL, on_sent_close, NULL, NULL);
        if (!*text) {
            on_sent_close(connection, NULL);
        }
    }
}

static void on_request(struct bufferevent *connection, void *context)
{
    char text[8192];
    size_t size = evbuffer_get_length(bufferevent_get_input(connection));
    if (size >= sizeof(text)) {
        return;
    }
    evbuffer_copyout(bufferevent_get_input(connection), text, size);
    text[size] = '\0';
    const char *end = strstr(text, "\r\n\r\n");
    const char *length = strstr(text, "Content-Length: ");
    if (!end || strlen(end + 4) < (length ? (size_t)atoi(length + 16) : 0)) {
        return;
    }
    evbuffer_drain(bufferevent_get_input(connection), size);
    bool is_ping = str_starts_with(text, "GET /_ping ");
    stub.pings += is_ping;
    stub.calls += !is_ping;
    if (!is_ping) {
        str_copy(stub.last_body, sizeof(stub.last_body), end + 4);
        text[strcspn(text, "\r")] = '\0';
        str_copy(stub.last_line, sizeof(stub.last_line), text);
    }
    answer(connection, is_ping);
}

static void on_accept(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *peer,
                      int peer_size, void *context)
{
    ASSERT(stub.open_count < (int)ARRAY_COUNT(stub.open));
    struct bufferevent *connection = bufferevent_socket_new(stub.base, fd, BEV_OPT_CLOSE_ON_FREE);
    bufferevent_setcb(connection, on_request, NULL, NULL, NULL);
    bufferevent_enable(connection, EV_READ | EV_WRITE);
    stub.open[stub.open_count++] = connection;
}

void stub_listen(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    str_copy(address.sun_path, sizeof(address.sun_path), stub.path);
    unlink(stub.path);
    stub.listener = evconnlistener_new_bind(stub.base, on_accept, NULL, LEV_OPT_CLOSE_ON_FREE, 16,
                                            (struct sockaddr *)&address, sizeof(address));
    ASSERT(stub.listener);
}

void stub_vanish(void)
{
    for (int i = 0; i < stub.open_count; i++) {
        bufferevent_free(stub.open[i]);
    }
    stub.open_count = 0;
    if (stub.listener) {
        evconnlistener_free(stub.listener);
    }
    stub.listener = NULL;
    unlink(stub.path);
}

void stub_start(const char *pong, const char *text)
{
    memset(&stub, 0, sizeof(stub));
    memset(&seen, 0, sizeof(seen));
    stub.base = event_base_new();
    stub.pong = pong;
    stub.answer = text;
    snprintf(stub.path, sizeof(stub.path), "/tmp/dialup-engine-%d.sock", (int)getpid());
    stub_listen();
    struct error err;
    ASSERT(engine_open(stub.base, stub.path, &stub.engine, &err) == 0);
}

void stub_end(void)
{
    engine_close(stub.engine);
    stub_vanish();
    event_base_free(stub.base);
}

void note(int status, const struct error *err)
{
    seen.ends++;
    seen.status = status;
    seen.code = err ? err->code : ERR_OK;
    str_copy(seen.message, sizeof(seen.message), err ? err->message : "");
    event_base_loopbreak(stub.base);
}

void on_done(void *context, int status, const char *body, size_t size, const struct error *err)
{
    str_copy(seen.body, sizeof(seen.body), body);
    note(status, err);
    if (seen.asks_again) {
        start_call(0);
    }
}

void start_call(int64_t timeout_ms)
{
    const struct engine_request request = {
        .method = "GET", .path = "/info", .timeout_ms = timeout_ms, .on_done = on_done};
    engine_start(stub.engine, &request);
}

void wait_for(int ends)
{
    struct timeval patience = {PATIENCE_S, 0};
    event_base_loopexit(stub.base, &patience);
    while (seen.ends < ends && !event_base_got_exit(stub.base)) {
        event_base_dispatch(stub.base);
    }
    CHECK_INT(seen.ends, ends);
}
