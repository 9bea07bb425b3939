/*
 * The order of a cycle: ask, measure, write; see the header. Opened by main, requested by rpc.c.
 */
#include "dialup-monitord/cycle.h"

#include <event2/event.h>
#include <event2/event_struct.h>
#include <stdio.h>
#include <string.h>

#include "dialup-monitord/rollup.h"
#include "dialup-monitord/watch.h"
#include "dialup-monitord/writer.h"
#include "libdialup/base/clock.h"
#include "libdialup/base/log.h"
#include "libdialup/base/memory.h"
#include "libdialup/db/db.h"

enum {
    WAITERS_MAX = 64,
    ASK_AGAIN_MS = 1000,
    REFRESH_MS = 200, /* a deployment makes several events */
    US_PER_MS = 1000,
    US_PER_S = 1000000,
    SECONDS_PER_HOUR = 3600,
};

enum phase { IDLE, ASKING, WRITING };

/* A daemon that is asked. */
struct source {
    struct cycle *cycle;
    const char *program; /* "dialup-deployd" */
    char *path;          /* owned */
    struct ipc_client_options options;
    struct ipc_client *client;
    bool is_asked; /* an answer is due */
    bool is_reached;
    bool was_asked;
    char failure[256];
};

struct waiter {
    cycle_done_fn *on_done;
    void *context;
};

struct cycle {
    struct daemon_run *run;
    struct sampler *sampler;
    struct traffic_book *book;
    struct writer *writer;
    struct rollup *rollup;
    struct uses *uses;
    struct watch *watch;
    struct source deployd;
    struct source gate;
    struct event next;    /* begins a cycle */
    struct event refresh; /* asks, between cycles */
    enum phase phase;
    int64_t interval_us;

    struct waiter waiters[WAITERS_MAX]; /* of the next cycle */
    size_t waiter_count;
    struct waiter served[WAITERS_MAX]; /* of the one that runs */
    size_t served_count;

    struct arena *latest_arena; /* owned */
    struct cycle_latest latest;
    struct cycle_result result;
    int64_t opened_us;
    int64_t ended_us; /* of the last cycle that was written; 0: none */
    char write_failure[256];
};

static void on_next(evutil_socket_t fd, short events, void *context);
static void on_refresh(evutil_socket_t fd, short events, void *context);
static void on_written(void *context, int result, const struct error *err);

static int open_source(struct cycle *cycle, struct source *source, const char *name,
                       const char *program, struct error *err)
{
    AUTO_FREE char *part = xasprintf("ipc/%s.sock", name);
    source->cycle = cycle;
    source->program = program;
    source->path = config_run_path(cycle->run->config, part);
    source->options = (struct ipc_client_options){
        .daemon = program, .path = source->path, .connect_ms = ASK_AGAIN_MS};
    int result = ipc_client_open(cycle->run->base, &source->options, &source->client, err);
    if (result == 0) {
        daemon_watch(cycle->run, source->client);
    }
    return result;
}

static void close_source(struct source *source)
{
    ipc_client_close(source->client);
    free(source->path);
}

int cycle_open(struct daemon_run *run, struct sampler *sampler, struct traffic_book *book,
               struct cycle **ret_cycle, struct error *err)
{
    struct cycle *cycle = xcalloc(1, sizeof(*cycle));
    cycle->run = run;
    cycle->sampler = sampler;
    cycle->book = book;
    cycle->interval_us = config_integer(run->config, CONFIG_monitord_interval_s) * US_PER_S;
    cycle->opened_us = clock_monotonic_us();
    cycle->writer = writer_new(run->base, run->db, on_written, cycle);
    cycle->rollup =
        rollup_new(run, config_integer(run->config, CONFIG_monitord_keep_hours) * SECONDS_PER_HOUR);
    cycle->uses = uses_new();
    cycle->watch = watch_new(run);
    evtimer_assign(&cycle->next, run->base, on_next, cycle);
    evtimer_assign(&cycle->refresh, run->base, on_refresh, cycle);
    int result = open_source(cycle, &cycle->deployd, "deployd", "dialup-deployd", err);
    if (result == 0) {
        result = open_source(cycle, &cycle->gate, "gate", "dialup-gate", err);
    }
    if (result < 0) {
        cycle_close(cycle);
        return result;
    }
    event_add(&cycle->next, &(struct timeval){0});
    *ret_cycle = cycle;
    return 0;
}

static void tell(struct waiter *waiters, size_t *count, const struct cycle_result *result,
                 const struct error *err)
{
    size_t told = *count;
    *count = 0;
    for (size_t i = 0; i < told; i++) {
        waiters[i].on_done(waiters[i].context, result, err);
    }
}

