/*
 * The Docker client against an engine that is old, new, slow, odd or dies: a stub on a unix socket.
 */
#include "dialup-deployd/docker/client.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/un.h>
#include <unistd.h>

#include "dialup-deployd/docker/containers.h"
#include "dialup-deployd/docker/events.h"
#include "dialup-deployd/docker/sync.h"
#include "libdialup/base/log.h"
#include "libdialup/base/memory.h"
#include "tests/harness/check.h"

#define PONG(version) "HTTP/1.1 200 OK\r\nApi-Version: " version "\r\nContent-Length: 2\r\n\r\nOK"
#define EMPTY_LIST "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]"

/* What it says: "" hangs. `closes` after the second kind of answer. */
static struct stub {
    struct event_base *base;
    struct evconnlistener *listener;
    char path[64];
    const char *pong;
    const char *answer;
    bool closes;
    int pings, calls;
    char last_line[512];
    struct bufferevent *open[64];
    int open_count;
} stub;

static struct docker_client *client;
static struct docker_wait waiting;

static void on_sent(struct bufferevent *bev, void *arg)
{
    if (stub.closes && stub.calls > 0) {
        bufferevent_setcb(bev, NULL, NULL, NULL, NULL);
        shutdown(bufferevent_getfd(bev), SHUT_RDWR);
    }
}

static void on_read(struct bufferevent *bev, void *arg)
{
    struct evbuffer *input = bufferevent_get_input(bev);
    struct evbuffer_ptr end;
    while ((end = evbuffer_search(input, "\r\n\r\n", 4, NULL)).pos >= 0) {
        size_t size = (size_t)end.pos + 4;
        AUTO_FREE char *head = xcalloc(1, size + 1);
        evbuffer_remove(input, head, size);
        bool is_ping = strncmp(head, "GET /_ping ", 11) == 0;
        stub.pings += is_ping;
        stub.calls += !is_ping;
        if (!is_ping) {
            head[strcspn(head, "\r")] = '\0';
            str_copy(stub.last_line, sizeof(stub.last_line), head);
        }
        const char *answer = is_ping ? stub.pong : stub.answer;
        bufferevent_write(bev, answer, strlen(answer));
    }
}

static void on_event(struct bufferevent *bev, short what, void *arg)
{
    bufferevent_disable(bev, EV_READ | EV_WRITE);
}

static void on_accept(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *address,
                      int size, void *arg)
{
    ASSERT(stub.open_count < 64);
    struct bufferevent *bev = bufferevent_socket_new(stub.base, fd, BEV_OPT_CLOSE_ON_FREE);
    stub.open[stub.open_count++] = bev;
    bufferevent_setcb(bev, on_read, on_sent, on_event, NULL);
    bufferevent_enable(bev, EV_READ | EV_WRITE);
}

static void setup(const char *pong, const char *answer)
{
    memset(&stub, 0, sizeof(stub));
    stub.base = event_base_new();
    stub.pong = pong;
    stub.answer = answer;
    snprintf(stub.path, sizeof(stub.path), "/tmp/docker-stub-%d.sock", (int)getpid());
    unlink(stub.path);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    str_copy(address.sun_path, sizeof(address.sun_path), stub.path);
    stub.listener = evconnlistener_new_bind(stub.base, on_accept, NULL, LEV_OPT_CLOSE_ON_FREE, 64,
                                            (struct sockaddr *)&address, sizeof(address));
    ASSERT(stub.listener);
    ASSERT(docker_client_open(stub.base, stub.path, &client, NULL) == 0);
    waiting = (struct docker_wait){.base = stub.base};
}

static void teardown(void)
{
    docker_client_close(client);
    evconnlistener_free(stub.listener);
    for (int i = 0; i < stub.open_count; i++) {
        bufferevent_free(stub.open[i]);
    }
    event_base_free(stub.base);
    unlink(stub.path);
}

static void on_answer(void *arg, const struct docker_answer *answer, const struct error *err)
{
    docker_wait_done(arg, err);
}

static struct docker_request *ask(int timeout_ms)
{
    return docker_request(client, &(struct docker_call){
                                      .method = "GET",
                                      .path = (const char *[]){"containers", "a/b", "json", NULL},
                                      .query = (struct docker_query[]){{"q", "1&2"}, {0}},
                                      .action = "describe the container",
                                      .timeout_ms = timeout_ms,
                                      .on_done = on_answer,
                                      .arg = &waiting,
                                  });
}

