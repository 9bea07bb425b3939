/*
 * One command of a stranger's build, in a limited container with the release at /app, from its
 * start to its removal. What it writes goes to the log as it comes.
 *
 * Blocks in the event loop; on SIGTERM the container is removed before it returns.
 */
#pragma once

#include "dialup-deployd/jobs/build_work.h"

enum { CONTAINER_RUN_MILLICORES = 1000, CONTAINER_RUN_PIDS = 512 };

struct container_run {
    const char *doing; /* "installing": for messages */
    const char *const *argv;
    size_t argv_count;
    const char *npm_cache; /* a folder of the site's user, on the host */
    int64_t timeout_s;
};

/* ERR_BUILD_FAILED (its exit code, memory, time), ERR_QUOTA_EXCEEDED (it fills the disk),
 * ERR_UNAVAILABLE (no Docker). */
int container_run(struct build *build, const struct container_run *run, struct error *err);
