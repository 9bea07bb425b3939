/*
 * What is done to sites: each asks the reference first, then the product.
 */
#include <string.h>

#include "libdialup/base/memory.h"
#include "libdialup/site/strategy.h"
#include "proto/deployd_rpc.h"
#include "tests/model/observe.h"
#include "tests/model/operations.h"
#include "tests/model/world.h"

enum { MIB = 1 << 20 };

struct type {
    const char *name;
    int64_t memory;
    int64_t cpu;
};

static const struct type types[] = {
    {"static", 0, 0}, {"node", 256, 250}, {"next", 512, 300},
    {"astro", 0, 0},  {"node", 256, 250}, {"static-container", 64, 100},
    {"auto", 0, 0},
};

static const int64_t memories[] = {16, 32, 64, 96, 128, 256, 512, 1024};
static const int64_t cpus[] = {10, 50, 100, 150, 250, 300, 500, 1000};

/* Somebody's site; NULL if there is none. Deleted ones rarely. */
static struct reference_site *choose(struct course *course, uint32_t which)
{
    struct reference_site *there[REFERENCE_SITES] = {NULL};
    size_t count = 0;
    for (size_t i = 0; i < REFERENCE_SITES; i++) {
        struct reference_site *site = &course->reference.sites[i];
        if (site->id && (site->desired != WANT_DELETED || which % 16 == 0)) {
            there[count++] = site;
        }
    }
    return count ? there[which / 16 % count] : NULL;
}

static bool skip(struct outcome *outcome)
{
    outcome->is_skipped = true;
    return false;
}

/* Somebody's site that is not deleted, or nothing is done. */
static struct reference_site *choose_there(struct course *course, uint32_t which,
                                           struct outcome *outcome)
{
    struct reference_site *site = choose(course, which);
    if (!site || site->desired == WANT_DELETED) {
        skip(outcome);
        return NULL;
    }
    return site;
}

/* The arithmetic of running -------------------------------------------------------------------- */

static struct reference_asking ask_to_run(const struct reference_site *site,
                                          const struct reference_needs *room)
{
    struct reference_asking asking = {.is_team = site->is_team,
                                      .owner = site->owner,
                                      .held = site->held[OF_RUN],
                                      .request = reference_run(room, site->instances)};
    int64_t more =
        reference_containers(room, site->instances) - site->held[OF_SITE].of[QUOTA_CONTAINERS];
    asking.request.of[QUOTA_CONTAINERS] = more > 0 ? more : 0;
    return asking;
}

static void hold_to_run(struct reference_site *site, const struct reference_needs *room)
{
    site->held[OF_RUN] = reference_run(room, site->instances);
    site->held[OF_SITE].of[QUOTA_CONTAINERS] = reference_containers(room, site->instances);
}

/* Only what grows is asked for. */
static void keep_what_grows(struct reference_asking *asking)
{
    for (int i = 0; i < QUOTA_DIMENSION_COUNT; i++) {
        if (asking->request.of[i] <= asking->held.of[i]) {
            asking->request.of[i] = 0;
        }
    }
    reference_add_up(&asking->request);
}

static void admit(struct course *course, const struct reference_asking *asking,
                  struct outcome *outcome)
{
    bool fits = reference_admits(&course->reference, asking, outcome->refused);
    outcome->is_admission = true;
    outcome->expected = fits ? 0 : -ERR_QUOTA_EXCEEDED;
}

/* What it has to have room for as it stands. */
static struct reference_needs room_of(const struct course *course,
                                      const struct reference_site *site)
{
    return site->wanted == site->live
               ? site->has
               : reference_room(site, &course->reference.releases[site->wanted]);
}

/* Made ----------------------------------------------------------------------------------------- */

static struct reference_site *find_free(struct reference *reference)
{
    return reference_find(reference, 0);
}

static const struct site_strategy *choose_strategy(uint32_t which)
{
    static const char *const names[] = {"lazy", "lazy", "persistent", "scalable"};
    return site_strategy_find(names[which % ARRAY_COUNT(names)]);
}

static void set_strategy(struct reference_site *site, const struct site_strategy *strategy)
{
    site->may_sleep = strategy->may_sleep;
    site->most_instances = strategy->max_instances;
}

/* A team now and then, if there is one; a user otherwise. */
static void choose_owner(const struct course *course, uint32_t which, struct reference_site *site)
{
    const struct reference *reference = &course->reference;
    site->owner = which / 4 % WORLD_USERS + 1;
    if (which % 4 == 0 && reference->team_last > 0) {
        site->is_team = true;
        site->owner = which / 4 % (uint32_t)reference->team_last + 1;
    }
}

