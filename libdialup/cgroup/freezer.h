/*
 * The freezer: a group whose processes stand still where they are, and go on as if nothing had
 * been. A frozen container costs no CPU and answers 0.3 ms after it thaws (measured on cgroup v1,
 * first byte of a small HTTP server).
 *
 * Docker is not asked and does not know: its own pause takes 20 ms. Blocks for the kernel's
 * pseudo-files only.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "libdialup/base/error.h"
#include "libdialup/cgroup/cgroup.h"

/* Where one group's freezer stands. It stays right as long as the group lives, whatever becomes of
 * the process by which it was found. */
struct cgroup_freezer {
    enum cgroup_version version;
    char dir[512]; /* "" : none */
};

int cgroup_freezer_find(const char *root, pid_t pid, struct cgroup_freezer *ret_freezer,
                        struct error *err);

/* Asks the kernel; a large group may need some milliseconds more until each process stands still.
 * Nothing changes if it is frozen, or thawed, already. ERR_NOT_FOUND if the group is gone. */
int cgroup_freeze(const struct cgroup_freezer *freezer, struct error *err);
int cgroup_thaw(const struct cgroup_freezer *freezer, struct error *err);

/* Whether it is frozen, or about to be. */
int cgroup_is_frozen(const struct cgroup_freezer *freezer, bool *ret_is_frozen, struct error *err);

/* Pushes a group's pages out of memory, as many of bytes as the kernel finds easily; version 2
 * from Linux 5.19 on. ERR_UNSUPPORTED elsewhere. May take some milliseconds a MiB where it swaps:
 * only for a group that stands still, and for a bounded amount. */
int cgroup_reclaim(const struct cgroup_freezer *freezer, int64_t bytes, struct error *err);
