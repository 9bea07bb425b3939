/*
 * Database, memory and disks as findings; see the header.
 */
#include "libdialup/daemon/machine_health.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>

#include "libdialup/base/fs.h"
#include "libdialup/base/memory.h"
#include "libdialup/base/str.h"
#include "libdialup/db/inspect.h"

enum {
    MAX_PROC_BYTES = 64 * 1024,
    MUCH_LOG_MIB = 64,  /* SQLite empties it at about 4 MiB if nobody holds it */
    MUCH_FREE_MIB = 64, /* below this nobody minds */
    MUCH_FREE_PERCENT = 50,
    BYTES_PER_MIB = 1024 * 1024,
    KIB_PER_MIB = 1024,
};

/* Database --------------------------------------------------------------------------------- */

static struct health_finding judge_sizes(const struct db_state *state)
{
    int64_t log_mib = state->log_bytes / BYTES_PER_MIB;
    int64_t size_mib = state->pages * state->page_bytes / BYTES_PER_MIB;
    int64_t free_mib = state->free_pages * state->page_bytes / BYTES_PER_MIB;
    if (log_mib > MUCH_LOG_MIB) {
        return health_problem(
            HEALTH_DEGRADED, "End the programs that read it for long: an open sqlite3, a copy",
            "The database's log has grown to %jd MiB: somebody holds it", (intmax_t)log_mib);
    }
    if (free_mib > MUCH_FREE_MIB && state->free_pages * 100 > state->pages * MUCH_FREE_PERCENT) {
        return health_problem(
            HEALTH_DEGRADED, "While the daemons are stopped: sqlite3 dialup.db VACUUM",
            "%jd of the database's %jd MiB are empty", (intmax_t)free_mib, (intmax_t)size_mib);
    }
    return health_ok("Can be written; %jd MiB, %jd of them free, log %jd MiB", (intmax_t)size_mib,
                     (intmax_t)free_mib, (intmax_t)log_mib);
}

struct health_finding health_of_database(struct db *db)
{
    struct db_state state;
    struct error err = {0};
    int result = db_inspect(db, &state, &err);
    const struct error *problem = result < 0 ? &err : &state.problem;
    if (problem->code) {
        return health_problem(HEALTH_FAILING,
                              problem->hint[0] ? problem->hint
                                               : "Look at the disk and at this program's log",
                              "%s", problem->message);
    }
    if (!state.is_log_sound) {
        return health_problem(HEALTH_FAILING,
                              "Stop the daemons, copy the database with its -wal file, and look: "
                              "sqlite3 dialup.db 'PRAGMA integrity_check'",
                              "The database's log (dialup.db-wal) is damaged");
    }
    if (state.is_locked) {
        return health_problem(
            HEALTH_DEGRADED, "If it stays so, end what holds it: an open sqlite3, a copy that runs",
            "Another program keeps the database locked");
    }
    return judge_sizes(&state);
}

/* Memory ----------------------------------------------------------------------------------- */

/* The number behind a word; -1 if it is not there. */
static int64_t number_after(const char *text, const char *word)
{
    const char *at = strstr(text, word);
    if (!at) {
        return -1;
    }
    at += strlen(word);
    at += strspn(at, " \t");
    AUTO_FREE char *digits = xstrndup(at, strspn(at, "0123456789"));
    int64_t value;
    return str_parse_i64(digits, 0, INT64_MAX, &value) ? value : -1;
}

static const char *read_proc(const char *proc_dir, const char *name, struct strbuf *text)
{
    AUTO_FREE char *path = xasprintf("%s/%s", proc_dir, name);
    strbuf_clear(text);
    return fs_read_file(path, MAX_PROC_BYTES, text, NULL) < 0 ? "" : strbuf_text(text);
}

/* Whole percent of the last minute in which nothing ran for want of memory; 0 where the kernel does
 * not tell. The line is "full avg10=0.00 avg60=0.00 ...". */
static int64_t read_pressure(const char *proc_dir, struct strbuf *text)
{
    const char *full = strstr(read_proc(proc_dir, "pressure/memory", text), "full ");
    int64_t percent = full ? number_after(full, "avg60=") : 0;
    return percent > 0 ? percent : 0;
}