/* Names that nobody could take for one another. */
static const char *name_site(int64_t id)
{
    static const char letters[] = "aeghkx";
    static char name[64];
    size_t size = 0;
    for (int i = 0; i < 6; i++, id /= 6) {
        name[size++] = letters[id % 6];
    }
    strcpy(name + size, ".example.org");
    return name;
}

void operation_create(struct course *course, const struct operation *operation,
                      struct outcome *outcome)
{
    struct reference *reference = &course->reference;
    const struct type *type = &types[operation->b % ARRAY_COUNT(types)];
    const struct site_strategy *strategy = choose_strategy(operation->b / 8);
    struct reference_site *slot = find_free(reference);
    struct reference_site site = {.id = observe_next_site(),
                                  .has = {.memory = type->memory, .cpu = type->cpu},
                                  .instances = 1,
                                  .desired = WANT_RUNNING};
    if (!slot) {
        skip(outcome);
        return;
    }
    choose_owner(course, operation->a, &site);
    set_strategy(&site, strategy);
    strcpy(site.has.type, type->name);
    bool has_own = operation->c % 2 && type->memory > 0;
    if (has_own) {
        site.has.memory = memories[operation->c / 2 % ARRAY_COUNT(memories)];
        site.has.cpu = cpus[operation->c / 16 % ARRAY_COUNT(cpus)];
    }
    struct reference_asking asking = ask_to_run(&site, &site.has);
    asking.request.of[QUOTA_SITES] = 1;
    asking.request.of[QUOTA_APPLICATIONS] = site.is_team;
    admit(course, &asking, outcome);
    if (site.is_team && !reference->teams[site.owner].is_there) {
        outcome->expected = -ERR_NOT_FOUND;
    }
    if (outcome->expected == 0) {
        site.held[OF_SITE].of[QUOTA_SITES] = 1;
        site.held[OF_SITE].of[QUOTA_APPLICATIONS] = site.is_team;
        *slot = site;
    }
    char key[24];
    snprintf(key, sizeof(key), "create-%lld", (long long)site.id);
    const struct deployd_site_create_params params = {
        .idempotency_key = key,
        .owner_kind = site.is_team ? "team" : "user",
        .owner_id = site.owner,
        .domain = name_site(site.id),
        .type = type->name,
        .strategy = strategy->name,
        .has_memory_mib = has_own,
        .memory_mib = site.has.memory,
        .has_cpu_millicores = has_own,
        .cpu_millicores = site.has.cpu,
    };
    outcome->answer = world_call(&deployd_methods[DEPLOYD_SITE_CREATE], &params, &outcome->err);
}

/* Deployed ------------------------------------------------------------------------------------- */

static struct reference_needs declare(const struct reference_site *site, const struct type *type,
                                      bool is_files)
{
    struct reference_needs needs = {.memory = type->memory, .cpu = type->cpu};
    strcpy(needs.type, type->name);
    if (is_files) {
        needs.memory = 0;
        needs.cpu = 0;
    } else if (strcmp(site->has.type, type->name) == 0 && site->has.memory > 0) {
        needs.memory = site->has.memory;
        needs.cpu = site->has.cpu;
    } else if (type->memory == 0) {
        needs.memory = 256; /* a container always has limits */
        needs.cpu = 250;
    }
    return needs;
}

static struct reference_asking ask_to_store(const struct reference_site *site, int64_t bytes)
{
    struct reference_asking asking = {
        .is_team = site->is_team, .owner = site->owner, .held = site->held[OF_STORAGE]};
    asking.request.of[QUOTA_STORAGE_PRODUCTION] = (bytes + MIB - 1) / MIB;
    reference_add_up(&asking.request);
    return asking;
}

void operation_deploy(struct course *course, const struct operation *operation,
                      struct outcome *outcome)
{
    struct reference_site *site = choose_there(course, operation->a, outcome);
    if (!site || world_is_deploying(site->id)) {
        skip(outcome);
        return;
    }
    const struct type *type = &types[operation->b % 6];
    bool is_files = type->memory == 0;
    const struct reference_needs needs = declare(site, type, is_files);
    const struct reference_needs room = reference_room(site, &needs);
    const struct reference_site before = *site;
    int64_t id = observe_next_deployment();
    const struct world_release release = {.type = type->name,
                                          .is_files = is_files,
                                          .is_bad = operation->b / 8 % 6 == 0,
                                          .bytes = (int64_t)(operation->c % (24 * MIB))};
    const struct reference_asking asking = ask_to_run(site, &room);
    admit(course, &asking, outcome);
    if (outcome->expected == 0) {
        hold_to_run(site, &room);
        const struct reference_asking storing = ask_to_store(site, release.bytes);
        admit(course, &storing, outcome);
        site->held[OF_STORAGE] = storing.request;
    }
    if (outcome->expected == 0) {
        site->wanted = id;
        site->desired = WANT_RUNNING;
        course->reference.releases[id] = needs;
    } else {
        *site = before;
    }
    outcome->answer = world_deploy(site->id, &release, &outcome->err);
}

