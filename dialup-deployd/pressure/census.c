/*
 * See the header. Called by pressure.c when memory is short, and to undo what was done about it.
 */
#include "dialup-deployd/pressure/census.h"

#include <string.h>

#include "dialup-deployd/converge/converge.h"
#include "dialup-deployd/deployd.h"
#include "dialup-deployd/engine/container.h"
#include "dialup-deployd/queue/build.h"
#include "dialup-deployd/queue/queue.h"
#include "dialup-deployd/sleep/sleeper.h"
#include "libdialup/base/clock.h"
#include "libdialup/base/log.h"
#include "libdialup/base/memory.h"
#include "libdialup/cgroup/cgroup.h"
#include "libdialup/site/strategy.h"
#include "libdialup/store/enforcements.h"
#include "libdialup/store/levels.h"

enum {
    OWNERS_MAX = 1024,
    HELPERS_MAX = 64,       /* builds' and development containers that are looked at */
    IDLE_CPU_PERMILLE = 20, /* of a core: a development container that does less is idle */
    BYTES_PER_MIB = 1 << 20,
};

/* A container beside the sites': of a build, or one to develop in. */
struct helper {
    char id[CONTAINER_ID_SIZE];
    bool is_build;
    int64_t site_id;
    int64_t deployment_id;
    int64_t memory_mib;
    int64_t cpu_us;
    struct cgroup_freezer freezer; /* dir "": not found */
    bool is_idle;
    int64_t idle_ms;
    bool is_known; /* looked at before */
    bool is_stopped;
};

/* How busy a development container was, from one census to the next. */
struct watched {
    char id[CONTAINER_ID_SIZE];
    int64_t cpu_us;
    int64_t looked_at_ms;
    int64_t busy_at_ms;
    bool is_stopped;
};

struct census {
    struct deployd *deployd;
    struct arena *arena; /* the caller's */
    census_fn *on_result;
    void *context;
    bool is_thawing; /* what a former life left, instead of counting */
    struct helper helpers[HELPERS_MAX];
    size_t helper_count;
    size_t next; /* to be inspected */
    struct watched watched[HELPERS_MAX];
    size_t watched_count;
};

/* What the kernel says --------------------------------------------------------------------------*/

static const char *cgroup_root(const struct census *census)
{
    return config_text(census->deployd->run->config, CONFIG_monitord_cgroup_root);
}

static bool sample(const struct census *census, int64_t pid, struct cgroup_sample *ret_sample)
{
    struct cgroup_dirs dirs;
    struct cgroup_reader *reader;
    if (pid <= 0 || cgroup_find(cgroup_root(census), (pid_t)pid, &dirs, NULL) < 0 ||
        cgroup_reader_open(&dirs, &reader, NULL) < 0) {
        return false;
    }
    int result = cgroup_reader_sample(reader, true, ret_sample, NULL);
    cgroup_reader_close(reader);
    return result == 0;
}

static struct watched *watch(struct census *census, const char *id)
{
    for (size_t i = 0; i < census->watched_count; i++) {
        if (str_equal(census->watched[i].id, id)) {
            return &census->watched[i];
        }
    }
    return NULL;
}

/* Idle is who used next to no CPU since the look before. */
static void judge(struct census *census, struct helper *helper)
{
    int64_t now_ms = clock_monotonic_ms();
    struct watched *watched = watch(census, helper->id);
    if (!watched) {
        if (census->watched_count == HELPERS_MAX) {
            census->watched_count = 0; /* all are new again; that costs one look */
        }
        watched = &census->watched[census->watched_count++];
        *watched = (struct watched){.looked_at_ms = now_ms, .busy_at_ms = now_ms};
        str_copy(watched->id, sizeof(watched->id), helper->id);
    } else {
        int64_t used_us = helper->cpu_us - watched->cpu_us;
        int64_t took_ms = now_ms - watched->looked_at_ms;
        helper->is_known = true;
        helper->is_idle = took_ms > 0 && used_us <= took_ms * IDLE_CPU_PERMILLE;
        watched->busy_at_ms = helper->is_idle ? watched->busy_at_ms : now_ms;
        watched->looked_at_ms = now_ms;
        watched->is_stopped = watched->is_stopped && used_us >= 0; /* else it was started again */
    }
    helper->is_stopped = watched->is_stopped;
    helper->idle_ms = now_ms - watched->busy_at_ms;
    watched->cpu_us = helper->cpu_us;
}

