/*
 * The release that a deployment builds on: files that did not change are taken from it, and so are
 * the times of those that were sent again.
 */
#pragma once

#include "dialup-deployd/jobs/build_work.h"

struct release_base {
    struct manifest manifest;
    int dir_fd; /* -1: there is none */
};

/* id 0: there is none, and nothing to take. ERR_CONFLICT if it is not kept any more. To be closed
 * in any case. */
int release_base_open(const struct build *build, int64_t id, struct release_base *base,
                      struct error *err);
void release_base_close(struct release_base *base);

/* Puts a file of the base into the release, as entry has it: linked if nobody but root can change
 * it, else copied. ERR_CONFLICT if it is not there or not the same any more. */
int release_base_take(struct build *build, const struct release_base *base,
                      const struct manifest_entry *source, const struct manifest_entry *entry,
                      bool may_link, struct error *err);

/* Gives a file that was sent the time that the base's has, if they are the same. */
int release_base_keep_time(const struct build *build, const struct release_base *base,
                           const struct manifest_entry *entry, struct error *err);

/* ERR_CONFLICT: what was sent is not enough, and why; everything must be sent. */
int release_base_refuse(struct error *err, const char *why);
