/*
 * Reading the containers; see the header. Called by the cycle.
 */
#include "dialup-monitord/sampler.h"

#include <string.h>
#include <time.h>
#include <unistd.h>

#include "dialup-monitord/delta.h"
#include "dialup-monitord/links.h"
#include "libdialup/base/clock.h"
#include "libdialup/base/fs.h"
#include "libdialup/base/log.h"
#include "libdialup/base/memory.h"
#include "libdialup/base/str.h"
#include "libdialup/cgroup/cgroup.h"

/* memory.stat is half the cost of a sample, and limits change seldom: one of each three cycles
 * reads the one with the memory's limit, the next the CPU's limit. */
enum { SLOW_FILES_EVERY = 3, MEMORY_TURN = 0, CPU_TURN = 1 };

enum { US_PER_MS = 1000, US_PER_S = 1000000, NS_PER_US = 1000 };

struct target {
    char *container_id; /* owned */
    pid_t pid;
    int64_t site_id;
    enum quota_entity owner_kind;
    int64_t owner_id;
    enum usage_kind kind;
    struct cgroup_dirs dirs;
    struct cgroup_reader *reader; /* owned; NULL: it has ended */
    uint32_t link;                /* the interface here that leads to it; 0: none */
    struct sample_limits limits;
    bool has_read_limits;
    struct usage_counters before;
    int64_t before_us; /* when those were read; 0: never */
    bool is_listed;
};

struct sampler {
    const char *cgroup_root;
    struct links *links;
    struct target *targets; /* owned, by container_id */
    size_t count;
    int64_t last_us; /* of the last sample; 0: none yet */
    uint64_t takes;
};

int sampler_open(const char *cgroup_root, struct sampler **ret_sampler, struct error *err)
{
    struct sampler *sampler = xcalloc(1, sizeof(*sampler));
    sampler->cgroup_root = cgroup_root;
    int result = links_open(&sampler->links, err);
    if (result < 0) {
        free(sampler);
        return result;
    }
    *ret_sampler = sampler;
    return 0;
}

static void close_target(struct target *target)
{
    cgroup_reader_close(target->reader);
    free(target->container_id);
}

void sampler_close(struct sampler *sampler)
{
    if (!sampler) {
        return;
    }
    for (size_t i = 0; i < sampler->count; i++) {
        close_target(&sampler->targets[i]);
    }
    links_close(sampler->links);
    free(sampler->targets);
    free(sampler);
}

size_t sampler_count(const struct sampler *sampler)
{
    return sampler->count;
}

/* Targets ---------------------------------------------------------------------------------- */

static int by_container_id(const void *a, const void *b)
{
    const struct target *left = a;
    const struct target *right = b;
    return strcmp(left->container_id, right->container_id);
}

static int compare_id(const void *container_id, const void *target)
{
    return strcmp(container_id, ((const struct target *)target)->container_id);
}

static struct target *find_target(struct target *targets, size_t count, const char *container_id)
{
    return count > 0 ? bsearch(container_id, targets, count, sizeof(*targets), compare_id) : NULL;
}

/* How long the process has lived, by field 22 of proc_pid_stat(5): the text after its name, which
 * may hold spaces. A process that cannot be looked at is as old as can be. */
static int64_t process_age_us(pid_t pid)
{
    enum { FIELDS_AFTER_NAME = 20 };
    AUTO_FREE char *path = xasprintf("/proc/%d/stat", (int)pid);
    AUTO_STRBUF struct strbuf text = STRBUF_INIT;
    struct timespec now;
    if (fs_read_file(path, 4096, &text, NULL) < 0) {
        return INT64_MAX;
    }
    const char *at = strrchr(strbuf_text(&text), ')');
    for (int field = 0; at && field < FIELDS_AFTER_NAME; field++) {
        at = strchr(at + 1, ' ');
    }
    if (!at || clock_gettime(CLOCK_BOOTTIME, &now) < 0) {
        return INT64_MAX;
    }
    int64_t started_us = strtoll(at, NULL, 10) * US_PER_S / sysconf(_SC_CLK_TCK);
    return (int64_t)now.tv_sec * US_PER_S + now.tv_nsec / NS_PER_US - started_us;
}

static enum usage_kind parse_kind(const char *name)
{
    for (enum usage_kind kind = USAGE_PRODUCTION; kind <= USAGE_BUILD; kind++) {
        if (str_equal(usage_kind_name(kind), name)) {
            return kind;
        }
    }
    log_panic("the contract has no container of kind \"%s\"", name);
}

/* Leaves the reader NULL if the container has ended meanwhile, or cannot be measured: then it is
 * tried again each time, and said the first time. */
static struct target open_target(const struct sampler *sampler,
                                 const struct deployd_container *container, bool is_new)
{
    struct target target = {
        .container_id = xstrdup(container->container_id),
        .pid = (pid_t)container->pid,
        .site_id = container->site_id,
        .owner_kind = str_equal(container->owner_kind, "team") ? QUOTA_TEAM : QUOTA_USER,
        .owner_id = container->owner_id,
        .kind = parse_kind(container->kind),
        .limits = {.memory_in_force_bytes = LIMIT_UNKNOWN,
                   .cpu_in_force_millicores = LIMIT_UNKNOWN},
    };
    struct error err;
    int result = cgroup_find(sampler->cgroup_root, target.pid, &target.dirs, &err);
    if (result == 0) {
        result = cgroup_reader_open(&target.dirs, &target.reader, &err);
    }
    if (result < 0 && is_new && process_age_us(target.pid) != INT64_MAX) {
        log_warning("container %s cannot be measured: %s", target.container_id, err.message);
    }
    target.link = target.reader ? links_peer_of_process(sampler->links, target.pid) : 0;
    return target;
}

