/*
 * See the header. Called by main.c, and by its own clock.
 */
#include "dialup-deployd/pressure/pressure.h"

#include <event2/event.h>
#include <stdlib.h>

#include "dialup-deployd/converge/converge.h"
#include "dialup-deployd/deployd.h"
#include "dialup-deployd/pressure/census.h"
#include "dialup-deployd/pressure/memory.h"
#include "dialup-deployd/pressure/steps.h"
#include "dialup-deployd/queue/build.h"
#include "dialup-deployd/queue/queue.h"
#include "libdialup/base/clock.h"
#include "libdialup/base/log.h"
#include "libdialup/base/memory.h"
#include "libdialup/store/enforcements.h"

enum {
    AGAIN_MS = 500,            /* after a step: the kernel needs a moment to count what is free */
    SECOND_LOOK_MS = 2000,     /* how busy a development container is shows in so much time */
    SETTLE_TIMEOUT_MS = 45000, /* of a step; then the next look sees how things are */
};

static const char pressure_path[] = "/proc/pressure/memory";

struct pressure {
    struct deployd *deployd;
    struct event *timer;
    struct census *census;
    struct arena *arena; /* of the census */
    struct memory_reading reading;
    bool is_busy;       /* a census or a step is under way */
    bool has_given_way; /* somebody; to be undone */
    bool is_blind;      /* it was logged that memory cannot be read */
};

static void look_in(struct pressure *pressure, int64_t ms)
{
    struct timeval delay = clock_timeval_of_ms(ms);
    pressure->is_busy = false;
    evtimer_add(pressure->timer, &delay);
}

static void rest(struct pressure *pressure)
{
    look_in(pressure,
            config_integer(pressure->deployd->run->config, CONFIG_deployd_pressure_s) * 1000);
}

static void set_emergency(struct pressure *pressure, bool is_emergency)
{
    struct deployd *deployd = pressure->deployd;
    if (deployd->is_short_of_memory == is_emergency) {
        return;
    }
    deployd->is_short_of_memory = is_emergency;
    if (is_emergency) {
        log_warning("the server is short of memory: %lld of %lld MiB are used, stalled %lld "
                    "permille of the time",
                    (long long)pressure->reading.used_mib, (long long)pressure->reading.total_mib,
                    (long long)pressure->reading.stall_permille);
    } else {
        log_info("the server has memory again: %lld of %lld MiB are used",
                 (long long)pressure->reading.used_mib, (long long)pressure->reading.total_mib);
        queue_kick(deployd->queue);
    }
}

static void fill_in(const struct pressure *pressure, struct quota_snapshot *snapshot)
{
    snapshot->memory_mib = pressure->reading.total_mib;
    snapshot->memory_used_mib = memory_counted_mib(&pressure->reading);
    snapshot->is_emergency = pressure->deployd->is_short_of_memory;
}

/* Builds that stood still and are no more: cancelled, or of a former life, whose jobs ended with
 * it. True if there were any. */
static bool end_builds(struct pressure *pressure)
{
    AUTO_ARENA struct arena *arena = arena_new();
    const struct deployd *deployd = pressure->deployd;
    struct enforcements_list lasting = {0};
    bool has_ended = false;
    enforcements_list_lasting(deployd->run->db, arena, &lasting, NULL);
    for (size_t i = 0; i < lasting.count; i++) {
        const struct enforcement *row = &lasting.rows[i];
        if (row->deployment_id > 0 && !queue_find_build(deployd->queue, row->deployment_id)) {
            has_ended = true;
            enforcements_end(deployd->run->db, row->site_id, row->deployment_id, clock_unix(),
                             NULL);
        }
    }
    return has_ended;
}

/* A step ---------------------------------------------------------------------------------------*/

static void on_settled(void *context)
{
    look_in(context, AGAIN_MS);
}

static void take_step(struct pressure *pressure, const struct census_result *result,
                      const struct quota_step *step)
{
    const struct quota_container *container = &result->snapshot.containers[step->container];
    const struct census_entry *entry = &result->entries[step->container];
    steps_do(pressure->deployd, container, entry, step);
    if (step->kind == QUOTA_STOP_DEV_CONTAINER) {
        census_note_stopped(pressure->census, entry->container_id);
    }
    pressure->has_given_way = true;
    converger_when_settled(pressure->deployd->converger, entry->site.owner_kind,
                           entry->site.owner_id, SETTLE_TIMEOUT_MS, on_settled, pressure);
}

static bool is_any_given_way(const struct quota_snapshot *snapshot)
{
    for (size_t i = 0; i < snapshot->container_count; i++) {
        if (snapshot->containers[i].given_way != QUOTA_STANDS) {
            return true;
        }
    }
    return false;
}

