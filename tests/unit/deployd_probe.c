/*
 * The health check against servers that answer, fail, recover, hang, close and talk nonsense.
 */
#include "dialup-deployd/converge/probe.h"

#include <arpa/inet.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <stdlib.h>
#include <unistd.h>

#include "libdialup/base/memory.h"
#include "libdialup/base/str.h"
#include "tests/harness/check.h"

enum { PATIENCE_S = 30, SHORT_MS = 400, LONG_MS = 20000 };

#define ANSWER(status) "HTTP/1.1 " status "\r\nContent-Length: 0\r\n\r\n"
#define HANGS ""

/* A server that gives its n-th connection the n-th answer, and the last one for ever; NULL closes.
 */
struct server {
    struct event_base *base;
    struct evconnlistener *listener;
    struct sockaddr_in address;
    const char *const *answers;
    int served;
    char request[512];
    struct bufferevent *open[64];
    int open_count;
};

static struct server server;
static struct probe_result result;
static int ends;
static enum probe_depth depth;

static const char *next_answer(void)
{
    const char *answer = server.answers[server.served];
    if (!answer || server.answers[server.served + 1]) {
        server.served++;
    }
    return answer;
}

static void on_request(struct bufferevent *connection, void *context)
{
    size_t size = evbuffer_get_length(bufferevent_get_input(connection));
    if (size >= sizeof(server.request)) {
        return;
    }
    evbuffer_copyout(bufferevent_get_input(connection), server.request, size);
    server.request[size] = '\0';
    const char *answer = context;
    if (str_ends_with(server.request, "\r\n\r\n") && *answer) {
        bufferevent_write(connection, answer, strlen(answer));
    }
}

static void on_end(struct bufferevent *connection, short what, void *context)
{
}

static void on_accept(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *peer,
                      int peer_size, void *context)
{
    const char *answer = next_answer();
    if (!answer || server.open_count == (int)ARRAY_COUNT(server.open)) {
        evutil_closesocket(fd);
        server.served = 0;
        return;
    }
    struct bufferevent *connection = bufferevent_socket_new(server.base, fd, BEV_OPT_CLOSE_ON_FREE);
    bufferevent_setcb(connection, on_request, NULL, on_end, (void *)(uintptr_t)answer);
    bufferevent_enable(connection, EV_READ | EV_WRITE);
    server.open[server.open_count++] = connection;
}

static void open_server(const char *const *answers)
{
    socklen_t size = sizeof(server.address);
    memset(&server, 0, sizeof(server));
    memset(&result, 0, sizeof(result));
    ends = 0;
    server.base = event_base_new();
    server.answers = answers;
    server.address.sin_family = AF_INET;
    server.address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    server.listener = evconnlistener_new_bind(server.base, on_accept, NULL, LEV_OPT_CLOSE_ON_FREE,
                                              16, (struct sockaddr *)&server.address, (int)size);
    CHECK(server.listener);
    getsockname(evconnlistener_get_fd(server.listener), (struct sockaddr *)&server.address, &size);
}

static void close_server(void)
{
    for (int i = 0; i < server.open_count; i++) {
        bufferevent_free(server.open[i]);
    }
    if (server.listener) {
        evconnlistener_free(server.listener);
    }
    event_base_free(server.base);
}

static void on_done(void *context, const struct probe_result *end)
{
    CHECK(context == &result);
    result = *end;
    ends++;
    event_base_loopbreak(server.base);
}

static int refusals;
static int refusals_wanted;

/* Has enough after so many refusals. */
static bool on_refused(void *context)
{
    CHECK(context == &result);
    return ++refusals == refusals_wanted;
}

static struct probe *start(int64_t timeout_ms)
{
    return probe_start(server.base, depth, &server.address, "a.example.org", timeout_ms, on_done,
                       on_refused, &result);
}

static void run(int64_t timeout_ms)
{
    struct timeval longest = {PATIENCE_S, 0};
    start(timeout_ms);
    CHECK_INT(ends, 0); /* never before the caller has the pointer */
    event_base_loopexit(server.base, &longest);
    event_base_dispatch(server.base);
    CHECK_INT(ends, 1);
}