static void case_versions(void)
{
    static const struct {
        const char *pong;
        int wanted;
        const char *line;
    } rows[] = {
        {PONG("1.41"), 0, "GET /v1.41/containers/a%2Fb/json?q=1%262 HTTP/1.1"},
        {PONG("1.44"), 0, "GET /v1.44/containers/a%2Fb/json?q=1%262 HTTP/1.1"},
        {PONG("1.47"), 0, "GET /v1.47/containers/a%2Fb/json?q=1%262 HTTP/1.1"},
        {PONG("1.52"), 0, "GET /v1.47/containers/a%2Fb/json?q=1%262 HTTP/1.1"},
        {PONG("1.40"), -ERR_UNSUPPORTED, ""},
        {PONG("1.9"), -ERR_UNSUPPORTED, ""},
        {PONG("2.0"), -ERR_UNAVAILABLE, ""},
        {PONG(""), -ERR_UNAVAILABLE, ""},
        {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK", -ERR_UNAVAILABLE, ""},
        {"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n", -ERR_UNAVAILABLE, ""},
        {"220 smtp.example.org ready\r\n", -ERR_UNAVAILABLE, ""},
        {"\1\2\3\4\5\6\7\r\n\r\n", -ERR_UNAVAILABLE, ""},
    };
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        setup(rows[i].pong, EMPTY_LIST);
        ask(0);
        struct error err;
        CHECK_INT(docker_wait(&waiting, &err), rows[i].wanted);
        CHECK_STR(stub.last_line, rows[i].line);
        if (rows[i].wanted) {
            CHECK(err.hint[0] || strstr(err.message, "503"));
        }
        teardown();
    }
}

static void case_one_question_for_many(void)
{
    setup(PONG("1.41"), EMPTY_LIST);
    for (int i = 0; i < 20; i++) {
        ask(0);
    }
    while (stub.calls < 20) {
        event_base_loop(stub.base, EVLOOP_ONCE);
    }
    CHECK_INT(docker_wait(&waiting, NULL), 0);
    CHECK_INT(stub.pings, 1);
    teardown();
}

static void case_engine_missing(void)
{
    setup(PONG("1.41"), EMPTY_LIST);
    evconnlistener_disable(stub.listener);
    unlink(stub.path);
    ask(0);
    struct error err;
    CHECK_INT(docker_wait(&waiting, &err), -ERR_UNAVAILABLE);
    CHECK_CONTAINS(err.message, "Docker does not answer at /tmp/docker-stub-");
    CHECK_CONTAINS(err.hint, "systemctl status docker");
    teardown();
}

static void case_engine_hangs(void)
{
    setup(PONG("1.41"), "");
    ask(50);
    struct error err;
    CHECK_INT(docker_wait(&waiting, &err), -ERR_TIMEOUT);
    CHECK_STR(err.message, "Docker took too long to describe the container");
    teardown();
}

static void case_failures(void)
{
    static const struct {
        const char *answer;
        int wanted;
        const char *message;
    } rows[] = {
        {"HTTP/1.1 404 N\r\n\r\n{\"message\":\"No such container: web1\"}", -ERR_NOT_FOUND,
         "Docker could not describe the container: No such container: web1"},
        {"HTTP/1.1 409 C\r\n\r\n{\"message\":\"busy\"}", -ERR_CONFLICT, "busy"},
        {"HTTP/1.1 500 E\r\n\r\n{\"message\":\"no space left on device!\"}", -ERR_NO_SPACE,
         "no space left"},
        {"HTTP/1.1 500 E\r\n\r\n<oops", -ERR_INTERNAL, "status 500"},
        {"HTTP/1.1 304 Not Modified\r\n\r\n", 0, ""},
        {"what?\r\n", -ERR_UNAVAILABLE, "is not Docker"},
        {"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n[", -ERR_UNAVAILABLE, "went away"},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzzz\r\n", -ERR_UNAVAILABLE,
         "went away"},
    };
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        setup(PONG("1.41"), rows[i].answer);
        stub.closes = true;
        ask(2000);
        struct error err;
        CHECK_INT(docker_wait(&waiting, &err), rows[i].wanted);
        CHECK_CONTAINS(err.message, rows[i].message);
        teardown();
    }
}

static void on_container(void *arg, const struct docker_container *container,
                         const struct error *err)
{
    CHECK(!container);
    docker_wait_done(arg, err);
}

static void case_odd_json(void)
{
    static const char *const answers[] = {
        EMPTY_LIST,
        "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n{,}",
        "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
    };
    for (size_t i = 0; i < ARRAY_COUNT(answers); i++) {
        setup(PONG("1.41"), answers[i]);
        docker_container_inspect(client, "x", NULL, on_container, &waiting);
        struct error err;
        CHECK_INT(docker_wait(&waiting, &err), -ERR_UNAVAILABLE);
        CHECK_CONTAINS(err.message, "cannot be understood");
        teardown();
    }
}