/* What it used so far belongs to this interval if it began after the last sample. */
static void set_baseline(const struct sampler *sampler, struct target *target, int64_t age_us,
                         int64_t now_us)
{
    if (sampler->last_us > 0 && age_us < now_us - sampler->last_us) {
        target->before_us = sampler->last_us;
    }
}

static void set_declared(struct target *target, const struct deployd_container *container)
{
    target->limits.memory_declared_bytes = container->memory_declared_bytes;
    target->limits.cpu_declared_millicores = container->cpu_declared_millicores;
}

/* Takes the target that stands for this container already, or opens one. */
static struct target take_or_open(struct sampler *sampler,
                                  const struct deployd_container *container)
{
    struct target *known = find_target(sampler->targets, sampler->count, container->container_id);
    if (known && known->reader && !known->is_listed && known->pid == container->pid) {
        known->is_listed = true;
        set_declared(known, container);
        return *known;
    }
    struct target target = open_target(sampler, container, known == NULL);
    set_declared(&target, container);
    set_baseline(sampler, &target, process_age_us(target.pid), clock_monotonic_us());
    return target;
}

void sampler_set_targets(struct sampler *sampler, const struct deployd_container *containers,
                         size_t count)
{
    struct target *next = xcalloc(count + 1, sizeof(*next));
    size_t next_count = 0;
    for (size_t i = 0; i < sampler->count; i++) {
        sampler->targets[i].is_listed = false;
    }
    links_forget_peers(sampler->links);
    for (size_t i = 0; i < count; i++) {
        if (containers[i].pid > 0) {
            next[next_count++] = take_or_open(sampler, &containers[i]);
        }
    }
    for (size_t i = 0; i < sampler->count; i++) {
        if (!sampler->targets[i].is_listed) {
            close_target(&sampler->targets[i]);
        }
    }
    qsort(next, next_count, sizeof(*next), by_container_id);
    free(sampler->targets);
    sampler->targets = next;
    sampler->count = next_count;
}

/* Samples ---------------------------------------------------------------------------------- */

/* A container without an interface, or whose interface is gone, keeps its last counts. */
static void read_network(const struct sampler *sampler, const struct target *target,
                         struct usage_counters *counters)
{
    struct link_bytes here;
    counters->rx_bytes = target->before.rx_bytes;
    counters->tx_bytes = target->before.tx_bytes;
    if (target->link != 0 && links_find(sampler->links, target->link, &here)) {
        counters->rx_bytes = here.tx_bytes;
        counters->tx_bytes = here.rx_bytes;
    }
}

static void read_limits(struct target *target, uint64_t turn)
{
    int64_t value;
    bool is_first = !target->has_read_limits;
    if ((is_first || turn == MEMORY_TURN) &&
        cgroup_read_memory_limit(&target->dirs, &value, NULL) == 0) {
        target->limits.memory_in_force_bytes = value;
        target->has_read_limits = true;
    }
    if ((is_first || turn == CPU_TURN) && cgroup_read_cpu_limit(&target->dirs, &value, NULL) == 0) {
        target->limits.cpu_in_force_millicores = value;
    }
}

/* False if the container has ended. */
static bool sample_target(struct sampler *sampler, struct target *target, int64_t now_us,
                          struct usage_sample *row)
{
    struct cgroup_sample sample;
    bool is_first = target->before_us == 0;
    uint64_t turn = sampler->takes % SLOW_FILES_EVERY;
    bool with_slow_files = !target->has_read_limits || turn == MEMORY_TURN;
    if (!target->reader ||
        cgroup_reader_sample(target->reader, with_slow_files, &sample, NULL) < 0) {
        return false;
    }
    read_limits(target, turn);
    struct usage_counters now = {
        .cpu_us = sample.cpu_us,
        .read_bytes = sample.read_bytes,
        .write_bytes = sample.write_bytes,
    };
    read_network(sampler, target, &now);
    struct usage_counters used = delta_usage(is_first ? &now : &target->before, &now);
    row->interval_ms = is_first ? 0 : (now_us - target->before_us) / US_PER_MS;
    row->cpu_us = used.cpu_us;
    row->rx_bytes = used.rx_bytes;
    row->tx_bytes = used.tx_bytes;
    row->read_bytes = used.read_bytes;
    row->write_bytes = used.write_bytes;
    row->memory_bytes = sample.memory_bytes;
    row->memory_limit_bytes = target->has_read_limits ? target->limits.memory_in_force_bytes : 0;
    row->pids = sample.pids;
    target->before = now;
    target->before_us = now_us;
    return true;
}

struct sample_rows sampler_take(struct sampler *sampler, int64_t at, int64_t now_us,
                                struct arena *arena)
{
    struct sample_rows samples = {
        .rows = arena_calloc(arena, sampler->count + 1, sizeof(struct usage_sample)),
        .limits = arena_calloc(arena, sampler->count + 1, sizeof(struct sample_limits))};
    struct error err;
    if (sampler->count > 0 && links_refresh(sampler->links, &err) < 0) {
        log_warning("network traffic of containers is not counted now: %s", err.message);
    }
    for (size_t i = 0; i < sampler->count; i++) {
        struct target *target = &sampler->targets[i];
        struct usage_sample *row = &samples.rows[samples.count];
        *row = (struct usage_sample){
            .at = at,
            .site_id = target->site_id,
            .owner_kind = target->owner_kind,
            .owner_id = target->owner_id,
            .kind = target->kind,
        };
        if (sample_target(sampler, target, now_us, row)) {
            row->container_id = arena_strdup(arena, target->container_id);
            samples.limits[samples.count++] = target->limits;
        }
    }
    sampler->takes++;
    sampler->last_us = now_us;
    return samples;
}
