/*
 * Handlers of the methods that every daemon has. They look at what is in memory and at /proc/self:
 * nothing here waits.
 */
#include "libdialup/daemon/common.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "libdialup/base/clock.h"
#include "libdialup/base/log.h"
#include "libdialup/base/memory.h"
#include "libdialup/daemon/machine_health.h"
#include "libdialup/store/store.h"

static struct common_health_check describe(struct arena *arena, const char *name,
                                           const struct health_finding *finding)
{
    return (struct common_health_check){
        .name = name,
        .status = health_status_name(finding->status),
        .reason = arena_strdup(arena, finding->reason),
        .remedy = arena_strdup(arena, finding->remedy),
    };
}

/* What each daemon has, whatever it is for: it answers, and its database is well. */
static size_t add_common(const struct daemon_run *run, struct arena *arena,
                         struct common_health_check *checks, enum health_status *worst)
{
    struct health_finding alive = health_ok("The process answers");
    checks[0] = describe(arena, "process", &alive);
    if (!run->db) {
        return 1;
    }
    struct health_finding database = health_of_database(run->db);
    checks[1] = describe(arena, "database", &database);
    *worst = database.status;
    return 2;
}

struct common_health common_health_of(const struct daemon_run *run, struct arena *arena)
{
    size_t own = run->daemon->check_count;
    struct common_health_check *checks = arena_calloc(arena, own + 2, sizeof(*checks));
    enum health_status worst = HEALTH_OK;
    size_t count = add_common(run, arena, checks, &worst);
    for (size_t i = 0; i < own; i++) {
        struct health_finding finding = run->daemon->checks[i].check(run->state);
        checks[count++] = describe(arena, run->daemon->checks[i].name, &finding);
        worst = finding.status > worst ? finding.status : worst;
    }
    return (struct common_health){
        .status = health_status_name(worst), .checks = checks, .checks_count = count};
}

static int handle_health(void *context, struct ipc_request *request, const void *params,
                         void *result, struct error *err)
{
    *(struct common_health *)result = common_health_of(context, ipc_request_arena(request));
    return 0;
}

static int handle_version(void *context, struct ipc_request *request, const void *params,
                          void *result, struct error *err)
{
    const struct daemon_run *run = context;
    *(struct common_version *)result = (struct common_version){
        .name = run->daemon->program,
        .version = DIALUP_VERSION,
        .schema_version = (int64_t)store_schema.migration_count,
        .pid = getpid(),
        .started_at_unix = run->started_at_unix,
    };
    return 0;
}

static int handle_methods(void *context, struct ipc_request *request, const void *params,
                          void *result, struct error *err)
{
    const struct daemon_run *run = context;
    size_t count;
    const struct ipc_method *methods = ipc_server_methods(run->server, &count);
    struct common_method *list = arena_calloc(ipc_request_arena(request), count, sizeof(*list));
    for (size_t i = 0; i < count; i++) {
        struct ipc_counters counters = ipc_server_method_counters(run->server, i);
        list[i] = (struct common_method){
            .name = methods[i].name,
            .summary = methods[i].summary,
            .access = methods[i].access == IPC_WRITE ? "write" : "read",
            .requests = (int64_t)counters.requests,
            .errors = (int64_t)counters.errors,
        };
    }
    *(struct common_method_list *)result =
        (struct common_method_list){.methods = list, .methods_count = count};
    return 0;
}

/* Field 2 of proc_pid_statm(5) is the resident set in pages. */
static int64_t resident_bytes(void)
{
    char pages[16] = "";
    FILE *file = fopen("/proc/self/statm", "re");
    if (file) {
        if (fscanf(file, "%*s %15[0-9]", pages) != 1) {
            pages[0] = '\0';
        }
        fclose(file);
    }
    return strtoll(pages, NULL, 10) * sysconf(_SC_PAGESIZE);
}

static int64_t count_open_files(void)
{
    int64_t count = 0;
    DIR *folder = opendir("/proc/self/fd");
    if (folder) {
        while (readdir(folder)) {
            count++;
        }
        closedir(folder);
    }
    return count > 3 ? count - 3 : 0; /* ".", ".." and the folder itself */
}

static int handle_stats(void *context, struct ipc_request *request, const void *params,
                        void *result, struct error *err)
{
    const struct daemon_run *run = context;
    struct ipc_server_stats stats = ipc_server_stats(run->server);
    *(struct common_stats *)result = (struct common_stats){
        .requests = (int64_t)stats.all.requests,
        .errors = (int64_t)stats.all.errors,
        .timeouts = (int64_t)stats.all.timeouts,
        .refused = (int64_t)stats.refused,
        .uptime_seconds = (clock_monotonic_ms() - run->started_ms) / 1000,
        .memory_bytes = resident_bytes(),
        .open_files = count_open_files(),
    };
    return 0;
}

static int handle_log_level(void *context, struct ipc_request *request, const void *params,
                            void *result, struct error *err)
{
    const struct common_log_level_params *wanted = params;
    enum log_level level;
    if (wanted->level && log_level_parse(wanted->level, &level)) {
        log_set_level(level);
        log_info("the log level is now %s", wanted->level);
    }
    ((struct common_log_level *)result)->level = log_level_name(log_get_level());
    return 0;
}

static const struct {
    const char *method;
    ipc_handler_fn *handle;
} common[] = {
    {"health", handle_health}, {"version", handle_version},     {"methods", handle_methods},
    {"stats", handle_stats},   {"log_level", handle_log_level},
};

static ipc_handler_fn *find_common(const char *method)
{
    for (size_t i = 0; i < ARRAY_COUNT(common); i++) {
        if (strcmp(common[i].method, method) == 0) {
            return common[i].handle;
        }
    }
    return NULL;
}

ipc_handler_fn **common_handlers(const struct daemon_run *run)
{
    const struct daemon *daemon = run->daemon;
    ipc_handler_fn **handlers = xcalloc(daemon->method_count, sizeof(handlers[0]));
    for (size_t i = 0; i < daemon->method_count; i++) {
        handlers[i] =
            daemon->handlers[i] ? daemon->handlers[i] : find_common(daemon->methods[i].name);
        ASSERT(handlers[i]); /* each method in the contract has its handler */
    }
    return handlers;
}
