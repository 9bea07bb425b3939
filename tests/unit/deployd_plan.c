/*
 * The plan: each kind of site against each thing that can be observed, and worlds made by chance in
 * which the steps have to come to an end.
 */
#include "dialup-deployd/converge/plan.h"

#include <stdlib.h>

#include "libdialup/base/memory.h"
#include "tests/harness/check.h"

enum { OLD = 4, NEW = 5 };

#define SITE(wish, kind, restarts, attempts)                                                       \
    {                                                                                              \
        .desired = PLAN_##wish, .serve = PLAN_##kind, .wanted_deployment = NEW,                    \
        .live_deployment = OLD, .generation = (restarts), .memory_mib = 256,                       \
        .cpu_millicores = 250, .attempts_left = (attempts)                                         \
    }
#define CONTAINER_SITE SITE(RUNNING, CONTAINER, 1, 2)
#define RESTARTED_SITE SITE(RUNNING, CONTAINER, 2, 2)
#define SPENT_SITE SITE(RUNNING, CONTAINER, 1, 0)
#define FILES_SITE SITE(RUNNING, FILES, 1, 2)
#define SPENT_FILES_SITE SITE(RUNNING, FILES, 1, 0)
#define EMPTY_SITE SITE(RUNNING, NO_RELEASE, 1, 2)
#define STOPPED_SITE SITE(STOPPED, CONTAINER, 1, 2)
#define DELETED_SITE SITE(DELETED, CONTAINER, 1, 2)

#define BOX(name, of, restarts, life, how, memory, cpu)                                            \
    {                                                                                              \
        .id = (name), .deployment = (of), .generation = (restarts), .is_running = (life) == RUNS,  \
        .was_started = (life) != MADE, .health = PLAN_##how, .memory_mib = (memory),               \
        .cpu_millicores = (cpu)                                                                    \
    }
#define OLD_BOX BOX("old", OLD, 1, RUNS, HEALTHY, 256, 250)
#define ENDED_OLD_BOX BOX("old", OLD, 1, ENDED, HEALTHY, 256, 250)
#define NEW_BOX BOX("new", NEW, 1, RUNS, HEALTHY, 256, 250)
#define TWIN_BOX BOX("twin", NEW, 1, RUNS, HEALTHY, 256, 250)
#define AGAIN_BOX BOX("again", NEW, 2, RUNS, HEALTHY, 256, 250)
#define MADE_BOX BOX("new", NEW, 1, MADE, UNPROBED, 256, 250)
#define STARTED_BOX BOX("new", NEW, 1, RUNS, UNPROBED, 256, 250)
#define ENDED_BOX BOX("new", NEW, 1, ENDED, HEALTHY, 256, 250)
#define SICK_BOX BOX("new", NEW, 1, RUNS, UNHEALTHY, 256, 250)
#define DEAD_BOX BOX("new", NEW, 1, ENDED, UNHEALTHY, 256, 250)
#define SMALL_BOX BOX("new", NEW, 1, RUNS, HEALTHY, 128, 250)
#define SLOW_BOX BOX("new", NEW, 1, RUNS, HEALTHY, 256, 100)

enum life { MADE, RUNS, ENDED };

struct row {
    const char *name;
    struct plan_site site;
    enum plan_route route;
    const char *to; /* PLAN_ROUTE_CONTAINER: which */
    int64_t files;  /* PLAN_ROUTE_FILES: of which release */
    enum plan_action action;
    const char *on; /* container of the step, NULL if none */
    struct plan_container boxes[4];
};

#define UNKNOWN PLAN_ROUTE_UNKNOWN, NULL, 0
#define NOWHERE PLAN_ROUTE_NONE, NULL, 0
#define PAGE PLAN_ROUTE_PAGE, NULL, 0
#define WAITING PLAN_ROUTE_WAITING, NULL, 0
#define FILES_OF(deployment) PLAN_ROUTE_FILES, NULL, (deployment)
#define TO(box) PLAN_ROUTE_CONTAINER, (box), 0

