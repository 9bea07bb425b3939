/*
 * Requests to Docker: version first, then the call, and its failure in words for people.
 *
 * Docker 20.10 (Debian 12) speaks up to 1.41, Docker 29 refuses below 1.44: so each side is asked.
 * An engine that was away may come back as another version, and is asked again.
 */
#include "dialup-deployd/docker/client.h"

#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <unistd.h>

#include "libdialup/base/log.h"
#include "libdialup/base/memory.h"
#include "libdialup/json/json.h"

enum { PING_TIMEOUT_MS = 5000, PING_ANSWER_MAX = 4096 };

struct docker_request {
    TAILQ_ENTRY(docker_request) link;
    struct docker_client *client;
    struct docker_call call; /* path, query and json are not used after the start */
    struct strbuf target;    /* without the version */
    char *json;
    struct transfer *transfer; /* NULL while the version is not known */
    bool is_doomed;            /* waited for a version that did not come */
    bool is_in_callback;
};

struct docker_client {
    struct transfers *transfers;
    char *socket_path;
    int api_minor;         /* 0: not known */
    struct transfer *ping; /* under way */
    TAILQ_HEAD(, docker_request) list;
};

static void ask_version(struct docker_client *client);
static void send_request(struct docker_request *request);
static void release(struct docker_request *request);

int docker_client_open(struct event_base *base, const char *socket_path,
                       struct docker_client **ret_client, struct error *err)
{
    struct transfers *transfers = transfers_new(base, socket_path);
    if (!transfers) {
        return error_set(err, ERR_INTERNAL, "The HTTP library does not start");
    }
    struct docker_client *client = xcalloc(1, sizeof(*client));
    client->transfers = transfers;
    client->socket_path = xstrdup(socket_path);
    TAILQ_INIT(&client->list);
    *ret_client = client;
    return 0;
}

void docker_client_close(struct docker_client *client)
{
    if (!client) {
        return;
    }
    struct docker_request *request;
    while ((request = TAILQ_FIRST(&client->list))) {
        docker_cancel(request);
    }
    transfers_free(client->transfers);
    free(client->socket_path);
    free(client);
}

struct docker_request *docker_request(struct docker_client *client, const struct docker_call *call)
{
    struct docker_request *request = xcalloc(1, sizeof(*request));
    request->client = client;
    request->call = *call;
    docker_url_append_path(&request->target, call->path);
    docker_url_append_query(&request->target, call->query);
    request->json = call->json ? xstrdup(call->json) : NULL;
    TAILQ_INSERT_TAIL(&client->list, request, link);
    if (client->api_minor) {
        send_request(request);
    } else if (!client->ping) {
        ask_version(client);
    }
    return request;
}

void docker_cancel(struct docker_request *request)
{
    ASSERT(!request->is_in_callback);
    if (request->transfer) {
        transfer_cancel(request->transfer);
    }
    release(request);
}

ssize_t docker_read_fd(void *arg, char *data, size_t size)
{
    ssize_t got;
    do {
        got = read(*(const int *)arg, data, size);
    } while (got < 0 && errno == EINTR);
    return got;
}

static void release(struct docker_request *request)
{
    TAILQ_REMOVE(&request->client->list, request, link);
    if (request->call.release) {
        request->call.release(request->call.arg);
    }
    strbuf_fini(&request->target);
    free(request->json);
    free(request);
}

static void finish(struct docker_request *request, const struct docker_answer *answer,
                   const struct error *err)
{
    request->is_in_callback = true;
    request->call.on_done(request->call.arg, answer, err);
    release(request);
}

static struct docker_request *find_doomed(const struct docker_client *client)
{
    struct docker_request *request = TAILQ_FIRST(&client->list);
    while (request && !request->is_doomed) {
        request = TAILQ_NEXT(request, link);
    }
    return request;
}

static const char *docker_message(struct arena *arena, const struct transfer_result *result)
{
    const struct json_value *value;
    const char *message = NULL;
    if (json_parse(arena, result->body, result->size, &value, NULL) == 0) {
        message = json_find_text(value, "message", NULL);
    }
    return message ? message : arena_printf(arena, "it answered with status %d", result->status);
}

static void describe_status(const char *action, const struct transfer_result *result,
                            struct error *err)
{
    AUTO_ARENA struct arena *arena = arena_new();
    static const struct {
        int status;
        enum error_code code;
    } codes[] = {
        {400, ERR_INVALID_ARGUMENT}, {403, ERR_FORBIDDEN},   {404, ERR_NOT_FOUND},
        {409, ERR_CONFLICT},         {503, ERR_UNAVAILABLE},
    };
    enum error_code code = ERR_INTERNAL;
    for (size_t i = 0; i < ARRAY_COUNT(codes); i++) {
        if (codes[i].status == result->status) {
            code = codes[i].code;
        }
    }
    const char *message = docker_message(arena, result);
    if (strstr(message, "no space left on device")) {
        code = ERR_NO_SPACE;
    }
    error_set(err, code, "Docker could not %s: %s", action, message);
}

