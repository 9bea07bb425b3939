/*
 * The plan in worlds made by chance: whatever is found and whatever fails, the steps come to an
 * end, the end is what was wanted, and on the way no visitor loses a container that answers.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dialup-deployd/converge/plan.h"
#include "libdialup/base/memory.h"
#include "tests/harness/check.h"

enum { BOXES_MAX = 80, STEPS_MAX = 80, WORLDS = 40000, ATTEMPTS = 3 };

struct world {
    struct plan_site site;
    struct plan_container boxes[BOXES_MAX];
    char names[BOXES_MAX][8];
    size_t count;
    int made;
    enum plan_route route;
    bool is_route_lost;
    int64_t route_deployment;
    enum plan_serve live_serve;
    int failure_percent;
    bool is_given_up;
    bool is_visited; /* somebody comes each time it is to be put to sleep */
    uint64_t random;
};

/* xorshift64: the same worlds in every run. */
static unsigned chance(struct world *world, unsigned below)
{
    world->random ^= world->random << 13;
    world->random ^= world->random >> 7;
    world->random ^= world->random << 17;
    return (unsigned)(world->random >> 11) % below;
}

static bool fails(struct world *world)
{
    return chance(world, 100) < (unsigned)world->failure_percent;
}

/* Making a world ----------------------------------------------------------------------------- */

static struct plan_container *add_box(struct world *world)
{
    struct plan_container *box = &world->boxes[world->count++];
    *box = (struct plan_container){.pulse = PLAN_GOING};
    snprintf(world->names[world->made], sizeof(world->names[0]), "c%d", world->made);
    box->id = world->names[world->made++];
    return box;
}

static void add_random_box(struct world *world)
{
    struct plan_container *box = add_box(world);
    box->deployment = 3 + chance(world, 3);
    box->generation = chance(world, 3);
    box->was_started = chance(world, 3) > 0;
    box->is_running = box->was_started && chance(world, 2);
    box->is_rested = box->was_started && !box->is_running && chance(world, 2);
    box->health = box->is_running ? (enum plan_health)chance(world, 3) : PLAN_UNPROBED;
    box->pulse = (enum plan_pulse)chance(world, 3);
    box->memory_mib = chance(world, 2) ? 256 : 128;
    box->cpu_millicores = 250;
}

static struct plan_site random_site(struct world *world)
{
    struct plan_site site = {
        .desired = chance(world, 6) > 1 ? PLAN_RUNNING : (enum plan_desired)chance(world, 3),
        .serve = (enum plan_serve)chance(world, 3),
        .wanted_deployment = 3 + chance(world, 3),
        .live_deployment = 3 + chance(world, 2),
        .generation = chance(world, 3),
        .memory_mib = 256,
        .cpu_millicores = 250,
        .attempts_left = (int)chance(world, ATTEMPTS + 1),
        .instances = 1 + (int)chance(world, PLAN_INSTANCES_MAX),
        .may_overlap = chance(world, 3) > 0,
    };
    if (site.wanted_deployment == site.live_deployment) {
        site.depth = (enum plan_depth)chance(world, 3);
    }
    return site;
}

static void make_world(struct world *world, uint64_t seed)
{
    *world = (struct world){.random = seed * 0x9E3779B97F4A7C15u + 1};
    world->site = random_site(world);
    world->live_serve = world->site.live_deployment == world->site.wanted_deployment
                            ? world->site.serve
                            : (enum plan_serve)(1 + chance(world, 2));
    world->failure_percent = (int)chance(world, 4) * 30;
    world->is_visited = chance(world, 4) == 0;
    for (unsigned left = chance(world, 6); left > 0; left--) {
        add_random_box(world);
    }
    world->route = (enum plan_route)chance(world, PLAN_ROUTE_HOLD + 1);
    world->route_deployment = 3 + chance(world, 3);
    if (world->route == PLAN_ROUTE_CONTAINER) {
        world->is_route_lost = world->count == 0;
        for (size_t i = 0; i < world->count; i++) {
            world->boxes[i].is_routed = i == 0 || chance(world, 3) == 0;
            world->is_route_lost |= world->boxes[i].is_routed && !world->boxes[i].is_running;
        }
    }
}

/* Carrying out ------------------------------------------------------------------------------- */

static void lead(struct world *world, enum plan_route route)
{
    world->route = route;
    world->is_route_lost = false;
    for (size_t i = 0; i < world->count; i++) {
        world->boxes[i].is_routed = false;
    }
}

static void lead_to(struct world *world, const struct plan_step *step)
{
    lead(world, PLAN_ROUTE_CONTAINER);
    for (int i = 0; i < PLAN_INSTANCES_MAX && step->targets[i]; i++) {
        world->boxes[step->targets[i] - world->boxes].is_routed = true;
    }
}

static void remove_box(struct world *world, struct plan_container *box)
{
    world->is_route_lost |= box->is_routed && world->route == PLAN_ROUTE_CONTAINER;
    *box = world->boxes[--world->count];
}

