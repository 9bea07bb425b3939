/*
 * The life and the getters of a request. Made by dispatch.c, answered by reply.c or sse.c, ended
 * here when the client goes.
 */
#include "libdialup/http/request.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "libdialup/base/clock.h"
#include "libdialup/base/memory.h"
#include "libdialup/base/str.h"
#include "libdialup/crypto/token.h"
#include "libdialup/http/internal.h"

static const char *method_name(enum evhttp_cmd_type command)
{
    static const struct {
        enum evhttp_cmd_type command;
        const char *name;
    } names[] = {
        {EVHTTP_REQ_GET, "GET"},         {EVHTTP_REQ_HEAD, "HEAD"},   {EVHTTP_REQ_POST, "POST"},
        {EVHTTP_REQ_PUT, "PUT"},         {EVHTTP_REQ_PATCH, "PATCH"}, {EVHTTP_REQ_DELETE, "DELETE"},
        {EVHTTP_REQ_OPTIONS, "OPTIONS"}, {EVHTTP_REQ_TRACE, "TRACE"},
    };
    for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
        if (names[i].command == command) {
            return names[i].name;
        }
    }
    return "UNKNOWN";
}

static void copy_target(struct http_request *request)
{
    const char *uri = evhttp_request_get_uri(request->evreq);
    size_t path_len = strcspn(uri, "?#");
    request->path = arena_strndup(request->arena, uri, path_len);
    if (uri[path_len] == '?') {
        const char *query = uri + path_len + 1;
        request->query_text = arena_strndup(request->arena, query, strcspn(query, "#"));
    }
}

/* The proxy adds the address it sees at the end; what stands before came from the client. */
static const char *forwarded_address(struct http_request *request)
{
    const char *list = http_request_header(request, "X-Forwarded-For");
    if (!list) {
        return NULL;
    }
    const char *comma = strrchr(list, ',');
    const char *last = comma ? comma + 1 : list;
    last += strspn(last, " \t");
    unsigned char bytes[16];
    bool is_address = inet_pton(AF_INET, last, bytes) == 1 || inet_pton(AF_INET6, last, bytes) == 1;
    return is_address ? arena_strdup(request->arena, last) : NULL;
}

static const char *find_remote_address(struct http_request *request)
{
    const struct http_options *options = &request->server->options;
    const char *address = NULL;
    if (options->unix_path || options->behind_proxy) {
        address = forwarded_address(request);
    }
    if (!address && !options->unix_path) {
        char *peer;
        ev_uint16_t port;
        evhttp_connection_get_peer(request->connection->evcon, &peer, &port);
        address = arena_strdup(request->arena, peer);
    }
    return address ? address : "local";
}

struct http_request *http_request_new(struct http_connection *connection,
                                      struct evhttp_request *evreq)
{
    static const struct http_holder calls = {.on_close = http_request_drop};
    struct arena *arena = arena_new();
    struct http_request *request = arena_alloc(arena, sizeof(*request));
    request->arena = arena;
    request->server = connection->server;
    request->connection = connection;
    request->evreq = evreq;
    request->started_us = clock_monotonic_us();
    crypto_random_id(request->id);
    request->log_context.request_id = request->id;
    request->method = method_name(evhttp_request_get_command(evreq));
    copy_target(request);
    request->remote_address = find_remote_address(request);
    http_connection_begin_request(connection, evreq);
    http_connection_hold(connection, &calls, request);
    return request;
}

/* Answered or gone. The dispatcher still looks at the one it has in hand, and then ends it. */
void http_request_end(struct http_request *request)
{
    request->answered = true;
    if (!request->in_dispatch) {
        http_connection_let_go(request->connection, request);
        arena_free(request->arena); /* in which it lives */
    }
}

/* After libevent's closecb: a request that it took off its list belongs to us. */
void http_evreq_abandon(struct evhttp_request *evreq)
{
    if (!evhttp_request_get_connection(evreq)) {
        evhttp_request_free(evreq);
    }
}

/* The connection is closing under it. */
void http_request_drop(void *holder)
{
    struct http_request *request = holder;
    request->server->counters.gone++;
    if (request->on_gone) {
        request->on_gone(request->gone_context, request);
    }
    http_evreq_abandon(request->evreq);
    http_request_end(request);
}

