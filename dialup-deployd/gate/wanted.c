/*
 * Long polls for wanted sites. Used by the gate's process; deployd asks.
 */
#include "dialup-deployd/gate/wanted.h"

#include <event2/event_struct.h>
#include <sys/queue.h>

#include "dialup-deployd/gate/gate.h"
#include "libdialup/base/clock.h"
#include "libdialup/base/memory.h"

struct asker {
    TAILQ_ENTRY(asker) link;
    struct wanted *wanted;
    struct ipc_request *request;
    struct event timer;
    uint64_t after;
};

struct wanted {
    struct event_base *base;
    const struct gate *gate;
    int64_t epoch;
    TAILQ_HEAD(, asker) askers;
    size_t count;
};

struct answer {
    uint64_t after;
    struct gate_wanted_result_sites *sites;
    size_t count;
};

struct wanted *wanted_open(struct event_base *base, int64_t epoch)
{
    struct wanted *wanted = xcalloc(1, sizeof(*wanted));
    wanted->base = base;
    wanted->epoch = epoch;
    TAILQ_INIT(&wanted->askers);
    return wanted;
}

void wanted_set_gate(struct wanted *wanted, const struct gate *gate)
{
    wanted->gate = gate;
}

static struct ipc_request *forget(struct asker *asker)
{
    struct ipc_request *request = asker->request;
    event_del(&asker->timer);
    TAILQ_REMOVE(&asker->wanted->askers, asker, link);
    asker->wanted->count--;
    free(asker);
    return request;
}

void wanted_close(struct wanted *wanted)
{
    if (!wanted) {
        return;
    }
    struct error err;
    error_set(&err, ERR_UNAVAILABLE, "The gate ends");
    while (!TAILQ_EMPTY(&wanted->askers)) {
        ipc_request_fail(forget(TAILQ_FIRST(&wanted->askers)), &err);
    }
    free(wanted);
}

static void add_wanted(void *arg, const struct route *route)
{
    struct answer *answer = arg;
    if (route->wanted > answer->after) {
        answer->sites[answer->count++] =
            (struct gate_wanted_result_sites){.site_id = route->site_id, .host = route->host};
    }
}

static struct gate_wanted_result collect(const struct wanted *wanted, struct arena *arena,
                                         uint64_t after)
{
    struct answer answer = {
        .after = after,
        .sites =
            arena_calloc(arena, gate_get_totals(wanted->gate).routes + 1, sizeof(*answer.sites)),
    };
    gate_routes_each(wanted->gate, add_wanted, &answer);
    return (struct gate_wanted_result){
        .epoch = wanted->epoch,
        .last = (int64_t)gate_last_wanted(wanted->gate),
        .sites = answer.sites,
        .sites_count = answer.count,
    };
}

static void reply(struct asker *asker)
{
    struct wanted *wanted = asker->wanted;
    uint64_t after = asker->after;
    struct ipc_request *request = forget(asker);
    struct gate_wanted_result result = collect(wanted, ipc_request_arena(request), after);
    ipc_request_reply(request, &result);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
    reply(arg);
}

int wanted_ask(struct wanted *wanted, struct ipc_request *request,
               const struct gate_wanted_params *params, struct gate_wanted_result *result)
{
    bool is_of_this_life = params->has_epoch && params->epoch == wanted->epoch;
    uint64_t after = is_of_this_life ? (uint64_t)params->after : 0;
    *result = collect(wanted, ipc_request_arena(request), after);
    bool is_of_another = params->has_epoch && !is_of_this_life;
    if (result->sites_count > 0 || is_of_another) {
        return 0;
    }
    if (wanted->count >= WANTED_ASKERS_MAX) {
        reply(TAILQ_FIRST(&wanted->askers));
    }
    struct asker *asker = xcalloc(1, sizeof(*asker));
    asker->wanted = wanted;
    asker->request = request;
    asker->after = after;
    evtimer_assign(&asker->timer, wanted->base, on_timer, asker);
    struct timeval wait = clock_timeval_of_ms(WANTED_WAIT_MS);
    event_add(&asker->timer, &wait);
    TAILQ_INSERT_TAIL(&wanted->askers, asker, link);
    wanted->count++;
    return IPC_LATER;
}

void wanted_on_route(void *arg, const struct route *route)
{
    struct wanted *wanted = arg;
    struct asker *asker, *next;
    for (asker = TAILQ_FIRST(&wanted->askers); asker; asker = next) {
        next = TAILQ_NEXT(asker, link);
        if (route->wanted > asker->after) {
            reply(asker);
        }
    }
}