/* Started and stopped -------------------------------------------------------------------------- */

static void run_again(struct course *course, const struct operation *operation,
                      struct outcome *outcome, struct reference_site *site)
{
    const struct reference_needs room = room_of(course, site);
    const struct reference_asking asking = ask_to_run(site, &room);
    if (site->desired == WANT_DELETED) {
        outcome->expected = -ERR_NOT_FOUND;
    } else if (!site->wanted) {
        outcome->expected = -ERR_CONFLICT;
    } else {
        admit(course, &asking, outcome);
    }
    if (outcome->expected == 0) {
        hold_to_run(site, &room);
        site->desired = WANT_RUNNING;
        site->depth = DEPTH_AWAKE;
    }
}

static const char *new_key(const struct operation *operation)
{
    static char key[32];
    snprintf(key, sizeof(key), "%llu", (unsigned long long)operation->seed);
    return key;
}

void operation_start(struct course *course, const struct operation *operation,
                     struct outcome *outcome)
{
    struct reference_site *site = choose(course, operation->a);
    if (!site) {
        skip(outcome);
        return;
    }
    const struct deployd_site_set_desired_params params = {
        .idempotency_key = new_key(operation), .site_id = site->id, .desired = "running"};
    run_again(course, operation, outcome, site);
    outcome->answer =
        world_call(&deployd_methods[DEPLOYD_SITE_SET_DESIRED], &params, &outcome->err);
}

void operation_restart(struct course *course, const struct operation *operation,
                       struct outcome *outcome)
{
    struct reference_site *site = choose(course, operation->a);
    if (!site) {
        skip(outcome);
        return;
    }
    const struct deployd_site_restart_params params = {.idempotency_key = new_key(operation),
                                                       .site_id = site->id};
    run_again(course, operation, outcome, site);
    outcome->answer = world_call(&deployd_methods[DEPLOYD_SITE_RESTART], &params, &outcome->err);
}

void operation_stop(struct course *course, const struct operation *operation,
                    struct outcome *outcome)
{
    struct reference_site *site = choose(course, operation->a);
    if (!site) {
        skip(outcome);
        return;
    }
    const struct deployd_site_set_desired_params params = {
        .idempotency_key = new_key(operation), .site_id = site->id, .desired = "stopped"};
    outcome->expected = site->desired == WANT_DELETED ? -ERR_NOT_FOUND : 0;
    if (outcome->expected == 0) {
        site->desired = WANT_STOPPED;
        site->wanted = site->live; /* whatever was on its way has ended */
    }
    outcome->answer =
        world_call(&deployd_methods[DEPLOYD_SITE_SET_DESIRED], &params, &outcome->err);
}

void operation_delete(struct course *course, const struct operation *operation,
                      struct outcome *outcome)
{
    struct reference_site *site = choose(course, operation->a);
    if (!site) {
        skip(outcome);
        return;
    }
    const struct deployd_site_delete_params params = {.idempotency_key = new_key(operation),
                                                      .site_id = site->id};
    outcome->expected = site->desired == WANT_DELETED ? -ERR_NOT_FOUND : 0;
    if (outcome->expected == 0) {
        site->desired = WANT_DELETED;
        site->wanted = site->live;
        memset(site->held, 0, sizeof(site->held));
    }
    outcome->answer = world_call(&deployd_methods[DEPLOYD_SITE_DELETE], &params, &outcome->err);
}

/* Changed -------------------------------------------------------------------------------------- */

static void adjust_needs(struct reference_needs *needs, int64_t memory, int64_t cpu)
{
    if (needs->memory > 0) {
        needs->memory = memory ? memory : needs->memory;
        needs->cpu = cpu ? cpu : needs->cpu;
    }
}

