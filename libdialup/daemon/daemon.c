/*
 * The start order of every daemon, once: a table of stages, run down and, at the end, back up.
 * Called by the main.c of each.
 */
#include "libdialup/daemon/daemon.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <getopt.h>
#include <malloc.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "libdialup/base/clock.h"
#include "libdialup/base/fs.h"
#include "libdialup/base/log.h"
#include "libdialup/base/memory.h"
#include "libdialup/daemon/common.h"
#include "libdialup/daemon/group.h"
#include "libdialup/daemon/journal.h"
#include "libdialup/db/db.h"
#include "libdialup/ipc/watch.h"
#include "libdialup/store/store.h"

enum { EXIT_CONFIG = 78 };

enum { TRIM_EVERY_S = 60, TRIM_FROM_BYTES = 4 * 1024 * 1024 };

/* What the stages make; a member is NULL until its stage ran. */
struct skeleton {
    struct daemon_run run;
    const char *config_path;
    struct config *config;
    ipc_handler_fn **handlers;
    char *socket_path; /* borrowed by the server for its life, as is the next */
    char *lock_path;
    struct event *on_term;
    struct event *on_int;
    struct event *on_hup;
    struct event *watchdog;
    struct event *trim;
    struct ipc_watch *watch;
    uint64_t watchdog_us;
    char **argv;
    char *own_path; /* of the program's file, which an upgrade replaces */
    bool is_draining;
    bool is_stuck; /* the transport hung when it was closed */
};

/* Stages ---------------------------------------------------------------------------------- */

static int load_config(struct skeleton *skeleton, struct error *err)
{
    int result = config_load(skeleton->config_path, &skeleton->config, err);
    if (result < 0) {
        return result;
    }
    skeleton->run.config = skeleton->config;
    enum log_level level;
    log_level_parse(config_text(skeleton->config, CONFIG_common_log_level), &level);
    log_set_level(level);
    return 0;
}

/* As many descriptors as the kernel lets us have without asking root. */
static int raise_limits(struct skeleton *skeleton, struct error *err)
{
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
    }
    signal(SIGPIPE, SIG_IGN);
    umask(0027);
    return 0;
}

static int make_run_dirs(struct skeleton *skeleton, struct error *err)
{
    static const char *const parts[] = {"ipc", "http", "sites"};
    for (size_t i = 0; i < ARRAY_COUNT(parts); i++) {
        AUTO_FREE char *path = config_run_path(skeleton->config, parts[i]);
        int result = fs_make_dirs(path, 0755, err);
        if (result < 0) {
            return result;
        }
    }
    return 0;
}

static int open_loop(struct skeleton *skeleton, struct error *err)
{
    skeleton->run.base = event_base_new();
    return skeleton->run.base ? 0 : error_set(err, ERR_INTERNAL, "Cannot make the event loop");
}

static int open_database(struct skeleton *skeleton, struct error *err)
{
    if (skeleton->run.daemon->without_database) {
        return 0;
    }
    AUTO_FREE char *path = config_state_path(skeleton->config, STORE_PATH);
    return store_open(path, skeleton->run.daemon->name, &skeleton->run.db, err);
}

static int open_events(struct skeleton *skeleton, struct error *err)
{
    struct daemon_run *run = &skeleton->run;
    if (!run->daemon->publishes_events) {
        return 0;
    }
    AUTO_FREE char *part = xasprintf("ipc/%s.events", run->daemon->name);
    AUTO_FREE char *path = config_run_path(skeleton->config, part);
    return ipc_publisher_open(run->base, path, &run->publisher, err);
}

static int take_over(struct skeleton *skeleton, struct error *err)
{
    struct daemon_run *run = &skeleton->run;
    return run->daemon->take_over ? run->daemon->take_over(run, err) : 0;
}

static int start_daemon(struct skeleton *skeleton, struct error *err)
{
    struct daemon_run *run = &skeleton->run;
    run->started_at_unix = clock_unix();
    run->started_ms = clock_monotonic_ms();
    return run->daemon->start(run, &run->state, err);
}

static void set_of_ends(sigset_t *ends)
{
    sigemptyset(ends);
    sigaddset(ends, SIGTERM);
    sigaddset(ends, SIGINT);
}

static int open_server(struct skeleton *skeleton, struct error *err)
{
    struct daemon_run *run = &skeleton->run;
    gid_t gid = (gid_t)-1;
    int result = group_find(skeleton->config, CONFIG_common_group, &gid, err);
    if (result < 0) {
        return result;
    }
    skeleton->handlers = common_handlers(run);
    AUTO_FREE char *part = xasprintf("ipc/%s.sock", run->daemon->name);
    skeleton->socket_path = config_run_path(skeleton->config, part);
    AUTO_FREE char *lock_part = xasprintf("ipc/%s.lock", run->daemon->name);
    skeleton->lock_path = config_run_path(skeleton->config, lock_part);
    const struct ipc_server_options options = {
        .daemon = run->daemon->program,
        .path = skeleton->socket_path,
        .lock_path = skeleton->lock_path,
        .methods = run->daemon->methods,
        .handlers = (ipc_handler_fn *const *)skeleton->handlers,
        .method_count = run->daemon->method_count,
        .context = run,
        .daemon_gid = gid,
    };
    /* The transport's threads begin here. None of them may be the one that a signal is given to:
     * when we end, signals are blocked in ours alone. */
    sigset_t ends, before;
    set_of_ends(&ends);
    sigprocmask(SIG_BLOCK, &ends, &before);
    result = ipc_server_open(run->base, &options, &run->server, err);
    sigprocmask(SIG_SETMASK, &before, NULL);
    return result;
}

