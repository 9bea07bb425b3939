/*
 * The plan: each kind of site against each thing that can be observed. Worlds made by chance are in
 * deployd_plan_worlds.c.
 */
#include "dialup-deployd/converge/plan.h"

#include <stdlib.h>
#include <string.h>

#include "libdialup/base/memory.h"
#include "tests/harness/check.h"

enum { OLD = 4, NEW = 5 };

#define SITE(wish, kind, restarts, attempts)                                                       \
    {                                                                                              \
        .desired = PLAN_##wish, .serve = PLAN_##kind, .wanted_deployment = NEW,                    \
        .live_deployment = OLD, .generation = (restarts), .memory_mib = 256,                       \
        .cpu_millicores = 250, .attempts_left = (attempts), .instances = 1, .may_overlap = true    \
    }
#define CONTAINER_SITE SITE(RUNNING, CONTAINER, 1, 2)
#define RESTARTED_SITE SITE(RUNNING, CONTAINER, 2, 2)
#define SPENT_SITE SITE(RUNNING, CONTAINER, 1, 0)
#define SPENT_RESTART                                                                              \
    {                                                                                              \
        .desired = PLAN_RUNNING, .serve = PLAN_CONTAINER, .wanted_deployment = NEW,                \
        .live_deployment = NEW, .generation = 2, .memory_mib = 256, .cpu_millicores = 250,         \
        .instances = 1, .may_overlap = true                                                        \
    }
#define FILES_SITE SITE(RUNNING, FILES, 1, 2)
#define SPENT_FILES_SITE SITE(RUNNING, FILES, 1, 0)
#define EMPTY_SITE SITE(RUNNING, NO_RELEASE, 1, 2)
#define STOPPED_SITE SITE(STOPPED, CONTAINER, 1, 2)
#define DELETED_SITE SITE(DELETED, CONTAINER, 1, 2)
#define LIVE_SITE(how_deep, how_many)                                                              \
    {                                                                                              \
        .desired = PLAN_RUNNING, .serve = PLAN_CONTAINER, .wanted_deployment = NEW,                \
        .live_deployment = NEW, .generation = 1, .memory_mib = 256, .cpu_millicores = 250,         \
        .attempts_left = 2, .depth = PLAN_##how_deep, .instances = (how_many), .may_overlap = true \
    }
#define FROZEN_SITE LIVE_SITE(FROZEN, 1)
#define ASLEEP_SITE LIVE_SITE(ASLEEP, 1)
#define AWAKE_SITE LIVE_SITE(AWAKE, 1)
#define DOUBLE_SITE LIVE_SITE(AWAKE, 2)
#define SPENT_DOUBLE_SITE                                                                          \
    {                                                                                              \
        .desired = PLAN_RUNNING, .serve = PLAN_CONTAINER, .wanted_deployment = NEW,                \
        .live_deployment = NEW, .generation = 1, .memory_mib = 256, .cpu_millicores = 250,         \
        .instances = 2, .may_overlap = true                                                        \
    }
#define TIGHT_SITE                                                                                 \
    {                                                                                              \
        .desired = PLAN_RUNNING, .serve = PLAN_CONTAINER, .wanted_deployment = NEW,                \
        .live_deployment = OLD, .generation = 1, .memory_mib = 256, .cpu_millicores = 250,         \
        .attempts_left = 2, .instances = 1                                                         \
    }

#define BOX_(name, of, restarts, life, how, memory, cpu, ...)                                      \
    {                                                                                              \
        .id = (name), .deployment = (of), .generation = (restarts), .is_running = (life) == RUNS,  \
        .was_started = (life) != MADE, .health = PLAN_##how, .memory_mib = (memory),               \
        .cpu_millicores = (cpu), __VA_ARGS__                                                       \
    }
#define BOX(name, of, restarts, life, how, memory, cpu)                                            \
    BOX_(name, of, restarts, life, how, memory, cpu, .pulse = PLAN_GOING)