static void case_too_large(void)
{
    AUTO_FREE char *answer = xcalloc(1, DOCKER_ANSWER_MAX + 256);
    int head =
        sprintf(answer, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", DOCKER_ANSWER_MAX + 1);
    memset(answer + head, ' ', DOCKER_ANSWER_MAX + 1);
    setup(PONG("1.41"), answer);
    ask(0);
    CHECK_INT(docker_wait(&waiting, NULL), -ERR_TOO_LARGE);
    teardown();
}

static int events_seen;

static void on_docker_event(void *arg, const struct docker_event *event)
{
    events_seen++;
    CHECK_STR(event->action, "die");
    CHECK_INT(event->exit_code, 3);
}

static void case_engine_dies_in_stream(void)
{
    setup(PONG("1.41"),
          "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
          "45\r\n{\"Action\":\"die\",\"Actor\":{\"ID\":\"x\",\"Attributes\":{\"exitCode\":"
          "\"3\"}}}   \n\r\n");
    stub.closes = true;
    events_seen = 0;
    docker_events(client, "a=b", on_docker_event, docker_wait_done, &waiting);
    struct error err;
    CHECK_INT(docker_wait(&waiting, &err), -ERR_UNAVAILABLE);
    CHECK_INT(events_seen, 1);
    CHECK_CONTAINS(err.message, "went away");

    /* Another engine comes up in its place: it is asked for its version. */
    stub.closes = false;
    stub.pong = PONG("1.45");
    stub.answer = EMPTY_LIST;
    ask(0);
    CHECK_INT(docker_wait(&waiting, NULL), 0);
    CHECK_INT(stub.pings, 2);
    CHECK_CONTAINS(stub.last_line, "GET /v1.45/");
    teardown();
}

static void on_never(void *arg, const struct docker_answer *answer, const struct error *err)
{
    CHECK(false);
}

static int released_count;

static void on_release(void *arg)
{
    released_count++;
}

static struct docker_request *ask_in_vain(void)
{
    return docker_request(client, &(struct docker_call){
                                      .method = "POST",
                                      .path = (const char *[]){"x", NULL},
                                      .action = "wait",
                                      .on_done = on_never,
                                      .release = on_release,
                                  });
}

static void case_cancel_and_close(void)
{
    setup(PONG("1.41"), "");
    released_count = 0;
    docker_cancel(ask_in_vain()); /* before the version is known */
    struct docker_request *request = ask_in_vain();
    while (stub.calls < 1) {
        event_base_loop(stub.base, EVLOOP_ONCE);
    }
    docker_cancel(request); /* under way */
    CHECK_INT(released_count, 2);
    event_base_loop(stub.base, EVLOOP_NONBLOCK);
    ask_in_vain();
    event_base_loop(stub.base, EVLOOP_NONBLOCK);
    ask_in_vain();
    teardown();
    CHECK_INT(released_count, 4);
}

static int failures;

static void ask_again(void *arg, const struct docker_answer *answer, const struct error *err)
{
    CHECK(err && err->code == ERR_UNAVAILABLE);
    if (++failures < 3) {
        docker_request(client, &(struct docker_call){.method = "GET",
                                                     .path = (const char *[]){"x", NULL},
                                                     .action = "try",
                                                     .on_done = ask_again});
    } else {
        docker_wait_done(&waiting, err);
    }
}

static void case_again_from_callback(void)
{
    setup("", "");
    stub.pong = "HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n";
    failures = 0;
    docker_request(client, &(struct docker_call){.method = "GET",
                                                 .path = (const char *[]){"x", NULL},
                                                 .action = "try",
                                                 .on_done = ask_again});
    CHECK_INT(docker_wait(&waiting, NULL), -ERR_UNAVAILABLE);
    CHECK_INT(stub.pings, 3);
    teardown();
}

int main(void)
{
    static const struct check_case cases[] = {
        {"versions of the API", case_versions},
        {"one question for many requests", case_one_question_for_many},
        {"no engine", case_engine_missing},
        {"an engine that hangs", case_engine_hangs},
        {"failures in words", case_failures},
        {"JSON that is not what was asked for", case_odd_json},
        {"an answer without end", case_too_large},
        {"an engine that dies in a stream, and another", case_engine_dies_in_stream},
        {"cancel and close", case_cancel_and_close},
        {"asked again from the callback", case_again_from_callback},
    };
    return check_run(cases, ARRAY_COUNT(cases));
}
