/*
 * See the header. Called by the sleeper, which the scaler follows.
 */
#include "dialup-deployd/sleep/visits.h"

#include <event2/event.h>
#include <stdlib.h>

#include "dialup-deployd/deployd.h"
#include "dialup-deployd/sleep/idle.h"
#include "libdialup/base/clock.h"
#include "libdialup/base/memory.h"
#include "proto/gate_rpc.h"

struct visits {
    struct deployd *deployd;
    visits_fn *on_visits;
    struct event *timer;
    struct visited *first;
    int64_t asked_at_ms;     /* monotonic; 0: never */
    int64_t gate_started_at; /* its counters begin anew with it */
    bool is_asking;
};

struct visited *visits_find(const struct visits *visits, int64_t site_id)
{
    for (struct visited *visited = visits->first; visited; visited = visited->next) {
        if (visited->site_id == site_id) {
            return visited;
        }
    }
    return NULL;
}

struct visited *visits_remember(struct visits *visits, int64_t site_id)
{
    struct visited *visited = visits_find(visits, site_id);
    if (!visited) {
        visited = xcalloc(1, sizeof(*visited));
        visited->site_id = site_id;
        visited->factor = 1;
        visited->requests = -1;
        visited->next = visits->first;
        visits->first = visited;
    }
    return visited;
}

/* Sites that the gate does not know any more. */
static void forget_unlisted(struct visits *visits)
{
    struct visited **link = &visits->first;
    while (*link) {
        struct visited *visited = *link;
        if (visited->is_listed) {
            link = &visited->next;
        } else {
            *link = visited->next;
            free(visited);
        }
    }
}

/* since_ms: since the look before; 0: there is nothing to compare with. */
static void take_row(struct visited *visited, const struct gate_site_counters *row,
                     int64_t since_ms)
{
    if (visited->requests >= 0 && since_ms > 0) {
        int64_t requests = row->requests - visited->requests;
        visited->rate = idle_rate(visited->rate, requests, since_ms);
        visited->rate_now = (double)requests * IDLE_RATE_WINDOW_MS / (double)since_ms;
    }
    visited->is_listed = true;
    visited->requests = row->requests;
    visited->idle_ms = row->idle_ms;
    visited->open_connections = row->open_connections;
}

static void take(struct visits *visits, const struct gate_counters_result *counters, int64_t now_ms)
{
    bool is_same_gate = visits->gate_started_at == counters->started_at_unix;
    int64_t since_ms = visits->asked_at_ms && is_same_gate ? now_ms - visits->asked_at_ms : 0;
    for (struct visited *visited = visits->first; visited; visited = visited->next) {
        visited->is_listed = false;
    }
    for (size_t i = 0; i < counters->sites_count; i++) {
        const struct gate_site_counters *row = &counters->sites[i];
        take_row(visits_remember(visits, row->site_id), row, since_ms);
    }
    forget_unlisted(visits);
    visits->asked_at_ms = now_ms;
    visits->gate_started_at = counters->started_at_unix;
}

static void on_counters(void *context, const void *result, const struct error *err)
{
    struct visits *visits = context;
    visits->is_asking = false;
    if (!err) {
        int64_t now_ms = clock_monotonic_ms();
        take(visits, result, now_ms);
        visits->on_visits(visits->deployd, now_ms);
    }
}

static void on_timer(evutil_socket_t fd, short events, void *context)
{
    struct visits *visits = context;
    if (!visits->is_asking &&
        gate_call_counters(visits->deployd->gate, NULL, NULL, on_counters, visits, NULL) == 0) {
        visits->is_asking = true;
    }
}

struct visits *visits_new(struct deployd *deployd, visits_fn *on_visits)
{
    struct visits *visits = xcalloc(1, sizeof(*visits));
    const struct timeval interval = {
        config_integer(deployd->run->config, CONFIG_deployd_idle_check_s), 0};
    visits->deployd = deployd;
    visits->on_visits = on_visits;
    visits->timer = event_new(deployd->run->base, -1, EV_PERSIST, on_timer, visits);
    event_add(visits->timer, &interval);
    return visits;
}

void visits_free(struct visits *visits)
{
    if (!visits) {
        return;
    }
    for (struct visited *visited = visits->first; visited; visited = visits->first) {
        visits->first = visited->next;
        free(visited);
    }
    event_free(visits->timer);
    free(visits);
}