static void on_signal(evutil_socket_t fd, short events, void *context)
{
    struct skeleton *skeleton = context;
    const struct daemon *daemon = skeleton->run.daemon;
    bool is_first = !skeleton->is_draining;
    skeleton->is_draining = true;
    if (!is_first || !daemon->drain || !daemon->drain(skeleton->run.state)) {
        daemon_quit(&skeleton->run);
    }
}

/* The new one asks us for what we have. */
static void on_hup(evutil_socket_t fd, short events, void *context)
{
    const struct skeleton *skeleton = context;
    pid_t pid;
    unsetenv("WATCHDOG_PID"); /* it is us; without it the next one is meant, too */
    int error = posix_spawn(&pid, skeleton->own_path, NULL, NULL, skeleton->argv, environ);
    if (error) {
        log_error("cannot start %s anew: %s", skeleton->own_path, strerror(error));
    } else {
        log_info("started anew as process %d", (int)pid);
    }
}

static int watch_signals(struct skeleton *skeleton, struct error *err)
{
    skeleton->on_term = evsignal_new(skeleton->run.base, SIGTERM, on_signal, skeleton);
    skeleton->on_int = evsignal_new(skeleton->run.base, SIGINT, on_signal, skeleton);
    event_add(skeleton->on_term, NULL);
    event_add(skeleton->on_int, NULL);
    if (skeleton->run.daemon->take_over) {
        skeleton->on_hup = evsignal_new(skeleton->run.base, SIGHUP, on_hup, skeleton);
        event_add(skeleton->on_hup, NULL);
        signal(SIGCHLD, SIG_IGN); /* nobody waits for what on_hup starts */
    }
    return 0;
}

static void on_watchdog(evutil_socket_t fd, short events, void *context)
{
    sd_notify(0, "WATCHDOG=1");
}

/* What a burst of callers needed stays with the allocator, below a few small blocks that are still
 * in use: a hundred callers at once left a daemon of 3 MiB at 20. */
static void on_trim(evutil_socket_t fd, short events, void *context)
{
    if (mallinfo2().fordblks > TRIM_FROM_BYTES) {
        malloc_trim(0);
    }
}

/* The transport's own library can die while the process lives: then only a fresh one helps. */
static void on_transport_dead(void *context, const char *reason)
{
    log_error("the transport is dead (%s): ending, for the supervisor to start afresh", reason);
    _exit(1);
}

static void on_redial(void *context, const char *daemon)
{
    log_warning("the connection to %s did not come back: dialled anew", daemon);
}

static int notify_ready(struct skeleton *skeleton, struct error *err)
{
    struct daemon_run *run = &skeleton->run;
    const struct ipc_watch_options watch = {.server = run->server,
                                            .clients = run->clients,
                                            .client_count = run->client_count,
                                            .on_redial = on_redial,
                                            .on_dead = on_transport_dead};
    skeleton->watch = ipc_watch_open(run->base, &watch);
    if (sd_watchdog_enabled(0, &skeleton->watchdog_us) > 0) {
        struct timeval half = {(time_t)(skeleton->watchdog_us / 2 / 1000000),
                               (suseconds_t)(skeleton->watchdog_us / 2 % 1000000)};
        skeleton->watchdog = event_new(run->base, -1, EV_PERSIST, on_watchdog, NULL);
        event_add(skeleton->watchdog, &half);
    }
    const struct timeval minute = {TRIM_EVERY_S, 0};
    skeleton->trim = event_new(run->base, -1, EV_PERSIST, on_trim, NULL);
    event_add(skeleton->trim, &minute);
    sd_notifyf(0, "MAINPID=%d\nREADY=1\nSTATUS=Serving", (int)getpid());
    log_info("ready");
    return 0;
}

static const struct stage {
    const char *name;
    int (*run)(struct skeleton *skeleton, struct error *err);
} stages[] = {
    {"settings", load_config},  {"limits", raise_limits},    {"folders", make_run_dirs},
    {"loop", open_loop},        {"database", open_database}, {"take over", take_over},
    {"server", open_server},    {"events", open_events},     {"start", start_daemon},
    {"signals", watch_signals}, {"ready", notify_ready},
};

