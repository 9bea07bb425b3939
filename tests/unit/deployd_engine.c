/*
 * The Docker client: its JSON in both directions, and its manners towards an engine that is old,
 * new, slow, odd or goes away. The engine is a stub on a unix socket.
 */
#include "dialup-deployd/engine/container.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/un.h>
#include <unistd.h>

#include "dialup-deployd/engine/image.h"
#include "libdialup/base/arena.h"
#include "libdialup/base/log.h"
#include "libdialup/base/memory.h"
#include "tests/harness/check.h"

enum { PATIENCE_S = 30 };

/* Pure parts --------------------------------------------------------------------------------------
 */

static const char golden_spec[] =
    "{\"Image\":\"node:22-alpine\",\"Entrypoint\":[],\"Cmd\":[\"node\",\"a \\\"b\\\".js\"],"
    "\"Env\":[\"PORT=3000\",\"NAME=\xC3\xA4\"],\"WorkingDir\":\"/app\",\"User\":\"100007:100007\","
    "\"Labels\":{\"dialup.instance\":\"dialup\",\"dialup.owner\":\"user:7\","
    "\"dialup.kind\":\"production\",\"dialup.site\":\"7\",\"dialup.deployment\":\"12\","
    "\"dialup.generation\":\"3\"},"
    "\"HostConfig\":{\"Memory\":268435456,\"MemorySwap\":268435456,\"NanoCpus\":250000000,"
    "\"PidsLimit\":128,\"Init\":true,\"ReadonlyRootfs\":true,\"NetworkMode\":\"dialup-prod\","
    "\"UsernsMode\":\"host\","
    "\"RestartPolicy\":{\"Name\":\"no\"},\"CapDrop\":[\"ALL\"],\"CapAdd\":[\"CHOWN\"],"
    "\"SecurityOpt\":[\"no-new-privileges\"],"
    "\"Mounts\":[{\"Type\":\"bind\",\"Source\":\"/srv/7\",\"Target\":\"/app\",\"ReadOnly\":true}],"
    "\"Tmpfs\":{\"/tmp\":\"rw,nosuid,nodev,size=64m,mode=1777\"},"
    "\"LogConfig\":{\"Type\":\"json-file\",\"Config\":{\"max-size\":\"10m\",\"max-file\":\"3\"}},"
    "\"Ulimits\":[{\"Name\":\"nofile\",\"Soft\":1024,\"Hard\":4096}]}}";

static struct container_spec make_spec(void)
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

static void case_spec(void)
{
    AUTO_STRBUF struct strbuf out = STRBUF_INIT;
    struct container_spec spec = make_spec();
    container_spec_print(&spec, &out);
    CHECK_STR(strbuf_text(&out), golden_spec);
    /* What is left to the image is not said at all. */
    spec.argv = NULL;
    spec.working_dir = NULL;
    spec.uid = -1;
    strbuf_clear(&out);
    container_spec_print(&spec, &out);
    static const char *const absent[] = {"Entrypoint", "Cmd", "WorkingDir", "User"};
    for (size_t i = 0; i < ARRAY_COUNT(absent); i++) {
        CHECK(!strstr(strbuf_text(&out), absent[i]));
    }
}

