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

/* Whether this kernel can push a group's pages out of memory: version 2, Linux 5.19. */
bool cgroup_can_reclaim(const struct cgroup_freezer *freezer);

/* Pushes a group's pages out of memory, as many of bytes as the kernel finds easily.
 * ERR_UNSUPPORTED where it cannot. May take some milliseconds a MiB where it swaps. */
int cgroup_reclaim(const struct cgroup_freezer *freezer, int64_t bytes, struct error *err);

/* The same, bit by bit, for as long as the group stands still and gets smaller; ret_bytes is by how
 * much. For a process of its own: it takes as long as it takes. */
int cgroup_reclaim_frozen(const struct cgroup_freezer *freezer, int64_t most_bytes,
                          int64_t *ret_bytes, struct error *err);
