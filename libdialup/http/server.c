/*
 * Start and stop of the server; see the header. connection.c has what happens in between.
 */
#include "libdialup/http/server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "libdialup/base/clock.h"
#include "libdialup/base/memory.h"
#include "libdialup/http/internal.h"

/* evhttp's own refusal of a body is less friendly than ours, so it comes later. */
enum { BODY_SLACK_BYTES = 64 * 1024 };

static void set_defaults(struct http_options *options)
{
    static const struct http_options defaults = {
        .max_connections = HTTP_DEFAULT_CONNECTIONS,
        .max_held_bytes = HTTP_DEFAULT_HELD_BYTES,
        .idle_ms = HTTP_DEFAULT_IDLE_MS,
        .read_ms = HTTP_DEFAULT_READ_MS,
        .grace_ms = HTTP_DEFAULT_GRACE_MS,
        .crowded_grace_ms = HTTP_DEFAULT_CROWDED_GRACE_MS,
        .write_ms = HTTP_DEFAULT_WRITE_MS,
        .heartbeat_ms = HTTP_DEFAULT_HEARTBEAT_MS,
        .max_stream_bytes = HTTP_DEFAULT_STREAM_BYTES,
    };
#define DEFAULT(field) options->field = options->field ? options->field : defaults.field
    DEFAULT(max_connections);
    DEFAULT(max_held_bytes);
    DEFAULT(idle_ms);
    DEFAULT(read_ms);
    DEFAULT(grace_ms);
    DEFAULT(crowded_grace_ms);
    DEFAULT(write_ms);
    DEFAULT(heartbeat_ms);
    DEFAULT(max_stream_bytes);
#undef DEFAULT
}

static struct evhttp *new_evhttp(struct http_server *server)
{
    const struct http_options *options = &server->options;
    size_t largest = http_route_largest_body(options->routes, options->route_count);
    struct evhttp *evhttp = evhttp_new(server->base);
    ASSERT(evhttp);
    evhttp_set_max_headers_size(evhttp, HTTP_MAX_HEADER_BYTES);
    evhttp_set_max_body_size(evhttp, (ev_ssize_t)(largest + BODY_SLACK_BYTES));
    server->most_bytes = HTTP_MAX_HEADER_BYTES + largest + BODY_SLACK_BYTES;
    evhttp_set_flags(evhttp, EVHTTP_SERVER_LINGERING_CLOSE);
    evhttp_set_default_content_type(evhttp, NULL);
    evhttp_set_allowed_methods(evhttp, (ev_uint16_t)~EVHTTP_REQ_CONNECT);
    evhttp_set_bevcb(evhttp, http_connection_on_accept, server);
    evhttp_set_gencb(evhttp, http_dispatch, server);
    return evhttp;
}

static void on_resume(evutil_socket_t fd, short what, void *argument)
{
    struct http_server *server = argument;
    if (!http_listener_look_again(server)) {
        http_connections_cut_slow(server);
    }
}

static void on_drained(evutil_socket_t fd, short what, void *argument)
{
    struct http_server *server = argument;
    struct http_connection *connection = LIST_FIRST(&server->connections);
    while (connection) {
        struct http_connection *next = LIST_NEXT(connection, next);
        if (connection->evcon) {
            evhttp_connection_free(connection->evcon);
        }
        connection = next;
    }
}

/* Last: on_stopped may free the server. */
static void on_all_closed(evutil_socket_t fd, short what, void *argument)
{
    struct http_server *server = argument;
    event_del(server->drain_event);
    http_stopped_fn *on_stopped = server->on_stopped;
    server->on_stopped = NULL;
    if (on_stopped) {
        on_stopped(server->on_stopped_context);
    }
}

static struct event *new_event(struct http_server *server, event_callback_fn callback)
{
    struct event *event = event_new(server->base, -1, 0, callback, server);
    ASSERT(event);
    return event;
}

int http_server_new(struct event_base *base, const struct http_options *options,
                    struct http_server **ret_server, struct error *err)
{
    ASSERT(options->own_origin && (options->unix_path || options->address));
    http_route_check(options->routes, options->route_count);

    struct http_server *server = xcalloc(1, sizeof(*server));
    server->base = base;
    server->options = *options;
    set_defaults(&server->options);
    LIST_INIT(&server->connections);
    server->limiter = rate_limiter_new();
    server->adopt_event = new_event(server, http_connections_adopt);
    server->resume_event = new_event(server, on_resume);
    server->drain_event = new_event(server, on_drained);
    server->stopped_event = new_event(server, on_all_closed);
    server->evhttp = new_evhttp(server);

    int result = http_listener_open(server, err);
    if (result < 0) {
        http_server_free(server);
        return result;
    }
    *ret_server = server;
    return 0;
}

static void end_for_stop(struct http_connection *connection)
{
    if (connection->holder && connection->holder_calls->on_stop) {
        connection->holder_calls->on_stop(connection->holder);
    } else if (connection->phase == HTTP_IDLE && connection->evcon) {
        http_connection_cut_soon(connection);
    }
}

void http_server_stop(struct http_server *server, int64_t drain_ms, http_stopped_fn *on_stopped,
                      void *context)
{
    ASSERT(!server->stopping);
    server->stopping = true;
    server->on_stopped = on_stopped;
    server->on_stopped_context = context;
    http_listener_close(server);

    struct http_connection *connection = LIST_FIRST(&server->connections);
    while (connection) {
        struct http_connection *next = LIST_NEXT(connection, next);
        end_for_stop(connection);
        connection = next;
    }
    if (server->counters.open_connections == 0) {
        event_active(server->stopped_event, EV_TIMEOUT, 1);
    }
    struct timeval drain = clock_timeval_of_ms(drain_ms);
    event_add(server->drain_event, &drain);
}

void http_server_free(struct http_server *server)
{
    if (!server) {
        return;
    }
    http_listener_close(server);
    evhttp_free(server->evhttp);
    struct http_connection *connection;
    while ((connection = LIST_FIRST(&server->connections)) != NULL) {
        http_connection_free_unadopted(connection);
    }
    event_free(server->adopt_event);
    event_free(server->resume_event);
    event_free(server->drain_event);
    event_free(server->stopped_event);
    rate_limiter_free(server->limiter);
    free(server);
}

const struct http_counters *http_server_counters(const struct http_server *server)
{
    return &server->counters;
}

int http_server_port(const struct http_server *server)
{
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } address = {0};
    socklen_t size = sizeof(address);
    if (getsockname(evconnlistener_get_fd(server->listener), &address.any, &size) < 0) {
        return 0;
    }
    return ntohs(address.any.sa_family == AF_INET6 ? address.v6.sin6_port : address.v4.sin_port);
}