static void case_list_parse(void)
{
    static const char json[] =
        "[{\"Id\":\"abc\",\"State\":\"running\",\"Labels\":{\"dialup.site\":\"7\","
        "\"dialup.deployment\":\"12\",\"dialup.generation\":\"3\",\"dialup.owner\":\"user:7\","
        "\"dialup.kind\":\"production\"},\"New\":{\"x\":[1]}},"
        "{\"Id\":\"def\",\"State\":\"created\",\"Labels\":{\"dialup.site\":\"-1\","
        "\"dialup.deployment\":\"99999999999999999999\"}},"
        "{\"Id\":\"ghi\",\"State\":\"exited\"},{\"Id\":\"jkl\",\"State\":\"paused\",\"Labels\":"
        "null},"
        "{},7]";
    static const struct {
        const char *id;
        int64_t site_id, deployment_id;
        bool is_running, was_started;
    } wanted[] = {
        {"abc", 7, 12, true, true}, {"def", 0, 0, false, false}, {"ghi", 0, 0, false, true},
        {"jkl", 0, 0, true, true},  {"", 0, 0, false, true},     {"", 0, 0, false, true},
    };
    AUTO_ARENA struct arena *arena = arena_new();
    const struct container *list;
    size_t count = 0;
    struct error err;
    CHECK_INT(container_list_parse(arena, json, strlen(json), &list, &count, &err), 0);
    if (!CHECK_INT(count, ARRAY_COUNT(wanted))) {
        return;
    }
    for (size_t i = 0; i < count; i++) {
        CHECK_STR(list[i].id, wanted[i].id);
        CHECK_INT(list[i].site_id, wanted[i].site_id);
        CHECK_INT(list[i].deployment_id, wanted[i].deployment_id);
        CHECK_INT(list[i].is_running, wanted[i].is_running);
        CHECK_INT(list[i].was_started, wanted[i].was_started);
    }
    CHECK_INT(list[0].generation, 3);
    CHECK_STR(list[0].owner, "user:7");
    CHECK_STR(list[0].kind, "production");
    static const char *const bad[] = {"", "{}", "[", "null", "<html>"};
    for (size_t i = 0; i < ARRAY_COUNT(bad); i++) {
        CHECK_INT(container_list_parse(arena, bad[i], strlen(bad[i]), &list, &count, &err),
                  -ERR_UNAVAILABLE);
    }
}

static void case_image_list_parse(void)
{
    static const char json[] =
        "[{\"Id\":\"sha256:a\",\"RepoTags\":[\"d-site7:12-x\",\"d-site7:12-y\"],\"Labels\":{"
        "\"dialup.site\":\"7\",\"dialup.deployment\":\"12\",\"dialup.owner\":\"user:7\"}},"
        "{\"Id\":\"sha256:b\",\"RepoTags\":[\"<none>:<none>\",5],\"Labels\":{\"dialup.site\":\"x\"}"
        "},"
        "{\"Id\":\"sha256:c\",\"RepoTags\":null,\"Labels\":null},7]";
    AUTO_ARENA struct arena *arena = arena_new();
    const struct image *list;
    size_t count = 0;
    struct error err;
    CHECK_INT(image_list_parse(arena, json, strlen(json), &list, &count, &err), 0);
    if (!CHECK_INT(count, 4)) {
        return;
    }
    CHECK_INT(list[0].tag_count, 2);
    CHECK_STR(list[0].tags[1], "d-site7:12-y");
    CHECK_INT(list[0].site_id, 7);
    CHECK_INT(list[0].deployment_id, 12);
    CHECK_STR(list[0].owner, "user:7");
    for (size_t i = 1; i < count; i++) {
        CHECK_INT(list[i].tag_count, 0);
        CHECK_INT(list[i].site_id, 0);
        CHECK_STR(list[i].owner, "");
    }
    CHECK_INT(image_list_parse(arena, "{}", 2, &list, &count, &err), -ERR_UNAVAILABLE);
}

static void case_detail_parse(void)
{
    static const char json[] =
        "{\"State\":{\"Status\":\"exited\",\"Running\":false,\"OOMKilled\":true,\"ExitCode\":137,"
        "\"Pid\":0},\"HostConfig\":{\"Memory\":268435456,\"NanoCpus\":250000000,\"PidsLimit\":128},"
        "\"NetworkSettings\":{\"Networks\":{\"dialup-prod\":{\"IPAddress\":\"172.20.0.5\"},"
        "\"other\":{\"IPAddress\":\"255.255.255.255.255\"}}}}";
    AUTO_ARENA struct arena *arena = arena_new();
    struct container_detail detail;
    struct error err;
    CHECK_INT(container_detail_parse(arena, json, strlen(json), "dialup-prod", &detail, &err), 0);
    CHECK(!detail.is_running && detail.was_started && detail.was_oom_killed);
    CHECK_INT(detail.exit_code, 137);
    CHECK_INT(detail.memory_bytes, 268435456);
    CHECK_INT(detail.cpu_millicores, 250);
    CHECK_INT(detail.pids, 128);
    CHECK_STR(detail.address, "172.20.0.5");
    static const char *const networks[] = {"missing", NULL};
    for (size_t i = 0; i < ARRAY_COUNT(networks); i++) {
        CHECK_INT(container_detail_parse(arena, json, strlen(json), networks[i], &detail, &err), 0);
        CHECK_STR(detail.address, "");
    }
    CHECK_INT(container_detail_parse(arena, "{}", 2, "x", &detail, &err), 0);
    CHECK(!detail.is_running);
    CHECK_INT(container_detail_parse(arena, "{", 1, "x", &detail, &err), -ERR_UNAVAILABLE);
}

