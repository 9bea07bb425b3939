/*
 * See the header. Called by deployd each time that it looks at the machine's memory.
 */
#include "libdialup/quota/emergency.h"

#include <stdio.h>
#include <string.h>

#include "libdialup/base/log.h"

enum { OWNERS_MAX = 1024 };

/* A plan that is being made. */
struct making {
    const struct quota_snapshot *snapshot;
    struct quota_step *steps;
    size_t count;
    int64_t needed_mib; /* still */
    bool taken[QUOTA_CONTAINERS_MAX];
    struct quota_owner owners[OWNERS_MAX]; /* as they would be after the steps so far */
};

const char *quota_step_name(enum quota_step_kind kind)
{
    static const char *const names[] = {"stop_dev_container", "freeze_build", "put_to_sleep",
                                        "stop_site",          "thaw_build",   "start_site"};
    return names[kind];
}

static bool is_emergency(const struct quota_snapshot *snapshot)
{
    int64_t percent =
        snapshot->is_emergency ? QUOTA_EMERGENCY_END_PERCENT : QUOTA_EMERGENCY_PERCENT;
    return snapshot->memory_used_mib * 100 >= snapshot->memory_mib * percent;
}

/* Each of these is one stage: who is meant, and who is first of two. Equals go by their number. */
static bool is_idle_dev(const struct quota_container *container)
{
    return container->kind == QUOTA_DEV_CONTAINER && container->is_idle;
}

static bool is_build(const struct quota_container *container)
{
    return container->kind == QUOTA_BUILD;
}

static bool is_idle_lazy(const struct quota_container *container)
{
    return container->kind == QUOTA_LAZY_SITE && container->is_idle;
}

static bool is_site(const struct quota_container *container)
{
    return container->kind == QUOTA_LAZY_SITE || container->kind == QUOTA_OTHER_SITE;
}

static int64_t by_idle(const struct quota_container *container)
{
    return container->idle_s;
}

static int64_t by_age(const struct quota_container *container)
{
    return container->age_s;
}

static int64_t by_youth(const struct quota_container *container)
{
    return -container->age_s;
}

struct stage {
    bool (*is_meant)(const struct quota_container *container);
    int64_t (*rank)(const struct quota_container *container); /* the largest goes first */
};

static const struct quota_owner *owner_of(const struct making *making,
                                          const struct quota_container *container)
{
    return &making->owners[container->owner];
}

static bool is_sooner(const struct quota_container *a, const struct quota_container *b,
                      int64_t (*rank)(const struct quota_container *container))
{
    return rank(a) != rank(b) ? rank(a) > rank(b) : a->id < b->id;
}

/* The next of a stage, among one owner's or (NULL) all; container_count if there is none. */
static size_t find_next(const struct making *making, const struct stage *stage,
                        const struct quota_owner *owner)
{
    const struct quota_snapshot *snapshot = making->snapshot;
    size_t best = snapshot->container_count;
    for (size_t i = 0; i < snapshot->container_count; i++) {
        const struct quota_container *container = &snapshot->containers[i];
        if (!making->taken[i] && container->given_way == QUOTA_STANDS &&
            stage->is_meant(container) && (!owner || owner_of(making, container) == owner) &&
            (best == snapshot->container_count ||
             is_sooner(container, &snapshot->containers[best], stage->rank))) {
            best = i;
        }
    }
    return best;
}

static struct quota_step *add_step(struct making *making, enum quota_step_kind kind, size_t index)
{
    const struct quota_container *container = &making->snapshot->containers[index];
    struct quota_step *step = &making->steps[making->count++];
    *step = (struct quota_step){.kind = kind, .container = index};
    making->taken[index] = true;
    /* What is frozen keeps its memory: it only takes no more. */
    if (kind != QUOTA_FREEZE_BUILD) {
        struct quota_amounts *used = &making->owners[container->owner].used;
        making->needed_mib -= container->memory_mib;
        used->of[QUOTA_MEMORY] -= container->memory_mib;
    }
    return step;
}