static const struct row rows[] = {
    /* deleted: the route first, then what runs */
    {"deleted, routed", DELETED_SITE, TO("new"), PLAN_ROUTE_REMOVE, NULL, {NEW_BOX}},
    {"deleted, page", DELETED_SITE, PAGE, PLAN_ROUTE_REMOVE, NULL, {{0}}},
    {"deleted, waiting", DELETED_SITE, WAITING, PLAN_ROUTE_REMOVE, NULL, {{0}}},
    {"deleted, unknown", DELETED_SITE, UNKNOWN, PLAN_ROUTE_REMOVE, NULL, {{0}}},
    {"deleted, files", DELETED_SITE, FILES_OF(NEW), PLAN_ROUTE_REMOVE, NULL, {{0}}},
    {"deleted, unrouted", DELETED_SITE, NOWHERE, PLAN_REMOVE, "old", {OLD_BOX, NEW_BOX}},
    {"deleted, gone", DELETED_SITE, NOWHERE, PLAN_NOTHING, NULL, {{0}}},
    /* stopped: the page first */
    {"stopped, routed", STOPPED_SITE, TO("new"), PLAN_ROUTE_STOPPED, NULL, {NEW_BOX}},
    {"stopped, waiting", STOPPED_SITE, WAITING, PLAN_ROUTE_STOPPED, NULL, {NEW_BOX}},
    {"stopped, nowhere", STOPPED_SITE, NOWHERE, PLAN_ROUTE_STOPPED, NULL, {{0}}},
    {"stopped, files", STOPPED_SITE, FILES_OF(NEW), PLAN_ROUTE_STOPPED, NULL, {{0}}},
    {"stopped, page", STOPPED_SITE, PAGE, PLAN_REMOVE, "new", {NEW_BOX}},
    {"stopped, done", STOPPED_SITE, PAGE, PLAN_NOTHING, NULL, {{0}}},
    /* no release */
    {"no release, unknown", EMPTY_SITE, UNKNOWN, PLAN_ROUTE_STOPPED, NULL, {{0}}},
    {"no release, left over", EMPTY_SITE, PAGE, PLAN_REMOVE, "old", {OLD_BOX}},
    {"no release, done", EMPTY_SITE, PAGE, PLAN_NOTHING, NULL, {{0}}},
    /* files */
    {"files, unknown", FILES_SITE, UNKNOWN, PLAN_ROUTE_TO_FILES, NULL, {{0}}},
    {"files, of the old", FILES_SITE, FILES_OF(OLD), PLAN_ROUTE_TO_FILES, NULL, {{0}}},
    {"files, from container", FILES_SITE, TO("old"), PLAN_ROUTE_TO_FILES, NULL, {OLD_BOX}},
    {"files, not to be had", SPENT_FILES_SITE, FILES_OF(OLD), PLAN_GIVE_UP, NULL, {{0}}},
    {"files, left over", FILES_SITE, FILES_OF(NEW), PLAN_REMOVE, "old", {OLD_BOX}},
    {"files, done", FILES_SITE, FILES_OF(NEW), PLAN_NOTHING, NULL, {{0}}},
    {"files, done at last", SPENT_FILES_SITE, FILES_OF(NEW), PLAN_NOTHING, NULL, {{0}}},
    /* a container, step by step */
    {"first", CONTAINER_SITE, UNKNOWN, PLAN_ROUTE_WAIT, NULL, {{0}}},
    {"first, from the page", CONTAINER_SITE, PAGE, PLAN_CREATE, NULL, {{0}}},
    {"first, waiting", CONTAINER_SITE, WAITING, PLAN_CREATE, NULL, {{0}}},
    {"beside files", CONTAINER_SITE, FILES_OF(OLD), PLAN_CREATE, NULL, {{0}}},
    {"beside the old", CONTAINER_SITE, TO("old"), PLAN_CREATE, NULL, {OLD_BOX}},
    {"the old has ended", CONTAINER_SITE, TO("old"), PLAN_ROUTE_WAIT, NULL, {ENDED_OLD_BOX}},
    {"the old has vanished", CONTAINER_SITE, TO("old"), PLAN_ROUTE_WAIT, NULL, {MADE_BOX}},
    {"made", CONTAINER_SITE, TO("old"), PLAN_START, "new", {OLD_BOX, MADE_BOX}},
    {"started", CONTAINER_SITE, TO("old"), PLAN_PROBE, "new", {OLD_BOX, STARTED_BOX}},
    {"answers", CONTAINER_SITE, TO("old"), PLAN_ROUTE_TO, "new", {OLD_BOX, NEW_BOX}},
    {"answers, waiting", CONTAINER_SITE, WAITING, PLAN_ROUTE_TO, "new", {NEW_BOX}},
    {"answers, unknown", CONTAINER_SITE, UNKNOWN, PLAN_ROUTE_TO, "new", {NEW_BOX}},
    {"switched", CONTAINER_SITE, TO("new"), PLAN_REMOVE, "old", {OLD_BOX, NEW_BOX}},
    {"twice", CONTAINER_SITE, TO("new"), PLAN_REMOVE, "twin", {NEW_BOX, TWIN_BOX}},
    {"memory differs", CONTAINER_SITE, TO("new"), PLAN_LIMIT, "new", {SMALL_BOX}},
    {"cpu differs", CONTAINER_SITE, TO("new"), PLAN_LIMIT, "new", {SLOW_BOX}},
    {"settled", CONTAINER_SITE, TO("new"), PLAN_NOTHING, NULL, {NEW_BOX}},
    {"settled at last", SPENT_SITE, TO("new"), PLAN_NOTHING, NULL, {NEW_BOX}},
    /* a restart is a new generation of the same release */
    {"restart", RESTARTED_SITE, TO("new"), PLAN_CREATE, NULL, {NEW_BOX}},
    {"restarted", RESTARTED_SITE, TO("new"), PLAN_ROUTE_TO, "again", {NEW_BOX, AGAIN_BOX}},
    /* failures; one that ended is looked at before it is taken away */
    {"ended", CONTAINER_SITE, TO("old"), PLAN_PROBE, "new", {OLD_BOX, ENDED_BOX}},
    {"ended, looked at", CONTAINER_SITE, TO("old"), PLAN_REMOVE, "new", {OLD_BOX, DEAD_BOX}},
    {"ended, spent", SPENT_SITE, TO("old"), PLAN_GIVE_UP, "new", {OLD_BOX, DEAD_BOX}},
    {"sick", CONTAINER_SITE, TO("old"), PLAN_REMOVE, "new", {OLD_BOX, SICK_BOX}},
    {"sick, spent", SPENT_SITE, TO("old"), PLAN_GIVE_UP, "new", {OLD_BOX, SICK_BOX}},
    {"does not start, spent", SPENT_SITE, TO("old"), PLAN_GIVE_UP, "new", {OLD_BOX, MADE_BOX}},
    {"cannot be made", SPENT_SITE, TO("old"), PLAN_GIVE_UP, NULL, {OLD_BOX}},
};

