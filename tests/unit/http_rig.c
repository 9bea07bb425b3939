/*
 * The tests' server and clients; see the header.
 */
#include "tests/unit/http_rig.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "libdialup/base/fs.h"
#include "libdialup/base/log.h"
#include "libdialup/base/memory.h"

enum { PATIENCE_S = 10 };

int rig_authenticate(void *context, const struct http_credentials *credentials,
                     struct http_identity *ret_identity, struct error *err)
{
    static const struct {
        const char *token;
        enum http_role role;
    } known[] = {{RIG_USER, HTTP_USER}, {RIG_ADMIN, HTTP_ADMIN}, {RIG_KEY, HTTP_USER}};
    for (size_t i = 0; i < ARRAY_COUNT(known); i++) {
        if (strlen(known[i].token) == credentials->token_len &&
            memcmp(known[i].token, credentials->token, credentials->token_len) == 0) {
            ret_identity->role = known[i].role;
            ret_identity->user_id = (int64_t)i + 1;
            ret_identity->kind = credentials->kind;
            str_copy(ret_identity->name, sizeof(ret_identity->name), "somebody");
            return 0;
        }
    }
    return error_set(err, ERR_UNAUTHENTICATED, "This session has ended.");
}

void rig_start(struct rig *rig, const struct http_options *options)
{
    signal(SIGPIPE, SIG_IGN);
    rig->base = event_base_new();
    str_copy(rig->folder, sizeof(rig->folder), "/tmp/dialup-http-XXXXXX");
    ASSERT(rig->base && mkdtemp(rig->folder));
    snprintf(rig->socket_path, sizeof(rig->socket_path), "%s/http.sock", rig->folder);

    struct http_options all = *options;
    struct error err = {0};
    all.unix_path = rig->socket_path;
    all.own_origin = RIG_ORIGIN;
    all.authenticate = rig_authenticate;
    if (http_server_new(rig->base, &all, &rig->server, &err) < 0) {
        log_panic("the rig's server: %s", err.message);
    }
}

void rig_end(struct rig *rig)
{
    http_server_free(rig->server);
    event_base_free(rig->base);
    fs_remove_tree(rig->folder, NULL);
}

static void on_readable(evutil_socket_t fd, short what, void *argument)
{
    struct rig_client *client = argument;
    char block[65536];
    ssize_t size = read(fd, block, sizeof(block));
    if (size > 0) {
        strbuf_append(&client->received, block, (size_t)size);
    } else if (size == 0 || errno != EAGAIN) {
        client->ended = true;
        event_del(client->readable);
    }
}

void rig_connect(struct rig *rig, struct rig_client *client)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    str_copy(address.sun_path, sizeof(address.sun_path), rig->socket_path);
    *client = (struct rig_client){.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    if (connect(client->fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
        log_panic("no connection: %s", strerror(errno));
    }
    fcntl(client->fd, F_SETFL, O_NONBLOCK);
    client->readable = event_new(rig->base, client->fd, EV_READ | EV_PERSIST, on_readable, client);
    event_add(client->readable, NULL);
}

/* MSG_NOSIGNAL: a server that has cut the connection is what some tests want to see. */
void rig_send(struct rig_client *client, const char *data, size_t size)
{
    while (size > 0) {
        ssize_t sent = send(client->fd, data, size, MSG_NOSIGNAL);
        if (sent > 0) {
            data += sent;
            size -= (size_t)sent;
        } else if (errno == EAGAIN) {
            event_base_loop(event_get_base(client->readable), EVLOOP_ONCE);
        } else {
            return;
        }
    }
}

void rig_say(struct rig_client *client, const char *text)
{
    rig_send(client, text, strlen(text));
}

const struct http_counters *rig_counters(const struct rig *rig)
{
    return http_server_counters(rig->server);
}

bool rig_nothing_open(void *context)
{
    return rig_counters(context)->open_connections == 0;
}

void rig_close(struct rig_client *client)
{
    if (client->fd >= 0) {
        event_free(client->readable);
        close(client->fd);
        client->fd = -1;
        strbuf_fini(&client->received);
    }
}

static void on_patience(evutil_socket_t fd, short what, void *argument)
{
    log_panic("waited too long");
}

void rig_wait(struct rig *rig, rig_condition_fn *condition, void *context)
{
    struct timeval patience = {.tv_sec = PATIENCE_S};
    struct event *guard = event_new(rig->base, -1, 0, on_patience, NULL);
    event_add(guard, &patience);
    while (!condition(context)) {
        event_base_loop(rig->base, EVLOOP_ONCE);
    }
    event_free(guard);
}

void rig_turn(struct rig *rig)
{
    event_base_loop(rig->base, EVLOOP_NONBLOCK);
}

static bool has_ended(void *context)
{
    return ((struct rig_client *)context)->ended;
}

void rig_wait_end(struct rig *rig, struct rig_client *client)
{
    rig_wait(rig, has_ended, client);
}

struct wanted {
    struct rig_client *client;
    const char *text;
};

static bool has_text(void *context)
{
    struct wanted *wanted = context;
    const struct strbuf *received = &wanted->client->received;
    return received->size > 0 &&
           memmem(received->data, received->size, wanted->text, strlen(wanted->text));
}

void rig_wait_text(struct rig *rig, struct rig_client *client, const char *text)
{
    struct wanted wanted = {client, text};
    rig_wait(rig, has_text, &wanted);
}

const char *rig_ask(struct rig *rig, const char *request)
{
    static char answer[256 * 1024];
    struct rig_client client;
    rig_connect(rig, &client);
    rig_send(&client, request, strlen(request));
    rig_wait_end(rig, &client);
    snprintf(answer, sizeof(answer), "%s", strbuf_text(&client.received));
    rig_close(&client);
    return answer;
}

const char *rig_request(struct rig *rig, const char *line, const char *headers, const char *body)
{
    AUTO_STRBUF struct strbuf request = STRBUF_INIT;
    strbuf_printf(&request, "%s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n%s", line, headers);
    if (body) {
        strbuf_printf(&request, "Content-Length: %zu\r\n", strlen(body));
    }
    strbuf_printf(&request, "\r\n%s", body ? body : "");
    return rig_ask(rig, strbuf_text(&request));
}

int rig_status(const char *answer)
{
    int status = 0;
    return sscanf(answer, "HTTP/1.1 %d", &status) == 1 ? status : 0;
}
