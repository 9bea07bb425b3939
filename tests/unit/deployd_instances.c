/*
 * What is known of a site's containers, when somebody has touched them behind our back.
 */
#include "dialup-deployd/converge/instances.h"

#include <stdio.h>
#include <string.h>

#include "libdialup/base/memory.h"
#include "tests/harness/check.h"

#define ID "c1"

/* One that serves: probed, at an address, visitors are led to it. */
static void begin(struct instances *instances)
{
    *instances = (struct instances){0};
    struct instance *instance = instances_remember(instances, ID);
    instance->health = PLAN_HEALTHY;
    instance->pulse = PLAN_GOING;
    snprintf(instance->address, sizeof(instance->address), "172.20.0.5");
    instance->running.is_routed = true;
}

static void case_touched(void)
{
    static const struct {
        const char *name;
        const char *address;
        bool is_paused;
        enum plan_health health;
        enum plan_pulse pulse;
        bool is_routed;
    } rows[] = {
        {"left alone", "172.20.0.5", false, PLAN_HEALTHY, PLAN_GOING, true},
        {"cut off from our network", "", false, PLAN_UNHEALTHY, PLAN_GOING, false},
        {"with another address", "172.20.0.9", false, PLAN_UNPROBED, PLAN_GOING, false},
        {"paused", "172.20.0.5", true, PLAN_HEALTHY, PLAN_STILL, true},
    };
    AUTO_ARENA struct arena *arena = arena_new();
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        struct instances instances;
        begin(&instances);
        const struct container listed = {
            .id = ID,
            .kind = "production",
            .network = "ours",
            .address = rows[i].address,
            .is_running = true,
            .is_paused = rows[i].is_paused,
            .was_started = true,
        };
        struct plan_observed observed = {0};
        instances_observe(&instances, arena, "ours", &listed, 1, &observed);
        CHECK_INT(observed.container_count, 1);
        bool is_good = CHECK_INT(observed.containers[0].health, rows[i].health) &&
                       CHECK_INT(observed.containers[0].pulse, rows[i].pulse) &&
                       CHECK_INT(observed.containers[0].is_routed, rows[i].is_routed) &&
                       CHECK_INT(instances_find(&instances, ID)->is_paused, rows[i].is_paused);
        if (!is_good) {
            printf("# %s\n", rows[i].name);
        }
    }
}

/* A deployd that has just started knows nothing of it, and still hears that it is paused. */
static void case_paused_stranger(void)
{
    AUTO_ARENA struct arena *arena = arena_new();
    struct instances instances = {0};
    const struct container listed = {.id = ID,
                                     .kind = "production",
                                     .network = "ours",
                                     .address = "172.20.0.5",
                                     .is_running = true,
                                     .is_paused = true,
                                     .was_started = true};
    struct plan_observed observed = {0};
    instances_observe(&instances, arena, "ours", &listed, 1, &observed);
    CHECK_INT(observed.containers[0].pulse, PLAN_STILL);
    CHECK(instances_find(&instances, ID)->is_paused);
}

int main(void)
{
    static const struct check_case cases[] = {
        {"a container that somebody has touched", case_touched},
        {"a paused one that is seen for the first time", case_paused_stranger},
    };
    return check_run(cases, ARRAY_COUNT(cases));
}