static void adjust(struct course *course, struct reference_site *site,
                   const struct site_strategy *strategy, int64_t memory, int64_t cpu,
                   struct outcome *outcome)
{
    struct reference_needs none = {0};
    bool is_coming = site->wanted != site->live;
    struct reference_needs *coming = is_coming ? &course->reference.releases[site->wanted] : &none;
    const struct reference_site before = *site;
    const struct reference_needs coming_before = *coming;
    bool changes_needs = memory || cpu;
    if (changes_needs && site->has.memory == 0 && coming->memory == 0) {
        outcome->expected = -ERR_CONFLICT;
        return;
    }
    adjust_needs(&site->has, memory, cpu);
    adjust_needs(coming, memory, cpu);
    if (strategy) {
        set_strategy(site, strategy);
        site->instances =
            site->instances > site->most_instances ? site->most_instances : site->instances;
        site->depth = site->may_sleep ? site->depth : DEPTH_AWAKE;
    }
    const struct reference_needs room = room_of(course, site);
    bool holds = site->held[OF_RUN].of[QUOTA_CONCURRENT_CONTAINERS] > 0; /* it may stay awake */
    if (site->desired == WANT_RUNNING && site->wanted &&
        (is_coming || site->depth != DEPTH_ASLEEP || holds)) {
        struct reference_asking asking = ask_to_run(site, &room);
        keep_what_grows(&asking);
        admit(course, &asking, outcome);
        if (outcome->expected == 0) {
            hold_to_run(site, &room);
        }
    } else if (changes_needs) {
        const struct reference_asking asking = {.is_team = site->is_team,
                                                .owner = site->owner,
                                                .request =
                                                    reference_run(&site->has, site->instances)};
        bool fits = reference_admits_alone(&course->reference, &asking, outcome->refused);
        outcome->is_admission = true;
        outcome->expected = fits ? 0 : -ERR_QUOTA_EXCEEDED;
    }
    if (outcome->expected < 0) {
        *site = before;
        *coming = coming_before;
    }
}

void operation_update(struct course *course, const struct operation *operation,
                      struct outcome *outcome)
{
    struct reference_site *site = choose(course, operation->a);
    if (!site) {
        skip(outcome);
        return;
    }
    bool has_memory = operation->b % 2;
    bool has_cpu = operation->b / 2 % 2;
    int64_t memory = memories[operation->c % ARRAY_COUNT(memories)];
    int64_t cpu = cpus[operation->c / 8 % ARRAY_COUNT(cpus)];
    const struct site_strategy *strategy =
        operation->b / 4 % 3 == 0 ? choose_strategy(operation->b / 16) : NULL;
    const struct deployd_site_update_params params = {
        .idempotency_key = new_key(operation),
        .site_id = site->id,
        .strategy = strategy ? strategy->name : NULL,
        .has_memory_mib = has_memory,
        .memory_mib = memory,
        .has_cpu_millicores = has_cpu,
        .cpu_millicores = cpu,
    };
    if (site->desired == WANT_DELETED) {
        outcome->expected = -ERR_NOT_FOUND;
    } else {
        adjust(course, site, strategy, has_memory ? memory : 0, has_cpu ? cpu : 0, outcome);
    }
    outcome->answer = world_call(&deployd_methods[DEPLOYD_SITE_UPDATE], &params, &outcome->err);
}

/* What deployd does by itself ------------------------------------------------------------------ */

void operation_sleep(struct course *course, const struct operation *operation,
                     struct outcome *outcome)
{
    const struct reference_site *site = choose_there(course, operation->a, outcome);
    if (site) {
        world_sleep(site->id, operation->b % 3 == 0 ? SITE_FROZEN : SITE_ASLEEP);
        outcome->is_silent = true;
    }
}

void operation_wake(struct course *course, const struct operation *operation,
                    struct outcome *outcome)
{
    struct reference_site *site = choose_there(course, operation->a, outcome);
    if (!site) {
        return;
    }
    outcome->is_silent = true;
    if (site->desired == WANT_RUNNING && site->depth == DEPTH_ASLEEP) {
        const struct reference_needs room = room_of(course, site);
        const struct reference_asking asking = ask_to_run(site, &room);
        admit(course, &asking, outcome);
        if (outcome->expected == 0) {
            hold_to_run(site, &room);
            site->depth = DEPTH_AWAKE;
        }
    }
    world_wake(site->id);
}

void operation_scale(struct course *course, const struct operation *operation,
                     struct outcome *outcome)
{
    struct reference_site *site = choose_there(course, operation->a, outcome);
    if (!site || site->most_instances < 2 || site->depth != DEPTH_AWAKE || !site->live ||
        site->live != site->wanted || site->has.memory == 0 || site->desired != WANT_RUNNING) {
        skip(outcome);
        return;
    }
    int64_t instances = operation->b % 2 + 1;
    int64_t before = site->instances;
    site->instances = instances;
    struct reference_asking asking = ask_to_run(site, &site->has);
    keep_what_grows(&asking);
    admit(course, &asking, outcome);
    if (outcome->expected == 0) {
        hold_to_run(site, &site->has);
    } else {
        site->instances = before;
    }
    outcome->answer = world_scale(site->id, instances, &outcome->err);
}

void operation_measure(struct course *course, const struct operation *operation,
                       struct outcome *outcome)
{
    struct reference_site *site = choose_there(course, operation->a, outcome);
    if (site) {
        int64_t bytes = (int64_t)operation->b % (48 * MIB);
        site->held[OF_STORAGE] = ask_to_store(site, bytes).request;
        outcome->answer = world_measure(site->id, bytes, &outcome->err);
    }
}
