/*
 * Server and client together, in one loop: answers now, later and never, errors, limits, callers.
 */
#include <grp.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "libdialup/base/clock.h"
#include "libdialup/base/memory.h"
#include "libdialup/ipc/peers.h"
#include "tests/harness/check.h"
#include "tests/unit/ipc_fixture.h"

static void case_echo(void)
{
    struct fixture f;
    fixture_init(&f, true, true);
    struct outcome outcome;
    fixture_call(&f, FIXTURE_ECHO, "gr\xC3\xBC\xC3\x9F dich", NULL, &outcome);
    CHECK_INT(outcome.err.code, ERR_OK);
    CHECK_STR(outcome.text, "gr\xC3\xBC\xC3\x9F dich");
    CHECK_INT(outcome.number, 1);
    CHECK_INT(strlen(f.last_request_id), 16);
    const struct ipc_server_stats stats = ipc_server_stats(f.server);
    CHECK_INT(stats.all.requests, 1);
    CHECK_INT(stats.all.errors, 0);
    struct stat info;
    CHECK_INT(stat(f.path, &info), 0);
    CHECK_INT(info.st_mode & 0777, 0660);
    fixture_fini(&f);
}

static void case_meta_travels(void)
{
    struct fixture f;
    fixture_init(&f, true, true);
    const struct log_context context = {.request_id = "story-1", .user = "user:7"};
    const struct log_context *before = log_context_swap(&context);
    struct outcome outcome;
    fixture_call(&f, FIXTURE_ECHO, "x", NULL, &outcome);
    log_context_swap(before);
    CHECK_STR(f.last_request_id, "story-1");
    CHECK_STR(f.last_actor, "user:7");
    const struct ipc_call_options options = {.request_id = "story-2", .actor = "user:8"};
    fixture_call(&f, FIXTURE_ECHO, "x", &options, &outcome);
    CHECK_STR(f.last_request_id, "story-2");
    CHECK_STR(f.last_actor, "user:8");
    fixture_fini(&f);
}

static void case_errors(void)
{
    struct fixture f;
    fixture_init(&f, true, true);
    struct outcome outcome;
    fixture_call(&f, FIXTURE_FAIL, "quota", NULL, &outcome);
    CHECK_INT(outcome.err.code, ERR_QUOTA_EXCEEDED);
    CHECK_STR(outcome.err.field, "limits.memory");
    CHECK_STR(outcome.err.hint, "Stop a site first.");
    CHECK_STR(outcome.checks, "[{\"used\":512}]");
    fixture_call(&f, FIXTURE_FAIL, "bare", NULL, &outcome);
    CHECK_INT(outcome.err.code, ERR_NOT_FOUND);
    CHECK_STR(outcome.err.message, "There is no such thing");
    CHECK_INT(ipc_server_method_counters(f.server, FIXTURE_FAIL).errors, 2);
    fixture_fini(&f);
}

static size_t logged;
static char logged_request_id[80];

static void count_log(const struct log_entry *entry)
{
    logged++;
    snprintf(logged_request_id, sizeof(logged_request_id), "%s",
             entry->context->request_id ? entry->context->request_id : "");
}

static void case_our_faults_are_logged_once(void)
{
    struct fixture f;
    fixture_init(&f, true, true);
    log_set_sink(count_log);
    logged = 0;
    const struct ipc_call_options options = {.request_id = "story-3"};
    struct outcome outcome;
    fixture_call(&f, FIXTURE_FAIL, "io", &options, &outcome);
    CHECK_INT(outcome.err.code, ERR_IO);
    CHECK_INT(logged, 1);
    CHECK_STR(logged_request_id, "story-3");
    fixture_call(&f, FIXTURE_FAIL, "quota", NULL, &outcome);
    CHECK_INT(logged, 1);
    log_set_sink(NULL);
    fixture_fini(&f);
}

static void case_later_answers_out_of_order(void)
{
    enum { COUNT = 50 };
    struct fixture f;
    fixture_init(&f, true, true);
    static struct outcome outcomes[COUNT];
    size_t done = 0;
    for (size_t i = 0; i < COUNT; i++) {
        outcomes[i] = (struct outcome){.count = &done};
        const struct fixture_params params = {.text = "x", .number = COUNT, .has_number = true};
        CHECK_INT(ipc_client_call(f.client, &fixture_methods[FIXTURE_COLLECT], &params, NULL,
                                  fixture_on_reply, &outcomes[i], NULL),
                  0);
    }
    CHECK(fixture_run_until_count(&f, &done, COUNT));
    int64_t sum = 0;
    for (size_t i = 0; i < COUNT; i++) {
        CHECK_INT(outcomes[i].err.code, ERR_OK);
        CHECK_INT(outcomes[i].calls, 1);
        sum += outcomes[i].number;
    }
    CHECK_INT(sum, COUNT * (COUNT - 1) / 2);
    CHECK_INT(ipc_server_stats(f.server).later, 0);
    fixture_fini(&f);
}