static void free_event(struct event **event)
{
    if (*event) {
        event_free(*event);
        *event = NULL;
    }
}

/* What others reach us by. False if the transport hangs. */
static bool close_sockets(struct skeleton *skeleton)
{
    ipc_watch_close(skeleton->watch);
    skeleton->watch = NULL;
    free_event(&skeleton->watchdog);
    struct ipc_server *server = skeleton->run.server;
    skeleton->run.server = NULL;
    return ipc_server_close(server);
}

void daemon_watch(struct daemon_run *run, struct ipc_client *client)
{
    ASSERT(run->client_count < DAEMON_CLIENTS_MAX);
    run->clients[run->client_count++] = client;
}

void daemon_retire(struct daemon_run *run)
{
    struct skeleton *skeleton = CONTAINER_OF(run, struct skeleton, run);
    unsetenv("NOTIFY_SOCKET");
    free_event(&skeleton->on_hup);
    skeleton->is_draining = true;
    skeleton->is_stuck = !close_sockets(skeleton);
}

/* From the last to the first; every part may be missing. False if the transport hangs. */
static bool take_down(struct skeleton *skeleton)
{
    struct daemon_run *run = &skeleton->run;
    sigset_t ends; /* it ends already: no signal may spoil that once nobody catches it */
    set_of_ends(&ends);
    sigprocmask(SIG_BLOCK, &ends, NULL);
    sd_notify(0, "STOPPING=1");
    bool is_closed = close_sockets(skeleton) && !skeleton->is_stuck;
    free_event(&skeleton->trim);
    free_event(&skeleton->on_term);
    free_event(&skeleton->on_int);
    free_event(&skeleton->on_hup);
    if (run->state) {
        run->daemon->stop(run->state);
    }
    ipc_publisher_close(run->publisher);
    db_close(run->db);
    if (run->base) {
        /* What was freed while its callback waited to be called is held until the loop has run. */
        event_base_loop(run->base, EVLOOP_NONBLOCK);
        event_base_free(run->base);
    }
    free(skeleton->handlers);
    free(skeleton->socket_path);
    free(skeleton->lock_path);
    free(skeleton->own_path);
    config_free(skeleton->config);
    return is_closed;
}

/* Options ---------------------------------------------------------------------------------- */

static void print_help(const struct daemon *daemon)
{
    printf("usage: %s [--config FILE]\n\n%s\n\n"
           "  --config FILE   settings (default: %s)\n"
           "  --version       print the version\n"
           "  --help          this\n",
           daemon->program, daemon->summary, CONFIG_DEFAULT_PATH);
}

/* Returns false if the program is to end at once with *ret_status. */
static bool parse_options(struct skeleton *skeleton, int argc, char **argv, int *ret_status)
{
    static const struct option options[] = {
        {"config", required_argument, NULL, 'c'},
        {"version", no_argument, NULL, 'V'},
        {"help", no_argument, NULL, 'h'},
        {0},
    };
    const struct daemon *daemon = skeleton->run.daemon;
    skeleton->config_path = CONFIG_DEFAULT_PATH;
    for (int option; (option = getopt_long(argc, argv, "c:Vh", options, NULL)) != -1;) {
        switch (option) {
        case 'c':
            skeleton->config_path = optarg;
            break;
        case 'V':
            printf("%s %s\n", daemon->program, DIALUP_VERSION);
            *ret_status = 0;
            return false;
        case 'h':
            print_help(daemon);
            *ret_status = 0;
            return false;
        default:
            *ret_status = 2;
            return false;
        }
    }
    if (optind < argc) {
        fprintf(stderr, "%s: unexpected argument \"%s\"\n", daemon->program, argv[optind]);
        *ret_status = 2;
        return false;
    }
    return true;
}

static bool start_up(struct skeleton *skeleton)
{
    for (size_t i = 0; i < ARRAY_COUNT(stages); i++) {
        struct error err = {0};
        if (stages[i].run(skeleton, &err) < 0) {
            log_error("cannot start (%s): %s%s%s", stages[i].name, err.message,
                      err.hint[0] ? ". " : "", err.hint);
            return false;
        }
    }
    return true;
}

int daemon_main(const struct daemon *daemon, int argc, char **argv)
{
    struct skeleton skeleton = {
        .run.daemon = daemon, .argv = argv, .own_path = realpath("/proc/self/exe", NULL)};
    int status = 0;
    log_init(daemon->program, LOG_LEVEL_INFO);
    journal_use_if_connected();
    if (!parse_options(&skeleton, argc, argv, &status)) {
        free(skeleton.own_path);
        return status;
    }
    if (start_up(&skeleton)) {
        event_base_dispatch(skeleton.run.base);
        log_info("stopping");
    } else {
        status = EXIT_CONFIG;
    }
    if (!take_down(&skeleton)) {
        _exit(status); /* the transport hangs: its threads would keep us */
    }
    return status;
}

void daemon_quit(struct daemon_run *run)
{
    event_base_loopbreak(run->base);
}