#define FRAME(stream, size, text) stream "\0\0\0\0\0\0" size text

static void case_unframe(void)
{
    static const char stream[] = FRAME("\1", "\3", "out") FRAME("\2", "\4", "err\n")
        FRAME("\1", "\0", "") FRAME("\1", "\2", "ab");
    static const char *const wanted[] = {"", "o", "ou", "out"};
    size_t size = sizeof(stream) - 1;
    AUTO_STRBUF struct strbuf out = STRBUF_INIT;
    container_unframe(stream, size, &out);
    CHECK_STR(strbuf_text(&out), "outerr\nab");
    /* Cut anywhere: what is there of the text, and nothing of a header. */
    for (size_t cut = 0; cut <= size; cut++) {
        AUTO_FREE char *copy = xmalloc(cut); /* so that the sanitizer sees a read past it */
        memcpy(copy, stream, cut);
        strbuf_clear(&out);
        container_unframe(copy, cut, &out);
        CHECK(strncmp("outerr\nab", strbuf_text(&out), out.size) == 0);
        if (cut <= 11) {
            CHECK_STR(strbuf_text(&out), wanted[cut < 8 ? 0 : cut - 8]);
        }
    }
    static const char huge[] = "\1\0\0\0\xFF\xFF\xFF\xFFxyz";
    strbuf_clear(&out);
    container_unframe(huge, sizeof(huge) - 1, &out);
    CHECK_STR(strbuf_text(&out), "xyz");
}

static void case_versions(void)
{
    static const struct {
        const char *told;
        int minor; /* 0: refused */
    } rows[] = {
        {"1.40", 0},  {"1.41", 41}, {"1.44", 44}, {"1.47", 47},  {"1.52", 47}, {"1.99", 47},
        {"1.24", 0},  {"2.0", 0},   {"", 0},      {"1.", 0},     {"1.x", 0},   {"1.44.1", 0},
        {"1.-44", 0}, {"44", 0},    {"1", 0},     {"1.9999", 0},
    };
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        int minor = 0;
        struct error err;
        int result = engine_choose_version(rows[i].told, &minor, &err);
        bool good = CHECK_INT(minor, rows[i].minor);
        good = CHECK_INT(result, rows[i].minor ? 0 : -ERR_UNSUPPORTED) && good;
        if (!good) {
            printf("# \"%s\"\n", rows[i].told);
        }
    }
}

static void case_escape(void)
{
    AUTO_STRBUF struct strbuf out = STRBUF_INIT;
    engine_escape(&out, "aZ0-_.~ /?#%&=\"{\xC3\xA4");
    CHECK_STR(strbuf_text(&out), "aZ0-_.~%20%2F%3F%23%25%26%3D%22%7B%C3%A4");
}

/* The stub ----------------------------------------------------------------------------------------
 */

#define PONG(version) "HTTP/1.1 200 OK\r\nApi-Version: " version "\r\nContent-Length: 2\r\n\r\nOK"
#define ANSWER(status, length, body)                                                               \
    "HTTP/1.1 " status "\r\nContent-Length: " length "\r\n\r\n" body
#define EMPTY_LIST ANSWER("200 OK", "2", "[]")

