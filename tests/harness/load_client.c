/*
 * Many clients at once, so cheap that what is measured is the server: each asks, waits for the
 * whole answer, and asks again. For the benches; written in C because clients in Python are slower
 * than what they measure.
 *
 *     load_client http PORT HOST KEY METHOD PATH BODY CLIENTS CALLS FIRST
 *     load_client ipc SOCKET METHOD PARAMS CLIENTS CALLS FIRST
 *
 * In PATH, BODY and PARAMS, "#" becomes one of 500 in turn from FIRST on, beginning with 1; "~" is
 * 64 and more, another one in each turn, so that every call changes something. Prints "p50_us
 * p99_us per_s failed cpu_us", the last being the client's own processor time a call. Every
 * connection makes one call before the clock runs.
 */
#include <arpa/inet.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "libdialup/base/clock.h"
#include "libdialup/base/log.h"
#include "libdialup/base/memory.h"
#include "libdialup/base/str.h"
#include "libdialup/ipc/client.h"

enum { CLIENTS_MAX = 200, CLIENTS_A_CONNECTION = 50, TARGETS = 500, PATIENCE_S = 120 };

struct load;

struct client {
    struct load *load;
    struct bufferevent *link; /* HTTP */
    struct ipc_client *peer;  /* IPC, shared with others */
    int64_t asked_us;
};

struct load {
    struct event_base *base;
    struct client clients[CLIENTS_MAX];
    size_t client_count;
    struct ipc_client *peers[CLIENTS_MAX];
    size_t peer_count;
    const char *host, *key, *method, *path, *text;
    long long number;
    int64_t *took_us;
    size_t wanted, started, done, failed;
};

/* With its marks replaced; freed by the caller. */
static char *fill_in(const char *text, long long number)
{
    AUTO_STRBUF struct strbuf out = STRBUF_INIT;
    for (const char *at = text; *at; at++) {
        if (*at == '#') {
            strbuf_printf(&out, "%lld", number % TARGETS + 1);
        } else if (*at == '~') {
            strbuf_printf(&out, "%lld", 64 + number / TARGETS % 64);
        } else {
            strbuf_printf(&out, "%c", *at);
        }
    }
    return xstrdup(strbuf_text(&out));
}

static void ask(struct client *client);

/* why: of the first that failed, for who reads it. */
static void note(struct client *client, bool is_good, const char *why)
{
    struct load *load = client->load;
    if (!is_good && load->failed == 0) {
        fprintf(stderr, "load: %s\n", why);
    }
    load->took_us[load->done++] = clock_monotonic_us() - client->asked_us;
    load->failed += !is_good;
    if (load->done == load->wanted) {
        event_base_loopbreak(load->base);
    } else if (load->started < load->wanted) {
        ask(client);
    }
}

/* IPC ---------------------------------------------------------------------------------------- */

static void on_reply(void *context, const char *result_json, size_t size, const struct error *err)
{
    note(context, err == NULL, err ? err->message : "");
}

static void ask_ipc(struct client *client)
{
    AUTO_FREE char *params = fill_in(client->load->text, client->load->number++);
    struct error err;
    if (ipc_client_call_json(client->peer, client->load->method, params, NULL, on_reply, client,
                             &err) < 0) {
        log_panic("load: %s", err.message);
    }
}

static void open_ipc(struct load *load, const char *path)
{
    static struct ipc_client_options options = {.daemon = "the daemon", .connect_ms = 5000};
    struct error err;
    options.path = path;
    for (size_t i = 0; i < load->client_count; i++) {
        if (i % CLIENTS_A_CONNECTION == 0 &&
            ipc_client_open(load->base, &options, &load->peers[load->peer_count++], &err) < 0) {
            log_panic("load: %s", err.message);
        }
        load->clients[i].peer = load->peers[load->peer_count - 1];
    }
}

/* HTTP --------------------------------------------------------------------------------------- */

static void ask_http(struct client *client)
{
    struct load *load = client->load;
    AUTO_FREE char *path = fill_in(load->path, load->number);
    AUTO_FREE char *body = fill_in(load->text, load->number++);
    evbuffer_add_printf(bufferevent_get_output(client->link),
                        "%s %s HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\n"
                        "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
                        load->method, path, load->host, load->key, strlen(body), body);
}

/* The size of a whole answer; 0: it is not all there. */
static size_t answer_size(const char *text, size_t size)
{
    static const char length[] = "\nContent-Length:";
    const char *end = memmem(text, size, "\r\n\r\n", 4);
    if (!end) {
        return 0;
    }
    size_t head = (size_t)(end - text) + 4;
    const char *at = memmem(text, head, length, strlen(length));
    if (!at) {
        log_panic("load: an answer without a length: %.*s", (int)head, text);
    }
    size_t whole = head + strtoul(at + strlen(length), NULL, 10); /* its line ends in the head */
    return size >= whole ? whole : 0;
}

