/*
 * A call that is waited for. Called by jobs, never by a daemon.
 */
#include "dialup-deployd/engine/wait.h"

#include <event2/event.h>

struct waited {
    const struct engine_request *request;
    struct strbuf *body;
    bool is_done;
    struct error error;
};

static void on_done(void *context, int status, const char *body, size_t size,
                    const struct error *err)
{
    struct waited *waited = context;
    waited->is_done = true;
    if (err) {
        waited->error = *err;
    } else if (waited->body) {
        strbuf_append(waited->body, body, size);
    }
}

/* on_data and read get the request's own context; only the end is ours. */
static ssize_t on_read(void *context, char *out, size_t size)
{
    const struct waited *waited = context;
    return waited->request->read(waited->request->context, out, size);
}

static bool on_data(void *context, const char *data, size_t size)
{
    const struct waited *waited = context;
    return waited->request->on_data(waited->request->context, data, size);
}

int engine_wait(struct engine *engine, struct event_base *base,
                const struct engine_request *request, struct strbuf *ret_body, struct error *err)
{
    struct waited waited = {.request = request, .body = ret_body};
    struct engine_request outer = *request;
    outer.on_done = on_done;
    outer.read = request->read ? on_read : NULL;
    outer.on_data = request->on_data ? on_data : NULL;
    outer.context = &waited;
    engine_start(engine, &outer);
    while (!waited.is_done) {
        event_base_loop(base, EVLOOP_ONCE);
    }
    if (waited.error.code && err) {
        *err = waited.error;
    }
    return -(int)waited.error.code;
}