/* Owners ----------------------------------------------------------------------------------------*/

struct counting {
    struct census *census;
    struct census_result *result;
    struct quota_owner *owners;
    size_t owner_count;
    struct quota_container *containers;
    size_t count;
    struct enforcements_list lasting;
    const struct idle_site *idle;
    size_t idle_count;
    const struct running_container *running;
    size_t running_count;
};

/* The index of a site's owner; false if there are too many, or it is gone. */
static bool find_owner(struct counting *counting, const struct site *site, size_t *ret_index)
{
    const struct deployd *deployd = counting->census->deployd;
    const struct quota_machine *machine = &counting->result->snapshot.machine;
    for (size_t i = 0; i < counting->owner_count; i++) {
        if (counting->owners[i].entity == site->owner_kind &&
            counting->owners[i].id == site->owner_id) {
            *ret_index = i;
            return true;
        }
    }
    struct quota_level level;
    if (counting->owner_count == OWNERS_MAX ||
        levels_read_owner(deployd->run->db, counting->census->arena, site->owner_kind,
                          site->owner_id, machine, &level, NULL) < 0) {
        return false;
    }
    *ret_index = counting->owner_count;
    counting->owners[counting->owner_count++] = (struct quota_owner){
        .entity = site->owner_kind,
        .id = site->owner_id,
        .name = level.name,
        .used = level.used,
        .is_active = level.used.of[QUOTA_MEMORY] > 0,
    };
    return true;
}

/* Containers ------------------------------------------------------------------------------------*/

static void add(struct counting *counting, struct quota_container container,
                const struct census_entry *entry)
{
    size_t owner;
    if (counting->count < QUOTA_CONTAINERS_MAX && find_owner(counting, &entry->site, &owner)) {
        container.owner = owner;
        counting->result->entries[counting->count] = *entry;
        counting->containers[counting->count++] = container;
    }
}

static bool find_site(const struct counting *counting, int64_t site_id, struct site *ret_site)
{
    const struct census *census = counting->census;
    return sites_find(census->deployd->run->db, census->arena, site_id, ret_site, NULL) == 0;
}

static void add_builds(struct counting *counting)
{
    const struct census *census = counting->census;
    const struct queue *queue = census->deployd->queue;
    int64_t now = clock_unix();
    for (size_t i = 0; i < queue_build_count(queue); i++) {
        const struct build *build = queue_build_at(queue, i);
        struct census_entry entry = {.deployment_id = build_deployment_id(build)};
        int64_t memory_mib = 0;
        for (size_t j = 0; j < census->helper_count; j++) {
            const struct helper *helper = &census->helpers[j];
            if (helper->is_build && helper->deployment_id == entry.deployment_id &&
                *helper->freezer.dir && entry.freezer_count < CENSUS_BUILD_CONTAINERS) {
                entry.freezers[entry.freezer_count++] = helper->freezer;
                memory_mib += helper->memory_mib;
            }
        }
        if (find_site(counting, build_site_id(build), &entry.site)) {
            const struct quota_container container = {
                .id = entry.deployment_id,
                .kind = QUOTA_BUILD,
                .name = entry.site.domain,
                .age_s = now - build_started_at(build),
                .memory_mib = memory_mib,
                .given_way = build_is_frozen(build) ? QUOTA_WAS_FROZEN : QUOTA_STANDS,
            };
            add(counting, container, &entry);
        }
    }
}

