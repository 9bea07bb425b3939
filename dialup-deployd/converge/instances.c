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

void instances_set_routed(struct instances *instances, const char *id)
{
    for (size_t i = 0; i < INSTANCES_MAX; i++) {
        struct running_container *running = &instances->known[i].running;
        running->is_routed = strcmp(running->id, id) == 0;
    }
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

static struct plan_container observe(struct instances *instances, struct arena *arena,
                                     const struct container *listed)
{
    struct instance *known = instances_find(instances, listed->id);
    bool is_running = listed->is_running && !(known && known->is_dead);
    if (known && !is_running) {
        known->running.pid = 0; /* the kernel may give it to another process */
    }
    return (struct plan_container){
        .id = arena_strdup(arena, listed->id),
        .deployment = listed->deployment_id,
        .generation = listed->generation,
        .is_running = is_running,
        .was_started = listed->was_started,
        .health = known ? known->health : PLAN_UNPROBED,
        .memory_mib = known ? known->running.memory_bytes >> 20 : 0,
        .cpu_millicores = known ? known->running.cpu_millicores : 0,
    };
}

void instances_observe(struct instances *instances, struct arena *arena, const char *network,
                       const struct container *list, size_t count,
                       struct plan_observed *ret_observed)
{
    struct plan_container *containers = arena_calloc(arena, count, sizeof(*containers));
    size_t used = 0;
    for (size_t i = 0; i < count; i++) {
        if (str_equal(list[i].kind, "production") && str_equal(list[i].network, network)) {
            containers[used++] = observe(instances, arena, &list[i]);
        }
    }
    ret_observed->containers = containers;
    ret_observed->container_count = used;
    forget_vanished(instances, ret_observed);
}