static void on_read(struct bufferevent *link, void *context)
{
    struct evbuffer *input = bufferevent_get_input(link);
    const char *text = (const char *)evbuffer_pullup(input, -1);
    size_t whole = answer_size(text, evbuffer_get_length(input));
    if (whole > 0) {
        AUTO_FREE char *answer = xstrndup(text, whole);
        evbuffer_drain(input, whole);
        note(context, answer[9] == '2', answer);
    }
}

static void on_event(struct bufferevent *link, short what, void *context)
{
    if (what & (BEV_EVENT_EOF | BEV_EVENT_ERROR)) {
        log_panic("load: the server has closed a connection");
    }
}

static void open_http(struct load *load, const char *port)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)atoi(port)),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    for (size_t i = 0; i < load->client_count; i++) {
        struct client *client = &load->clients[i];
        client->link = bufferevent_socket_new(load->base, -1, BEV_OPT_CLOSE_ON_FREE);
        bufferevent_setcb(client->link, on_read, NULL, on_event, client);
        bufferevent_enable(client->link, EV_READ | EV_WRITE);
        ASSERT(bufferevent_socket_connect(client->link, (struct sockaddr *)&address,
                                          sizeof(address)) == 0);
    }
}

/* -------------------------------------------------------------------------------------------- */

static void ask(struct client *client)
{
    client->load->started++;
    client->asked_us = clock_monotonic_us();
    if (client->link) {
        ask_http(client);
    } else {
        ask_ipc(client);
    }
}

static void run(struct load *load, size_t calls)
{
    const struct timeval patience = {PATIENCE_S, 0};
    load->wanted = calls;
    load->started = load->done = load->failed = 0;
    for (size_t i = 0; i < load->client_count && load->started < calls; i++) {
        ask(&load->clients[i]);
    }
    event_base_loopexit(load->base, &patience);
    event_base_loop(load->base, 0);
    ASSERT(load->done == load->wanted);
}

static int by_value(const void *a, const void *b)
{
    int64_t left = *(const int64_t *)a;
    int64_t right = *(const int64_t *)b;
    return (left > right) - (left < right);
}

static void measure(struct load *load, size_t calls)
{
    run(load, load->client_count);
    clock_t cpu = clock();
    int64_t begun_us = clock_monotonic_us();
    run(load, calls);
    double seconds = (double)(clock_monotonic_us() - begun_us) / 1e6;
    double cpu_us = (double)(clock() - cpu) * 1e6 / CLOCKS_PER_SEC / (double)calls;
    qsort(load->took_us, calls, sizeof(*load->took_us), by_value);
    printf("%lld %lld %.0f %zu %.0f\n", (long long)load->took_us[calls / 2],
           (long long)load->took_us[calls * 99 / 100], (double)calls / seconds, load->failed,
           cpu_us);
}

int main(int argc, char **argv)
{
    static struct load load;
    bool is_http = argc == 11 && strcmp(argv[1], "http") == 0;
    if (!is_http && (argc != 8 || strcmp(argv[1], "ipc") != 0)) {
        return 2;
    }
    char **rest = argv + argc - 4; /* text, clients, calls, first */
    size_t calls = strtoul(rest[2], NULL, 10);
    load.base = event_base_new();
    load.text = rest[0];
    load.client_count = strtoul(rest[1], NULL, 10);
    load.number = strtoll(rest[3], NULL, 10);
    ASSERT(load.client_count > 0 && load.client_count <= CLIENTS_MAX);
    load.took_us = xcalloc(calls + load.client_count, sizeof(*load.took_us));
    for (size_t i = 0; i < load.client_count; i++) {
        load.clients[i].load = &load;
    }
    if (is_http) {
        load.host = argv[3];
        load.key = argv[4];
        load.method = argv[5];
        load.path = argv[6];
        open_http(&load, argv[2]);
    } else {
        load.method = argv[3];
        open_ipc(&load, argv[2]);
    }
    measure(&load, calls);
    for (size_t i = 0; i < load.client_count; i++) {
        if (load.clients[i].link) {
            bufferevent_free(load.clients[i].link);
        }
    }
    for (size_t i = 0; i < load.peer_count; i++) {
        ipc_client_close(load.peers[i]);
    }
    event_base_free(load.base);
    free(load.took_us);
    return 0;
}
