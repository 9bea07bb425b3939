/*
 * The disk on which containers write, as the kernel tells: one statvfs(2) at a look, which waits
 * for no disk. Whether it is nearly full, and whether it was written to since an earlier look. What
 * the other files do with it is theirs.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* An emergency begins below the first and ends at the second: parts of the disk that are free. */
enum { DISK_FULL_PERCENT = 5, DISK_RELIEVED_PERCENT = 10 };

/* All 0: not known. No inodes at all: a file system that makes them as it needs them. */
struct disk_reading {
    int64_t total_bytes; /* less what only root may use */
    int64_t free_bytes;
    int64_t total_inodes;
    int64_t free_inodes;
};

/* False if there is no such folder, or no telling. */
bool disk_read(const char *path, struct disk_reading *ret_reading);

/* Less than DISK_FULL_PERCENT of bytes or of inodes are free. Pure, as are those below. */
bool disk_is_full(const struct disk_reading *reading);

/* How much must go until it is relieved; 0: nothing. */
int64_t disk_short_bytes(const struct disk_reading *reading);
int64_t disk_short_inodes(const struct disk_reading *reading);

/* So much less is free than before that somebody should look who wrote it: 64 MiB or 16384 files,
 * an eighth of it if the disk is not relieved. */
bool disk_has_fallen(const struct disk_reading *before, const struct disk_reading *now);

/* The more that was free, of each: what somebody made room for is not theirs who fill it. */
void disk_keep_highest(struct disk_reading *highest, const struct disk_reading *now);
