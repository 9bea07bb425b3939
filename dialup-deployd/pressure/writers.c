/*
 * See the header. Called by evict.c after each measurement.
 */
#include "dialup-deployd/pressure/writers.h"

#include <stdio.h>

#include "libdialup/base/fs.h"
#include "libdialup/base/memory.h"

enum { BYTES_PER_MIB = 1 << 20, WORDS_SIZE = 96 };

static const char advice[] =
    "What is written there goes with its container: keep less, write small "
    "things to /dev/shm, or ask admin for more storage";

struct planning {
    const struct writers_snapshot *snapshot;
    struct writers_step *steps;
    size_t count;
};

/* How much of something a container would give back. */
typedef int64_t gain_fn(const struct writers_container *container);

static int64_t gain_charged(const struct writers_container *container)
{
    return fs_usage_charged(container->size_bytes, container->inodes);
}

static int64_t gain_bytes(const struct writers_container *container)
{
    return container->size_bytes;
}

static int64_t gain_inodes(const struct writers_container *container)
{
    return container->inodes;
}

/* It may have written the same again and again. */
static int64_t gain_unseen(const struct writers_container *container)
{
    return container->kernel_bytes > container->size_bytes
               ? container->kernel_bytes - container->size_bytes
               : 0;
}

static bool is_taken(const struct planning *planning, size_t index)
{
    for (size_t i = 0; i < planning->count; i++) {
        if (planning->steps[i].container == index) {
            return true;
        }
    }
    return false;
}

/* What a step is for; owner NULL: whoever it is. */
struct aim {
    const struct quota_level *owner;
    enum quota_dimension dimension;
    gain_fn *gain;
    int64_t floor;
};

static bool is_meant(const struct planning *planning, const struct aim *aim, size_t index)
{
    const struct writers_container *container = &planning->snapshot->containers[index];
    bool is_theirs = !aim->owner || (container->has_grown &&
                                     aim->owner == &planning->snapshot->owners[container->owner]);
    return is_theirs && aim->gain(container) >= aim->floor && !is_taken(planning, index);
}

static bool find_largest(const struct planning *planning, const struct aim *aim, size_t *ret_index)
{
    const struct writers_container *containers = planning->snapshot->containers;
    bool is_found = false;
    for (size_t i = 0; i < planning->snapshot->container_count; i++) {
        if (is_meant(planning, aim, i) &&
            (!is_found || aim->gain(&containers[i]) > aim->gain(&containers[*ret_index]))) {
            is_found = true;
            *ret_index = i;
        }
    }
    return is_found;
}

/* "305MB", "200000 files, which count as 782MB". */
static void describe(const struct writers_container *container, char *out, size_t size)
{
    int64_t charged = gain_charged(container);
    char amount[WORDS_SIZE];
    quota_format(QUOTA_MIB, charged / BYTES_PER_MIB, amount, sizeof(amount));
    if (charged > container->size_bytes) {
        snprintf(out, size, "%lld files, which count as %s,", (long long)container->inodes, amount);
    } else {
        snprintf(out, size, "%s", amount);
    }
}

static void explain(const struct aim *aim, const struct writers_container *container,
                    struct error *err)
{
    char wrote[2 * WORDS_SIZE];
    char used[WORDS_SIZE];
    char limit[WORDS_SIZE];
    describe(container, wrote, sizeof(wrote));
    if (aim->owner) {
        quota_format(QUOTA_MIB, aim->owner->used.of[aim->dimension], used, sizeof(used));
        quota_format_noun(aim->dimension, quota_level_limit(aim->owner, aim->dimension).hard, limit,
                          sizeof(limit));
        error_set(err, ERR_QUOTA_EXCEEDED,
                  "The app wrote %s into its container, and %s of %s are used", wrote, used, limit);
    } else if (aim->gain == gain_unseen) {
        quota_format(QUOTA_MIB, container->kernel_bytes / BYTES_PER_MIB, wrote, sizeof(wrote));
        error_set(err, ERR_QUOTA_EXCEEDED,
                  "The app has written %s in all, and the server's disk is nearly full", wrote);
    } else {
        error_set(err, ERR_QUOTA_EXCEEDED,
                  "The app wrote %s into its container, and the server's disk is nearly full",
                  wrote);
    }
    error_hint(err, "%s", advice);
}