#define OLD_BOX BOX("old", OLD, 1, RUNS, HEALTHY, 256, 250)
#define ENDED_OLD_BOX BOX("old", OLD, 1, ENDED, HEALTHY, 256, 250)
#define NEW_BOX BOX("new", NEW, 1, RUNS, HEALTHY, 256, 250)
#define TWIN_BOX BOX("twin", NEW, 1, RUNS, HEALTHY, 256, 250)
#define AGAIN_BOX BOX("again", NEW, 2, RUNS, HEALTHY, 256, 250)
#define SICK_AGAIN_BOX BOX("again", NEW, 2, RUNS, UNHEALTHY, 256, 250)
#define MADE_BOX BOX("new", NEW, 1, MADE, UNPROBED, 256, 250)
#define STARTED_BOX BOX("new", NEW, 1, RUNS, UNPROBED, 256, 250)
#define ENDED_BOX BOX("new", NEW, 1, ENDED, HEALTHY, 256, 250)
#define SICK_BOX BOX("new", NEW, 1, RUNS, UNHEALTHY, 256, 250)
#define DEAD_BOX BOX("new", NEW, 1, ENDED, UNHEALTHY, 256, 250)
#define SMALL_BOX BOX("new", NEW, 1, RUNS, HEALTHY, 128, 250)
#define SLOW_BOX BOX("new", NEW, 1, RUNS, HEALTHY, 256, 100)
#define DRAINING_BOX                                                                               \
    BOX_("old", OLD, 1, RUNS, HEALTHY, 256, 250, .pulse = PLAN_GOING, .drain = PLAN_DRAINING)
#define DRAINED_BOX                                                                                \
    BOX_("old", OLD, 1, RUNS, HEALTHY, 256, 250, .pulse = PLAN_GOING, .drain = PLAN_DRAINED)
#define OLDER_BOX                                                                                  \
    BOX_("older", OLD - 1, 1, RUNS, HEALTHY, 256, 250, .pulse = PLAN_GOING, .drain = PLAN_DRAINING)
#define ROUTED_OLD_BOX                                                                             \
    BOX_("old", OLD, 1, RUNS, HEALTHY, 256, 250, .pulse = PLAN_GOING, .is_routed = true)
#define PAST_BOX BOX("past", OLD - 1, 1, RUNS, HEALTHY, 256, 250)
#define STILL_BOX BOX_("new", NEW, 1, RUNS, HEALTHY, 256, 250, .pulse = PLAN_STILL)
#define STILL_SMALL_BOX BOX_("new", NEW, 1, RUNS, HEALTHY, 128, 250, .pulse = PLAN_STILL)
#define STILL_OLD_BOX BOX_("old", OLD, 1, RUNS, HEALTHY, 256, 250, .pulse = PLAN_STILL)
#define STRANGE_BOX BOX_("new", NEW, 1, RUNS, UNPROBED, 256, 250, .pulse = PLAN_PULSE_UNKNOWN)
#define RESTED_BOX BOX_("new", NEW, 1, ENDED, HEALTHY, 256, 250, .is_rested = true)
#define EVICTED_BOX                                                                                \
    BOX_("new", NEW, 1, RUNS, HEALTHY, 256, 250, .pulse = PLAN_GOING, .must_go = true)
#define EVICTED_OLD_BOX                                                                            \
    BOX_("old", OLD, 1, RUNS, HEALTHY, 256, 250, .pulse = PLAN_GOING, .is_routed = true,           \
         .must_go = true)
#define EVICTED_STILL_BOX                                                                          \
    BOX_("new", NEW, 1, RUNS, HEALTHY, 256, 250, .pulse = PLAN_STILL, .must_go = true)
#define EVICTED_ENDED_BOX                                                                          \
    BOX_("new", NEW, 1, ENDED, HEALTHY, 256, 250, .pulse = PLAN_GOING, .must_go = true)
