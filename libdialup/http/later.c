/*
 * Requests that are answered later, and what their clients are told if it takes too long. Called by
 * handlers, in the dispatcher.
 */
#include "libdialup/http/internal.h"

static void on_deadline(void *holder)
{
    struct http_request *request = holder;
    request->server->counters.timed_out++;
    request->on_gone(request->gone_context, request);
    struct error err;
    error_set(&err, ERR_TIMEOUT, "This takes longer than expected.");
    error_hint(&err, "It may still happen; look again in a minute before you repeat it.");
    http_reply_error(request, &err);
}

void http_request_later(struct http_request *request, int64_t deadline_ms, http_gone_fn *on_gone,
                        void *context)
{
    static const struct http_holder calls = {.on_deadline = on_deadline,
                                             .on_close = http_request_drop};
    ASSERT(on_gone && request->route && request->route->answers_later && !request->answered);
    request->on_gone = on_gone;
    request->gone_context = context;
    http_connection_hold(request->connection, &calls, request);
    http_connection_set_phase(request->connection, HTTP_HANDLING, deadline_ms);
    http_connection_watch_for_close(request->connection);
}
