/*
 * Streams on top of evhttp's chunked replies. The stream holds its connection.
 */
#include "libdialup/http/sse.h"

#include <string.h>

#include "libdialup/base/memory.h"
#include "libdialup/http/internal.h"

struct http_stream {
    struct http_connection *connection;
    struct evhttp_request *evreq;
    http_stream_closed_fn *on_closed;
    void *context;
};

static void send_buffer(struct http_stream *stream, struct evbuffer *buffer)
{
    evhttp_send_reply_chunk(stream->evreq, buffer);
    evbuffer_free(buffer);
}

static void send_comment(struct http_stream *stream)
{
    struct evbuffer *buffer = evbuffer_new();
    ASSERT(buffer);
    evbuffer_add(buffer, ":\n\n", 3);
    send_buffer(stream, buffer);
}

static void stream_free(struct http_stream *stream)
{
    http_connection_let_go(stream->connection, stream);
    stream->connection->server->counters.open_streams--;
    free(stream);
}

/* The limit is checked before, so a single event may be larger than what is left. */
static bool is_too_slow(struct http_stream *stream)
{
    struct http_connection *connection = stream->connection;
    size_t unsent = evbuffer_get_length(bufferevent_get_output(connection->bev));
    if (unsent > connection->server->options.max_stream_bytes && !connection->doomed) {
        connection->server->counters.cut_slow++;
        http_connection_cut_soon(connection);
    }
    return connection->doomed;
}

static void on_heartbeat_due(void *holder)
{
    struct http_stream *stream = holder;
    struct http_connection *connection = stream->connection;
    http_connection_set_phase(connection, HTTP_STREAMING, connection->server->options.heartbeat_ms);
    if (!is_too_slow(stream)) {
        send_comment(stream);
    }
}

/* The connection is closing under it. */
static void on_close(void *holder)
{
    struct http_stream *stream = holder;
    stream->on_closed(stream->context, stream);
    http_evreq_abandon(stream->evreq);
    stream_free(stream);
}

static void on_stop(void *holder)
{
    struct http_stream *stream = holder;
    stream->on_closed(stream->context, stream);
    http_sse_close(stream);
}

struct http_stream *http_sse_start(struct http_request *request, http_stream_closed_fn *on_closed,
                                   void *context)
{
    static const struct http_holder calls = {
        .on_deadline = on_heartbeat_due, .on_close = on_close, .on_stop = on_stop};
    ASSERT(!request->answered && on_closed);
    struct http_connection *connection = request->connection;
    struct http_stream *stream = xcalloc(1, sizeof(*stream));
    *stream = (struct http_stream){connection, request->evreq, on_closed, context};
    http_connection_hold(connection, &calls, stream);
    connection->server->counters.open_streams++;

    http_reply_header(request, "Content-Type", "text/event-stream");
    http_reply_add_common_headers(request);
    http_reply_count(request, 200);
    http_connection_set_phase(connection, HTTP_STREAMING, connection->server->options.heartbeat_ms);
    evhttp_send_reply_start(request->evreq, 200, NULL);
    send_comment(stream); /* so that the browser's "open" event comes at once */

    http_request_end(request);
    return stream;
}

static void add_lines(struct evbuffer *buffer, const char *data, size_t size)
{
    const char *end = data + size;
    do {
        const char *line_end = memchr(data, '\n', (size_t)(end - data));
        size_t len = (size_t)((line_end ? line_end : end) - data);
        evbuffer_add(buffer, "data: ", 6);
        evbuffer_add(buffer, data, len);
        evbuffer_add(buffer, "\n", 1);
        data += len + 1;
    } while (data <= end);
}

static void add_field(struct evbuffer *buffer, const char *name, const char *value)
{
    if (value) {
        ASSERT(!strpbrk(value, "\r\n"));
        evbuffer_add_printf(buffer, "%s: %s\n", name, value);
    }
}

bool http_sse_send(struct http_stream *stream, const char *event, const char *id, const char *data,
                   size_t size)
{
    if (is_too_slow(stream)) {
        return false;
    }
    struct evbuffer *buffer = evbuffer_new();
    ASSERT(buffer);
    add_field(buffer, "event", event);
    add_field(buffer, "id", id);
    add_lines(buffer, data, size);
    evbuffer_add(buffer, "\n", 1);
    send_buffer(stream, buffer);
    return true;
}

void http_sse_close(struct http_stream *stream)
{
    struct http_connection *connection = stream->connection;
    struct evhttp_request *evreq = stream->evreq;
    stream_free(stream);
    http_connection_set_phase(connection, HTTP_WRITING, connection->server->options.write_ms);
    evhttp_send_reply_end(evreq);
}