static void add_dev_containers(struct counting *counting)
{
    const struct census *census = counting->census;
    for (size_t i = 0; i < census->helper_count; i++) {
        const struct helper *helper = &census->helpers[i];
        struct census_entry entry = {.container_id = helper->id};
        if (helper->is_build || helper->is_stopped ||
            !find_site(counting, helper->site_id, &entry.site)) {
            continue;
        }
        const struct quota_container container = {
            .id = entry.site.id,
            .kind = QUOTA_DEV_CONTAINER,
            .name = entry.site.domain,
            .is_idle = helper->is_idle,
            .idle_s = helper->idle_ms / 1000,
            .memory_mib = helper->memory_mib,
        };
        counting->result->is_first = counting->result->is_first || !helper->is_known;
        add(counting, container, &entry);
    }
}

static int64_t measure(const struct counting *counting, const struct site *site)
{
    int64_t bytes = 0;
    for (size_t i = 0; i < counting->running_count; i++) {
        const struct running_container *running = &counting->running[i];
        struct cgroup_sample now;
        if (running->site_id == site->id && sample(counting->census, running->pid, &now)) {
            bytes += now.memory_bytes;
        }
    }
    return bytes > 0 ? (bytes + BYTES_PER_MIB - 1) / BYTES_PER_MIB : site->memory_mib;
}

static int64_t recorded_mib(const struct counting *counting, int64_t site_id)
{
    for (size_t i = 0; i < counting->lasting.count; i++) {
        const struct enforcement *row = &counting->lasting.rows[i];
        if (row->site_id == site_id && row->deployment_id == 0) {
            return row->memory_mib;
        }
    }
    return 0;
}

/* It has memory now: in a container that serves, or stands still. */
static bool occupies(const struct site *site)
{
    return site_is_free_to_run(site) && site->sleep != SITE_ASLEEP;
}

static void add_site(struct counting *counting, const struct site *site)
{
    bool has_given_way = site->hold == SITE_HELD_BY_MEMORY;
    if (!has_given_way && !occupies(site)) {
        return;
    }
    bool may_sleep = site_strategy_find(site->strategy)->may_sleep;
    const struct idle_site *idle = idle_find(counting->idle, counting->idle_count, site->id);
    const struct quota_container container = {
        .id = site->id,
        .kind = may_sleep ? QUOTA_LAZY_SITE : QUOTA_OTHER_SITE,
        .name = site->domain,
        .is_idle = idle_is_unused(site, idle),
        .idle_s = idle ? idle->idle_ms / 1000 : 0,
        .age_s = clock_unix() - site->created_at,
        .memory_mib = has_given_way ? recorded_mib(counting, site->id) : measure(counting, site),
        .given_way = has_given_way ? QUOTA_WAS_STOPPED : QUOTA_STANDS,
    };
    add(counting, container, &(struct census_entry){.site = *site});
}

static int count(struct census *census, struct census_result *ret_result, struct error *err)
{
    struct deployd *deployd = census->deployd;
    struct db *db = deployd->run->db;
    struct arena *arena = census->arena;
    struct sites_list sites;
    struct counting counting = {.census = census, .result = ret_result};
    *ret_result = (struct census_result){
        .snapshot.machine = deployd->machine,
    };
    int result = sites_list(db, arena, &(struct sites_page){0}, &sites, err);
    if (result < 0 || (result = enforcements_list_lasting(db, arena, &counting.lasting, err)) < 0) {
        return result;
    }
    size_t most = sites.count + census->helper_count + queue_build_count(deployd->queue);
    counting.owners =
        arena_calloc(arena, most < OWNERS_MAX ? most : OWNERS_MAX, sizeof(*counting.owners));
    counting.containers = arena_calloc(arena, most, sizeof(*counting.containers));
    ret_result->entries = arena_calloc(arena, most, sizeof(*ret_result->entries));
    counting.idle = sleeper_sites(deployd->sleeper, arena, &counting.idle_count);
    counting.running = converger_running(deployd->converger, arena, 0, &counting.running_count);
    add_builds(&counting);
    add_dev_containers(&counting);
    for (size_t i = 0; i < sites.count; i++) {
        add_site(&counting, &sites.rows[i]);
    }
    ret_result->snapshot.owners = counting.owners;
    ret_result->snapshot.owner_count = counting.owner_count;
    ret_result->snapshot.containers = counting.containers;
    ret_result->snapshot.container_count = counting.count;
    return 0;
}