#define EVICTED_RESTED_BOX                                                                         \
    BOX_("new", NEW, 1, ENDED, HEALTHY, 256, 250, .is_rested = true, .must_go = true)
#define SICK_TWIN_BOX BOX("twin", NEW, 1, RUNS, UNHEALTHY, 256, 250)
#define MADE_TWIN_BOX BOX("twin", NEW, 1, MADE, UNPROBED, 256, 250)

enum life { MADE, RUNS, ENDED };

struct row {
    const char *name;
    struct plan_site site;
    enum plan_route route;
    const char *to; /* PLAN_ROUTE_CONTAINER: which; "new twin": both of them */
    int64_t files;  /* PLAN_ROUTE_FILES: of which release */
    enum plan_action action;
    const char *on; /* container of the step, NULL if none */
    struct plan_container boxes[4];
};

#define UNKNOWN PLAN_ROUTE_UNKNOWN, NULL, 0
#define NOWHERE PLAN_ROUTE_NONE, NULL, 0
#define PAGE PLAN_ROUTE_PAGE, NULL, 0
#define WAITING PLAN_ROUTE_WAITING, NULL, 0
#define HELD PLAN_ROUTE_HOLD, NULL, 0
#define FILES_OF(deployment) PLAN_ROUTE_FILES, NULL, (deployment)
#define TO(box) PLAN_ROUTE_CONTAINER, (box), 0