struct health_finding health_of_memory(const char *proc_dir)
{
    static const char remedy[] =
        "See who uses it: deploy status --resources; lower limits, stop sites, or add memory";
    AUTO_STRBUF struct strbuf text = STRBUF_INIT;
    const char *meminfo = read_proc(proc_dir, "meminfo", &text);
    int64_t total = number_after(meminfo, "MemTotal:");
    int64_t available = number_after(meminfo, "MemAvailable:");
    if (total <= 0 || available < 0) {
        return health_problem(HEALTH_DEGRADED, "Check that this program may read it",
                              "%s/meminfo does not tell how much memory is available", proc_dir);
    }
    int64_t used = (total - available) * 100 / total;
    int64_t pressure = read_pressure(proc_dir, &text);
    if (used >= HEALTH_MEMORY_DEGRADED) {
        return health_problem(used >= HEALTH_MEMORY_FAILING ? HEALTH_FAILING : HEALTH_DEGRADED,
                              remedy, "%jd%% of the memory is used: %jd of %jd MiB are left",
                              (intmax_t)used, (intmax_t)(available / KIB_PER_MIB),
                              (intmax_t)(total / KIB_PER_MIB));
    }
    if (pressure >= HEALTH_PRESSURE_DEGRADED) {
        return health_problem(HEALTH_DEGRADED, remedy,
                              "Everything waited for memory in %jd%% of the last minute",
                              (intmax_t)pressure);
    }
    return health_ok("%jd%% used, %jd of %jd MiB are left", (intmax_t)used,
                     (intmax_t)(available / KIB_PER_MIB), (intmax_t)(total / KIB_PER_MIB));
}

/* Storage ---------------------------------------------------------------------------------- */

/* As df rounds, up. 0 for a file system that counts none of it (btrfs has no inodes to count). */
static int64_t percent_used(uint64_t total, uint64_t free_for_all, uint64_t free_for_us)
{
    uint64_t used = total - free_for_all;
    uint64_t usable = used + free_for_us;
    return usable ? (int64_t)((used * 100 + usable - 1) / usable) : 0;
}

/* Behind a folder that is closed to us stands, as a rule, the disk of the folder above it. */
static int look_at_disk(const char *path, struct statvfs *ret_disk)
{
    AUTO_FREE char *at = xstrdup(path);
    while (statvfs(at, ret_disk) < 0) {
        char *slash = strrchr(at, '/');
        if (errno != EACCES || !slash || slash == at) {
            return -1;
        }
        *slash = '\0';
    }
    return 0;
}

static struct health_finding judge_disk(const struct health_folder *folder)
{
    struct statvfs disk;
    if (look_at_disk(folder->path, &disk) < 0) {
        return health_problem(HEALTH_DEGRADED, "Check that it is there and mounted",
                              "%s (%s) cannot be looked at: %s", folder->what, folder->path,
                              strerror(errno));
    }
    int64_t bytes = percent_used(disk.f_blocks, disk.f_bfree, disk.f_bavail);
    int64_t inodes = percent_used(disk.f_files, disk.f_ffree, disk.f_favail);
    int64_t worse = bytes > inodes ? bytes : inodes;
    intmax_t left_mib = (intmax_t)(disk.f_bavail * disk.f_frsize / BYTES_PER_MIB);
    if (worse < HEALTH_STORAGE_DEGRADED) {
        return health_ok("%jd%% used, %jd MiB are left, and %jd%% of the files", (intmax_t)bytes,
                         left_mib, (intmax_t)(100 - inodes));
    }
    enum health_status status = worse >= HEALTH_STORAGE_FAILING ? HEALTH_FAILING : HEALTH_DEGRADED;
    if (inodes > bytes) {
        return health_problem(status, folder->remedy,
                              "The disk of %s holds %jd%% of the files that it can hold, whatever "
                              "their size",
                              folder->what, (intmax_t)inodes);
    }
    return health_problem(status, folder->remedy, "The disk of %s is %jd%% full: %jd MiB are left",
                          folder->what, (intmax_t)bytes, left_mib);
}

struct health_finding health_of_storage(const struct health_folder *folders, size_t count)
{
    struct health_finding worst = health_ok("No folder to look at");
    bool has_any = false;
    for (size_t i = 0; i < count; i++) {
        if (!folders[i].path) {
            continue;
        }
        struct health_finding finding = judge_disk(&folders[i]);
        if (!has_any || finding.status > worst.status) {
            worst = finding;
        }
        has_any = true;
    }
    return worst;
}