static void case_hundred_clients(void)
{
    enum { CLIENTS = 100, CALLS = 20 };
    struct fixture f;
    fixture_init(&f, true, false);
    static struct ipc_client *clients[CLIENTS];
    static struct outcome outcomes[CLIENTS * CALLS];
    const struct ipc_client_options options = fixture_client_options(&f);
    size_t done = 0;
    for (size_t i = 0; i < CLIENTS; i++) {
        if (!CHECK_INT(ipc_client_open(f.base, &options, &clients[i], NULL), 0)) {
            return;
        }
        for (size_t j = 0; j < CALLS; j++) {
            struct outcome *outcome = &outcomes[i * CALLS + j];
            *outcome = (struct outcome){.count = &done};
            const struct fixture_params params = {
                .text = "x", .number = (int64_t)(i * CALLS + j), .has_number = true};
            ipc_client_call(clients[i], &fixture_methods[FIXTURE_ECHO], &params, NULL,
                            fixture_on_reply, outcome, NULL);
        }
    }
    CHECK(fixture_run_until_count(&f, &done, CLIENTS * CALLS));
    for (size_t i = 0; i < CLIENTS * CALLS; i++) {
        CHECK_INT(outcomes[i].err.code, ERR_OK);
        CHECK_INT(outcomes[i].number, i);
    }
    for (size_t i = 0; i < CLIENTS; i++) {
        CHECK(ipc_client_close(clients[i]));
    }
    fixture_fini(&f);
}

static void case_deadline(void)
{
    struct fixture f;
    fixture_init(&f, true, true);
    const struct ipc_call_options options = {.deadline_ms = 50};
    struct outcome outcome;
    fixture_call(&f, FIXTURE_NEVER, "x", &options, &outcome);
    CHECK_INT(outcome.err.code, ERR_TIMEOUT);
    CHECK_CONTAINS(outcome.err.message, "dialup-testd has not finished never");
    CHECK_INT(ipc_server_stats(f.server).all.timeouts, 1);
    if (CHECK_INT(f.held_count, 1)) {
        CHECK(!ipc_request_is_awaited(f.held[0]));
        const struct fixture_result late = {.text = "late"};
        ipc_request_reply(f.held[--f.held_count], &late);
    }
    fixture_call(&f, FIXTURE_ECHO, "next", NULL, &outcome);
    CHECK_STR(outcome.text, "next");
    CHECK_INT(outcome.calls, 1);
    fixture_fini(&f);
}

static void case_bounded_later_keeps_echo_alive(void)
{
    struct fixture f;
    fixture_init(&f, true, false);
    const struct ipc_client_options options = fixture_client_options(&f);
    struct ipc_client *clients[2];
    static struct outcome outcomes[2 * IPC_CLIENT_LANES];
    size_t done = 0;
    for (size_t i = 0; i < 2; i++) {
        ipc_client_open(f.base, &options, &clients[i], NULL);
    }
    const struct fixture_params params = {.text = "x"};
    for (size_t i = 0; i < ARRAY_COUNT(outcomes); i++) {
        outcomes[i] = (struct outcome){.count = &done};
        ipc_client_call(clients[i % 2], &fixture_methods[FIXTURE_NEVER], &params, NULL,
                        fixture_on_reply, &outcomes[i], NULL);
    }
    CHECK(fixture_run_until_count(&f, &done, ARRAY_COUNT(outcomes) - IPC_MAX_LATER));
    for (size_t i = 0; i < ARRAY_COUNT(outcomes); i++) {
        CHECK(!outcomes[i].done || outcomes[i].err.code == ERR_BUSY);
    }
    f.client = clients[0];
    struct outcome outcome;
    fixture_call(&f, FIXTURE_ECHO, "alive", NULL, &outcome);
    CHECK_STR(outcome.text, "alive");
    ipc_client_close(clients[1]);
    fixture_fini(&f);
    for (size_t i = 0; i < ARRAY_COUNT(outcomes); i++) {
        CHECK_INT(outcomes[i].calls, 1);
    }
}

