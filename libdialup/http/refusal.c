/*
 * What evhttp refuses by itself (a broken request, a body above every route's), said as we say it.
 *
 * evhttp 2.1 has no hook there: it writes a page of its own while the connection still reads. The
 * page is replaced before any of it is sent. Called by connection.c at the end of the same turn of
 * the loop.
 */
#include <stdio.h>
#include <stdlib.h>

#include "libdialup/base/memory.h"
#include "libdialup/base/str.h"
#include "libdialup/http/internal.h"

enum { STATUS_LINE_MAX = 32, MIB = 1024 * 1024 };

static const struct row {
    int status;
    const char *reason;
    enum error_code code;
    const char *message;
} rows[] = {
    {400, "Bad Request", ERR_INVALID_REQUEST,
     "This request is broken, or its headers are too large."},
    {413, "Content Too Large", ERR_TOO_LARGE, "This is larger than anything that is taken here."},
    {417, "Expectation Failed", ERR_INVALID_REQUEST,
     "What the header Expect asks for is not possible here."},
    {501, "Not Implemented", ERR_UNKNOWN_METHOD, "There is no such method."},
};

/* evhttp says 0 of a method that it does not know. */
static const struct row *find_row(int status)
{
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        if (rows[i].status == (status ? status : 501)) {
            return &rows[i];
        }
    }
    return &rows[0];
}

static void describe(const struct http_server *server, const struct row *row, struct error *err)
{
    error_set(err, row->code, "%s", row->message);
    if (row->code == ERR_TOO_LARGE) {
        const struct http_options *options = &server->options;
        size_t most = http_route_largest_body(options->routes, options->route_count);
        error_hint(err, "One request may have at most %zu MB; send more in parts.",
                   (most + MIB - 1) / MIB);
    }
}

/* The status that evhttp wants to send; -1 if this is no answer. */
static int read_status(struct evbuffer *output)
{
    char line[STATUS_LINE_MAX];
    char status[4];
    ev_ssize_t copied = evbuffer_copyout(output, line, sizeof(line) - 1);
    line[copied > 0 ? copied : 0] = '\0';
    bool is_answer = sscanf(line, "HTTP/%*d.%*d %3[0-9]", status) == 1;
    return is_answer ? (int)strtol(status, NULL, 10) : -1;
}

static void write_answer(struct evbuffer *output, const struct row *row, const char *id,
                         const struct error *err)
{
    AUTO_STRBUF struct strbuf body = STRBUF_INIT;
    http_error_write(&body, err, id);
    evbuffer_add_printf(output,
                        "HTTP/1.1 %d %s\r\nContent-Type: application/json\r\n"
                        "Content-Length: %zu\r\nX-Request-Id: %s\r\n"
                        "X-Content-Type-Options: nosniff\r\nCache-Control: no-store\r\n"
                        "Connection: close\r\n\r\n%s",
                        row->status, row->reason, body.size, id, strbuf_text(&body));
}

bool http_refusal_replace(struct http_server *server, struct evbuffer *output)
{
    int status = read_status(output);
    if (status >= 100 && status < 200) { /* "100 Continue": the request goes on */
        return false;
    }
    const struct row *row = find_row(status);
    char id[CRYPTO_ID_SIZE];
    struct error err;
    crypto_random_id(id);
    describe(server, row, &err);
    evbuffer_unfreeze(output, 1); /* a bufferevent lets nobody else take from its front */
    evbuffer_drain(output, evbuffer_get_length(output));
    evbuffer_freeze(output, 1);
    write_answer(output, row, id, &err);
    server->counters.replies[row->status / 100]++;
    return true;
}
