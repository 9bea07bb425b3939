/*
 * The health check of a new container; called by the converger. One attempt is one connection.
 */
#include "dialup-deployd/converge/probe.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <stdlib.h>

#include "libdialup/base/clock.h"
#include "libdialup/base/memory.h"
#include "libdialup/base/str.h"

enum {
    SHORTEST_PAUSE_MS = 5,
    LONGEST_PAUSE_MS = 500,
    PAUSE_PART = 20, /* a pause is so small a part of the wait so far: it adds 5 % at most */
    ATTEMPT_TIMEOUT_S = 15,
    STATUS_LINE_BYTES = 12
};

struct probe {
    struct event_base *base;
    enum probe_depth depth;
    struct sockaddr_in address;
    char *host;
    struct bufferevent *connection; /* of the attempt in flight, or NULL */
    struct event *again;
    struct event *deadline;
    int64_t started_us;
    struct probe_result result;
    probe_done_fn *on_done;
    probe_refused_fn *on_refused;
    void *context;
};

static void attempt(struct probe *probe);

static void close_attempt(struct probe *probe)
{
    if (probe->connection) {
        bufferevent_free(probe->connection);
        probe->connection = NULL;
    }
}

void probe_cancel(struct probe *probe)
{
    if (!probe) {
        return;
    }
    close_attempt(probe);
    event_free(probe->again);
    event_free(probe->deadline);
    free(probe->host);
    free(probe);
}

static void finish(struct probe *probe, bool is_healthy)
{
    probe->result.is_healthy = is_healthy;
    probe->result.duration_ms = (clock_monotonic_us() - probe->started_us) / 1000;
    probe->on_done(probe->context, &probe->result);
    probe_cancel(probe);
}

static void try_later(struct probe *probe)
{
    close_attempt(probe);
    int64_t pause_ms = (clock_monotonic_us() - probe->started_us) / 1000 / PAUSE_PART;
    pause_ms = pause_ms > LONGEST_PAUSE_MS ? LONGEST_PAUSE_MS : pause_ms;
    pause_ms = pause_ms < SHORTEST_PAUSE_MS ? SHORTEST_PAUSE_MS : pause_ms;
    struct timeval pause = clock_timeval_of_ms(pause_ms);
    evtimer_add(probe->again, &pause);
}

/* "HTTP/1.1 200": the three digits, 0 if this is no HTTP answer. */
static int parse_status(const char *line)
{
    AUTO_FREE char *digits = xstrndup(line + 9, 3);
    int64_t status;
    bool good = str_starts_with(line, "HTTP/1.") && line[8] == ' ' &&
                str_parse_i64(digits, 100, 599, &status);
    return good ? (int)status : 0;
}

static void on_answer(struct bufferevent *connection, void *context)
{
    struct probe *probe = context;
    char line[STATUS_LINE_BYTES + 1] = {0};
    struct evbuffer *input = bufferevent_get_input(connection);
    if (evbuffer_get_length(input) < STATUS_LINE_BYTES) {
        return;
    }
    evbuffer_copyout(input, line, STATUS_LINE_BYTES);
    probe->result.status = parse_status(line);
    if (probe->result.status != 0 && probe->result.status < 500) {
        finish(probe, true);
    } else {
        try_later(probe);
    }
}

static void ask(struct probe *probe)
{
    evbuffer_add_printf(bufferevent_get_output(probe->connection),
                        "GET / HTTP/1.1\r\nHost: %s\r\nUser-Agent: dialup-health\r\n"
                        "Accept: */*\r\nConnection: close\r\n\r\n",
                        probe->host);
}

static void on_event(struct bufferevent *connection, short what, void *context)
{
    struct probe *probe = context;
    if (!(what & BEV_EVENT_CONNECTED)) {
        bool is_nobody_there = probe->on_refused && !probe->result.has_connected;
        if (is_nobody_there && probe->on_refused(probe->context)) {
            finish(probe, false);
            return;
        }
        try_later(probe);
        return;
    }
    probe->result.has_connected = true;
    if (probe->depth == PROBE_LISTENS) {
        finish(probe, true);
    } else {
        ask(probe);
    }
}

static void attempt(struct probe *probe)
{
    struct timeval timeout = {ATTEMPT_TIMEOUT_S, 0};
    probe->connection = bufferevent_socket_new(probe->base, -1, BEV_OPT_CLOSE_ON_FREE);
    bufferevent_setcb(probe->connection, on_answer, NULL, on_event, probe);
    bufferevent_set_timeouts(probe->connection, &timeout, &timeout);
    bufferevent_enable(probe->connection, EV_READ | EV_WRITE);
    if (bufferevent_socket_connect(probe->connection, (struct sockaddr *)&probe->address,
                                   sizeof(probe->address)) < 0) {
        try_later(probe);
    }
}

static void on_again(evutil_socket_t fd, short events, void *context)
{
    struct probe *probe = context;
    if (!probe->connection) {
        attempt(probe);
    }
}

static void on_deadline(evutil_socket_t fd, short events, void *context)
{
    finish(context, false);
}

struct probe *probe_start(struct event_base *base, enum probe_depth depth,
                          const struct sockaddr_in *address, const char *host, int64_t timeout_ms,
                          probe_done_fn *on_done, probe_refused_fn *on_refused, void *context)
{
    struct probe *probe = xcalloc(1, sizeof(*probe));
    probe->base = base;
    probe->depth = depth;
    probe->address = *address;
    probe->host = xstrdup(host);
    probe->started_us = clock_monotonic_us();
    probe->on_done = on_done;
    probe->on_refused = on_refused;
    probe->context = context;
    probe->again = evtimer_new(base, on_again, probe);
    probe->deadline = evtimer_new(base, on_deadline, probe);
    struct timeval timeout = clock_timeval_of_ms(timeout_ms);
    struct timeval now = {0, 0};
    evtimer_add(probe->deadline, &timeout);
    evtimer_add(probe->again, &now); /* never call back before the caller has the pointer */
    return probe;
}
