/*
 * Answers: each ends its request. Everything a handler sends passes http_reply_buffer.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "libdialup/base/clock.h"
#include "libdialup/base/str.h"
#include "libdialup/http/internal.h"

static void set_header(struct http_request *request, const char *name, const char *value)
{
    evhttp_add_header(evhttp_request_get_output_headers(request->evreq), name, value);
}

static bool has_header(struct http_request *request, const char *name)
{
    return evhttp_find_header(evhttp_request_get_output_headers(request->evreq), name) != NULL;
}

static void set_default_header(struct http_request *request, const char *name, const char *value)
{
    if (!has_header(request, name)) {
        set_header(request, name, value);
    }
}

/* For everything that is not a page of ours; static_files.c sets its own before. */
void http_reply_add_common_headers(struct http_request *request)
{
    set_header(request, "X-Request-Id", request->id);
    set_header(request, "X-Content-Type-Options", "nosniff");
    set_header(request, "Referrer-Policy", "same-origin");
    set_header(request, "Cross-Origin-Opener-Policy", "same-origin");
    set_header(request, "Cross-Origin-Resource-Policy", "same-origin");
    set_default_header(request, "Cache-Control", "no-store");
    set_default_header(request, "Content-Security-Policy",
                       "default-src 'none'; frame-ancestors 'none'; sandbox");
    if (str_starts_with(request->server->options.own_origin, "https:")) {
        set_header(request, "Strict-Transport-Security", "max-age=31536000");
    }
    if (request->server->stopping) {
        set_header(request, "Connection", "close");
    }
}

void http_reply_count(struct http_request *request, int status)
{
    request->server->counters.replies[status / 100 % 6]++;
    const struct log_context *before = log_context_swap(&request->log_context);
    log_debug("%s %s %d %lld us from %s", request->method, request->path, status,
              (long long)(clock_monotonic_us() - request->started_us), request->remote_address);
    log_context_swap(before);
}

/* Takes body (NULL for none). size is what Content-Length says, also where HEAD sends nothing. */
void http_reply_buffer(struct http_request *request, int status, struct evbuffer *body, size_t size)
{
    ASSERT(!request->answered);
    bool is_head = str_equal(request->method, "HEAD");
    if (is_head && status != 304 && status != 204) {
        char text[24];
        snprintf(text, sizeof(text), "%zu", size);
        set_header(request, "Content-Length", text);
    }
    http_reply_add_common_headers(request);
    http_reply_count(request, status);
    http_connection_set_phase(request->connection, HTTP_WRITING, request->server->options.write_ms);
    evhttp_send_reply(request->evreq, status, NULL, is_head ? NULL : body);
    if (body) {
        evbuffer_free(body);
    }
    http_request_end(request);
}

static void free_text(const void *data, size_t size, void *text)
{
    free(text);
}

/* Takes the text's memory. */
static void reply_strbuf(struct http_request *request, int status, const char *type,
                         struct strbuf *text)
{
    size_t size = text->size;
    char *data = strbuf_take(text);
    struct evbuffer *body = evbuffer_new();
    ASSERT(body);
    if (evbuffer_add_reference(body, data, size, free_text, data) < 0) {
        log_panic("out of memory");
    }
    set_header(request, "Content-Type", type);
    http_reply_buffer(request, status, body, size);
}

int http_reply_header(struct http_request *request, const char *name, const char *value)
{
    struct evkeyvalq *headers = evhttp_request_get_output_headers(request->evreq);
    if (strpbrk(value, "\r\n") || evhttp_add_header(headers, name, value) < 0) {
        return -ERR_INVALID_ARGUMENT;
    }
    return 0;
}

void http_reply_session_cookie(struct http_request *request, const struct secret *token,
                               int64_t max_age_s)
{
    struct strbuf cookie = STRBUF_INIT;
    strbuf_printf(&cookie,
                  HTTP_SESSION_COOKIE "=%s; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=%lld",
                  token ? token->data : "", (long long)(token ? max_age_s : 0));
    set_header(request, "Set-Cookie", strbuf_text(&cookie));
    secret_wipe(cookie.data, cookie.size);
    strbuf_fini(&cookie);
}

