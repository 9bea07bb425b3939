/*
 * The fixture of the ipc tests, see its header.
 */
#include "tests/unit/ipc_fixture.h"

#include <endian.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "libdialup/base/clock.h"
#include "libdialup/base/fs.h"
#include "libdialup/base/memory.h"

static const struct json_field params_fields[] = {
    {.name = "text",
     .type = JSON_FIELD_STRING,
     .required = true,
     .offset = offsetof(struct fixture_params, text),
     .max = 4 * 1024 * 1024},
    {.name = "number",
     .type = JSON_FIELD_INTEGER,
     .offset = offsetof(struct fixture_params, number),
     .has_offset = offsetof(struct fixture_params, has_number),
     .min = 0,
     .max = 1000000},
};

const struct json_shape fixture_params_shape = {"fixture_params", sizeof(struct fixture_params),
                                                params_fields, ARRAY_COUNT(params_fields)};

static const struct json_field result_fields[] = {
    {.name = "text",
     .type = JSON_FIELD_STRING,
     .required = true,
     .offset = offsetof(struct fixture_result, text),
     .max = 16 * 1024 * 1024},
    {.name = "number",
     .type = JSON_FIELD_INTEGER,
     .required = true,
     .offset = offsetof(struct fixture_result, number),
     .min = INT64_MIN,
     .max = INT64_MAX},
};

const struct json_shape fixture_result_shape = {"fixture_result", sizeof(struct fixture_result),
                                                result_fields, ARRAY_COUNT(result_fields)};

#define METHOD(method_name, who, later, deadline, size)                                            \
    {                                                                                              \
        .name = method_name, .summary = method_name, .callers = (who), .deadline_ms = (deadline),  \
        .max_request_bytes = (size), .answers_later = (later), .params = &fixture_params_shape,    \
        .result = &fixture_result_shape                                                            \
    }

const struct ipc_method fixture_methods[FIXTURE_METHODS] = {
    [FIXTURE_ECHO] = METHOD("echo", IPC_CALLER_ANYONE, false, 5000, 1024 * 1024),
    [FIXTURE_COLLECT] = METHOD("collect", IPC_CALLER_ANYONE, true, 5000, 1024),
    [FIXTURE_NEVER] = METHOD("never", IPC_CALLER_ANYONE, true, 5000, 1024),
    [FIXTURE_FAIL] = METHOD("fail", IPC_CALLER_ANYONE, false, 5000, 1024),
    [FIXTURE_CLOSED] = METHOD("closed", 0, false, 5000, 1024),
    [FIXTURE_DAEMONS] = METHOD("daemons", IPC_CALLER_DAEMON, false, 5000, 1024),
    [FIXTURE_SMALL] = METHOD("small", IPC_CALLER_ANYONE, false, 5000, 256),
};

static void hold(struct fixture *fixture, struct ipc_request *request)
{
    fixture->held[fixture->held_count++] = request;
}

static int handle_echo(void *context, struct ipc_request *request, const void *params, void *result,
                       struct error *err)
{
    struct fixture *fixture = context;
    const struct fixture_params *in = params;
    struct fixture_result *out = result;
    out->text = in->text;
    out->number = in->has_number ? in->number : (int64_t)++fixture->echo_count;
    snprintf(fixture->last_request_id, sizeof(fixture->last_request_id), "%s",
             ipc_request_id(request));
    snprintf(fixture->last_actor, sizeof(fixture->last_actor), "%s", ipc_request_actor(request));
    return 0;
}

static int handle_collect(void *context, struct ipc_request *request, const void *params,
                          void *result, struct error *err)
{
    struct fixture *fixture = context;
    const struct fixture_params *in = params;
    hold(fixture, request);
    if ((int64_t)fixture->held_count < in->number) {
        struct fixture_result *kept = arena_alloc(ipc_request_arena(request), sizeof(*kept));
        kept->text = in->text;
        return IPC_LATER;
    }
    while (fixture->held_count > 0) {
        const struct fixture_result answer = {.text = "collected",
                                              .number = (int64_t)--fixture->held_count};
        ipc_request_reply(fixture->held[fixture->held_count], &answer);
    }
    /* Its own request was answered above, from within its handler. */
    return IPC_LATER;
}

static int handle_never(void *context, struct ipc_request *request, const void *params,
                        void *result, struct error *err)
{
    hold(context, request);
    return IPC_LATER;
}