static void create(struct world *world)
{
    if (fails(world)) {
        world->site.attempts_left--;
        return;
    }
    struct plan_container *box = add_box(world);
    box->deployment = world->site.wanted_deployment;
    box->generation = world->site.generation;
    box->memory_mib = world->site.memory_mib;
    box->cpu_millicores = world->site.cpu_millicores;
}

/* As the daemon: the release before it, or none; a live release that fails is left alone. */
static void give_up(struct world *world, struct plan_container *box)
{
    bool is_live = world->site.wanted_deployment == world->site.live_deployment;
    if (box) {
        remove_box(world, box);
    }
    if (is_live) {
        lead(world, PLAN_ROUTE_PAGE);
        world->is_given_up = true;
        return;
    }
    world->site.wanted_deployment = world->site.live_deployment;
    world->site.serve = world->live_serve;
    world->site.attempts_left = ATTEMPTS;
}

static void probe(struct world *world, struct plan_container *box)
{
    box->health = !box->is_running || fails(world) ? PLAN_UNHEALTHY : PLAN_HEALTHY;
    world->site.attempts_left -= box->health == PLAN_UNHEALTHY;
}

/* The engine refuses, or the program ends at once, or it runs. */
static void start(struct world *world, struct plan_container *box)
{
    if (fails(world)) {
        world->site.attempts_left--;
        return;
    }
    box->was_started = true;
    box->is_rested = false;
    box->health = PLAN_UNPROBED;
    box->pulse = PLAN_GOING;
    box->is_running = !fails(world);
}

/* A live release's files are tried for ever, with pauses: here they are found. */
static void route_to_files(struct world *world)
{
    bool is_new = world->site.wanted_deployment != world->site.live_deployment;
    if (is_new && fails(world)) {
        world->site.attempts_left--;
        return;
    }
    lead(world, PLAN_ROUTE_FILES);
    world->route_deployment = world->site.wanted_deployment;
}

/* The gate refuses if somebody visits: then the site stays awake. */
static void hold(struct world *world)
{
    if (world->is_visited) {
        world->site.depth = PLAN_AWAKE;
    } else {
        lead(world, PLAN_ROUTE_HOLD);
    }
}

static void stop(struct plan_container *box)
{
    box->is_running = false;
    box->is_rested = true;
}

static void carry_out_on(struct world *world, enum plan_action action, struct plan_container *box)
{
    switch (action) {
    case PLAN_START:
        start(world, box);
        break;
    case PLAN_PROBE:
        probe(world, box);
        break;
    case PLAN_LIMIT:
        box->memory_mib = world->site.memory_mib;
        box->cpu_millicores = world->site.cpu_millicores;
        break;
    case PLAN_DRAIN:
        box->drain = PLAN_DRAINING;
        break;
    case PLAN_REMOVE:
        remove_box(world, box);
        break;
    case PLAN_FREEZE:
        box->pulse = PLAN_STILL;
        break;
    case PLAN_THAW:
        box->pulse = PLAN_GOING;
        break;
    case PLAN_STOP:
        stop(box);
        break;
    case PLAN_STAY:
        CHECK(box->generation < world->site.generation);
        world->site.generation = box->generation;
        world->site.attempts_left = ATTEMPTS;
        break;
    default:
        break;
    }
}

/* Box is NULL for what is done to the site, not to one of its containers. */
static void carry_out(struct world *world, const struct plan_step *step)
{
    struct plan_container *box =
        step->container ? &world->boxes[step->container - world->boxes] : NULL;
    switch (step->action) {
    case PLAN_CREATE:
        create(world);
        break;
    case PLAN_ROUTE_TO:
        lead_to(world, step);
        break;
    case PLAN_ROUTE_TO_FILES:
        route_to_files(world);
        break;
    case PLAN_ROUTE_WAIT:
        lead(world, PLAN_ROUTE_WAITING);
        break;
    case PLAN_ROUTE_STOPPED:
        lead(world, PLAN_ROUTE_PAGE);
        break;
    case PLAN_ROUTE_REMOVE:
        lead(world, PLAN_ROUTE_NONE);
        break;
    case PLAN_GIVE_UP:
        give_up(world, box);
        break;
    case PLAN_HOLD:
        hold(world);
        break;
    case PLAN_NOTE_ASLEEP:
        world->site.depth = PLAN_ASLEEP;
        break;
    case PLAN_NOTHING:
    case PLAN_AWAIT:
    case PLAN_ACTION_COUNT:
        break;
    default:
        CHECK(box != NULL);
        if (box) {
            carry_out_on(world, step->action, box);
        }
        break;
    }
}

/* What must hold ----------------------------------------------------------------------------- */

/* Visitors never lose a container that answers, unless the site is to go down; and nothing that
 * stands still is asked to end. */