int http_header_count(struct evhttp_request *evreq, const char *name)
{
    const struct evkeyvalq *headers = evhttp_request_get_input_headers(evreq);
    const struct evkeyval *header;
    int count = 0;
    TAILQ_FOREACH(header, headers, next)
    {
        count += strcasecmp(header->key, name) == 0;
    }
    return count;
}

struct arena *http_request_arena(struct http_request *request)
{
    return request->arena;
}

const char *http_request_id(const struct http_request *request)
{
    return request->id;
}

const struct log_context *http_request_log_context(const struct http_request *request)
{
    return &request->log_context;
}

const struct http_identity *http_request_identity(const struct http_request *request)
{
    return &request->identity;
}

const char *http_request_method(const struct http_request *request)
{
    return request->method;
}

const char *http_request_path(const struct http_request *request)
{
    return request->path;
}

const char *http_request_remote_address(const struct http_request *request)
{
    return request->remote_address;
}

const char *http_request_header(const struct http_request *request, const char *name)
{
    return evhttp_find_header(evhttp_request_get_input_headers(request->evreq), name);
}

const char *http_request_param(const struct http_request *request, const char *name)
{
    for (size_t i = 0; i < request->match.param_count; i++) {
        const struct http_path_param *param = &request->match.params[i];
        if (param->name_len == strlen(name) && memcmp(param->name, name, param->name_len) == 0) {
            return request->params[i];
        }
    }
    log_panic("%s has no parameter %s", request->route->path, name);
}

int http_request_param_id(const struct http_request *request, const char *name, int64_t *ret_id,
                          struct error *err)
{
    const char *text = http_request_param(request, name);
    if (!str_parse_i64(text, 1, INT64_MAX, ret_id)) {
        return error_set_field(err, ERR_NOT_FOUND, name, "There is nothing with this number.");
    }
    return 0;
}

const void *http_request_query(const struct http_request *request)
{
    return request->query;
}

const void *http_request_body(const struct http_request *request)
{
    return request->body;
}

struct evbuffer *http_request_body_buffer(const struct http_request *request)
{
    return evhttp_request_get_input_buffer(request->evreq);
}

size_t http_request_body_size(const struct http_request *request)
{
    return evbuffer_get_length(http_request_body_buffer(request));
}

const char *http_request_body_bytes(const struct http_request *request)
{
    struct evbuffer *body = http_request_body_buffer(request);
    return evbuffer_get_length(body) > 0 ? (const char *)evbuffer_pullup(body, -1) : "";
}

/* The first piece of the body behind position. */
static struct iovec piece_at(struct evbuffer *body, struct evbuffer_ptr *position)
{
    struct iovec piece = {0};
    evbuffer_peek(body, -1, position, &piece, 1);
    return piece;
}

int http_request_body_write(const struct http_request *request, int fd, off_t offset,
                            struct error *err)
{
    struct evbuffer *body = http_request_body_buffer(request);
    size_t left = evbuffer_get_length(body);
    struct evbuffer_ptr position;
    evbuffer_ptr_set(body, &position, 0, EVBUFFER_PTR_SET);
    while (left > 0) {
        struct iovec piece = piece_at(body, &position);
        ssize_t written = pwrite(fd, piece.iov_base, piece.iov_len, offset);
        if (written < 0 && errno == EINTR) {
            continue;
        }
        if (written <= 0) {
            return error_set_errno(err, ERR_IO, errno, "The upload cannot be written");
        }
        offset += written;
        left -= (size_t)written;
        evbuffer_ptr_set(body, &position, (size_t)written, EVBUFFER_PTR_ADD);
    }
    return 0;
}

const char *http_request_session_token(const struct http_request *request, size_t *ret_len)
{
    bool has_session =
        request->credentials.kind == HTTP_SESSION && request->credentials.well_formed;
    *ret_len = has_session ? request->credentials.token_len : 0;
    return has_session ? request->credentials.token : "";
}

const char *http_request_csrf(struct http_request *request)
{
    size_t len;
    const char *token = http_request_session_token(request, &len);
    if (len == 0) {
        return NULL;
    }
    char *csrf = arena_alloc(request->arena, TOKEN_CSRF_SIZE);
    token_csrf(token, len, csrf);
    return csrf;
}
