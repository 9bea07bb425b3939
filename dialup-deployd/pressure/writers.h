/*
 * Writers: which containers must go because of what they wrote to their own file systems. Pure.
 *
 * Of an owner above a limit of storage, those that wrote something since the measurement before:
 * the largest first, until the rest fits. So a limit that an admin lowers ends nobody who stands
 * still. When the disk itself is nearly full, the largest of all, whoever it is, until the disk is
 * relieved; and if that does not help, those for whom the kernel wrote much more than can be found:
 * files without a name that they hold open, for one. Nobody goes for a few MiB.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dialup-deployd/pressure/disk.h"
#include "libdialup/base/error.h"
#include "libdialup/quota/admission.h"

/* What nobody goes for: above a limit; when the disk is nearly full; and of what cannot be found.
 */
enum { WRITERS_FLOOR_MIB = 16, WRITERS_EMERGENCY_FLOOR_MIB = 64, WRITERS_UNSEEN_FLOOR_MIB = 1024 };

struct writers_container {
    size_t owner; /* index into the snapshot's owners */
    int64_t size_bytes;
    int64_t inodes;       /* files and folders; each counts as 4 KiB at least */
    int64_t kernel_bytes; /* that went to disks for it since it began; 0: not known */
    bool has_grown;       /* wrote more than at the measurement before */
};

struct writers_snapshot {
    const struct quota_level *owners; /* used: with what their containers wrote */
    size_t owner_count;
    const struct writers_container *containers;
    size_t container_count;
    struct disk_reading disk;
};

struct writers_step {
    size_t container;   /* index */
    struct error words; /* ERR_QUOTA_EXCEEDED: for the owner, with what to do */
};

/* Room for container_count steps. */
size_t writers_plan(const struct writers_snapshot *snapshot, struct writers_step *ret_steps);
