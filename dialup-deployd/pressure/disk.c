/*
 * See the header. Called by storage.c every few seconds, and by writers.c.
 */
#include "dialup-deployd/pressure/disk.h"

#include <sys/statvfs.h>

enum { FALL_BYTES = 64 << 20, FALL_INODES = 16384, NEAR_END_DIVISOR = 8 };

bool disk_read(const char *path, struct disk_reading *ret_reading)
{
    struct statvfs info;
    if (statvfs(path, &info) < 0 || info.f_blocks == 0) {
        return false;
    }
    int64_t block_bytes = (int64_t)info.f_frsize;
    *ret_reading = (struct disk_reading){
        .total_bytes = (int64_t)(info.f_blocks - info.f_bfree + info.f_bavail) * block_bytes,
        .free_bytes = (int64_t)info.f_bavail * block_bytes,
        .total_inodes = (int64_t)info.f_files,
        .free_inodes = (int64_t)info.f_favail,
    };
    return true;
}

static bool is_below(int64_t free, int64_t total, int percent)
{
    return free < total / 100 * percent;
}

bool disk_is_full(const struct disk_reading *reading)
{
    return is_below(reading->free_bytes, reading->total_bytes, DISK_FULL_PERCENT) ||
           is_below(reading->free_inodes, reading->total_inodes, DISK_FULL_PERCENT);
}

static int64_t until_relieved(int64_t free, int64_t total)
{
    int64_t wanted = total / 100 * DISK_RELIEVED_PERCENT;
    return wanted > free ? wanted - free : 0;
}

int64_t disk_short_bytes(const struct disk_reading *reading)
{
    return until_relieved(reading->free_bytes, reading->total_bytes);
}

int64_t disk_short_inodes(const struct disk_reading *reading)
{
    return until_relieved(reading->free_inodes, reading->total_inodes);
}

bool disk_has_fallen(const struct disk_reading *before, const struct disk_reading *now)
{
    bool is_near_end = disk_short_bytes(now) > 0 || disk_short_inodes(now) > 0;
    int divisor = is_near_end ? NEAR_END_DIVISOR : 1;
    return before->free_bytes - now->free_bytes >= FALL_BYTES / divisor ||
           before->free_inodes - now->free_inodes >= FALL_INODES / divisor;
}

void disk_keep_highest(struct disk_reading *highest, const struct disk_reading *now)
{
    struct disk_reading before = *highest;
    *highest = *now;
    highest->free_bytes = before.free_bytes > now->free_bytes ? before.free_bytes : now->free_bytes;
    highest->free_inodes =
        before.free_inodes > now->free_inodes ? before.free_inodes : now->free_inodes;
}
