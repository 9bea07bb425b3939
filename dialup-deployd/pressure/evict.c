/*
 * See the header. Called by storage.c.
 */
#include "dialup-deployd/pressure/evict.h"

#include "dialup-deployd/admission.h"
#include "dialup-deployd/converge/converge.h"
#include "dialup-deployd/deployd.h"
#include "dialup-deployd/pressure/writers.h"
#include "libdialup/base/clock.h"
#include "libdialup/base/log.h"
#include "libdialup/base/memory.h"
#include "libdialup/cgroup/cgroup.h"
#include "libdialup/store/enforcements.h"
#include "libdialup/store/sites.h"

/* By the same index: the container of the snapshot, the site, and who wrote. */
struct judging {
    struct deployd *deployd;
    struct arena *arena;
    struct quota_level *owners;
    const struct site **owner_sites; /* one of each owner's */
    size_t owner_count;
    struct writers_container *containers;
    struct site *sites;
    const struct evict_writer **writers;
    size_t count;
    const struct running_container *running; /* of all sites; none unless the disk is full */
    size_t running_count;
};

static int find_owner(struct judging *judging, const struct site *site, size_t *ret_owner)
{
    for (size_t i = 0; i < judging->owner_count; i++) {
        if (judging->owner_sites[i]->owner_kind == site->owner_kind &&
            judging->owner_sites[i]->owner_id == site->owner_id) {
            *ret_owner = i;
            return 0;
        }
    }
    const struct admission admission =
        admission_for(judging->deployd, site->owner_kind, site->owner_id);
    struct quota_level *level = &judging->owners[judging->owner_count];
    struct error err;
    int result = admission_read_level(&admission, judging->arena, level, &err);
    if (result == -ERR_NOT_FOUND) { /* a team that was deleted; its sites are on their way */
        quota_level_init(level, QUOTA_USER, "");
        result = 0;
    } else if (result < 0) {
        log_warning("nobody looks at what %s wrote: %s", site->domain, err.message);
    }
    judging->owner_sites[judging->owner_count] = site;
    *ret_owner = judging->owner_count;
    judging->owner_count += result == 0;
    return result;
}

/* Control groups of version 1 do not know for whom pages are written out later: 0. */
static int64_t read_kernel_bytes(const struct judging *judging, const struct evict_writer *writer)
{
    const char *root = config_text(judging->deployd->run->config, CONFIG_monitord_cgroup_root);
    struct cgroup_sample sample = {0};
    struct cgroup_reader *reader;
    struct cgroup_dirs dirs;
    for (size_t i = 0; i < judging->running_count; i++) {
        if (str_equal(judging->running[i].id, writer->container_id) &&
            cgroup_find(root, (pid_t)judging->running[i].pid, &dirs, NULL) == 0 &&
            cgroup_reader_open(&dirs, &reader, NULL) == 0) {
            cgroup_reader_sample(reader, false, &sample, NULL);
            cgroup_reader_close(reader);
        }
    }
    return sample.write_bytes;
}

static void add(struct judging *judging, const struct evict_writer *writer)
{
    struct site *site = &judging->sites[judging->count];
    size_t owner;
    if (sites_find(judging->deployd->run->db, judging->arena, writer->site_id, site, NULL) < 0 ||
        find_owner(judging, site, &owner) < 0) {
        return;
    }
    judging->writers[judging->count] = writer;
    judging->containers[judging->count++] = (struct writers_container){
        .owner = owner,
        .size_bytes = writer->size_bytes,
        .inodes = writer->inodes,
        .kernel_bytes = read_kernel_bytes(judging, writer),
        .has_grown = writer->has_grown,
    };
}

static bool evict(const struct judging *judging, const struct writers_step *step)
{
    struct deployd *deployd = judging->deployd;
    const struct site *site = &judging->sites[step->container];
    const struct evict_writer *writer = judging->writers[step->container];
    struct error err;
    if (!converger_evict(deployd->converger, site->id, writer->container_id, &step->words)) {
        return false; /* it is gone, or on its way */
    }
    int64_t now = clock_unix();
    const struct enforcement row = {
        .at = now,
        .cause = ENFORCED_BY_LIMITS,
        .step = ENFORCEMENT_REMOVE_CONTAINER,
        .owner_kind = site->owner_kind,
        .owner_id = site->owner_id,
        .site_id = site->id,
        .memory_mib = site->memory_mib,
        .reason = arena_printf(judging->arena, "%s: the container is removed. %s",
                               step->words.message, step->words.hint),
        .ended_at = now,
    };
    log_warning("%s loses its container: %s", site->domain, step->words.message);
    if (enforcements_add(deployd->run->db, &row, &err) < 0) {
        log_error("%s: its owner is not told: %s", site->domain, err.message);
    }
    return true;
}

size_t evict_writers(struct deployd *deployd, const struct disk_reading *disk,
                     const struct evict_writer *writers, size_t count)
{
    AUTO_ARENA struct arena *arena = arena_new();
    struct judging judging = {
        .deployd = deployd,
        .arena = arena,
        .owners = arena_calloc(arena, count, sizeof(*judging.owners)),
        .owner_sites = arena_calloc(arena, count, sizeof(struct site *)),
        .containers = arena_calloc(arena, count, sizeof(*judging.containers)),
        .sites = arena_calloc(arena, count, sizeof(*judging.sites)),
        .writers = arena_calloc(arena, count, sizeof(struct evict_writer *)),
    };
    if (disk_is_full(disk)) {
        judging.running = converger_running(deployd->converger, arena, 0, &judging.running_count);
    }
    for (size_t i = 0; i < count; i++) {
        add(&judging, &writers[i]);
    }
    const struct writers_snapshot snapshot = {
        .owners = judging.owners,
        .owner_count = judging.owner_count,
        .containers = judging.containers,
        .container_count = judging.count,
        .disk = *disk,
    };
    struct writers_step *steps = arena_calloc(arena, judging.count, sizeof(*steps));
    size_t planned = writers_plan(&snapshot, steps);
    size_t evicted = 0;
    for (size_t i = 0; i < planned; i++) {
        evicted += evict(&judging, &steps[i]);
    }
    return evicted;
}