static struct stub {
    struct event_base *base;
    struct evconnlistener *listener;
    char path[64];
    const char *pong;   /* "" hangs */
    const char *answer; /* to everything else */
    bool closes;        /* after an answer that is no pong */
    int64_t filler;     /* bytes after the answer */
    int pings, calls;
    char last_line[512];
    char last_body[2048];
    struct bufferevent *open[64];
    int open_count;
    struct engine *engine;
} stub;

static struct {
    int ends, status;
    enum error_code code;
    char message[400];
    char body[200];
    size_t count;
    bool asks_again;
} seen;

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

static void stub_listen(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    str_copy(address.sun_path, sizeof(address.sun_path), stub.path);
    unlink(stub.path);
    stub.listener = evconnlistener_new_bind(stub.base, on_accept, NULL, LEV_OPT_CLOSE_ON_FREE, 16,
                                            (struct sockaddr *)&address, sizeof(address));
    ASSERT(stub.listener);
}

static void stub_vanish(void)
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

static void stub_start(const char *pong, const char *text)
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

static void stub_end(void)
{
    engine_close(stub.engine);
    stub_vanish();
    event_base_free(stub.base);
}

static void note(int status, const struct error *err)
{
    seen.ends++;
    seen.status = status;
    seen.code = err ? err->code : ERR_OK;
    str_copy(seen.message, sizeof(seen.message), err ? err->message : "");
    event_base_loopbreak(stub.base);
}

static void start_call(int64_t timeout_ms);

static void on_done(void *context, int status, const char *body, size_t size,
                    const struct error *err)
{
    str_copy(seen.body, sizeof(seen.body), body);
    note(status, err);
    if (seen.asks_again) {
        start_call(0);
    }
}

static void start_call(int64_t timeout_ms)
{
    const struct engine_request request = {
        .method = "GET", .path = "/info", .timeout_ms = timeout_ms, .on_done = on_done};
    engine_start(stub.engine, &request);
}

/* Runs the loop until so many calls have ended. */
static void wait_for(int ends)
{
    struct timeval patience = {PATIENCE_S, 0};
    event_base_loopexit(stub.base, &patience);
    while (seen.ends < ends && !event_base_got_exit(stub.base)) {
        event_base_dispatch(stub.base);
    }
    CHECK_INT(seen.ends, ends);
}

static void case_negotiation(void)
{
    static const struct {
        const char *pong, *line;
        enum error_code code;
    } rows[] = {
        {PONG("1.41"), "GET /v1.41/info HTTP/1.1", ERR_OK},
        {PONG("1.44"), "GET /v1.44/info HTTP/1.1", ERR_OK},
        {PONG("1.52"), "GET /v1.47/info HTTP/1.1", ERR_OK},
        {PONG("1.40"), "", ERR_UNSUPPORTED},
        {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK", "", ERR_UNSUPPORTED},
        {"HTTP/1.1 200 OK\r\napi-version: 1.43\r\nContent-Length: 2\r\n\r\nOK",
         "GET /v1.43/info HTTP/1.1", ERR_OK},
        {"SSH-2.0-OpenSSH\r\n", "", ERR_UNAVAILABLE},
    };
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        stub_start(rows[i].pong, EMPTY_LIST);
        start_call(0);
        start_call(0);
        CHECK_INT(seen.ends, 0); /* never before it returns */
        wait_for(2);
        bool good = CHECK_INT(seen.code, rows[i].code);
        good = CHECK_STR(stub.last_line, rows[i].line) && good;
        good = CHECK_INT(stub.pings, 1) && good;
        if (!good) {
            printf("# row %zu\n", i);
        }
        stub_end();
    }
}

