/*
 * See the header. Called by the waker, which hears of new gates, by rpc_*.c, and by main.c's
 * housekeeping.
 */
#include "dialup-deployd/owner_limits.h"

#include <stdlib.h>

#include "dialup-deployd/admission.h"
#include "dialup-deployd/deployd.h"
#include "libdialup/base/log.h"
#include "libdialup/base/memory.h"
#include "libdialup/store/sites.h"

/* Few at a time, so that thousands of owners do not keep the gate's client from other calls. */
enum { AT_ONCE_MAX = 16, KBIT_PER_MBIT = 1000 };

/* As much as the gate's contract takes. */
enum { KBIT_MAX = 100000000, CONNECTIONS_MAX = 1000000 };

struct owner {
    enum quota_entity kind;
    int64_t id;
};

struct owner_limits {
    struct deployd *deployd;
    struct owner *waiting; /* not told yet, from next on */
    size_t count;
    size_t next;
    int at_once;
};

/* The strictest of all levels; QUOTA_UNLIMITED if there is none. */
static int64_t strictest(const struct quota_level *levels, size_t count,
                         enum quota_dimension dimension)
{
    int64_t least = QUOTA_UNLIMITED;
    for (size_t i = 0; i < count; i++) {
        int64_t hard = quota_level_limit(&levels[i], dimension).hard;
        least =
            hard != QUOTA_UNLIMITED && (least == QUOTA_UNLIMITED || hard < least) ? hard : least;
    }
    return least;
}

static int64_t in_bounds(int64_t value, int64_t most)
{
    return value < 1 ? 1 : value < most ? value : most;
}

struct gate_owner_limit_set_params
owner_limits_describe(const char *owner, const struct quota_level *levels, size_t count)
{
    int64_t mbit_per_s = strictest(levels, count, QUOTA_BANDWIDTH);
    int64_t connections = strictest(levels, count, QUOTA_CONNECTIONS);
    bool has_bandwidth = mbit_per_s != QUOTA_UNLIMITED;
    bool has_connections = connections != QUOTA_UNLIMITED;
    return (struct gate_owner_limit_set_params){
        .owner = owner,
        .has_kbit_per_s = has_bandwidth,
        .kbit_per_s = has_bandwidth ? in_bounds(mbit_per_s * KBIT_PER_MBIT, KBIT_MAX) : 0,
        .has_connections = has_connections,
        .connections = has_connections ? in_bounds(connections, CONNECTIONS_MAX) : 0,
    };
}

static void tell_waiting(struct owner_limits *limits);

static void on_told(void *context, const void *result, const struct error *err)
{
    struct owner_limits *limits = context;
    if (err) {
        log_debug("the gate was not told the limits of an owner: %s", err->message);
    }
    limits->at_once--;
    tell_waiting(limits);
}

/* False if the gate cannot be told now. */
static bool tell(struct owner_limits *limits, const struct owner *owner)
{
    const struct deployd *deployd = limits->deployd;
    AUTO_ARENA struct arena *arena = arena_new();
    const struct admission admission = admission_for(deployd, owner->kind, owner->id);
    struct admission_levels levels;
    struct error err;
    if (admission_read_levels(&admission, arena, &levels, &err) < 0) {
        return true;
    }
    char name[32];
    snprintf(name, sizeof(name), "%s:%lld", quota_entity_name(owner->kind), (long long)owner->id);
    const struct gate_owner_limit_set_params params =
        owner_limits_describe(name, levels.levels, levels.count);
    if (gate_call_owner_limit_set(deployd->gate, &params, NULL, on_told, limits, &err) < 0) {
        log_debug("the gate cannot be told the limits of %s: %s", name, err.message);
        return false;
    }
    limits->at_once++;
    return true;
}

static void tell_waiting(struct owner_limits *limits)
{
    while (limits->next < limits->count && limits->at_once < AT_ONCE_MAX) {
        if (!tell(limits, &limits->waiting[limits->next])) {
            limits->next = limits->count;
            return;
        }
        limits->next++;
    }
}

static bool is_waiting(const struct owner_limits *limits, const struct owner *owner)
{
    for (size_t i = limits->next; i < limits->count; i++) {
        if (limits->waiting[i].kind == owner->kind && limits->waiting[i].id == owner->id) {
            return true;
        }
    }
    return false;
}

static void queue(struct owner_limits *limits, enum quota_entity kind, int64_t id)
{
    const struct owner owner = {kind, id};
    if (is_waiting(limits, &owner)) {
        return;
    }
    if (limits->next == limits->count) {
        limits->next = limits->count = 0;
    }
    limits->waiting = xreallocarray(limits->waiting, limits->count + 1, sizeof(owner));
    limits->waiting[limits->count++] = owner;
}

void owner_limits_tell(struct owner_limits *limits, enum quota_entity kind, int64_t id)
{
    queue(limits, kind, id);
    tell_waiting(limits);
}

void owner_limits_tell_all(struct owner_limits *limits)
{
    AUTO_ARENA struct arena *arena = arena_new();
    struct sites_list list;
    struct error err;
    if (sites_list(limits->deployd->run->db, arena, &(struct sites_page){0}, &list, &err) < 0) {
        log_warning("the gate is not told the limits of owners: %s", err.message);
        return;
    }
    for (size_t i = 0; i < list.count; i++) {
        queue(limits, list.rows[i].owner_kind, list.rows[i].owner_id);
    }
    tell_waiting(limits);
}

struct owner_limits *owner_limits_new(struct deployd *deployd)
{
    struct owner_limits *limits = xcalloc(1, sizeof(*limits));
    limits->deployd = deployd;
    return limits;
}

void owner_limits_free(struct owner_limits *limits)
{
    if (limits) {
        free(limits->waiting);
        free(limits);
    }
}
