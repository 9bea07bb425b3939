/*
 * See the header. Called by the loop of a site and by the actions.
 */
#include "dialup-deployd/converge/instances.h"

#include <string.h>

#include "libdialup/base/str.h"

struct instance *instances_find(struct instances *instances, const char *id)
{
    for (size_t i = 0; i < INSTANCES_MAX; i++) {
        if (strcmp(instances->known[i].running.id, id) == 0) {
            return &instances->known[i];
        }
    }
    return NULL;
}

struct instance *instances_remember(struct instances *instances, const char *id)
{
    struct instance *found = instances_find(instances, id);
    if (!found) {
        found = instances_find(instances, "");
    }
    for (size_t i = 0; !found && i < INSTANCES_MAX; i++) {
        found = instances->known[i].running.is_routed ? NULL : &instances->known[i];
    }
    if (strcmp(found->running.id, id) != 0) {
        *found = (struct instance){0};
        str_copy(found->running.id, sizeof(found->running.id), id);
    }
    return found;
}

void instances_set_routed(struct instances *instances,
                          const struct plan_container *const targets[PLAN_INSTANCES_MAX])
{
    for (size_t i = 0; i < INSTANCES_MAX; i++) {
        struct instance *instance = &instances->known[i];
        bool was_routed = instance->running.is_routed;
        instance->running.is_routed = false;
        for (size_t j = 0; j < PLAN_INSTANCES_MAX && targets[j]; j++) {
            instance->running.is_routed |= strcmp(instance->running.id, targets[j]->id) == 0;
        }
        if (was_routed != instance->running.is_routed) {
            instance->drain = PLAN_UNDRAINED;
            instance->drain_since_ms = 0;
        }
    }
}

static struct instance *forget_run(struct instances *instances, const char *id)
{
    struct instance *instance = instances_remember(instances, id);
    instance->is_dead = false;
    instance->health = PLAN_UNPROBED;
    instance->pulse = PLAN_GOING;
    instance->drain = PLAN_UNDRAINED;
    instance->drain_since_ms = 0;
    instance->freezer = (struct cgroup_freezer){0};
    return instance;
}

void instances_note_started(struct instances *instances, const char *id)
{
    forget_run(instances, id)->has_run = true;
}

void instances_note_stopped(struct instances *instances, const char *id)
{
    struct instance *instance = forget_run(instances, id);
    instance->has_run = false;
    instance->running.pid = 0;
}

static bool is_observed(const struct plan_observed *observed, const char *id)
{
    for (size_t i = 0; i < observed->container_count; i++) {
        if (strcmp(observed->containers[i].id, id) == 0) {
            return true;
        }
    }
    return false;
}

static void forget_vanished(struct instances *instances, const struct plan_observed *observed)
{
    for (size_t i = 0; i < INSTANCES_MAX; i++) {
        const char *id = instances->known[i].running.id;
        if (*id && !is_observed(observed, id)) {
            instances->known[i] = (struct instance){0};
        }
    }
}

/* What happened behind our back: somebody paused it, or took its address away. */
static void note_listed(struct instance *found, const struct container *listed)
{
    found->is_paused = listed->is_paused;
    if (listed->is_paused) {
        found->pulse = PLAN_STILL;
    }
    if (found->health == PLAN_HEALTHY && !str_equal(found->address, listed->address)) {
        found->health = *listed->address ? PLAN_UNPROBED : PLAN_UNHEALTHY;
        found->running.is_routed = false;
    }
}

static struct plan_container observe(struct instances *instances, struct arena *arena,
                                     const struct container *listed)
{
    struct instance *known = instances_remember(instances, listed->id);
    bool is_running = listed->is_running && !known->is_dead;
    known->has_run |= is_running;
    if (is_running) {
        note_listed(known, listed);
    } else {
        known->running.pid = 0; /* the kernel may give it to another process */
    }
    return (struct plan_container){
        .id = arena_strdup(arena, listed->id),
        .deployment = listed->deployment_id,
        .generation = listed->generation,
        .is_running = is_running,
        .was_started = listed->was_started,
        .is_rested = !is_running && listed->was_started && !known->has_run,
        .is_routed = known->running.is_routed,
        .must_go = known->must_go,
        .health = known->health,
        .pulse = known->pulse,
        .drain = known->drain,
        .memory_mib = known->running.memory_bytes >> 20,
        .cpu_millicores = known->running.cpu_millicores,
    };
}

void instances_observe(struct instances *instances, struct arena *arena, const char *network,
                       const struct container *list, size_t count,
                       struct plan_observed *ret_observed)
{
    struct plan_container *containers = arena_calloc(arena, count, sizeof(*containers));
    size_t used = 0;
    for (size_t i = 0; i < count; i++) {
        if (str_equal(list[i].kind, CONTAINER_KIND_PRODUCTION) &&
            str_equal(list[i].network, network)) {
            containers[used++] = observe(instances, arena, &list[i]);
        }
    }
    ret_observed->containers = containers;
    ret_observed->container_count = used;
    forget_vanished(instances, ret_observed);
}