void cycle_close(struct cycle *cycle)
{
    if (!cycle) {
        return;
    }
    struct error err;
    error_set(&err, ERR_UNAVAILABLE, "dialup-monitord is ending");
    tell(cycle->served, &cycle->served_count, NULL, &err);
    tell(cycle->waiters, &cycle->waiter_count, NULL, &err);
    cycle->phase = WRITING; /* so that the answers that the clients give now start nothing */
    close_source(&cycle->deployd);
    close_source(&cycle->gate);
    event_del(&cycle->next);
    event_del(&cycle->refresh);
    writer_free(cycle->writer);
    rollup_free(cycle->rollup);
    watch_free(cycle->watch);
    uses_free(cycle->uses);
    arena_free(cycle->latest_arena);
    free(cycle);
}

/* Asking ----------------------------------------------------------------------------------- */

static void measure(struct cycle *cycle);

static void measure_if_answered(struct cycle *cycle)
{
    if (cycle->phase == ASKING && !cycle->deployd.is_asked && !cycle->gate.is_asked) {
        measure(cycle);
    }
}

static void note_answer(struct source *source, const struct error *err)
{
    struct cycle *cycle = source->cycle;
    bool changed = !source->was_asked || source->is_reached == (err != NULL);
    source->is_asked = false;
    source->was_asked = true;
    source->is_reached = !err;
    if (err) {
        snprintf(source->failure, sizeof(source->failure), "%s", err->message);
        event_add(&cycle->refresh, &(struct timeval){ASK_AGAIN_MS / 1000, 0});
    }
    if (err && changed && cycle->phase != WRITING) {
        log_warning("%s; going on with what is known", err->message);
    } else if (changed && !err) {
        log_info("%s answers", source->program);
    }
    measure_if_answered(cycle);
}

static void on_containers(void *context, const void *result, const struct error *err)
{
    struct cycle *cycle = context;
    const struct deployd_containers_result *containers = result;
    if (containers) {
        sampler_set_targets(cycle->sampler, containers->containers, containers->containers_count);
    }
    note_answer(&cycle->deployd, err);
}

static void on_counters(void *context, const void *result, const struct error *err)
{
    struct cycle *cycle = context;
    if (result) {
        traffic_book_gate(cycle->book, result);
        uses_gate(cycle->uses, result, clock_monotonic_us());
    }
    note_answer(&cycle->gate, err);
}

static void ask(struct source *source, const struct ipc_method *method, ipc_reply_fn *on_reply)
{
    struct error err;
    if (source->is_asked) {
        return;
    }
    source->is_asked = true;
    if (ipc_client_call(source->client, method, NULL, NULL, on_reply, source->cycle, &err) < 0) {
        note_answer(source, &err);
    }
}

static void ask_both(struct cycle *cycle)
{
    ask(&cycle->gate, &gate_methods[GATE_COUNTERS], on_counters);
    ask(&cycle->deployd, &deployd_methods[DEPLOYD_CONTAINERS], on_containers);
}

static void on_refresh(evutil_socket_t fd, short events, void *context)
{
    ask_both(context);
}

void cycle_refresh(struct cycle *cycle)
{
    if (!evtimer_pending(&cycle->refresh, NULL)) {
        const struct timeval soon = clock_timeval_of_ms(REFRESH_MS);
        event_add(&cycle->refresh, &soon);
    }
}

/* The cycle -------------------------------------------------------------------------------- */

/* A row's time is in seconds and part of its key. A clock that was set back is taken as it is. */
static bool is_too_early(const struct cycle *cycle)
{
    return clock_unix() == cycle->latest.at;
}

static void wait_for_next_second(struct cycle *cycle)
{
    const struct timeval left = clock_timeval_of_ms(1000 - clock_unix_ms() % 1000);
    event_add(&cycle->next, &left);
}

static void on_next(evutil_socket_t fd, short events, void *context)
{
    struct cycle *cycle = context;
    if (cycle->phase != IDLE) {
        return; /* the end of the one that runs arms the timer again */
    }
    if (is_too_early(cycle)) {
        wait_for_next_second(cycle);
        return;
    }
    memcpy(cycle->served, cycle->waiters, sizeof(cycle->waiters));
    cycle->served_count = cycle->waiter_count;
    cycle->waiter_count = 0;
    event_add(&cycle->next, &(struct timeval){(time_t)(cycle->interval_us / US_PER_S), 0});
    ask_both(cycle);
    cycle->phase = ASKING;
    measure_if_answered(cycle); /* both may have failed at once */
}

/* What `usage_current` shows outlives the batch that is written. */
static void keep_latest(struct cycle *cycle, int64_t at, const struct sample_rows *samples)
{
    arena_free(cycle->latest_arena);
    cycle->latest_arena = arena_new();
    struct usage_sample *rows =
        arena_calloc(cycle->latest_arena, samples->count + 1, sizeof(*rows));
    for (size_t i = 0; i < samples->count; i++) {
        rows[i] = samples->rows[i];
        rows[i].container_id = arena_strdup(cycle->latest_arena, rows[i].container_id);
    }
    cycle->latest = (struct cycle_latest){.at = at, .rows = rows, .count = samples->count};
    uses_take(cycle->uses, samples);
    cycle->latest.owners = uses_list(cycle->uses, &cycle->latest.owner_count);
}

