/*
 * See the header. A folder in the trash is named KIND-NOW-COUNTER-UNTIL: it may go at UNTIL (unix).
 */
#include "dialup-deployd/trash.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "dialup-deployd/deployd.h"
#include "dialup-deployd/job_call.h"
#include "libdialup/base/arena.h"
#include "libdialup/base/clock.h"
#include "libdialup/base/fs.h"
#include "libdialup/base/log.h"
#include "libdialup/base/memory.h"
#include "proto/jobs_rpc.h"

enum { KEEP_S = 7 * 24 * 3600, MAX_PATHS = 1000, SWEEP_TIMEOUT_MS = 3600 * 1000 };

static void move(struct deployd *deployd, const char *path, const char *kind, int64_t until)
{
    static unsigned counter;
    AUTO_FREE char *part = xasprintf("trash/%s-%lld-%u-%lld", kind, (long long)clock_unix_ms(),
                                     counter++, (long long)until);
    AUTO_FREE char *target = config_state_path(deployd->run->config, part);
    if (rename(path, target) < 0 && errno != ENOENT) {
        log_warning("cannot move %s to the trash: %s", path, strerror(errno));
    }
}

void trash_move(struct deployd *deployd, const char *path)
{
    if (fs_exists(path)) {
        move(deployd, path, "release", 0);
        trash_sweep(deployd);
    }
}

void trash_keep_site(struct deployd *deployd, int64_t site_id)
{
    AUTO_FREE char *path = deployd_site_path(deployd, site_id, "");
    AUTO_FREE char *kind = xasprintf("site%lld", (long long)site_id);
    size_t len = strlen(path);
    if (len > 0 && path[len - 1] == '/') {
        path[len - 1] = '\0';
    }
    move(deployd, path, kind, clock_unix() + KEEP_S);
}

/* Whether the time at the end of a name has passed. */
static bool is_due(const char *name, int64_t now)
{
    const char *dash = strrchr(name, '-');
    int64_t until;
    return dash && str_parse_i64(dash + 1, 0, INT64_MAX, &until) && until <= now;
}

static size_t list_due(const char *trash, const char **paths, struct arena *arena)
{
    size_t count = 0;
    int64_t now = clock_unix();
    DIR *folder = opendir(trash);
    if (!folder) {
        return 0;
    }
    for (struct dirent *entry; count < MAX_PATHS && (entry = readdir(folder));) {
        if (is_due(entry->d_name, now)) {
            paths[count++] = arena_printf(arena, "%s/%s", trash, entry->d_name);
        }
    }
    closedir(folder);
    return count;
}

static void on_line(void *context, const char *line, size_t size)
{
    log_debug("sweep: %.*s", (int)size, line);
}

static void on_done(void *context, const struct job_exit *exit)
{
    struct deployd *deployd = context;
    deployd->sweep = NULL;
    if (exit->status != 0) {
        log_warning("emptying the trash ended with status %d", exit->status);
    }
}

void trash_sweep(struct deployd *deployd)
{
    if (deployd->sweep) {
        return; /* what came meanwhile goes with the next one */
    }
    AUTO_ARENA struct arena *arena = arena_new();
    AUTO_FREE char *trash = config_state_path(deployd->run->config, "trash");
    const char *paths[MAX_PATHS];
    struct jobs_sweep_params params = {.paths = paths};
    params.paths_count = list_due(trash, paths, arena);
    if (params.paths_count == 0) {
        return;
    }
    const struct job_call call = {
        .name = "sweep",
        .shape = &jobs_sweep_params_shape,
        .params = &params,
        .timeout_ms = SWEEP_TIMEOUT_MS,
        .on_line = on_line,
        .on_done = on_done,
        .context = deployd,
    };
    struct error err;
    if (job_call_start(deployd, &call, &deployd->sweep, &err) < 0) {
        log_warning("cannot empty the trash: %s", err.message);
    }
}
