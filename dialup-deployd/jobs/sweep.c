/*
 * dialup-job-sweep: removes folders that deployd moved to the trash. Reads {"paths": [...]} on
 * stdin. Started by deployd, so that a removal of many files holds up nobody; goes on after one
 * that fails. Refuses every path that is not inside a folder named "trash".
 */
#include <stdio.h>
#include <string.h>

#include "dialup-deployd/jobs/input.h"
#include "dialup-deployd/jobs/progress.h"
#include "libdialup/base/fs.h"
#include "libdialup/base/log.h"

/* Absolute, no ".." in it, and something below a folder "trash". */
static bool is_trash(const char *path)
{
    const char *trash = strstr(path, "/trash/");
    if (path[0] != '/' || !trash || trash[strlen("/trash/")] == '\0') {
        return false;
    }
    for (const char *at = path; (at = strchr(at, '/')); at++) {
        size_t len = strcspn(at + 1, "/");
        if (len == 2 && strncmp(at + 1, "..", 2) == 0) {
            return false;
        }
    }
    return true;
}

static int sweep(const struct jobs_sweep_params *params, struct error *err)
{
    int result = 0;
    for (size_t i = 0; i < params->paths_count; i++) {
        const char *path = params->paths[i];
        int one = is_trash(path) ? fs_remove_tree(path, err)
                                 : error_set_field(err, ERR_FORBIDDEN, "paths",
                                                   "%.200s is not in the trash", path);
        result = one < 0 ? one : result;
    }
    return result;
}

int main(void)
{
    struct jobs_sweep_params params;
    struct progress progress = {.log_fd = -1};
    struct error err = {0};
    log_init("dialup-job-sweep", LOG_LEVEL_INFO);
    AUTO_ARENA struct arena *arena = arena_new();
    int result = input_read(arena, &jobs_sweep_params_shape, &params, &err);
    if (result == 0) {
        progress_step(&progress, "Removing");
        result = sweep(&params, &err);
    }
    if (result < 0) {
        progress_error(&progress, &err);
    }
    return result < 0 ? 1 : 0;
}
