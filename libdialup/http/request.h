/*
 * A request as its handler sees it, and the ways to answer it.
 *
 * A request lives until it is answered, and exactly once one of two things happens: the handler's
 * side replies, or, for a later reply, on_gone is called. After either the pointer is dead, and
 * so is everything that was borrowed from the request. Everything is called on the loop's thread;
 * nothing blocks. What a getter returns is borrowed.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "libdialup/base/arena.h"
#include "libdialup/base/error.h"
#include "libdialup/base/log.h"
#include "libdialup/base/secret.h"
#include "libdialup/http/auth.h"
#include "libdialup/json/shape.h"
#include "libdialup/json/writer.h"

struct http_request;
struct evbuffer;

/* What was asked. */

struct arena *http_request_arena(struct http_request *request);

/* Made here, not taken from the client; also in the X-Request-Id header of the reply. */
const char *http_request_id(const struct http_request *request);

/* The request's, to be swapped in by code that goes on with it later (log.h). */
const struct log_context *http_request_log_context(const struct http_request *request);

const struct http_identity *http_request_identity(const struct http_request *request);
const char *http_request_method(const struct http_request *request);
const char *http_request_path(const struct http_request *request); /* as it came, no query */

/* The client's address: that of the proxy's X-Forwarded-For if the server stands behind one. */
const char *http_request_remote_address(const struct http_request *request);

/* NULL if it was not sent. Security headers come at most once, others may be the first of many. */
const char *http_request_header(const struct http_request *request, const char *name);

/* The decoded segment; panics if the route's path has no such parameter. */
const char *http_request_param(const struct http_request *request, const char *name);

/* ERR_NOT_FOUND, naming the field, if it is not a decimal number from 1 to INT64_MAX: no such
 * thing can exist. */
int http_request_param_id(const struct http_request *request, const char *name, int64_t *ret_id,
                          struct error *err);

/* The structs of the route's shapes, in the request's arena; NULL if the route has none. */
const void *http_request_query(const struct http_request *request);
const void *http_request_body(const struct http_request *request);

/* The raw body: its size; its bytes in one piece (copied together where it is not); and the buffer
 * it is, from which the handler may take. */
size_t http_request_body_size(const struct http_request *request);
const char *http_request_body_bytes(const struct http_request *request);
struct evbuffer *http_request_body_buffer(const struct http_request *request);

/* Writes the raw body to a file at offset, without copying it together. May block on the disk.
 * ERR_IO, ERR_NO_SPACE. */
int http_request_body_write(const struct http_request *request, int fd, off_t offset,
                            struct error *err);

/* The session's token as the cookie has it, for log-out; its length 0 if there is none. */
const char *http_request_session_token(const struct http_request *request, size_t *ret_len);

/* The token a page must send as X-CSRF; NULL without a session. In the arena. */
const char *http_request_csrf(struct http_request *request);

/* Answering later. */

/* The client went away, the deadline passed, or the server ends: cancel the work and forget the
 * request. Must not reply; after a deadline the client is told so by the server. */
typedef void http_gone_fn(void *context, struct http_request *request);

/* Call in the handler, which then returns 0. A client that closes only its sending side counts as
 * gone. */
void http_request_later(struct http_request *request, int64_t deadline_ms, http_gone_fn *on_gone,
                        void *context);

/* Answering. */

/* Before the reply. ERR_INVALID_ARGUMENT if the value cannot be a header (line ends). */
int http_reply_header(struct http_request *request, const char *name, const char *value);

/* The session cookie: host-only, Secure, HttpOnly, SameSite=Lax. token NULL removes it. */
void http_reply_session_cookie(struct http_request *request, const struct secret *token,
                               int64_t max_age_s);

void http_reply_json(struct http_request *request, int status, const struct json_shape *shape,
                     const void *value);

typedef void http_write_fn(struct json_writer *writer, void *context);

/* write is called at once and writes one whole value. */
void http_reply_writer(struct http_request *request, int status, http_write_fn *write,
                       void *context);

/* JSON that is complete already. */
void http_reply_raw_json(struct http_request *request, int status, const char *json, size_t size);

/* text/plain; never a page. */
void http_reply_text(struct http_request *request, int status, const char *text, size_t size);

/* 204. */
void http_reply_empty(struct http_request *request);

/* The status and name of the error's code; the code's sentence if it has no message; its checks.
 * Faults of ours (ERR_INTERNAL, ERR_IO, ERR_NO_SPACE) are logged with the request's id; of an
 * ERR_INTERNAL the client is told that id and nothing else. */
void http_reply_error(struct http_request *request, const struct error *err);

/* size bytes of fd from offset, by sendfile; as a download if name is not NULL. Takes fd in any
 * case. The file may be replaced meanwhile, not shortened. */
void http_reply_file(struct http_request *request, int fd, off_t offset, off_t size,
                     const char *content_type, const char *name);