static const struct row rows[] = {
    /* deleted: the route first, then what runs */
    {"deleted, routed", DELETED_SITE, TO("new"), PLAN_ROUTE_REMOVE, NULL, {NEW_BOX}},
    {"deleted, page", DELETED_SITE, PAGE, PLAN_ROUTE_REMOVE, NULL, {{0}}},
    {"deleted, waiting", DELETED_SITE, WAITING, PLAN_ROUTE_REMOVE, NULL, {{0}}},
    {"deleted, unknown", DELETED_SITE, UNKNOWN, PLAN_ROUTE_REMOVE, NULL, {{0}}},
    {"deleted, files", DELETED_SITE, FILES_OF(NEW), PLAN_ROUTE_REMOVE, NULL, {{0}}},
    {"deleted, unrouted", DELETED_SITE, NOWHERE, PLAN_DRAIN, "old", {OLD_BOX, NEW_BOX}},
    {"deleted, draining", DELETED_SITE, NOWHERE, PLAN_AWAIT, NULL, {DRAINING_BOX}},
    {"deleted, drained", DELETED_SITE, NOWHERE, PLAN_REMOVE, "old", {DRAINED_BOX}},
    {"deleted, gone", DELETED_SITE, NOWHERE, PLAN_NOTHING, NULL, {{0}}},
    /* stopped: the page first */
    {"stopped, routed", STOPPED_SITE, TO("new"), PLAN_ROUTE_STOPPED, NULL, {NEW_BOX}},
    {"stopped, waiting", STOPPED_SITE, WAITING, PLAN_ROUTE_STOPPED, NULL, {NEW_BOX}},
    {"stopped, nowhere", STOPPED_SITE, NOWHERE, PLAN_ROUTE_STOPPED, NULL, {{0}}},
    {"stopped, files", STOPPED_SITE, FILES_OF(NEW), PLAN_ROUTE_STOPPED, NULL, {{0}}},
    {"stopped, page", STOPPED_SITE, PAGE, PLAN_DRAIN, "new", {NEW_BOX}},
    {"stopped, draining", STOPPED_SITE, PAGE, PLAN_AWAIT, NULL, {DRAINING_BOX}},
    {"stopped, drained", STOPPED_SITE, PAGE, PLAN_REMOVE, "old", {DRAINED_BOX}},
    {"stopped, frozen", STOPPED_SITE, PAGE, PLAN_THAW, "new", {STILL_BOX}},
    {"stopped, done", STOPPED_SITE, PAGE, PLAN_NOTHING, NULL, {{0}}},
    /* no release */
    {"no release, unknown", EMPTY_SITE, UNKNOWN, PLAN_ROUTE_STOPPED, NULL, {{0}}},
    {"no release, left over", EMPTY_SITE, PAGE, PLAN_DRAIN, "old", {OLD_BOX}},
    {"no release, done", EMPTY_SITE, PAGE, PLAN_NOTHING, NULL, {{0}}},
    /* files */
    {"files, unknown", FILES_SITE, UNKNOWN, PLAN_ROUTE_TO_FILES, NULL, {{0}}},
    {"files, of the old", FILES_SITE, FILES_OF(OLD), PLAN_ROUTE_TO_FILES, NULL, {{0}}},
    {"files, from container", FILES_SITE, TO("old"), PLAN_ROUTE_TO_FILES, NULL, {OLD_BOX}},
    {"files, not to be had", SPENT_FILES_SITE, FILES_OF(OLD), PLAN_GIVE_UP, NULL, {{0}}},
    {"files, left over", FILES_SITE, FILES_OF(NEW), PLAN_DRAIN, "old", {OLD_BOX}},
    {"files, drained", FILES_SITE, FILES_OF(NEW), PLAN_REMOVE, "old", {DRAINED_BOX}},
    {"files, done", FILES_SITE, FILES_OF(NEW), PLAN_NOTHING, NULL, {{0}}},
    {"files, done at last", SPENT_FILES_SITE, FILES_OF(NEW), PLAN_NOTHING, NULL, {{0}}},
    /* a container, step by step */
    {"first", CONTAINER_SITE, UNKNOWN, PLAN_ROUTE_WAIT, NULL, {{0}}},
    {"first, from the page", CONTAINER_SITE, PAGE, PLAN_CREATE, NULL, {{0}}},
    {"beside the frozen", CONTAINER_SITE, HELD, PLAN_THAW, "old", {STILL_OLD_BOX}},
    {"beside the thawed", CONTAINER_SITE, HELD, PLAN_ROUTE_TO, "old", {OLD_BOX}},
    {"beside one asleep", CONTAINER_SITE, HELD, PLAN_CREATE, NULL, {ENDED_OLD_BOX}},
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
    {"switched", CONTAINER_SITE, TO("new"), PLAN_DRAIN, "old", {OLD_BOX, NEW_BOX}},
    {"draining", CONTAINER_SITE, TO("new"), PLAN_NOTHING, NULL, {DRAINING_BOX, NEW_BOX}},
    {"drained", CONTAINER_SITE, TO("new"), PLAN_REMOVE, "old", {DRAINED_BOX, NEW_BOX}},
    {"two drain",
     CONTAINER_SITE,
     TO("new"),
     PLAN_NOTHING,
     NULL,
     {NEW_BOX, DRAINING_BOX, OLDER_BOX}},
    {"left behind", CONTAINER_SITE, TO("old"), PLAN_DRAIN, "past", {OLD_BOX, PAST_BOX}},
    {"left behind, and woken",
     CONTAINER_SITE,
     UNKNOWN,
     PLAN_DRAIN,
     "past",
     {ROUTED_OLD_BOX, PAST_BOX}},
    {"left behind by a former life",
     CONTAINER_SITE,
     UNKNOWN,
     PLAN_CREATE,
     NULL,
     {OLD_BOX, PAST_BOX}},
    {"the older drains yet", CONTAINER_SITE, TO("old"), PLAN_AWAIT, NULL, {OLD_BOX, OLDER_BOX}},
    {"two, the old drains yet",
     DOUBLE_SITE,
     TO("new"),
     PLAN_NOTHING,
     NULL,
     {NEW_BOX, DRAINING_BOX}},
    {"switched, the old is dead",
     CONTAINER_SITE,
     TO("new"),
     PLAN_REMOVE,
     "old",
     {ENDED_OLD_BOX, NEW_BOX}},
    {"twice", CONTAINER_SITE, TO("new"), PLAN_DRAIN, "twin", {NEW_BOX, TWIN_BOX}},
    {"memory differs", CONTAINER_SITE, TO("new"), PLAN_LIMIT, "new", {SMALL_BOX}},
    {"cpu differs", CONTAINER_SITE, TO("new"), PLAN_LIMIT, "new", {SLOW_BOX}},
    {"settled", CONTAINER_SITE, TO("new"), PLAN_NOTHING, NULL, {NEW_BOX}},
    {"settled at last", SPENT_SITE, TO("new"), PLAN_NOTHING, NULL, {NEW_BOX}},
    /* a restart is a new generation of the same release */
    {"restart", RESTARTED_SITE, TO("new"), PLAN_CREATE, NULL, {NEW_BOX}},
    {"restart, spent", SPENT_RESTART, TO("new"), PLAN_STAY, "new", {NEW_BOX, SICK_AGAIN_BOX}},
    {"restart, cannot be made", SPENT_RESTART, TO("new"), PLAN_STAY, "new", {NEW_BOX}},
    {"restart, spent, nothing before",
     SPENT_RESTART,
     NOWHERE,
     PLAN_GIVE_UP,
     "again",
     {SICK_AGAIN_BOX}},
    {"restarted", RESTARTED_SITE, TO("new"), PLAN_ROUTE_TO, "again", {NEW_BOX, AGAIN_BOX}},
    /* failures; one that ended is looked at before it is taken away */
    {"ended", CONTAINER_SITE, TO("old"), PLAN_PROBE, "new", {OLD_BOX, ENDED_BOX}},
    {"ended, looked at", CONTAINER_SITE, TO("old"), PLAN_REMOVE, "new", {OLD_BOX, DEAD_BOX}},
    {"ended, spent", SPENT_SITE, TO("old"), PLAN_GIVE_UP, "new", {OLD_BOX, DEAD_BOX}},
    {"sick", CONTAINER_SITE, TO("old"), PLAN_REMOVE, "new", {OLD_BOX, SICK_BOX}},
    {"sick, spent", SPENT_SITE, TO("old"), PLAN_GIVE_UP, "new", {OLD_BOX, SICK_BOX}},
    {"does not start, spent", SPENT_SITE, TO("old"), PLAN_GIVE_UP, "new", {OLD_BOX, MADE_BOX}},
    {"cannot be made", SPENT_SITE, TO("old"), PLAN_GIVE_UP, NULL, {OLD_BOX}},
    /* no memory for two: visitors wait, the old one ends first */
    {"tight", TIGHT_SITE, TO("old"), PLAN_ROUTE_WAIT, NULL, {OLD_BOX}},
    {"tight, waiting", TIGHT_SITE, WAITING, PLAN_DRAIN, "old", {OLD_BOX}},
    {"tight, draining", TIGHT_SITE, WAITING, PLAN_AWAIT, NULL, {DRAINING_BOX}},
    {"tight, drained", TIGHT_SITE, WAITING, PLAN_REMOVE, "old", {DRAINED_BOX}},
    {"tight, room", TIGHT_SITE, WAITING, PLAN_CREATE, NULL, {{0}}},
    {"tight, the old is dead", TIGHT_SITE, WAITING, PLAN_CREATE, NULL, {ENDED_OLD_BOX}},
    /* sleep: visitors are held first */
    {"to freeze", FROZEN_SITE, TO("new"), PLAN_HOLD, NULL, {NEW_BOX}},
    {"to freeze, unknown", FROZEN_SITE, UNKNOWN, PLAN_HOLD, NULL, {STRANGE_BOX}},
    {"held", FROZEN_SITE, HELD, PLAN_FREEZE, "new", {NEW_BOX}},
    {"held, found here", FROZEN_SITE, HELD, PLAN_FREEZE, "new", {STRANGE_BOX}},
    {"frozen", FROZEN_SITE, HELD, PLAN_NOTHING, NULL, {STILL_BOX}},
    {"frozen, with a lower limit", FROZEN_SITE, HELD, PLAN_LIMIT, "new", {STILL_SMALL_BOX}},
    {"frozen, left over", FROZEN_SITE, HELD, PLAN_REMOVE, "old", {STILL_BOX, OLD_BOX}},
    {"frozen, but it ended", FROZEN_SITE, HELD, PLAN_NOTE_ASLEEP, NULL, {ENDED_BOX}},
    {"frozen, but it is gone", FROZEN_SITE, HELD, PLAN_NOTE_ASLEEP, NULL, {{0}}},
    {"to sleep, frozen", ASLEEP_SITE, HELD, PLAN_THAW, "new", {STILL_BOX}},
    {"to sleep", ASLEEP_SITE, HELD, PLAN_STOP, "new", {NEW_BOX}},
    {"to sleep, unheld", ASLEEP_SITE, TO("new"), PLAN_HOLD, NULL, {NEW_BOX}},
    {"asleep", ASLEEP_SITE, HELD, PLAN_NOTHING, NULL, {ENDED_BOX}},
    {"asleep without a container", ASLEEP_SITE, HELD, PLAN_NOTHING, NULL, {{0}}},
    /* wake */
    {"thaw", AWAKE_SITE, HELD, PLAN_THAW, "new", {STILL_BOX}},
    {"thawed", AWAKE_SITE, HELD, PLAN_ROUTE_TO, "new", {NEW_BOX}},
    {"found here", AWAKE_SITE, UNKNOWN, PLAN_THAW, "new", {STRANGE_BOX}},
    {"rested", AWAKE_SITE, HELD, PLAN_START, "new", {RESTED_BOX}},
    {"started again", AWAKE_SITE, HELD, PLAN_PROBE, "new", {STARTED_BOX}},
    {"nothing left to wake", AWAKE_SITE, HELD, PLAN_CREATE, NULL, {{0}}},
    {"stopped while frozen", STOPPED_SITE, PAGE, PLAN_THAW, "new", {STILL_BOX}},
    /* what wrote too much ends first, then it is as if it had crashed */
    {"evicted", AWAKE_SITE, TO("new"), PLAN_EVICT, "new", {EVICTED_BOX}},
    {"evicted, ended", AWAKE_SITE, TO("new"), PLAN_ROUTE_WAIT, NULL, {EVICTED_ENDED_BOX}},
    {"evicted, waiting", AWAKE_SITE, WAITING, PLAN_PROBE, "new", {EVICTED_ENDED_BOX}},
    {"evicted while another comes",
     CONTAINER_SITE,
     TO("old"),
     PLAN_EVICT,
     "old",
     {EVICTED_OLD_BOX, STARTED_BOX}},
    {"evicted while it stops", STOPPED_SITE, TO("new"), PLAN_EVICT, "new", {EVICTED_BOX}},
    {"evicted, frozen", FROZEN_SITE, HELD, PLAN_THAW, "new", {EVICTED_STILL_BOX}},
    {"evicted, thawed", FROZEN_SITE, HELD, PLAN_EVICT, "new", {EVICTED_BOX}},
    {"evicted, frozen before", FROZEN_SITE, HELD, PLAN_REMOVE, "new", {EVICTED_ENDED_BOX}},
    {"evicted, asleep", ASLEEP_SITE, HELD, PLAN_REMOVE, "new", {EVICTED_RESTED_BOX}},
    {"evicted, woken before it went", AWAKE_SITE, HELD, PLAN_REMOVE, "new", {EVICTED_RESTED_BOX}},
    /* a second instance */
    {"one of two", DOUBLE_SITE, TO("new"), PLAN_CREATE, NULL, {NEW_BOX}},
    {"the second is made", DOUBLE_SITE, TO("new"), PLAN_START, "twin", {MADE_TWIN_BOX, NEW_BOX}},
    {"the second answers", DOUBLE_SITE, TO("new"), PLAN_ROUTE_TO, "twin", {TWIN_BOX, NEW_BOX}},
    {"two", DOUBLE_SITE, TO("new twin"), PLAN_NOTHING, NULL, {TWIN_BOX, NEW_BOX}},
    {"one of two has died", DOUBLE_SITE, TO("gone new"), PLAN_ROUTE_TO, "new", {NEW_BOX}},
    {"the second does not answer",
     SPENT_DOUBLE_SITE,
     TO("new"),
     PLAN_REMOVE,
     "twin",
     {NEW_BOX, SICK_TWIN_BOX}},
    {"no second", SPENT_DOUBLE_SITE, TO("new"), PLAN_NOTHING, NULL, {NEW_BOX}},
    {"one again", AWAKE_SITE, TO("new twin"), PLAN_ROUTE_TO, "twin", {TWIN_BOX, NEW_BOX}},
    {"one again, drain", AWAKE_SITE, TO("twin"), PLAN_DRAIN, "new", {TWIN_BOX, NEW_BOX}},
};