static void case_queue_is_bounded(void)
{
    struct fixture f;
    fixture_init(&f, false, true);
    static struct outcome outcomes[IPC_CLIENT_MAX_CALLS];
    const struct fixture_params params = {.text = "x"};
    struct error err;
    for (size_t i = 0; i < ARRAY_COUNT(outcomes); i++) {
        outcomes[i] = (struct outcome){0};
        CHECK_INT(ipc_client_call(f.client, &fixture_methods[FIXTURE_ECHO], &params, NULL,
                                  fixture_on_reply, &outcomes[i], &err),
                  0);
    }
    CHECK_INT(ipc_client_call(f.client, &fixture_methods[FIXTURE_ECHO], &params, NULL,
                              fixture_on_reply, &outcomes[0], &err),
              -ERR_BUSY);
    fixture_fini(&f);
    for (size_t i = 0; i < ARRAY_COUNT(outcomes); i++) {
        CHECK_INT(outcomes[i].calls, 1);
        CHECK_INT(outcomes[i].err.code, ERR_UNAVAILABLE);
    }
}

static char *make_text(size_t size)
{
    char *text = xmalloc(size + 1);
    memset(text, 'x', size);
    text[size] = '\0';
    return text;
}

static void case_sizes(void)
{
    struct fixture f;
    fixture_init(&f, true, true);
    struct outcome outcome;
    AUTO_FREE char *large = make_text(1000000);
    fixture_call(&f, FIXTURE_ECHO, large, NULL, &outcome);
    CHECK_INT(outcome.err.code, ERR_OK);
    CHECK_INT(strlen(outcome.text), sizeof(outcome.text) - 1);
    AUTO_FREE char *larger = make_text(1100000);
    fixture_call(&f, FIXTURE_ECHO, larger, NULL, &outcome);
    CHECK_INT(outcome.err.code, ERR_TOO_LARGE);
    /* Past the client's own check: the server's words. */
    AUTO_FREE char *json = xasprintf("{\"text\":\"%.300s\"}", large);
    AUTO_FREE char *body =
        xasprintf("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"small\",\"params\":%s}", json);
    int fd = raw_connect(f.path, true);
    raw_send_request(fd, body, strlen(body));
    AUTO_FREE char *answer = raw_receive(&f, fd);
    CHECK_CONTAINS(answer, "too_large");
    CHECK_CONTAINS(answer, "small takes at most 256");
    close(fd);
    fixture_fini(&f);
}

static void case_callers(void)
{
    struct fixture f;
    fixture_init(&f, true, true);
    struct outcome outcome;
    fixture_call(&f, FIXTURE_CLOSED, "x", NULL, &outcome);
    CHECK_INT(outcome.err.code, ERR_FORBIDDEN);
    fixture_call(&f, FIXTURE_DAEMONS, "x", NULL, &outcome);
    CHECK_INT(outcome.err.code, ERR_OK);
    fixture_fini(&f);
}

enum { NOBODY = 65534 };

/* The other process of case_stranger: tells by its exit code what it was told. */
static int call_as_nobody(const char *dir)
{
    if (setgroups(0, NULL) < 0 || setgid(NOBODY) < 0 || setuid(NOBODY) < 0) {
        return 99;
    }
    AUTO_FREE char *path = xasprintf("%s/testd.sock", dir);
    const struct ipc_client_options options = {
        .daemon = "dialup-testd", .path = path, .connect_ms = 300};
    const struct ipc_call_options call = {.actor = "user:1"};
    const struct fixture_params params = {.text = "x"};
    AUTO_ARENA struct arena *arena = arena_new();
    struct fixture_result result;
    struct error err;
    int code = ipc_client_call_wait(&options, &fixture_methods[FIXTURE_DAEMONS], &params, &call,
                                    arena, &result, &err);
    if (code == 0) {
        return 0;
    }
    ipc_client_call_wait(&options, &fixture_methods[FIXTURE_ECHO], &params, &call, arena, &result,
                         &err);
    return -code;
}

static void on_child(int fd, short what, void *context)
{
    *(bool *)context = true;
}

static int run_stranger(struct fixture *f)
{
    bool done = false;
    struct event *event = evsignal_new(f->base, SIGCHLD, on_child, &done);
    event_add(event, NULL);
    pid_t pid = spawn_self("nobody", f->dir);
    fixture_run_until(f, &done);
    int status = 0;
    waitpid(pid, &status, 0);
    event_free(event);
    return WEXITSTATUS(status);
}

static void case_stranger(void)
{
    if (geteuid() != 0) {
        return;
    }
    struct fixture f;
    fixture_init(&f, true, false);
    chmod(f.dir, 0755);
    CHECK_INT(run_stranger(&f), ERR_FORBIDDEN);
    CHECK_STR(f.last_actor, "");
    /* Even where the file lets strangers in, their word on the actor is not taken. */
    chmod(f.path, 0666);
    CHECK_INT(run_stranger(&f), ERR_FORBIDDEN);
    CHECK_STR(f.last_actor, "uid:65534");
    fixture_fini(&f);
}