static void case_answers(void)
{
    static const struct {
        const char *answer;
        bool closes;
        enum error_code code;
        const char *message;
    } rows[] = {
        {ANSWER("200 OK", "2", "{}"), false, ERR_OK, ""},
        {ANSWER("404 Not Found", "21", "{\"message\":\"no such\"}"), false, ERR_NOT_FOUND,
         "Docker refused (404): no such"},
        {ANSWER("409 Conflict", "2", "{}"), false, ERR_CONFLICT, "no reason given"},
        {ANSWER("400 Bad", "4", "oops"), false, ERR_INVALID_ARGUMENT, "no reason given"},
        {ANSWER("500 x", "0", ""), false, ERR_INTERNAL, "Docker refused (500)"},
        {ANSWER("503 x", "0", ""), false, ERR_UNAVAILABLE, "Docker refused (503)"},
        {ANSWER("200 OK", "100", "half"), true, ERR_UNAVAILABLE, "does not answer"},
        {"", true, ERR_UNAVAILABLE, "does not answer"},
    };
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        stub_start(PONG("1.44"), rows[i].answer);
        stub.closes = rows[i].closes;
        start_call(0);
        wait_for(1);
        bool good = CHECK_INT(seen.code, rows[i].code);
        good = CHECK_CONTAINS(seen.message, rows[i].message) && good;
        if (!good) {
            printf("# row %zu\n", i);
        }
        stub_end();
    }
}

static void case_hangs(void)
{
    stub_start(PONG("1.44"), "");
    start_call(200);
    wait_for(1);
    CHECK_INT(seen.code, ERR_TIMEOUT);
    CHECK_CONTAINS(seen.message, stub.path);
    /* A slow call says nothing about the version. */
    stub.answer = EMPTY_LIST;
    start_call(0);
    wait_for(2);
    CHECK_INT(seen.code, ERR_OK);
    CHECK_INT(stub.pings, 1);
    stub_end();
}

static void case_too_large(void)
{
    stub_start(PONG("1.44"), "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");
    stub.filler = ENGINE_MAX_ANSWER_BYTES + 100000;
    start_call(0);
    wait_for(1);
    CHECK_INT(seen.code, ERR_TOO_LARGE);
    stub_end();
}

static void case_absent(void)
{
    stub_start(PONG("1.44"), EMPTY_LIST);
    stub_vanish();
    start_call(0);
    start_call(0);
    wait_for(2);
    CHECK_INT(seen.code, ERR_UNAVAILABLE);
    CHECK_CONTAINS(seen.message, stub.path);
    /* It comes: no new client is needed. */
    stub_listen();
    start_call(0);
    wait_for(3);
    CHECK_INT(seen.code, ERR_OK);
    stub_end();
}

static void case_asking_again_at_once(void)
{
    stub_start(PONG("1.44"), EMPTY_LIST);
    stub_vanish();
    seen.asks_again = true;
    start_call(0);
    wait_for(3); /* each refusal comes from a ping of its own: the loop goes on */
    CHECK_INT(seen.code, ERR_UNAVAILABLE);
    seen.asks_again = false;
    stub_listen();
    wait_for(4);
    stub_end();
}

static void case_replaced(void)
{
    stub_start(PONG("1.47"), EMPTY_LIST);
    start_call(0);
    wait_for(1);
    CHECK_STR(stub.last_line, "GET /v1.47/info HTTP/1.1");
    /* It goes away in the middle of an answer and comes back older. */
    stub.answer = ANSWER("200 OK", "100", "half");
    stub.closes = true;
    start_call(0);
    wait_for(2);
    CHECK_INT(seen.code, ERR_UNAVAILABLE);
    stub_vanish();
    stub_listen();
    stub.pong = PONG("1.41");
    stub.answer = EMPTY_LIST;
    stub.closes = false;
    start_call(0);
    wait_for(3);
    CHECK_INT(seen.code, ERR_OK);
    CHECK_STR(stub.last_line, "GET /v1.41/info HTTP/1.1");
    stub_end();
}

static void case_cancel(void)
{
    const struct engine_request request = {.method = "GET", .path = "/info", .on_done = on_done};
    stub_start(PONG("1.44"), EMPTY_LIST);
    engine_cancel(NULL);
    engine_cancel(engine_start(stub.engine, &request)); /* before the version is known */
    start_call(0);
    wait_for(1);
    CHECK_INT(stub.calls, 1);
    stub.answer = "";
    struct engine_call *call = engine_start(stub.engine, &request);
    while (stub.calls < 2) {
        event_base_loop(stub.base, EVLOOP_ONCE);
    }
    engine_cancel(call);
    engine_start(stub.engine, &request); /* open when the engine is closed */
    event_base_loop(stub.base, EVLOOP_NONBLOCK);
    CHECK_INT(seen.ends, 1);
    stub_end();
}