static void describe_outcome(const struct docker_client *client, const char *action,
                             enum transfer_outcome outcome, struct error *err)
{
    const char *path = client->socket_path;
    switch (outcome) {
    case TRANSFER_DONE:
        break;
    case TRANSFER_UNREACHABLE:
        error_set(err, ERR_UNAVAILABLE, "Docker does not answer at %s", path);
        error_hint(err, "Look at it with: systemctl status docker");
        break;
    case TRANSFER_LATE:
        error_set(err, ERR_TIMEOUT, "Docker took too long to %s", action);
        error_hint(err, "The server may be very busy. Look at it with: systemctl status docker");
        break;
    case TRANSFER_BROKEN:
        error_set(err, ERR_UNAVAILABLE, "Docker went away while it was asked to %s", action);
        error_hint(err, "Look at it with: journalctl -u docker");
        break;
    case TRANSFER_NOT_HTTP:
        error_set(err, ERR_UNAVAILABLE, "What answers at %s is not Docker", path);
        error_hint(err, "Check docker_socket in the configuration.");
        break;
    case TRANSFER_TOO_LARGE:
        error_set(err, ERR_TOO_LARGE, "Docker's answer is too large, when asked to %s", action);
        break;
    case TRANSFER_ABORTED:
        error_set(err, ERR_IO, "The exchange with Docker was broken off, when asked to %s", action);
        break;
    }
}

static bool is_success(const struct transfer_result *result)
{
    return result->outcome == TRANSFER_DONE && (result->status / 100 == 2 || result->status == 304);
}

static void on_request_done(void *arg, const struct transfer_result *result)
{
    struct docker_request *request = arg;
    struct docker_client *client = request->client;
    if (is_success(result)) {
        struct docker_answer answer = {result->status, result->body, result->size};
        finish(request, &answer, NULL);
        return;
    }
    struct error err;
    if (result->outcome == TRANSFER_DONE) {
        describe_status(request->call.action, result, &err);
    } else {
        describe_outcome(client, request->call.action, result->outcome, &err);
    }
    if (err.code == ERR_UNAVAILABLE) {
        client->api_minor = 0;
    }
    finish(request, NULL, &err);
}

static ssize_t on_read(void *arg, char *data, size_t size)
{
    struct docker_request *request = arg;
    return request->call.read(request->call.arg, data, size);
}

static int on_data(void *arg, const char *data, size_t size)
{
    struct docker_request *request = arg;
    request->is_in_callback = true;
    int rc = request->call.on_data(request->call.arg, data, size);
    request->is_in_callback = false;
    return rc;
}

static int transfer_timeout(int timeout_ms)
{
    if (timeout_ms == DOCKER_NO_TIMEOUT) {
        return 0;
    }
    return timeout_ms > 0 ? timeout_ms : DOCKER_TIMEOUT_MS;
}

static void send_request(struct docker_request *request)
{
    struct docker_client *client = request->client;
    const struct docker_call *call = &request->call;
    AUTO_FREE char *target =
        xasprintf("/v1.%d%s", client->api_minor, strbuf_text(&request->target));
    request->transfer = transfer_start(client->transfers,
                                       &(struct transfer_spec){
                                           .method = call->method,
                                           .target = target,
                                           .content_type = call->read      ? "application/x-tar"
                                                           : request->json ? "application/json"
                                                                           : NULL,
                                           .body = request->json,
                                           .body_size = request->json ? strlen(request->json) : 0,
                                           .read = call->read ? on_read : NULL,
                                           .timeout_ms = transfer_timeout(call->timeout_ms),
                                           .answer_size_max = DOCKER_ANSWER_MAX,
                                           .on_data = call->on_data ? on_data : NULL,
                                           .on_done = on_request_done,
                                           .arg = request,
                                       });
}

/* Returns the minor number to speak, or a negative error. */
static int choose_version(const struct docker_client *client, const struct transfer_result *result,
                          struct error *err)
{
    if (result->outcome != TRANSFER_DONE) {
        describe_outcome(client, "say its version", result->outcome, err);
        return -(int)err->code;
    }
    int minor = 0;
    if (sscanf(result->api_version, "1.%4d", &minor) != 1 || minor <= 0) {
        if (result->status >= 500) {
            describe_status("say its version", result, err);
            err->code = ERR_UNAVAILABLE;
            return -ERR_UNAVAILABLE;
        }
        describe_outcome(client, "say its version", TRANSFER_NOT_HTTP, err);
        return -ERR_UNAVAILABLE;
    }
    if (minor < DOCKER_API_MIN) {
        error_set(err, ERR_UNSUPPORTED,
                  "This Docker is too old: it speaks API version 1.%d, and 1.%d is needed", minor,
                  DOCKER_API_MIN);
        error_hint(err, "Install Docker 20.10 or newer.");
        return -ERR_UNSUPPORTED;
    }
    return minor < DOCKER_API_MAX ? minor : DOCKER_API_MAX;
}

static void send_waiting(struct docker_client *client)
{
    struct docker_request *request;
    for (request = TAILQ_FIRST(&client->list); request; request = TAILQ_NEXT(request, link)) {
        if (!request->transfer) {
            send_request(request);
        }
    }
}

/* Only those that wait by now: a callback may ask anew, and that is a new question. */
static void fail_waiting(struct docker_client *client, const struct error *err)
{
    struct docker_request *request;
    for (request = TAILQ_FIRST(&client->list); request; request = TAILQ_NEXT(request, link)) {
        request->is_doomed = !request->transfer;
    }
    while ((request = find_doomed(client))) {
        finish(request, NULL, err);
    }
}

static void on_ping_done(void *arg, const struct transfer_result *result)
{
    struct docker_client *client = arg;
    struct error err;
    int minor = choose_version(client, result, &err);
    client->ping = NULL;
    if (minor > 0) {
        client->api_minor = minor;
        send_waiting(client);
    } else {
        fail_waiting(client, &err);
    }
}

static void ask_version(struct docker_client *client)
{
    client->ping = transfer_start(client->transfers, &(struct transfer_spec){
                                                         .method = "GET",
                                                         .target = "/_ping",
                                                         .timeout_ms = PING_TIMEOUT_MS,
                                                         .answer_size_max = PING_ANSWER_MAX,
                                                         .on_done = on_ping_done,
                                                         .arg = client,
                                                     });
}