static void case_table(void)
{
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        const struct row *row = &rows[i];
        struct plan_observed observed = {.route = row->route,
                                         .route_deployment = row->files,
                                         .route_container = row->to,
                                         .containers = row->boxes};
        while (observed.container_count < 4 && row->boxes[observed.container_count].id) {
            observed.container_count++;
        }
        struct plan_step step = plan_next(&row->site, &observed);
        bool good = CHECK_STR(plan_action_name(step.action), plan_action_name(row->action));
        good = CHECK_STR(step.container ? step.container->id : NULL, row->on) && good;
        if (!good) {
            printf("# row \"%s\"\n", row->name);
        }
    }
}

/* Worlds by chance --------------------------------------------------------------------------------
 */

enum { BOXES_MAX = 80, STEPS_MAX = 50, WORLDS = 20000, ATTEMPTS = 3 };

struct world {
    struct plan_site site;
    struct plan_container boxes[BOXES_MAX];
    char names[BOXES_MAX][8];
    size_t count;
    int made;
    enum plan_route route;
    int64_t route_deployment;
    char route_container[8];
    enum plan_serve live_serve;
    int failure_percent;
    bool is_given_up;
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

static struct plan_container *add_box(struct world *world)
{
    struct plan_container *box = &world->boxes[world->count++];
    *box = (struct plan_container){0};
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
    box->health = box->is_running ? (enum plan_health)chance(world, 3) : PLAN_UNPROBED;
    box->memory_mib = chance(world, 2) ? 256 : 128;
    box->cpu_millicores = 250;
}

static void make_world(struct world *world, uint64_t seed)
{
    *world = (struct world){.random = seed * 0x9E3779B97F4A7C15u + 1};
    world->site = (struct plan_site){
        .desired = chance(world, 6) > 1 ? PLAN_RUNNING : (enum plan_desired)chance(world, 3),
        .serve = (enum plan_serve)chance(world, 3),
        .wanted_deployment = 3 + chance(world, 3),
        .live_deployment = 3 + chance(world, 2),
        .generation = chance(world, 3),
        .memory_mib = 256,
        .cpu_millicores = 250,
        .attempts_left = (int)chance(world, ATTEMPTS + 1),
    };
    world->live_serve = world->site.live_deployment == world->site.wanted_deployment
                            ? world->site.serve
                            : 1 + chance(world, 2);
    world->failure_percent = (int)chance(world, 4) * 30;
    for (unsigned left = chance(world, 6); left > 0; left--) {
        add_random_box(world);
    }
    world->route = (enum plan_route)chance(world, PLAN_ROUTE_WAITING + 1);
    world->route_deployment = 3 + chance(world, 3);
    if (world->route == PLAN_ROUTE_CONTAINER && world->count == 0) {
        world->route = PLAN_ROUTE_UNKNOWN;
    }
    if (world->route == PLAN_ROUTE_CONTAINER) {
        strcpy(world->route_container, world->boxes[chance(world, (unsigned)world->count)].id);
    }
}

static bool is_routed(const struct world *world, const struct plan_container *box)
{
    return world->route == PLAN_ROUTE_CONTAINER && strcmp(world->route_container, box->id) == 0;
}

static void remove_box(struct world *world, struct plan_container *box)
{
    if (is_routed(world, box)) {
        world->route = PLAN_ROUTE_UNKNOWN;
    }
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
        world->route = PLAN_ROUTE_PAGE;
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
    world->route = PLAN_ROUTE_FILES;
    world->route_deployment = world->site.wanted_deployment;
}

static bool acts_on_a_box(enum plan_action action)
{
    return action == PLAN_START || action == PLAN_PROBE || action == PLAN_ROUTE_TO ||
           action == PLAN_LIMIT || action == PLAN_REMOVE;
}

static void carry_out(struct world *world, enum plan_action action, struct plan_container *box)
{
    if (!box && acts_on_a_box(action)) {
        CHECK(box != NULL);
        return;
    }
    switch (action) {
    case PLAN_CREATE:
        create(world);
        break;
    case PLAN_START:
        start(world, box);
        break;
    case PLAN_PROBE:
        probe(world, box);
        break;
    case PLAN_ROUTE_TO:
        world->route = PLAN_ROUTE_CONTAINER;
        strcpy(world->route_container, box->id);
        break;
    case PLAN_ROUTE_TO_FILES:
        route_to_files(world);
        break;
    case PLAN_ROUTE_WAIT:
        world->route = PLAN_ROUTE_WAITING;
        break;
    case PLAN_ROUTE_STOPPED:
        world->route = PLAN_ROUTE_PAGE;
        break;
    case PLAN_ROUTE_REMOVE:
        world->route = PLAN_ROUTE_NONE;
        break;
    case PLAN_LIMIT:
        box->memory_mib = world->site.memory_mib;
        box->cpu_millicores = world->site.cpu_millicores;
        break;
    case PLAN_REMOVE:
        remove_box(world, box);
        break;
    case PLAN_GIVE_UP:
        give_up(world, box);
        break;
    case PLAN_NOTHING:
        break;
    }
}

/* Visitors never lose a container that answers, unless the site is to go down. */
static bool step_is_safe(const struct world *world, struct plan_step step)
{
    bool takes_away = step.action == PLAN_REMOVE || step.action == PLAN_GIVE_UP;
    if (world->site.desired != PLAN_RUNNING || world->site.serve == PLAN_NO_RELEASE ||
        !takes_away || !step.container || !is_routed(world, step.container)) {
        return true;
    }
    return !step.container->is_running || step.container->health != PLAN_HEALTHY;
}

/* The world's steps until there is nothing to do; false if that does not come. */
static bool settle(struct world *world)
{
    for (int i = 0; i < STEPS_MAX && !world->is_given_up; i++) {
        struct plan_observed observed = {
            .route = world->route,
            .route_deployment = world->route_deployment,
            .route_container = world->route_container,
            .containers = world->boxes,
            .container_count = world->count,
        };
        struct plan_step step = plan_next(&world->site, &observed);
        if (step.action == PLAN_NOTHING) {
            return true;
        }
        CHECK(step_is_safe(world, step));
        carry_out(world, step.action,
                  step.container ? &world->boxes[step.container - world->boxes] : NULL);
    }
    return world->is_given_up;
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
    const struct plan_container *box = &world->boxes[0];
    return world->count == 1 && is_routed(world, box) && box->is_running &&
           box->health == PLAN_HEALTHY && box->deployment == site->wanted_deployment &&
           box->generation == site->generation && box->memory_mib == site->memory_mib &&
           box->cpu_millicores == site->cpu_millicores;
}

static void case_worlds_settle(void)
{
    int settled = 0;
    int given_up = 0;
    for (uint64_t seed = 1; seed <= WORLDS; seed++) {
        static struct world world;
        make_world(&world, seed);
        if (!CHECK(settle(&world)) || !CHECK(world.is_given_up || is_as_wanted(&world))) {
            printf("# world %d\n", (int)seed);
            return;
        }
        settled += !world.is_given_up;
        given_up += world.is_given_up;
    }
    /* Both ends were seen. */
    CHECK(settled > WORLDS / 2);
    CHECK(given_up > 100);
}

static void case_action_names(void)
{
    for (int i = PLAN_NOTHING; i <= PLAN_GIVE_UP; i++) {
        CHECK(strlen(plan_action_name((enum plan_action)i)) > 0);
    }
}

int main(void)
{
    static const struct check_case cases[] = {
        {"the next step, by what is wanted and what is there", case_table},
        {"any world settles, and no visitor loses a container that answers", case_worlds_settle},
        {"each action has a name", case_action_names},
    };
    return check_run(cases, ARRAY_COUNT(cases));
}