static bool refuse_data(void *context, const char *data, size_t size)
{
    return false;
}

static void count_drop(void *context)
{
    ++*(int *)context;
}

/* A call that we cut off ourselves says so; one that never ends is dropped, once. */
static void case_cut_off(void)
{
    int drops = 0;
    struct engine_request request = {.method = "GET",
                                     .path = "/events",
                                     .on_data = refuse_data,
                                     .on_done = on_done,
                                     .on_drop = count_drop,
                                     .context = &drops};
    stub_start(PONG("1.44"), ANSWER("200 OK", "4", "line"));
    engine_start(stub.engine, &request);
    wait_for(1);
    CHECK_INT(seen.code, ERR_CONFLICT);
    CHECK_CONTAINS(seen.message, "cut off by ourselves");
    CHECK_INT(drops, 0);
    engine_cancel(engine_start(stub.engine, &request));
    CHECK_INT(drops, 1);
    engine_start(stub.engine, &request);
    container_list(stub.engine, "dialup", 0, NULL, NULL); /* nothing of it leaks */
    stub_end();
    CHECK_INT(drops, 2);
}

/* What is asked of containers ---------------------------------------------------------------------
 */

static void on_list(void *context, const struct container *list, size_t count,
                    const struct error *err)
{
    seen.count = count;
    note(0, err);
}

static void on_id(void *context, const char *id, const struct error *err)
{
    str_copy(seen.body, sizeof(seen.body), id);
    note(0, err);
}

static void on_simple(void *context, const struct error *err)
{
    note(0, err);
}

static void on_logs(void *context, const char *text, size_t size, const struct error *err)
{
    str_copy(seen.body, sizeof(seen.body), text);
    note(0, err);
}

static void case_list(void)
{
    stub_start(PONG("1.44"), ANSWER("200 OK", "24", "[{\"Id\":\"a\"},{\"Id\":\"b\"}] "));
    container_list(stub.engine, "dialup", 7, on_list, NULL);
    wait_for(1);
    CHECK_INT(seen.count, 2);
    CHECK_STR(stub.last_line,
              "GET /v1.44/containers/json?all=1&filters=%7B%22label%22%3A%5B%22dialup.instance%3D"
              "dialup%22%2C%22dialup.site%3D7%22%5D%7D HTTP/1.1");
    stub.answer = ANSWER("200 OK", "4", "what");
    container_list(stub.engine, "dialup", 0, on_list, NULL);
    wait_for(2);
    CHECK_INT(seen.code, ERR_UNAVAILABLE);
    CHECK_INT(seen.count, 0);
    stub_end();
}

static void case_create(void)
{
    struct container_spec spec = make_spec();
    stub_start(PONG("1.44"), ANSWER("201 Created", "12", "{\"Id\":\"abc\"}"));
    container_create(stub.engine, &spec, on_id, NULL);
    wait_for(1);
    CHECK_STR(seen.body, "abc");
    CHECK_STR(stub.last_line, "POST /v1.44/containers/create?name=dialup-7-12 HTTP/1.1");
    CHECK_STR(stub.last_body, golden_spec);
    stub_end();
}

static void case_update(void)
{
    stub_start(PONG("1.44"), ANSWER("200 OK", "2", "{}"));
    container_update(stub.engine, "abc", 512, 1500, on_simple, NULL);
    wait_for(1);
    CHECK_STR(stub.last_line, "POST /v1.44/containers/abc/update HTTP/1.1");
    CHECK_STR(stub.last_body,
              "{\"Memory\":536870912,\"MemorySwap\":536870912,\"NanoCpus\":1500000000}");
    stub_end();
}

