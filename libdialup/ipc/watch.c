/*
 * One round: probe the server, see its connection go, probe the peer of each client that has no
 * connection. A client whose peer answers others is made to dial anew; only if that does not help,
 * the transport is dead. The rounds' timer runs the steps one after the other. Called by the
 * daemons.
 */
#include "libdialup/ipc/watch.h"

#include <stdio.h>

#include "libdialup/base/clock.h"
#include "libdialup/base/log.h"
#include "libdialup/base/memory.h"
#include "libdialup/ipc/probe.h"

enum { INTERVAL_DEFAULT_MS = 5000, TIMEOUT_DEFAULT_MS = 2000, REMOVAL_POLL_MS = 20 };
enum { FAILURES_UNTIL_DEAD = 2, FAILURES_UNTIL_DEAD_OF_CLIENT = 4, FAILURES_UNTIL_REDIAL = 2 };

/* What is checked: the server is subject 0, clients follow. */
struct subject {
    int failures;         /* in a row */
    uint64_t connections; /* of a client, at its last failure */
};

struct ipc_watch {
    struct event_base *base;
    struct ipc_watch_options options;
    struct event *timer;
    void (*on_timer)(struct ipc_watch *watch);
    struct ipc_probe *probe;
    struct subject *subjects;
    size_t current; /* subject */
    uint64_t removed_before;
    int64_t removal_deadline_us;
};

static void start_round(struct ipc_watch *watch);
static void check_current(struct ipc_watch *watch);
static void next_subject(struct ipc_watch *watch);
static void check_removal(struct ipc_watch *watch);

static void on_timer(int fd, short what, void *context)
{
    struct ipc_watch *watch = context;
    watch->on_timer(watch);
}

static void schedule(struct ipc_watch *watch, int64_t delay_ms, void (*step)(struct ipc_watch *))
{
    const struct timeval delay = clock_timeval_of_ms(delay_ms);
    watch->on_timer = step;
    evtimer_add(watch->timer, &delay);
}

struct ipc_watch *ipc_watch_open(struct event_base *base, const struct ipc_watch_options *options)
{
    struct ipc_watch *watch = xcalloc(1, sizeof(*watch));
    watch->base = base;
    watch->options = *options;
    if (watch->options.interval_ms <= 0) {
        watch->options.interval_ms = INTERVAL_DEFAULT_MS;
    }
    if (watch->options.timeout_ms <= 0) {
        watch->options.timeout_ms = TIMEOUT_DEFAULT_MS;
    }
    watch->subjects = xcalloc(1 + options->client_count, sizeof(*watch->subjects));
    watch->timer = evtimer_new(base, on_timer, watch);
    ASSERT(watch->timer);
    schedule(watch, watch->options.interval_ms, start_round);
    return watch;
}

void ipc_watch_close(struct ipc_watch *watch)
{
    if (!watch) {
        return;
    }
    ipc_probe_free(watch->probe);
    event_free(watch->timer);
    free(watch->subjects);
    free(watch);
}

static void start_round(struct ipc_watch *watch)
{
    watch->current = 0;
    check_current(watch);
}

/* The last thing that is done with the watch before the loop goes on: on_dead may close it. */
static void conclude(struct ipc_watch *watch, const char *failure, const char *who)
{
    struct subject *subject = &watch->subjects[watch->current];
    subject->failures = failure ? subject->failures + 1 : 0;
    bool is_client = watch->current > 0;
    if (is_client && subject->failures == FAILURES_UNTIL_REDIAL) {
        ipc_client_redial(watch->options.clients[watch->current - 1], NULL);
        if (watch->options.on_redial) {
            watch->options.on_redial(watch->options.context, who);
        }
    }
    if (!failure ||
        subject->failures < (is_client ? FAILURES_UNTIL_DEAD_OF_CLIENT : FAILURES_UNTIL_DEAD)) {
        next_subject(watch);
        return;
    }
    char reason[256];
    snprintf(reason, sizeof(reason), "The transport of messages is dead (%s): %s", who, failure);
    watch->options.on_dead(watch->options.context, reason);
}

static void on_server_probed(void *context, const char *failure)
{
    struct ipc_watch *watch = context;
    watch->probe = NULL;
    if (failure) {
        conclude(watch, failure, "own server");
        return;
    }
    watch->removal_deadline_us = clock_monotonic_us() + watch->options.timeout_ms * 1000;
    check_removal(watch);
}

static void on_peer_probed(void *context, const char *failure)
{
    struct ipc_watch *watch = context;
    const struct ipc_client *client = watch->options.clients[watch->current - 1];
    struct subject *subject = &watch->subjects[watch->current];
    uint64_t connections = ipc_client_connections(client);
    watch->probe = NULL;
    /* A peer that is down is no fault of ours, and a reconnect may have come meanwhile. */
    bool is_ours = !failure && !ipc_client_is_connected(client);
    if (connections != subject->connections) {
        subject->failures = 0; /* it was connected since: the peer comes and goes */
        subject->connections = connections;
    }
    conclude(watch, is_ours ? "the peer answers, but no connection to it comes about" : NULL,
             ipc_client_get_options(client)->daemon);
}

/* nng's reaper tells of each connection that it has ended. */
static void check_removal(struct ipc_watch *watch)
{
    if (ipc_server_connections_ended(watch->options.server) > watch->removed_before) {
        conclude(watch, NULL, "own server");
    } else if (clock_monotonic_us() > watch->removal_deadline_us) {
        conclude(watch, "connections are not taken down any more", "own server");
    } else {
        schedule(watch, REMOVAL_POLL_MS, check_removal);
    }
}

static void check_current(struct ipc_watch *watch)
{
    struct ipc_probe_options options = {.timeout_ms = watch->options.timeout_ms, .context = watch};
    if (watch->current == 0) {
        if (!watch->options.server) {
            next_subject(watch);
            return;
        }
        options.path = ipc_server_path(watch->options.server);
        options.ping = true;
        options.on_done = on_server_probed;
        watch->removed_before = ipc_server_connections_ended(watch->options.server);
    } else {
        const struct ipc_client *client = watch->options.clients[watch->current - 1];
        if (ipc_client_is_connected(client)) {
            conclude(watch, NULL, "");
            return;
        }
        options.path = ipc_client_get_options(client)->path;
        options.on_done = on_peer_probed;
    }
    watch->probe = ipc_probe_start(watch->base, &options);
}

static void next_subject(struct ipc_watch *watch)
{
    if (++watch->current > watch->options.client_count) {
        schedule(watch, watch->options.interval_ms, start_round);
        return;
    }
    check_current(watch);
}