static void measure(struct cycle *cycle)
{
    struct arena *arena = arena_new();
    int64_t at = clock_unix();
    int64_t begin_us = clock_monotonic_us();
    struct sample_rows samples = sampler_take(cycle->sampler, at, begin_us, arena);
    struct traffic_rows traffic = traffic_book_take(cycle->book, at, arena);
    cycle->result = (struct cycle_result){.containers = samples.count,
                                          .duration_us = clock_monotonic_us() - begin_us};
    keep_latest(cycle, at, &samples);
    watch_cycle(cycle->watch, at, cycle->uses, &samples);
    cycle->phase = WRITING;
    writer_start(cycle->writer, arena, &samples, &traffic);
}

static void note_written(struct cycle *cycle, const struct error *err)
{
    bool failed_before = cycle->write_failure[0] != '\0';
    snprintf(cycle->write_failure, sizeof(cycle->write_failure), "%s", err ? err->message : "");
    if (err && !failed_before) {
        log_error("samples are lost: %s (%s)", err->message, db_detail(cycle->run->db));
    } else if (!err && failed_before) {
        log_info("samples are written again");
    }
    cycle->ended_us = clock_monotonic_us();
}

static void on_written(void *context, int result, const struct error *err)
{
    struct cycle *cycle = context;
    note_written(cycle, err);
    cycle->phase = IDLE;
    rollup_start(cycle->rollup, cycle->latest.at);
    tell(cycle->served, &cycle->served_count, err ? NULL : &cycle->result, err);
    if (cycle->waiter_count > 0 || !evtimer_pending(&cycle->next, NULL)) {
        event_add(&cycle->next, &(struct timeval){0});
    }
}

int cycle_request(struct cycle *cycle, cycle_done_fn *on_done, void *context, struct error *err)
{
    if (cycle->waiter_count == WAITERS_MAX) {
        return error_set(err, ERR_BUSY, "%d others wait for a sample already", WAITERS_MAX);
    }
    cycle->waiters[cycle->waiter_count++] = (struct waiter){on_done, context};
    if (cycle->phase == IDLE) {
        event_add(&cycle->next, &(struct timeval){0});
    }
    return 0;
}

struct cycle_latest cycle_latest(const struct cycle *cycle)
{
    return cycle->latest;
}

/* Health ----------------------------------------------------------------------------------- */

struct health_finding cycle_check_samples(const struct cycle *cycle)
{
    enum { LATE_INTERVALS = 2, GRACE_US = 10 * US_PER_S };
    int64_t since_us = cycle->ended_us ? cycle->ended_us : cycle->opened_us;
    int64_t age_us = clock_monotonic_us() - since_us;
    if (age_us > LATE_INTERVALS * cycle->interval_us + GRACE_US) {
        return health_problem(HEALTH_FAILING, "Look at the log of dialup-monitord and restart it.",
                              "The last sample is %lld s old.", (long long)(age_us / US_PER_S));
    }
    if (cycle->result.duration_us > cycle->interval_us / 2) {
        return health_problem(HEALTH_DEGRADED, "Raise monitord.interval_s.",
                              "Reading %zu containers takes %lld ms.", cycle->result.containers,
                              (long long)(cycle->result.duration_us / US_PER_MS));
    }
    if (cycle->ended_us == 0) {
        return health_ok("The first sample is being taken");
    }
    return health_ok("%zu containers, %lld us, %lld s ago", cycle->result.containers,
                     (long long)cycle->result.duration_us, (long long)(age_us / US_PER_S));
}

static struct health_finding check_source(const struct source *source, const char *remedy)
{
    if (!source->was_asked) {
        return health_ok("Not asked yet");
    }
    return source->is_reached ? health_ok("Answers")
                              : health_problem(HEALTH_DEGRADED, remedy, "%s.", source->failure);
}

struct health_finding cycle_check_deployd(const struct cycle *cycle)
{
    return check_source(&cycle->deployd, "Start dialup-deployd; until then only the containers "
                                         "that are known already are measured.");
}

struct health_finding cycle_check_gate(const struct cycle *cycle)
{
    return check_source(&cycle->gate,
                        "Start dialup-gate; until then traffic of containers is not counted.");
}

struct health_finding cycle_check_writes(const struct cycle *cycle)
{
    if (cycle->write_failure[0]) {
        return health_problem(HEALTH_FAILING,
                              "Look at the disk's free space and at the log of dialup-monitord.",
                              "The last samples could not be written: %s.", cycle->write_failure);
    }
    return health_ok("Samples are written");
}

struct health_finding cycle_check_limits(const struct cycle *cycle)
{
    return watch_check(cycle->watch);
}

struct health_finding cycle_check_rollups(const struct cycle *cycle)
{
    return rollup_check(cycle->rollup);
}