static void case_remove(void)
{
    static const struct {
        const char *answer;
        enum error_code code;
    } rows[] = {
        {"HTTP/1.1 204 No Content\r\n\r\n", ERR_OK},
        {ANSWER("404 Not Found", "2", "{}"), ERR_OK}, /* gone is gone */
        {ANSWER("503 x", "2", "{}"), ERR_UNAVAILABLE},
    };
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        stub_start(PONG("1.44"), rows[i].answer);
        container_remove(stub.engine, "abc", 10, on_simple, NULL);
        wait_for(1);
        CHECK_INT(seen.code, rows[i].code);
        CHECK_INT(stub.calls, 2);
        CHECK_STR(stub.last_line, "DELETE /v1.44/containers/abc?force=1&v=1 HTTP/1.1");
        stub_end();
    }
}

static void case_logs(void)
{
    stub_start(PONG("1.44"), ANSWER("404 Not Found", "2", "{}"));
    container_logs(stub.engine, "abc", 20, on_logs, NULL);
    wait_for(1);
    CHECK_INT(seen.code, ERR_NOT_FOUND);
    CHECK_STR(seen.body, "");
    CHECK_STR(stub.last_line, "GET /v1.44/containers/abc/logs?stdout=1&stderr=1&tail=20 HTTP/1.1");
    stub_end();
}

static void case_network(void)
{
    static const struct {
        const char *answer;
        enum error_code code;
    } rows[] = {
        {ANSWER("201 Created", "2", "{}"), ERR_OK},
        {ANSWER("409 Conflict", "2", "{}"), ERR_OK}, /* it is there */
        {ANSWER("403 Forbidden", "2", "{}"), ERR_UNAVAILABLE},
    };
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        stub_start(PONG("1.44"), rows[i].answer);
        container_ensure_network(stub.engine, "dialup", "dialup-prod", "dup0", on_simple, NULL);
        wait_for(1);
        CHECK_INT(seen.code, rows[i].code);
        CHECK_CONTAINS(stub.last_body, "\"com.docker.network.bridge.enable_icc\":\"false\"");
        CHECK_CONTAINS(stub.last_body, "\"dialup.instance\":\"dialup\"");
        stub_end();
    }
}

static void case_wait(void)
{
    AUTO_STRBUF struct strbuf body = STRBUF_INIT;
    const struct engine_request request = {.method = "GET", .path = "/info"};
    struct error err = {0};
    stub_start(PONG("1.44"), ANSWER("200 OK", "5", "hello"));
    CHECK_INT(engine_wait(stub.engine, stub.base, &request, &body, &err), 0);
    CHECK_STR(strbuf_text(&body), "hello");
    stub.answer = ANSWER("404 x", "2", "{}");
    CHECK_INT(engine_wait(stub.engine, stub.base, &request, NULL, &err), -ERR_NOT_FOUND);
    CHECK_INT(err.code, ERR_NOT_FOUND);
    stub_end();
}

int main(void)
{
    static const struct check_case cases[] = {
        {"a container as JSON", case_spec},
        {"a list of containers", case_list_parse},
        {"a list of images", case_image_list_parse},
        {"a container in detail", case_detail_parse},
        {"frames of a log", case_unframe},
        {"versions", case_versions},
        {"paths are escaped", case_escape},
        {"the version is agreed on first", case_negotiation},
        {"answers, refusals, half answers", case_answers},
        {"an engine that hangs", case_hangs},
        {"an answer that is too large", case_too_large},
        {"an engine that is not there yet", case_absent},
        {"who asks again at once does not spin", case_asking_again_at_once},
        {"an engine that comes back as another version", case_replaced},
        {"cancelled calls", case_cancel},
        {"calls that are cut off", case_cut_off},
        {"list", case_list},
        {"create", case_create},
        {"update", case_update},
        {"remove", case_remove},
        {"logs", case_logs},
        {"networks", case_network},
        {"waiting for one request", case_wait},
    };
    signal(SIGPIPE, SIG_IGN);
    return check_run(cases, ARRAY_COUNT(cases));
}
