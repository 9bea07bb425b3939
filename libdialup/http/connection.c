/*
 * A connection from accept to close: its phase, its deadline, its share of the memory.
 *
 * evhttp owns the connection and tells little about it: it asks for a bufferevent at accept, and
 * has a close callback once one has its handle, which is the argument of the bufferevent's
 * callbacks (bufferevent_getcb) as soon as accepting is done. So a new connection waits for
 * "adoption" at the end of the same turn of the loop. The input buffer's callback tells that bytes
 * came. No function here frees a connection while evhttp may be using it: that is the timer's.
 */
#include <string.h>

#include "libdialup/base/clock.h"
#include "libdialup/base/memory.h"
#include "libdialup/http/internal.h"

static void set_timer(struct http_connection *connection, int64_t ms)
{
    struct timeval timeout = clock_timeval_of_ms(ms);
    event_add(connection->timer, &timeout);
}

void http_connection_set_phase(struct http_connection *connection, enum http_phase phase,
                               int64_t deadline_ms)
{
    connection->phase = phase;
    if (!connection->doomed) {
        set_timer(connection, deadline_ms);
    }
}

void http_connection_cut_soon(struct http_connection *connection)
{
    connection->doomed = true;
    set_timer(connection, 0);
}

static void hold_bytes(struct http_connection *connection, size_t size)
{
    size_t *all = &connection->server->counters.held_bytes;
    *all = *all - connection->held_bytes + size;
    connection->held_bytes = size;
}

/* What it held no longer counts, so that it does not take others with it. */
static void cut_large(struct http_connection *connection)
{
    hold_bytes(connection, 0);
    connection->server->counters.cut_large++;
    http_connection_cut_soon(connection);
}

/* How long the request that is being read may still take: a byte a second is no request. */
static int64_t reading_left_ms(const struct http_connection *connection)
{
    const struct http_options *options = &connection->server->options;
    int64_t earned_ms =
        (int64_t)(connection->read_bytes * 1000 / HTTP_LEAST_BYTES_A_SECOND) + options->grace_ms;
    int64_t allowed_ms = earned_ms < options->read_ms ? earned_ms : options->read_ms;
    int64_t left_ms = allowed_ms - (clock_monotonic_us() - connection->read_from_us) / 1000;
    return left_ms > 0 ? left_ms : 0;
}

/* With all connections taken, what a slow one reads is others' time. */
void http_connections_cut_slow(struct http_server *server)
{
    struct http_connection *connection;
    LIST_FOREACH(connection, &server->connections, next)
    {
        int64_t earned_ms = (int64_t)(connection->read_bytes * 1000 / HTTP_CROWDED_BYTES_A_SECOND);
        int64_t taken_ms = (clock_monotonic_us() - connection->read_from_us) / 1000;
        if (connection->phase == HTTP_READING && !connection->doomed &&
            taken_ms > earned_ms + server->options.crowded_grace_ms) {
            server->counters.cut_slow++;
            http_connection_cut_soon(connection);
        }
    }
}

static void begin_reading(struct http_connection *connection)
{
    connection->read_from_us = clock_monotonic_us();
    connection->read_bytes = 0;
    http_connection_set_phase(connection, HTTP_READING, reading_left_ms(connection));
}

static void go_on_reading(struct http_connection *connection, size_t added)
{
    connection->read_bytes += added;
    http_connection_set_phase(connection, HTTP_READING, reading_left_ms(connection));
}

static void on_input(struct evbuffer *input, const struct evbuffer_cb_info *info, void *argument)
{
    struct http_connection *connection = argument;
    struct http_server *server = connection->server;
    if (info->n_added == 0 || connection->doomed) {
        return;
    }
    size_t held = connection->held_bytes + info->n_added;
    if (connection->phase == HTTP_IDLE) {
        begin_reading(connection);
    }
    if (connection->phase == HTTP_READING) {
        go_on_reading(connection, info->n_added);
        held = held < server->most_bytes ? held : server->most_bytes;
    }
    hold_bytes(connection, held);
    /* Whoever listens to a stream has nothing to say, and evhttp would keep it for ever. */
    if (connection->phase == HTTP_STREAMING ||
        server->counters.held_bytes > server->options.max_held_bytes) {
        cut_large(connection);
    }
}

/* Whatever is written while we read is evhttp's own. It would keep the connection of a CONNECT. */
static void on_output(struct evbuffer *output, const struct evbuffer_cb_info *info, void *argument)
{
    struct http_connection *connection = argument;
    bool is_ours = connection->phase != HTTP_IDLE && connection->phase != HTTP_READING;
    if (connection->doomed) {
        return;
    }
    if (info->n_added > 0 && !is_ours) {
        connection->phase = HTTP_REFUSING;
        event_active(connection->timer, EV_TIMEOUT, 1);
    } else if (connection->refused && evbuffer_get_length(output) == 0) {
        http_connection_cut_soon(connection);
    }
}

static void refuse(struct http_connection *connection)
{
    if (http_refusal_replace(connection->server, bufferevent_get_output(connection->bev))) {
        connection->refused = true;
        http_connection_set_phase(connection, HTTP_WRITING, connection->server->options.write_ms);
    } else {
        go_on_reading(connection, 0);
    }
}

static void on_timer(evutil_socket_t fd, short what, void *argument)
{
    struct http_connection *connection = argument;
    if (connection->doomed) {
        evhttp_connection_free(connection->evcon);
    } else if (connection->phase == HTTP_REFUSING) {
        refuse(connection);
    } else if (connection->phase == HTTP_HANDLING || connection->phase == HTTP_STREAMING) {
        connection->holder_calls->on_deadline(connection->holder);
    } else {
        connection->server->counters.cut_slow += connection->phase != HTTP_IDLE;
        evhttp_connection_free(connection->evcon);
    }
}