/* What had just begun when its build was to stand still. */
static void freeze_again(const struct pressure *pressure, const struct census_result *result)
{
    for (size_t i = 0; i < result->snapshot.container_count; i++) {
        const struct census_entry *entry = &result->entries[i];
        struct build *build = result->snapshot.containers[i].given_way == QUOTA_WAS_FROZEN
                                  ? queue_find_build(pressure->deployd->queue, entry->deployment_id)
                                  : NULL;
        if (build) {
            build_freeze(build, entry->freezers, entry->freezer_count);
        }
    }
}

static void on_census(void *context, const struct census_result *counted, const struct error *err)
{
    struct pressure *pressure = context;
    if (err) {
        log_warning("cannot see who has memory: %s", err->message);
        rest(pressure);
        return;
    }
    struct census_result result = *counted;
    fill_in(pressure, &result.snapshot);
    struct quota_step *steps =
        arena_calloc(pressure->arena, result.snapshot.container_count + 1, sizeof(*steps));
    struct quota_plan plan = quota_emergency_plan(&result.snapshot, steps);
    set_emergency(pressure, plan.is_emergency);
    pressure->has_given_way = is_any_given_way(&result.snapshot);
    if (plan.is_emergency) {
        freeze_again(pressure, &result);
    }
    if (plan.is_emergency && result.is_first) {
        look_in(pressure, SECOND_LOOK_MS);
    } else if (plan.count > 0) {
        take_step(pressure, &result, &steps[0]);
    } else {
        end_builds(pressure);
        rest(pressure);
    }
}

/* A look ---------------------------------------------------------------------------------------*/

static bool read_memory(struct pressure *pressure)
{
    struct error err;
    bool was_blind = pressure->is_blind;
    pressure->is_blind =
        memory_read(config_text(pressure->deployd->run->config, CONFIG_deployd_meminfo),
                    pressure_path, &pressure->reading, &err) < 0;
    if (pressure->is_blind && !was_blind) {
        log_warning("cannot see how much memory is left, so nobody gives way: %s", err.message);
    }
    return !pressure->is_blind;
}

static void on_timer(evutil_socket_t fd, short events, void *context)
{
    struct pressure *pressure = context;
    struct quota_snapshot nobody = {0};
    if (pressure->is_busy) {
        return;
    }
    if (!read_memory(pressure)) {
        rest(pressure);
        return;
    }
    fill_in(pressure, &nobody);
    bool is_emergency = quota_emergency_plan(&nobody, NULL).is_emergency;
    if (!is_emergency && !pressure->has_given_way) {
        set_emergency(pressure, false);
        rest(pressure);
        return;
    }
    pressure->is_busy = true;
    arena_reset(pressure->arena);
    census_take(pressure->census, pressure->arena, on_census, pressure);
}

void pressure_kick(struct pressure *pressure)
{
    if (!pressure->is_busy) {
        look_in(pressure, 0);
    }
}

/* Life -----------------------------------------------------------------------------------------*/

static void on_thawed(void *context, const struct census_result *result, const struct error *err)
{
    struct pressure *pressure = context;
    if (err) {
        log_warning("builds of a former life may be left frozen: %s", err->message);
    }
    look_in(pressure, 0);
}

/* Who gave way before: so it is known whether the emergency lasts. False: no build stood still. */
static bool take_over(struct pressure *pressure)
{
    AUTO_ARENA struct arena *arena = arena_new();
    struct enforcements_list lasting = {0};
    struct error err;
    if (enforcements_list_lasting(pressure->deployd->run->db, arena, &lasting, &err) < 0) {
        log_error("cannot read who has given way: %s", err.message);
    }
    for (size_t i = 0; i < lasting.count; i++) {
        if (lasting.rows[i].cause == ENFORCED_BY_MEMORY) {
            pressure->has_given_way = true;
            pressure->deployd->is_short_of_memory = true; /* until a look says otherwise */
        }
    }
    return end_builds(pressure);
}

struct pressure *pressure_new(struct deployd *deployd)
{
    struct pressure *pressure = xcalloc(1, sizeof(*pressure));
    pressure->deployd = deployd;
    pressure->arena = arena_new();
    pressure->census = census_new(deployd);
    pressure->timer = evtimer_new(deployd->run->base, on_timer, pressure);
    if (take_over(pressure)) {
        pressure->is_busy = true;
        census_thaw_left_over(pressure->census, on_thawed, pressure);
    } else {
        look_in(pressure, 0);
    }
    return pressure;
}

void pressure_free(struct pressure *pressure)
{
    if (pressure) {
        event_free(pressure->timer);
        census_free(pressure->census);
        arena_free(pressure->arena);
        free(pressure);
    }
}