/* The largest go, until short of it is nothing left. */
static void relieve(struct planning *planning, const struct aim *aim, int64_t missing)
{
    size_t index = 0;
    while (missing > 0 && find_largest(planning, aim, &index)) {
        const struct writers_container *container = &planning->snapshot->containers[index];
        struct writers_step *step = &planning->steps[planning->count++];
        step->container = index;
        explain(aim, container, &step->words);
        missing -= aim->gain(container);
    }
}

/* Bytes above the limit, those that were already taken counted as gone; what is lent is allowed. */
static int64_t over(const struct planning *planning, const struct aim *aim)
{
    int64_t hard = quota_level_limit(aim->owner, aim->dimension).hard;
    if (hard == QUOTA_UNLIMITED) {
        return 0;
    }
    int64_t allowed = quota_limit_with_burst(&aim->owner->limits[aim->dimension], hard);
    int64_t bytes = (aim->owner->used.of[aim->dimension] - allowed) * BYTES_PER_MIB;
    for (size_t i = 0; i < planning->count; i++) {
        const struct writers_container *gone =
            &planning->snapshot->containers[planning->steps[i].container];
        bytes -= &planning->snapshot->owners[gone->owner] == aim->owner ? gain_charged(gone) : 0;
    }
    return bytes;
}

static void relieve_owner(struct planning *planning, const struct quota_level *owner)
{
    static const enum quota_dimension dimensions[] = {QUOTA_STORAGE_PRODUCTION, QUOTA_STORAGE};
    for (size_t i = 0; i < ARRAY_COUNT(dimensions); i++) {
        const struct aim aim = {owner, dimensions[i], gain_charged,
                                (int64_t)WRITERS_FLOOR_MIB * BYTES_PER_MIB};
        relieve(planning, &aim, over(planning, &aim));
    }
}

static int64_t sum(const struct planning *planning, gain_fn *gain)
{
    int64_t total = 0;
    for (size_t i = 0; i < planning->count; i++) {
        total += gain(&planning->snapshot->containers[planning->steps[i].container]);
    }
    return total;
}

static void relieve_disk(struct planning *planning)
{
    const int64_t floor = (int64_t)WRITERS_EMERGENCY_FLOOR_MIB * BYTES_PER_MIB;
    const struct disk_reading *disk = &planning->snapshot->disk;
    const struct aim bytes = {.gain = gain_bytes, .floor = floor};
    const struct aim inodes = {.gain = gain_inodes, .floor = floor / FS_BYTES_PER_INODE};
    const struct aim unseen = {.gain = gain_unseen,
                               .floor = (int64_t)WRITERS_UNSEEN_FLOOR_MIB * BYTES_PER_MIB};
    relieve(planning, &bytes, disk_short_bytes(disk) - sum(planning, gain_bytes));
    relieve(planning, &unseen, disk_short_bytes(disk) - sum(planning, gain_bytes));
    relieve(planning, &inodes, disk_short_inodes(disk) - sum(planning, gain_inodes));
}

size_t writers_plan(const struct writers_snapshot *snapshot, struct writers_step *ret_steps)
{
    struct planning planning = {.snapshot = snapshot, .steps = ret_steps};
    for (size_t i = 0; i < snapshot->owner_count; i++) {
        relieve_owner(&planning, &snapshot->owners[i]);
    }
    if (disk_is_full(&snapshot->disk)) {
        relieve_disk(&planning);
    }
    return planning.count;
}
