/*
 * dialup-job-reclaim: pushes the pages of sites that were frozen out of memory. Reads {"groups":
 * [...], "most_bytes": N} on stdin. Started by deployd, which must not wait for the kernel; goes on
 * after a group that is gone. A group that was thawed meanwhile is left alone.
 */
#include <stdio.h>
#include <sys/resource.h>

#include "dialup-deployd/jobs/input.h"
#include "dialup-deployd/jobs/progress.h"
#include "libdialup/base/log.h"
#include "libdialup/base/str.h"
#include "libdialup/cgroup/freezer.h"

enum { NICENESS = 10 };

static int reclaim(const char *group, int64_t most_bytes, struct error *err)
{
    struct cgroup_freezer freezer = {.version = CGROUP_V2};
    int64_t bytes;
    if (!str_copy(freezer.dir, sizeof(freezer.dir), group)) {
        return error_set_field(err, ERR_INVALID_ARGUMENT, "groups", "A path is too long");
    }
    return cgroup_reclaim_frozen(&freezer, most_bytes, &bytes, err);
}

static int reclaim_all(const struct jobs_reclaim_params *params, struct error *err)
{
    int result = 0;
    for (size_t i = 0; i < params->groups_count; i++) {
        struct error one;
        int code = reclaim(params->groups[i], params->most_bytes, &one);
        if (code < 0 && code != -ERR_NOT_FOUND) {
            result = code;
            *err = one;
        }
    }
    return result;
}

int main(void)
{
    struct jobs_reclaim_params params;
    struct progress progress = {.log_fd = -1};
    struct error err = {0};
    log_init("dialup-job-reclaim", LOG_LEVEL_INFO);
    setpriority(PRIO_PROCESS, 0, NICENESS);
    AUTO_ARENA struct arena *arena = arena_new();
    int result = input_read(arena, &jobs_reclaim_params_shape, &params, &err);
    if (result == 0) {
        result = reclaim_all(&params, &err);
    }
    if (result < 0) {
        progress_error(&progress, &err);
    }
    return result < 0 ? 1 : 0;
}