static int handle_fail(void *context, struct ipc_request *request, const void *params, void *result,
                       struct error *err)
{
    const struct fixture_params *in = params;
    if (strcmp(in->text, "bare") == 0) {
        return -ERR_NOT_FOUND;
    }
    if (strcmp(in->text, "io") == 0) {
        return error_set(err, ERR_IO, "The disk is on fire");
    }
    error_set_field(err, ERR_QUOTA_EXCEEDED, "limits.memory", "You have used 512 of 512 MiB");
    error_hint(err, "Stop a site first.");
    err->checks_json = "[{\"used\":512}]";
    return -ERR_QUOTA_EXCEEDED;
}

ipc_handler_fn *const fixture_handlers[FIXTURE_METHODS] = {
    [FIXTURE_ECHO] = handle_echo,   [FIXTURE_COLLECT] = handle_collect,
    [FIXTURE_NEVER] = handle_never, [FIXTURE_FAIL] = handle_fail,
    [FIXTURE_CLOSED] = handle_echo, [FIXTURE_DAEMONS] = handle_echo,
    [FIXTURE_SMALL] = handle_echo,
};

struct ipc_server_options fixture_server_options(struct fixture *fixture)
{
    return (struct ipc_server_options){
        .daemon = "dialup-testd",
        .path = fixture->path,
        .lock_path = fixture->lock_path,
        .methods = fixture_methods,
        .method_count = FIXTURE_METHODS,
        .handlers = fixture_handlers,
        .context = fixture,
        .daemon_gid = (gid_t)-1,
    };
}

struct ipc_client_options fixture_client_options(const struct fixture *fixture)
{
    return (struct ipc_client_options){.daemon = "dialup-testd", .path = fixture->path};
}

static void set_paths(struct fixture *fixture)
{
    snprintf(fixture->path, sizeof(fixture->path), "%s/testd.sock", fixture->dir);
    snprintf(fixture->events_path, sizeof(fixture->events_path), "%s/testd.events", fixture->dir);
    snprintf(fixture->lock_path, sizeof(fixture->lock_path), "%s/testd.lock", fixture->dir);
}

static void require(int code, const struct error *err)
{
    if (code < 0) {
        log_panic("fixture: %s", err->message);
    }
}

void fixture_init(struct fixture *fixture, bool with_server, bool with_client)
{
    *fixture = (struct fixture){.base = event_base_new()};
    snprintf(fixture->dir, sizeof(fixture->dir), "/tmp/dialup-ipc-XXXXXX");
    ASSERT(mkdtemp(fixture->dir));
    set_paths(fixture);
    struct error err;
    if (with_server) {
        const struct ipc_server_options options = fixture_server_options(fixture);
        require(ipc_server_open(fixture->base, &options, &fixture->server, &err), &err);
    }
    if (with_client) {
        const struct ipc_client_options options = fixture_client_options(fixture);
        require(ipc_client_open(fixture->base, &options, &fixture->client, &err), &err);
    }
}

void fixture_fini(struct fixture *fixture)
{
    ipc_client_close(fixture->client);
    ipc_server_close(fixture->server);
    /* A handler keeps its promise also after the server has gone. */
    while (fixture->held_count > 0) {
        const struct fixture_result answer = {.text = "late"};
        ipc_request_reply(fixture->held[--fixture->held_count], &answer);
    }
    event_base_free(fixture->base);
    fs_remove_tree(fixture->dir, NULL);
}

static void on_tick(int fd, short what, void *context)
{
}

bool fixture_run_until_count(const struct fixture *fixture, const size_t *count, size_t wanted)
{
    int64_t end_us = clock_monotonic_us() + FIXTURE_PATIENCE_MS * 1000;
    /* Wakes the loop so that the deadline is seen. */
    struct event *tick = event_new(fixture->base, -1, EV_PERSIST, on_tick, NULL);
    const struct timeval interval = {0, 100000};
    event_add(tick, &interval);
    while (*count < wanted && clock_monotonic_us() < end_us) {
        event_base_loop(fixture->base, EVLOOP_ONCE);
    }
    event_free(tick);
    return *count >= wanted;
}

bool fixture_run_until(const struct fixture *fixture, const bool *done)
{
    int64_t end_us = clock_monotonic_us() + FIXTURE_PATIENCE_MS * 1000;
    struct event *tick = event_new(fixture->base, -1, EV_PERSIST, on_tick, NULL);
    const struct timeval interval = {0, 100000};
    event_add(tick, &interval);
    while (!*done && clock_monotonic_us() < end_us) {
        event_base_loop(fixture->base, EVLOOP_ONCE);
    }
    event_free(tick);
    return *done;
}