static bool step_is_safe(const struct world *world, const struct plan_step *step)
{
    const struct plan_container *box = step->container;
    for (size_t i = 0; i < world->count && step->action == PLAN_CREATE; i++) {
        if (world->boxes[i].is_running && world->boxes[i].drain == PLAN_DRAINING) {
            return false; /* a third one */
        }
    }
    bool takes_away = step->action == PLAN_REMOVE || step->action == PLAN_STOP ||
                      step->action == PLAN_FREEZE || step->action == PLAN_GIVE_UP;
    if (!takes_away || !box) {
        return true;
    }
    if (box->is_running && box->pulse == PLAN_STILL && step->action != PLAN_FREEZE &&
        step->action != PLAN_GIVE_UP) {
        return false;
    }
    bool is_wanted = box->deployment == world->site.wanted_deployment &&
                     box->generation == world->site.generation;
    if (step->action == PLAN_REMOVE && box->is_running && !is_wanted &&
        world->route != PLAN_ROUTE_HOLD && box->drain != PLAN_DRAINED) {
        return false;
    }
    bool is_going_down =
        world->site.desired != PLAN_RUNNING || world->site.serve == PLAN_NO_RELEASE;
    bool is_used = world->route == PLAN_ROUTE_CONTAINER && box->is_routed && box->is_running &&
                   box->health == PLAN_HEALTHY;
    return is_going_down || !is_used;
}

/* What drains comes to its end while nothing else happens. */
static bool finish_draining(struct world *world)
{
    bool has_drained = false;
    for (size_t i = 0; i < world->count; i++) {
        has_drained |= world->boxes[i].drain == PLAN_DRAINING;
        world->boxes[i].drain =
            world->boxes[i].drain == PLAN_UNDRAINED ? PLAN_UNDRAINED : PLAN_DRAINED;
    }
    return has_drained;
}

/* The world's steps until there is nothing to do; false if that does not come. */
static bool settle(struct world *world)
{
    for (int i = 0; i < STEPS_MAX && !world->is_given_up; i++) {
        const struct plan_observed observed = {
            .route = world->route,
            .route_deployment = world->route_deployment,
            .is_route_lost = world->is_route_lost,
            .containers = world->boxes,
            .container_count = world->count,
        };
        struct plan_step step = plan_next(&world->site, &observed);
        if (step.action == PLAN_NOTHING || step.action == PLAN_AWAIT) {
            if (!finish_draining(world)) {
                return step.action == PLAN_NOTHING;
            }
            continue;
        }
        CHECK(step_is_safe(world, &step));
        carry_out(world, &step);
    }
    return world->is_given_up;
}

static bool is_container_right(const struct world *world, const struct plan_container *box)
{
    const struct plan_site *site = &world->site;
    return box->is_routed && box->is_running && box->health == PLAN_HEALTHY &&
           box->pulse == PLAN_GOING && box->deployment == site->wanted_deployment &&
           box->generation == site->generation && box->memory_mib == site->memory_mib &&
           box->cpu_millicores == site->cpu_millicores;
}

static bool is_awake_right(const struct world *world)
{
    size_t wanted = (size_t)world->site.instances;
    bool is_short = world->site.attempts_left <= 0 && world->count == 1; /* the second failed */
    if (world->route != PLAN_ROUTE_CONTAINER || (world->count != wanted && !is_short)) {
        return false;
    }
    for (size_t i = 0; i < world->count; i++) {
        if (!is_container_right(world, &world->boxes[i])) {
            return false;
        }
    }
    return true;
}

static bool is_rest_right(const struct world *world)
{
    if (world->route != PLAN_ROUTE_HOLD || world->count > 1) {
        return false;
    }
    const struct plan_container *box = world->count ? &world->boxes[0] : NULL;
    if (world->site.depth == PLAN_ASLEEP) {
        return !box || !box->is_running;
    }
    return box && box->is_running && box->pulse == PLAN_STILL &&
           box->memory_mib == world->site.memory_mib;
}

static bool is_as_wanted(const struct world *world)
{
    const struct plan_site *site = &world->site;
    if (site->desired == PLAN_DELETED) {
        return world->count == 0 && world->route == PLAN_ROUTE_NONE;
    }
    if (site->desired == PLAN_STOPPED || site->serve == PLAN_NO_RELEASE) {
        return world->count == 0 && world->route == PLAN_ROUTE_PAGE;
    }
    if (site->serve == PLAN_FILES) {
        return world->count == 0 && world->route == PLAN_ROUTE_FILES &&
               world->route_deployment == site->wanted_deployment;
    }
    return site->depth == PLAN_AWAKE ? is_awake_right(world) : is_rest_right(world);
}

static void case_worlds_settle(void)
{
    int ends[PLAN_ASLEEP + 1] = {0};
    int given_up = 0;
    for (uint64_t seed = 1; seed <= WORLDS; seed++) {
        static struct world world;
        make_world(&world, seed);
        if (!CHECK(settle(&world)) || !CHECK(world.is_given_up || is_as_wanted(&world))) {
            printf("# world %d\n", (int)seed);
            return;
        }
        ends[world.site.depth] += !world.is_given_up;
        given_up += world.is_given_up;
    }
    /* Each end was seen. */
    CHECK(ends[PLAN_AWAKE] > WORLDS / 2);
    CHECK(ends[PLAN_FROZEN] > 100 && ends[PLAN_ASLEEP] > 100);
    CHECK(given_up > 100);
}

int main(void)
{
    static const struct check_case cases[] = {
        {"any world settles, and no visitor loses a container that answers", case_worlds_settle},
    };
    return check_run(cases, ARRAY_COUNT(cases));
}