/* What Docker says ------------------------------------------------------------------------------*/

static void finish(struct census *census, const struct error *failure)
{
    struct census_result result = {0};
    struct error err;
    if (!failure && !census->is_thawing && count(census, &result, &err) < 0) {
        failure = &err;
    }
    census->is_thawing = false;
    census->on_result(census->context, &result, failure);
}

static void inspect_next(struct census *census);

static void on_inspected(void *context, const struct container_detail *detail,
                         const struct error *err)
{
    struct census *census = context;
    struct helper *helper = &census->helpers[census->next++];
    struct cgroup_sample now;
    if (!err && detail->pid > 0) {
        cgroup_freezer_find(cgroup_root(census), (pid_t)detail->pid, &helper->freezer, NULL);
        if (sample(census, detail->pid, &now)) {
            helper->memory_mib = now.memory_bytes / BYTES_PER_MIB;
            helper->cpu_us = now.cpu_us;
        }
    }
    if (census->is_thawing && *helper->freezer.dir) {
        cgroup_thaw(&helper->freezer, NULL);
    } else if (!helper->is_build) {
        judge(census, helper);
    }
    inspect_next(census);
}

static void inspect_next(struct census *census)
{
    if (census->next < census->helper_count) {
        container_inspect(census->deployd->engine, census->helpers[census->next].id, NULL,
                          on_inspected, census);
    } else {
        finish(census, NULL);
    }
}

/* Labels are not enough: a step of a Dockerfile's build has whatever labels it gives itself; it
 * stands still when its build does not go on. */
static void on_listed(void *context, const struct container *list, size_t list_count,
                      const struct error *err)
{
    struct census *census = context;
    AUTO_FREE char *network = deployd_network_name(census->deployd, DEPLOYD_DEVELOPMENT);
    census->helper_count = 0;
    census->next = 0;
    for (size_t i = 0; !err && i < list_count && census->helper_count < HELPERS_MAX; i++) {
        bool is_build = str_equal(list[i].kind, "build");
        bool is_dev = str_equal(list[i].kind, "development") && !census->is_thawing;
        if (list[i].is_running && str_equal(list[i].network, network) && (is_build || is_dev)) {
            struct helper *helper = &census->helpers[census->helper_count++];
            *helper = (struct helper){.is_build = is_build,
                                      .site_id = list[i].site_id,
                                      .deployment_id = list[i].deployment_id};
            str_copy(helper->id, sizeof(helper->id), list[i].id);
        }
    }
    if (err) {
        finish(census, err);
    } else {
        inspect_next(census);
    }
}

static void begin(struct census *census)
{
    const struct deployd *deployd = census->deployd;
    container_list(deployd->engine, config_text(deployd->run->config, CONFIG_common_instance), 0,
                   on_listed, NULL, census);
}

void census_take(struct census *census, struct arena *arena, census_fn *on_result, void *context)
{
    census->arena = arena;
    census->on_result = on_result;
    census->context = context;
    begin(census);
}

void census_note_stopped(struct census *census, const char *container_id)
{
    struct watched *watched = watch(census, container_id);
    if (watched) {
        watched->is_stopped = true;
    }
}

void census_thaw_left_over(struct census *census, census_fn *on_done, void *context)
{
    census->is_thawing = true;
    census->on_result = on_done;
    census->context = context;
    begin(census);
}

struct census *census_new(struct deployd *deployd)
{
    struct census *census = xcalloc(1, sizeof(*census));
    census->deployd = deployd;
    return census;
}

void census_free(struct census *census)
{
    free(census);
}
