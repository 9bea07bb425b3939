/*
 * Server-sent events (WHATWG HTML, section 9.2): a reply that goes on until either side ends it.
 *
 * A heartbeat keeps proxies awake and finds dead clients. A client that does not read fast enough
 * is cut, never waited for: what is sent is for showing, and a reconnecting client reads the state
 * anew. All on the loop's thread; nothing blocks.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "libdialup/http/request.h"

struct http_stream;

/* The client went, was too slow, or the server stops. The stream is gone afterwards; not called
 * from http_sse_send nor after http_sse_close. */
typedef void http_stream_closed_fn(void *context, struct http_stream *stream);

/* The reply of a GET: ends the request. */
struct http_stream *http_sse_start(struct http_request *request, http_stream_closed_fn *on_closed,
                                   void *context);

/* event and id may be NULL and hold no line ends; data may have several lines. False if the client
 * is too slow and will be cut: on_closed follows. */
bool http_sse_send(struct http_stream *stream, const char *event, const char *id, const char *data,
                   size_t size);

void http_sse_close(struct http_stream *stream);