static void free_idle(struct making *making, const struct stage *stage, enum quota_step_kind kind)
{
    size_t next;
    while (making->needed_mib > 0 &&
           (next = find_next(making, stage, NULL)) < making->snapshot->container_count) {
        const struct quota_container *container = &making->snapshot->containers[next];
        struct quota_step *step = add_step(making, kind, next);
        snprintf(step->reason, sizeof(step->reason),
                 "the server is short of memory; %.64s was idle for %lld minutes", container->name,
                 (long long)(container->idle_s / 60));
    }
}

static void freeze_builds(struct making *making)
{
    static const struct stage builds = {is_build, by_youth};
    size_t next;
    while (making->needed_mib > 0 &&
           (next = find_next(making, &builds, NULL)) < making->snapshot->container_count) {
        struct quota_step *step = add_step(making, QUOTA_FREEZE_BUILD, next);
        snprintf(step->reason, sizeof(step->reason),
                 "the server is short of memory; the build of %.64s goes on when there is some",
                 making->snapshot->containers[next].name);
    }
}

/* An owner without a site that could go is not asked again. */
static void stop_sites(struct making *making)
{
    static const struct stage sites = {is_site, by_age};
    const struct quota_snapshot *snapshot = making->snapshot;
    const struct quota_owner *owner;
    while (making->needed_mib > 0 &&
           (owner = quota_largest_share(making->owners, snapshot->owner_count,
                                        &snapshot->machine)) != NULL) {
        size_t next = find_next(making, &sites, owner);
        if (next == snapshot->container_count) {
            making->owners[owner - making->owners].used = (struct quota_amounts){0};
            continue;
        }
        const struct quota_container *container = &snapshot->containers[next];
        struct quota_step *step = add_step(
            making, container->kind == QUOTA_LAZY_SITE ? QUOTA_PUT_TO_SLEEP : QUOTA_STOP_SITE,
            next);
        snprintf(step->reason, sizeof(step->reason),
                 "the server is short of memory; nobody has more of it than %.64s", owner->name);
    }
}

/* What would bring the emergency back by itself waits for more room. */
static void undo(struct making *making)
{
    const struct quota_snapshot *snapshot = making->snapshot;
    int64_t used_mib = snapshot->memory_used_mib;
    for (size_t i = 0; i < snapshot->container_count; i++) {
        const struct quota_container *container = &snapshot->containers[i];
        bool was_frozen = container->given_way == QUOTA_WAS_FROZEN;
        int64_t more_mib = was_frozen ? 0 : container->memory_mib;
        if (container->given_way == QUOTA_STANDS ||
            (used_mib + more_mib) * 100 >= snapshot->memory_mib * QUOTA_EMERGENCY_PERCENT) {
            continue;
        }
        used_mib += more_mib;
        struct quota_step *step = &making->steps[making->count++];
        *step = (struct quota_step){.kind = was_frozen ? QUOTA_THAW_BUILD : QUOTA_START_SITE,
                                    .container = i};
        snprintf(step->reason, sizeof(step->reason), "the server has memory again for %.64s",
                 container->name);
    }
}

static void make_room(struct making *making)
{
    static const struct stage dev_containers = {is_idle_dev, by_idle};
    static const struct stage lazy_sites = {is_idle_lazy, by_idle};
    const struct quota_snapshot *snapshot = making->snapshot;
    int64_t end = snapshot->memory_mib * QUOTA_EMERGENCY_END_PERCENT / 100;
    making->needed_mib = snapshot->memory_used_mib - end + 1;
    free_idle(making, &dev_containers, QUOTA_STOP_DEV_CONTAINER);
    freeze_builds(making);
    free_idle(making, &lazy_sites, QUOTA_PUT_TO_SLEEP);
    stop_sites(making);
}

struct quota_plan quota_emergency_plan(const struct quota_snapshot *snapshot,
                                       struct quota_step *ret_steps)
{
    struct making making = {.snapshot = snapshot, .steps = ret_steps};
    ASSERT(snapshot->container_count <= QUOTA_CONTAINERS_MAX);
    ASSERT(snapshot->owner_count <= OWNERS_MAX);
    if (snapshot->owner_count > 0) {
        memcpy(making.owners, snapshot->owners, snapshot->owner_count * sizeof(making.owners[0]));
    }
    struct quota_plan plan = {.is_emergency = is_emergency(snapshot)};
    if (plan.is_emergency) {
        make_room(&making);
    } else {
        undo(&making);
    }
    plan.count = making.count;
    return plan;
}