static const char json_type[] = "application/json";

void http_reply_writer(struct http_request *request, int status, http_write_fn *write,
                       void *context)
{
    AUTO_STRBUF struct strbuf text = STRBUF_INIT;
    struct json_writer writer;
    json_writer_init(&writer, &text);
    write(&writer, context);
    reply_strbuf(request, status, json_type, &text);
}

void http_reply_json(struct http_request *request, int status, const struct json_shape *shape,
                     const void *value)
{
    AUTO_STRBUF struct strbuf text = STRBUF_INIT;
    struct json_writer writer;
    json_writer_init(&writer, &text);
    json_encode(&writer, shape, value);
    reply_strbuf(request, status, json_type, &text);
}

static void reply_copy(struct http_request *request, int status, const char *type, const char *data,
                       size_t size)
{
    AUTO_STRBUF struct strbuf text = STRBUF_INIT;
    strbuf_append(&text, data, size);
    reply_strbuf(request, status, type, &text);
}

void http_reply_raw_json(struct http_request *request, int status, const char *json, size_t size)
{
    reply_copy(request, status, json_type, json, size);
}

void http_reply_text(struct http_request *request, int status, const char *text, size_t size)
{
    reply_copy(request, status, "text/plain; charset=utf-8", text, size);
}

void http_reply_empty(struct http_request *request)
{
    http_reply_buffer(request, 204, NULL, 0);
}

/* Our own faults are logged here, once, wherever the handler found them: the person gets the
 * number of the request, not the inside of the server. */
static void log_own_fault(const struct http_request *request, const struct error *err)
{
    if (err->code == ERR_INTERNAL || err->code == ERR_IO || err->code == ERR_NO_SPACE) {
        const struct log_context *before = log_context_swap(&request->log_context);
        log_error("%s %s failed: %s", request->method, request->path, err->message);
        log_context_swap(before);
    }
}

static struct error for_a_person(const struct http_request *request, const struct error *err)
{
    struct error shown = *err;
    if (err->code == ERR_INTERNAL) {
        error_set(&shown, ERR_INTERNAL, "%s.", error_info(ERR_INTERNAL)->sentence);
        error_hint(&shown, "Please try again; if it stays so, tell admin this number: %s.",
                   request->id);
    }
    return shown;
}

void http_reply_error(struct http_request *request, const struct error *err)
{
    AUTO_STRBUF struct strbuf text = STRBUF_INIT;
    const struct error shown = for_a_person(request, err);
    log_own_fault(request, err);
    http_error_write(&text, &shown, request->id);
    int status = error_info(err->code)->http_status;
    reply_strbuf(request, request->error_status ? request->error_status : status, json_type, &text);
}

/* A name for Content-Disposition: plain letters, the rest as RFC 8187 has it. */
static void set_download_name(struct http_request *request, const char *name)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";
    AUTO_STRBUF struct strbuf value = STRBUF_INIT;
    strbuf_puts(&value, "attachment; filename*=UTF-8''");
    for (const char *c = name; *c != '\0'; c++) {
        bool is_plain = strchr(plain, *c) != NULL;
        strbuf_printf(&value, is_plain ? "%c" : "%%%02X", (unsigned char)*c);
    }
    set_header(request, "Content-Disposition", strbuf_text(&value));
}

void http_reply_file(struct http_request *request, int fd, off_t offset, off_t size,
                     const char *content_type, const char *name)
{
    struct evbuffer *body = evbuffer_new();
    ASSERT(body);
    /* Without the flag libevent maps the file and copies it through writev(2). */
    evbuffer_set_flags(body, EVBUFFER_FLAG_DRAINS_TO_FD);
    if (size == 0) {
        close(fd);
    } else if (evbuffer_add_file(body, fd, offset, size) < 0) {
        close(fd);
        evbuffer_free(body);
        struct error err;
        error_set(&err, ERR_IO, "The file cannot be read.");
        http_reply_error(request, &err);
        return;
    }
    if (name) {
        set_download_name(request, name);
    }
    set_header(request, "Content-Type", content_type);
    http_reply_buffer(request, 200, body, (size_t)size);
}