static void case_classes(void)
{
    struct ipc_peers peers;
    ipc_peers_init(&peers, 4242);
    CHECK_INT(ipc_peers_classify(&peers, 0, 0),
              IPC_CALLER_ROOT | IPC_CALLER_DAEMON | IPC_CALLER_ANYONE);
    CHECK_INT(ipc_peers_classify(&peers, 5555, 5555), IPC_CALLER_ANYONE);
    CHECK_INT(ipc_peers_classify(&peers, 5555, 4242), IPC_CALLER_DAEMON | IPC_CALLER_ANYONE);
    CHECK_INT(ipc_peers_classify(&peers, (uid_t)-1, 4242), 0);
    ipc_peers_fini(&peers);
}

static void case_second_server(void)
{
    struct fixture f;
    fixture_init(&f, true, true);
    const struct ipc_server_options options = fixture_server_options(&f);
    struct ipc_server *second = NULL;
    struct error err;
    CHECK_INT(ipc_server_open(f.base, &options, &second, &err), -ERR_CONFLICT);
    AUTO_FREE char *message = xasprintf("dialup-testd is running already, as process %d", getpid());
    CHECK_STR(err.message, message);
    CHECK_STR(err.hint, "Stop it first: systemctl stop dialup-testd");
    struct outcome outcome;
    fixture_call(&f, FIXTURE_ECHO, "still here", NULL, &outcome);
    CHECK_STR(outcome.text, "still here");
    fixture_fini(&f);
}

static void on_json(void *context, const char *result_json, size_t size, const struct error *err)
{
    struct outcome *outcome = context;
    outcome->done = true;
    if (err) {
        outcome->err = *err;
    } else {
        snprintf(outcome->text, sizeof(outcome->text), "%.*s", (int)size, result_json);
    }
}

static void case_json_call(void)
{
    struct fixture f;
    fixture_init(&f, true, true);
    struct outcome outcome = {0};
    CHECK_INT(ipc_client_call_json(f.client, "echo", "{\"text\":\"a\",\"number\":3}", NULL, on_json,
                                   &outcome, NULL),
              0);
    CHECK(fixture_run_until(&f, &outcome.done));
    CHECK_STR(outcome.text, "{\"text\":\"a\",\"number\":3}");
    struct error err;
    CHECK_INT(ipc_client_call_json(f.client, "echo", "[]", NULL, on_json, &outcome, &err),
              -ERR_INVALID_ARGUMENT);
    outcome = (struct outcome){0};
    ipc_client_call_json(f.client, "echo", "{\"text\":1}", NULL, on_json, &outcome, NULL);
    CHECK(fixture_run_until(&f, &outcome.done));
    CHECK_INT(outcome.err.code, ERR_INVALID_ARGUMENT);
    CHECK_STR(outcome.err.field, "text");
    fixture_fini(&f);
}

struct stubborn {
    struct fixture *fixture;
    size_t replies;
    int again; /* what the second call returned */
};

static void on_reply_ask_again(void *context, const void *result, const struct error *err)
{
    struct stubborn *stubborn = context;
    const struct fixture_params params = {.text = "x"};
    stubborn->replies++;
    stubborn->again = ipc_client_call(stubborn->fixture->client, &fixture_methods[FIXTURE_ECHO],
                                      &params, NULL, on_reply_ask_again, stubborn, NULL);
}

static void case_no_calls_while_closing(void)
{
    struct fixture f;
    fixture_init(&f, false, true);
    struct stubborn stubborn = {.fixture = &f};
    const struct fixture_params params = {.text = "x"};
    CHECK_INT(ipc_client_call(f.client, &fixture_methods[FIXTURE_ECHO], &params, NULL,
                              on_reply_ask_again, &stubborn, NULL),
              0);
    fixture_fini(&f);
    CHECK_INT(stubborn.replies, 1);
    CHECK_INT(stubborn.again, -ERR_UNAVAILABLE);
}

int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "nobody") == 0) {
        return call_as_nobody(argv[2]);
    }
    static const struct check_case cases[] = {
        {"echo", case_echo},
        {"request id and actor travel", case_meta_travels},
        {"errors keep name, field and hint", case_errors},
        {"a failure of ours is logged once", case_our_faults_are_logged_once},
        {"later answers in any order", case_later_answers_out_of_order},
        {"a hundred clients at once", case_hundred_clients},
        {"a deadline passes, the late answer is dropped", case_deadline},
        {"slow methods leave room for quick ones", case_bounded_later_keeps_echo_alive},
        {"a client's queue is bounded and ends with it", case_queue_is_bounded},
        {"a closing client takes no calls", case_no_calls_while_closing},
        {"sizes", case_sizes},
        {"callers", case_callers},
        {"a stranger", case_stranger},
        {"classes of callers", case_classes},
        {"a second server is refused", case_second_server},
        {"calls in JSON", case_json_call},
    };
    return check_run(cases, ARRAY_COUNT(cases));
}
