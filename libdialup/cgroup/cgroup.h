/*
 * Control groups, versions 1 and 2: where a process's group stands, the limits in force, and a
 * reader that keeps the files open and reads them again by pread(2).
 *
 * These are the kernel's pseudo-files: reading does not wait for a disk. A group that has ended
 * gives ERR_NOT_FOUND, which is normal.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "libdialup/base/error.h"

enum cgroup_version { CGROUP_V1 = 1, CGROUP_V2 = 2 };

/* The folders of one group. In version 2 all are the same. */
struct cgroup_dirs {
    enum cgroup_version version;
    char memory[512];
    char cpu[512];
    char cpuacct[512];
    char blkio[512];
    char pids[512];
};

/* The version of the tree at root ("/sys/fs/cgroup"): 2 if its controllers stand at the top. */
enum cgroup_version cgroup_detect(const char *root);

/* The group of a process. */
int cgroup_find(const char *root, pid_t pid, struct cgroup_dirs *ret_dirs, struct error *err);

/* What the kernel enforces now; CGROUP_NO_LIMIT (0) where there is no limit. */
struct cgroup_limits {
    int64_t memory_bytes;
    int64_t cpu_millicores;
    int64_t pids;
};

int cgroup_read_limits(const struct cgroup_dirs *dirs, struct cgroup_limits *ret_limits,
                       struct error *err);

/* The memory's and the CPU's alone, for who asks often: one file of four; in version 1 two for the
 * CPU. */
int cgroup_read_memory_limit(const struct cgroup_dirs *dirs, int64_t *ret_bytes, struct error *err);
int cgroup_read_cpu_limit(const struct cgroup_dirs *dirs, int64_t *ret_millicores,
                          struct error *err);

/* Where the kernel begins to push a group's memory out and to slow it down, well before it would
 * end anybody; CGROUP_NO_LIMIT: nowhere. ERR_UNSUPPORTED on version 1. */
int cgroup_set_memory_high(const struct cgroup_dirs *dirs, int64_t bytes, struct error *err);

/* Counters since the group began, gauges as of now. */
struct cgroup_sample {
    int64_t cpu_us;
    int64_t memory_bytes; /* working set: usage less inactive file pages */
    int64_t pids;
    int64_t read_bytes;
    int64_t write_bytes;
};

struct cgroup_reader;

/* Opens the group's files, at most five descriptors. The limits' files are not among them. */
int cgroup_reader_open(const struct cgroup_dirs *dirs, struct cgroup_reader **ret_reader,
                       struct error *err);
void cgroup_reader_close(struct cgroup_reader *reader);

/* memory.stat is half the cost of a sample (measured: 5 to 15 us of about 20): with_memory_stat
 * false reuses the inactive file pages of the last time. */
int cgroup_reader_sample(struct cgroup_reader *reader, bool with_memory_stat,
                         struct cgroup_sample *ret_sample, struct error *err);
