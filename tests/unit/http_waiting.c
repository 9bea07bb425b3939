/*
 * See the header.
 */
#include "tests/unit/http_waiting.h"

#include <string.h>

#include "libdialup/base/memory.h"
#include "tests/harness/check.h"

enum { LATER_MS = 10000 };

struct waiting waiting;

static void on_gone(void *context, struct http_request *request)
{
    CHECK(request == waiting.pending);
    waiting.pending = NULL;
    waiting.gone++;
}

static int handle_later(struct http_request *request, void *context, struct error *err)
{
    waiting.pending = request;
    http_request_later(request, waiting.later_ms, on_gone, NULL);
    return 0;
}

static void on_closed(void *context, struct http_stream *stream)
{
    CHECK(stream == waiting.stream);
    waiting.stream = NULL;
    waiting.closed++;
}

static int handle_events(struct http_request *request, void *context, struct error *err)
{
    waiting.stream = http_sse_start(request, on_closed, NULL);
    return 0;
}

static int handle_large(struct http_request *request, void *context, struct error *err)
{
    size_t size = 32 << 20;
    char *text = xmalloc(size);
    memset(text, 'x', size);
    http_reply_text(request, 200, text, size);
    free(text);
    return 0;
}

static int handle_ok(struct http_request *request, void *context, struct error *err)
{
    http_reply_text(request, 200, "fine", 4);
    return 0;
}

static const struct http_route routes[] = {
    {.method = "GET", .path = "/later", .handle = handle_later, .answers_later = true},
    {.method = "GET", .path = "/events", .handle = handle_events},
    {.method = "GET", .path = "/large", .handle = handle_large},
    {.method = "GET", .path = "/ok", .handle = handle_ok},
    {.method = "PUT",
     .path = "/ok",
     .body_kind = HTTP_BODY_RAW,
     .max_body_bytes = 1 << 20,
     .handle = handle_ok},
};

struct http_options waiting_options(void)
{
    return (struct http_options){.routes = routes, .route_count = ARRAY_COUNT(routes)};
}

void waiting_start(struct rig *rig, const struct http_options *options)
{
    waiting = (struct waiting){.later_ms = LATER_MS};
    rig_start(rig, options);
}

void waiting_begin(struct rig *rig, struct rig_client *client, const struct http_options *options,
                   const char *text)
{
    const struct http_options usual = waiting_options();
    waiting_start(rig, options ? options : &usual);
    rig_connect(rig, client);
    rig_say(client, text);
}

bool waiting_has_pending(void *context)
{
    return waiting.pending != NULL;
}
