/*
 * Checks of what every daemon of a machine shares: its database, its memory, its disks. Whoever has
 * them in its table of checks calls these. They read /proc and ask the kernel; nothing here waits,
 * but for the database's lock (inspect.h).
 */
#pragma once

#include <stddef.h>

#include "libdialup/daemon/health.h"

struct db;

/* From so many percent on. */
enum {
    HEALTH_STORAGE_DEGRADED = 85,
    HEALTH_STORAGE_FAILING = 95,
    HEALTH_MEMORY_DEGRADED = 75,
    HEALTH_MEMORY_FAILING = 90,
    HEALTH_PRESSURE_DEGRADED = 10, /* of a minute in which everything waited for memory */
};

/* Can be written, its log adds up, nothing failed in it, and it is not mostly air. */
struct health_finding health_of_database(struct db *db);

/* proc_dir is "/proc" but in tests: its meminfo, and its pressure/memory where the kernel has it.
 */
struct health_finding health_of_memory(const char *proc_dir);

struct health_folder {
    const char *what; /* "the state directory" */
    const char *path; /* NULL: left out */
    const char *remedy;
};

/* Free bytes and inodes of the file systems that hold the folders, as df counts them. */
struct health_finding health_of_storage(const struct health_folder *folders, size_t count);