static void case_table(void)
{
    static const struct {
        const char *name;
        const char *answers[4];
        int64_t timeout_ms;
        bool is_healthy, has_connected;
        int status;
    } rows[] = {
        {"200", {ANSWER("200 OK")}, LONG_MS, true, true, 200},
        {"301", {ANSWER("301 Moved")}, LONG_MS, true, true, 301},
        {"404 is an answer", {ANSWER("404 Not Found")}, LONG_MS, true, true, 404},
        {"499", {ANSWER("499 x")}, LONG_MS, true, true, 499},
        {"HTTP/1.0", {"HTTP/1.0 200 OK\r\n\r\n"}, LONG_MS, true, true, 200},
        {"500, then 200", {ANSWER("500 x"), ANSWER("200 OK")}, LONG_MS, true, true, 200},
        {"503, 503, then 204",
         {ANSWER("503 x"), ANSWER("503 x"), ANSWER("204 x")},
         LONG_MS,
         true,
         true,
         204},
        {"500 for ever", {ANSWER("500 x")}, SHORT_MS, false, true, 500},
        {"hangs", {HANGS}, SHORT_MS, false, true, 0},
        {"closes", {NULL}, SHORT_MS, false, true, 0},
        {"half a line", {"HTTP/1.1"}, SHORT_MS, false, true, 0},
        {"another protocol", {"SSH-2.0-OpenSSH_9.2\r\n"}, SHORT_MS, false, true, 0},
        {"no status", {"HTTP/1.1 abc OK\r\n\r\n"}, SHORT_MS, false, true, 0},
        {"status 99", {"HTTP/1.1 099 OK\r\n\r\n"}, SHORT_MS, false, true, 0},
        {"status 600", {"HTTP/1.1 600 OK\r\n\r\n"}, SHORT_MS, false, true, 0},
        {"nonsense, then 200", {"220 ftp ready\r\n", ANSWER("200 OK")}, LONG_MS, true, true, 200},
    };
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        open_server(rows[i].answers);
        run(rows[i].timeout_ms);
        bool good = CHECK_INT(result.is_healthy, rows[i].is_healthy);
        good = CHECK_INT(result.has_connected, rows[i].has_connected) && good;
        good = CHECK_INT(result.status, rows[i].status) && good;
        good = CHECK(rows[i].is_healthy || result.duration_ms >= SHORT_MS - 5) && good;
        good = CHECK(result.duration_ms < 10000) && good;
        if (!good) {
            printf("# %s\n", rows[i].name);
        }
        close_server();
    }
}

static void case_nobody_there(void)
{
    open_server((const char *const[]){NULL});
    evconnlistener_free(server.listener);
    server.listener = NULL;
    run(SHORT_MS);
    CHECK(!result.is_healthy && !result.has_connected);
    CHECK_INT(result.status, 0);
    close_server();
}

static void case_no_use(void)
{
    open_server((const char *const[]){NULL});
    evconnlistener_free(server.listener);
    server.listener = NULL;
    refusals = 0;
    refusals_wanted = 3;
    run(LONG_MS);
    CHECK(!result.is_healthy && !result.has_connected && result.duration_ms < LONG_MS);
    CHECK_INT(refusals, 3);
    close_server();
    /* Who hangs up is there: only time tells. */
    open_server((const char *const[]){NULL});
    refusals = 0;
    refusals_wanted = 1;
    run(SHORT_MS);
    CHECK(!result.is_healthy && result.has_connected);
    CHECK_INT(refusals, 0);
    close_server();
    refusals_wanted = 0;
}

static void case_listens(void)
{
    depth = PROBE_LISTENS;
    open_server((const char *const[]){HANGS, NULL});
    run(LONG_MS);
    CHECK(result.is_healthy && result.has_connected);
    CHECK_INT(result.status, 0);
    CHECK_STR(server.request, "");
    close_server();
    open_server((const char *const[]){NULL});
    evconnlistener_free(server.listener);
    server.listener = NULL;
    run(SHORT_MS);
    CHECK(!result.is_healthy && !result.has_connected);
    close_server();
    depth = PROBE_ANSWERS;
}

static void case_request(void)
{
    open_server((const char *const[]){ANSWER("200 OK"), NULL});
    run(LONG_MS);
    CHECK(str_starts_with(server.request, "GET / HTTP/1.1\r\n"));
    CHECK_CONTAINS(server.request, "\r\nHost: a.example.org\r\n");
    CHECK_CONTAINS(server.request, "\r\nConnection: close\r\n");
    close_server();
}

static void case_cancel(void)
{
    probe_cancel(NULL);
    open_server((const char *const[]){ANSWER("200 OK"), NULL});
    probe_cancel(start(LONG_MS));
    struct probe *probe = start(LONG_MS);
    event_base_loop(server.base, EVLOOP_ONCE); /* the attempt is under way */
    probe_cancel(probe);
    event_base_loop(server.base, EVLOOP_NONBLOCK);
    CHECK_INT(ends, 0);
    close_server();
}

int main(void)
{
    static const struct check_case cases[] = {
        {"what a server says", case_table},
        {"nobody listens", case_nobody_there},
        {"nobody will listen", case_no_use},
        {"listening is enough where that was asked", case_listens},
        {"what is asked", case_request},
        {"cancelled", case_cancel},
    };
    return check_run(cases, ARRAY_COUNT(cases));
}