static bool is_named(const char *names, const char *id)
{
    size_t size = strlen(id);
    for (const char *at = names; at && (at = strstr(at, id)); at += size) {
        if ((at == names || at[-1] == ' ') && (at[size] == ' ' || at[size] == '\0')) {
            return true;
        }
    }
    return false;
}

/* Marks the boxes that visitors are led to; false if one of them is not there or does not run. */
static bool lead_there(const struct row *row, struct plan_container *boxes, size_t count)
{
    size_t wanted = 0;
    size_t found = 0;
    for (const char *at = row->to; at && *at; at += strcspn(at, " "), at += *at == ' ') {
        wanted++;
    }
    for (size_t i = 0; i < count; i++) {
        boxes[i].is_routed |= row->to && is_named(row->to, boxes[i].id);
        found += boxes[i].is_routed && boxes[i].is_running;
    }
    return found == wanted;
}

static void case_table(void)
{
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        const struct row *row = &rows[i];
        struct plan_container boxes[4];
        size_t count = 0;
        for (; count < 4 && row->boxes[count].id; count++) {
            boxes[count] = row->boxes[count];
        }
        struct plan_observed observed = {.route = row->route,
                                         .route_deployment = row->files,
                                         .containers = boxes,
                                         .container_count = count};
        observed.is_route_lost = !lead_there(row, boxes, count);
        struct plan_step step = plan_next(&row->site, &observed);
        bool good = CHECK_STR(plan_action_name(step.action), plan_action_name(row->action));
        good = CHECK_STR(step.container ? step.container->id : NULL, row->on) && good;
        if (!good) {
            printf("# row \"%s\"\n", row->name);
        }
    }
}

static void case_both_targets(void)
{
    static const struct plan_site site = DOUBLE_SITE;
    struct plan_container boxes[] = {TWIN_BOX, NEW_BOX};
    const struct plan_observed observed = {
        .route = PLAN_ROUTE_HOLD, .containers = boxes, .container_count = 2};
    struct plan_step step = plan_next(&site, &observed);
    CHECK_INT(step.action, PLAN_ROUTE_TO);
    CHECK(step.targets[0] == &boxes[0] && step.targets[1] == &boxes[1]);
}

static void case_action_names(void)
{
    for (int i = PLAN_NOTHING; i < PLAN_ACTION_COUNT; i++) {
        CHECK(strlen(plan_action_name((enum plan_action)i)) > 0);
    }
}

int main(void)
{
    static const struct check_case cases[] = {
        {"the next step, by what is wanted and what is there", case_table},
        {"visitors are led to both instances", case_both_targets},
        {"each action has a name", case_action_names},
    };
    return check_run(cases, ARRAY_COUNT(cases));
}