void fixture_on_reply(void *context, const void *result, const struct error *err)
{
    struct outcome *outcome = context;
    outcome->done = true;
    outcome->calls++;
    outcome->at_us = clock_monotonic_us();
    if (err) {
        outcome->err = *err;
        outcome->err.checks_json = NULL; /* it ends with the call */
        snprintf(outcome->checks, sizeof(outcome->checks), "%s",
                 err->checks_json ? err->checks_json : "");
    } else {
        const struct fixture_result *answer = result;
        snprintf(outcome->text, sizeof(outcome->text), "%s", answer->text);
        outcome->number = answer->number;
    }
    if (outcome->count) {
        ++*outcome->count;
    }
}

void fixture_call(struct fixture *fixture, enum fixture_method method, const char *text,
                  const struct ipc_call_options *options, struct outcome *ret_outcome)
{
    const struct fixture_params params = {.text = text};
    *ret_outcome = (struct outcome){0};
    int code = ipc_client_call(fixture->client, &fixture_methods[method], &params, options,
                               fixture_on_reply, ret_outcome, &ret_outcome->err);
    if (code == 0) {
        fixture_run_until(fixture, &ret_outcome->done);
    }
}

int raw_connect(const char *path, bool with_hello)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
    ASSERT(connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0);
    if (with_hello) {
        raw_send(fd, "\0SP\0\0\x30\0\0", 8);
        char hello[8];
        ASSERT(recv(fd, hello, sizeof(hello), MSG_WAITALL) == sizeof(hello));
    }
    return fd;
}

void raw_send(int fd, const void *data, size_t size)
{
    ASSERT(send(fd, data, size, MSG_NOSIGNAL) == (ssize_t)size);
}

void raw_send_request(int fd, const char *body, size_t size)
{
    unsigned char head[13] = {1};
    uint64_t length = htobe64(size + 4);
    memcpy(head + 1, &length, sizeof(length));
    memcpy(head + 9, "\x80\0\0\1", 4);
    raw_send(fd, head, sizeof(head));
    raw_send(fd, body, size);
}

static void on_readable(int fd, short what, void *context)
{
    *(bool *)context = true;
}

static bool wait_readable(const struct fixture *fixture, int fd)
{
    bool done = false;
    struct event *event = event_new(fixture->base, fd, EV_READ, on_readable, &done);
    event_add(event, NULL);
    fixture_run_until(fixture, &done);
    event_free(event);
    return done;
}

char *raw_receive(const struct fixture *fixture, int fd)
{
    unsigned char head[13];
    if (!wait_readable(fixture, fd) || recv(fd, head, sizeof(head), MSG_WAITALL) != sizeof(head)) {
        return NULL;
    }
    uint64_t length = 0;
    memcpy(&length, head + 1, sizeof(length));
    size_t size = (size_t)be64toh(length) - 4;
    ASSERT(size < 8 * 1024 * 1024);
    char *body = xcalloc(1, size + 1);
    ASSERT(recv(fd, body, size, MSG_WAITALL) == (ssize_t)size);
    return body;
}

bool raw_is_closed(const struct fixture *fixture, int fd)
{
    char rest[64];
    ssize_t size = 1;
    while (size > 0) {
        if (!wait_readable(fixture, fd)) {
            return false;
        }
        size = recv(fd, rest, sizeof(rest), 0);
    }
    return true;
}

extern char **environ;

pid_t spawn_self(const char *first, const char *second)
{
    char self[] = "/proc/self/exe";
    char *arguments[] = {self, xstrdup(first), xstrdup(second), NULL};
    pid_t pid = -1;
    ASSERT(posix_spawn(&pid, "/proc/self/exe", NULL, NULL, arguments, environ) == 0);
    free(arguments[1]);
    free(arguments[2]);
    return pid;
}

void kill_and_wait(pid_t pid, int signal)
{
    kill(pid, signal);
    waitpid(pid, NULL, 0);
}

int fixture_serve(const char *dir)
{
    struct fixture fixture = {.base = event_base_new()};
    snprintf(fixture.dir, sizeof(fixture.dir), "%s", dir);
    set_paths(&fixture);
    const struct ipc_server_options options = fixture_server_options(&fixture);
    struct error err;
    require(ipc_server_open(fixture.base, &options, &fixture.server, &err), &err);
    event_base_dispatch(fixture.base);
    return 0;
}