static void connection_free(struct http_connection *connection)
{
    struct http_server *server = connection->server;
    hold_bytes(connection, 0);
    LIST_REMOVE(connection, next);
    event_free(connection->timer);
    free(connection);

    server->counters.open_connections--;
    http_listener_resume(server);
    if (server->stopping && server->counters.open_connections == 0) {
        event_active(server->stopped_event, EV_TIMEOUT, 1);
    }
}

/* The one end of an adopted connection, whoever ends it. */
static void on_close(struct evhttp_connection *evcon, void *argument)
{
    struct http_connection *connection = argument;
    if (connection->holder) {
        connection->holder_calls->on_close(connection->holder);
    }
    evbuffer_remove_cb(bufferevent_get_input(connection->bev), on_input, connection);
    evbuffer_remove_cb(bufferevent_get_output(connection->bev), on_output, connection);
    connection_free(connection);
}

struct bufferevent *http_connection_on_accept(struct event_base *base, void *argument)
{
    struct http_server *server = argument;
    struct http_connection *connection = xcalloc(1, sizeof(*connection));
    connection->server = server;
    connection->bev = bufferevent_socket_new(base, -1, 0);
    connection->timer = event_new(base, -1, 0, on_timer, connection);
    ASSERT(connection->bev && connection->timer);
    bufferevent_incref(connection->bev);
    LIST_INSERT_HEAD(&server->connections, connection, next);

    server->counters.connections++;
    server->counters.open_connections++;
    http_listener_pause_at_limit(server);
    event_active(server->adopt_event, EV_TIMEOUT, 1);
    return connection->bev;
}

void http_connection_free_unadopted(struct http_connection *connection)
{
    bufferevent_decref(connection->bev);
    connection_free(connection);
}

static void adopt(struct http_connection *connection)
{
    void *evcon;
    bufferevent_getcb(connection->bev, NULL, NULL, NULL, &evcon);
    if (!evcon) { /* evhttp could not take it and freed it */
        http_connection_free_unadopted(connection);
        return;
    }
    connection->evcon = evcon;
    evhttp_connection_set_closecb(connection->evcon, on_close, connection);
    evbuffer_add_cb(bufferevent_get_input(connection->bev), on_input, connection);
    evbuffer_add_cb(bufferevent_get_output(connection->bev), on_output, connection);
    http_connection_set_phase(connection, HTTP_IDLE, connection->server->options.idle_ms);
    bufferevent_decref(connection->bev);
}

/* The newest stand first. */
void http_connections_adopt(evutil_socket_t fd, short what, void *argument)
{
    struct http_server *server = argument;
    struct http_connection *connection = LIST_FIRST(&server->connections);
    while (connection && !connection->evcon) {
        struct http_connection *next = LIST_NEXT(connection, next);
        adopt(connection);
        connection = next;
    }
}

struct http_connection *http_connection_find(struct http_server *server,
                                             struct evhttp_request *evreq)
{
    struct evhttp_connection *evcon = evhttp_request_get_connection(evreq);
    struct http_connection *connection;
    LIST_FOREACH(connection, &server->connections, next)
    {
        if (connection->evcon == evcon) {
            break;
        }
    }
    ASSERT(connection);
    return connection;
}

/* The reply is out: what is in the input already begins the next request. */
static void on_complete(struct evhttp_request *evreq, void *argument)
{
    struct http_connection *connection = argument;
    struct http_server *server = connection->server;
    size_t ahead = evbuffer_get_length(bufferevent_get_input(connection->bev));
    hold_bytes(connection, ahead);
    bufferevent_setwatermark(connection->bev, EV_READ, 0, 0);
    if (ahead > 0) {
        begin_reading(connection);
        go_on_reading(connection, ahead);
    } else {
        http_connection_set_phase(connection, HTTP_IDLE, server->options.idle_ms);
    }
    if (server->stopping) {
        http_connection_cut_soon(connection);
    }
}

void http_connection_hold(struct http_connection *connection, const struct http_holder *calls,
                          void *holder)
{
    connection->holder_calls = calls;
    connection->holder = holder;
}

/* Somebody else may hold it by now: a request becomes a stream before it ends. */
void http_connection_let_go(struct http_connection *connection, const void *holder)
{
    if (connection->holder == holder) {
        http_connection_hold(connection, NULL, NULL);
    }
}

void http_connection_begin_request(struct http_connection *connection, struct evhttp_request *evreq)
{
    connection->phase = HTTP_HANDLING;
    event_del(connection->timer);
    bufferevent_setwatermark(connection->bev, EV_READ, 0, HTTP_READ_AHEAD_BYTES);
    evhttp_request_set_on_complete_cb(evreq, on_complete, connection);
}

/* evhttp stops reading while a request is handled. Reading on, without its read callback (which
 * ends the process when it is called in this state), is how a close is noticed. */
void http_connection_watch_for_close(struct http_connection *connection)
{
    bufferevent_data_cb on_write;
    bufferevent_event_cb on_event;
    void *evcon;
    bufferevent_getcb(connection->bev, NULL, &on_write, &on_event, &evcon);
    bufferevent_setcb(connection->bev, NULL, on_write, on_event, evcon);
    bufferevent_enable(connection->bev, EV_READ);
}
