/*
 * Create, attach, start, wait, inspect, remove: the engine's calls in a row. Called by node.c.
 *
 * Attached before it starts, not read from Docker's log: who follows that log while its files are
 * rotated loses most of what a command writes that writes much.
 */
#include "dialup-deployd/jobs/container_run.h"

#include <event2/event.h>
#include <stdio.h>
#include <string.h>

#include "dialup-deployd/engine/container.h"
#include "dialup-deployd/engine/wait.h"
#include "libdialup/base/clock.h"
#include "libdialup/base/fs.h"
#include "libdialup/base/memory.h"
#include "libdialup/json/json.h"

enum {
    FRAME_HEADER = 8,
    TICK_S = 1,
    MEASURE_EVERY_TICKS = 3,
    CACHE_PARTS = 4,    /* of what may be stored, where temporary storage has no limit */
    DRAIN_US = 5000000, /* of silence */
    REMOVE_TIMEOUT_MS = 60000,
    EXIT_NOT_THERE = 127, /* what a shell says of a command that it does not find */
};

struct running {
    struct build *build;
    const struct container_run *run;
    const char *id;
    struct engine_call *output;
    bool is_attached;
    struct engine_call *wait;
    unsigned char header[FRAME_HEADER];
    size_t header_size;
    size_t frame_left; /* of the frame's text */
    int ticks;
    int64_t ends_at_us;
    int64_t heard_at_us; /* of the last piece of its output */
    const char *hint;    /* NULL: nothing that it wrote is known */
    bool is_full;
    bool is_temp_full; /* what it keeps for the next build, and throws away then */
    bool has_exited;
    int64_t status;
    struct error error; /* of the wait */
};

/* The output ---------------------------------------------------------------------------------- */

/* What tools write when they fail, and what helps. The first that is met counts. A phrase that is
 * cut in two by the stream is missed; that costs a hint. */
static const struct {
    const char *phrase;
    const char *hint;
} known_failures[] = {
    {"npm error gyp ERR!",
     "A package wants to be compiled, and there is no compiler here: use one that comes ready (for "
     "SQLite, node:sqlite is part of Node.js), or a Dockerfile that brings a compiler"},
    {"`npm ci` can only install",
     "package-lock.json is older than package.json: run npm install at home and deploy again"},
    {"Unsupported URL Type \"workspace:",
     "npm does not know workspace: versions, which are pnpm's and yarn's: build at home and deploy "
     "the result, or use a Dockerfile"},
    {"is not in this registry", "Is its name spelt right? If the package is a folder beside this "
                                "one (a monorepo), build at home and deploy the "
                                "result, or deploy the upper folder with a start script"},
};

static void watch_output(struct running *running, const char *data, size_t size)
{
    for (size_t i = 0; !running->hint && i < ARRAY_COUNT(known_failures); i++) {
        const char *phrase = known_failures[i].phrase;
        running->hint = memmem(data, size, phrase, strlen(phrase)) ? known_failures[i].hint : NULL;
    }
}

static void on_output_open(void *context)
{
    struct running *running = context;
    running->is_attached = true;
}

static size_t take_header(struct running *running, const char *data, size_t size)
{
    size_t missing = FRAME_HEADER - running->header_size;
    size_t taken = size < missing ? size : missing;
    const unsigned char *header = running->header;
    memcpy(running->header + running->header_size, data, taken);
    running->header_size += taken;
    if (running->header_size == FRAME_HEADER) {
        running->frame_left = (size_t)header[4] << 24 | (size_t)header[5] << 16 |
                              (size_t)header[6] << 8 | (size_t)header[7];
        running->header_size = 0;
    }
    return taken;
}

static bool on_output_data(void *context, const char *data, size_t size)
{
    struct running *running = context;
    running->heard_at_us = clock_monotonic_us();
    while (size > 0) {
        size_t taken = running->frame_left < size ? running->frame_left : size;
        if (taken == 0) {
            taken = take_header(running, data, size);
        } else {
            progress_output(&running->build->progress, data, taken);
            watch_output(running, data, taken);
            running->frame_left -= taken;
        }
        data += taken;
        size -= taken;
    }
    return true;
}

static void on_output_end(void *context, int status, const char *body, size_t size,
                          const struct error *err)
{
    struct running *running = context;
    running->output = NULL;
}

/* The end of the process ---------------------------------------------------------------------- */

static void on_exit_status(void *context, int status, const char *body, size_t size,
                           const struct error *err)
{
    struct running *running = context;
    AUTO_ARENA struct arena *arena = arena_new();
    const struct json_value *value = NULL;
    running->wait = NULL;
    running->has_exited = true;
    if (err) {
        running->error = *err;
    } else if (json_parse(arena, body, size, &value, &running->error) == 0) {
        running->status = json_find_integer(value, "StatusCode", -1);
    }
}

/* A build that fills the disk is ended before the disk is full. */
static void measure(struct running *running)
{
    const struct build *build = running->build;
    struct fs_usage release = {0};
    struct fs_usage cache = {0};
    int result = fs_measure_tree(build->params->release_dir, BUILD_MAX_INODES, &release, NULL);
    if (result == 0) {
        result = fs_measure_tree(running->run->npm_cache, BUILD_MAX_INODES, &cache, NULL);
    }
    int64_t room = build->params->max_bytes;
    int64_t room_for_cache =
        build->params->has_temp_bytes ? build->params->temp_bytes : room * CACHE_PARTS;
    running->is_full =
        result == -ERR_TOO_LARGE || fs_usage_charged(release.size_bytes, release.inodes) > room;
    running->is_temp_full =
        !running->is_full && fs_usage_charged(cache.size_bytes, cache.inodes) > room_for_cache;
}

static void on_tick(evutil_socket_t fd, short events, void *context)
{
    struct running *running = context;
    progress_flush(&running->build->progress);
    if (++running->ticks % MEASURE_EVERY_TICKS == 0) {
        measure(running);
    }
}

static bool is_over(const struct running *running)
{
    return running->has_exited || running->is_full || running->is_temp_full ||
           running->build->is_stopping || build_clock_us(running->build) >= running->ends_at_us;
}

/* What was written last is what people want to read: as long as it comes, and is kept. */
static void drain_output(struct running *running)
{
    const struct build *build = running->build;
    running->heard_at_us = clock_monotonic_us();
    while (running->output && running->has_exited && !build->is_stopping &&
           !build->progress.is_cut && clock_monotonic_us() - running->heard_at_us < DRAIN_US) {
        event_base_loop(build->base, EVLOOP_ONCE);
    }
}

static void attach(struct running *running)
{
    AUTO_FREE char *path =
        xasprintf("/containers/%s/attach?stream=1&stdout=1&stderr=1", running->id);
    const struct engine_request request = {
        .method = "POST",
        .path = path,
        .on_open = on_output_open,
        .on_data = on_output_data,
        .timeout_ms = -1,
        .on_done = on_output_end,
        .context = running,
    };
    running->output = engine_start(running->build->engine, &request);
    while (running->output && !running->is_attached && !is_over(running)) {
        event_base_loop(running->build->base, EVLOOP_ONCE);
    }
}

static void wait_for_end(struct running *running)
{
    AUTO_FREE char *path = xasprintf("/containers/%s/wait", running->id);
    const struct engine_request request = {
        .method = "POST",
        .path = path,
        .timeout_ms = -1,
        .on_done = on_exit_status,
        .context = running,
    };
    running->wait = engine_start(running->build->engine, &request);
    while (!is_over(running)) {
        event_base_loop(running->build->base, EVLOOP_ONCE);
    }
}

static int start(struct running *running, struct error *err)
{
    struct build *build = running->build;
    AUTO_FREE char *path = xasprintf("/containers/%s/start", running->id);
    const struct engine_request request = {.method = "POST", .path = path};
    return engine_wait(build->engine, build->base, &request, NULL, err);
}

static int follow(struct running *running, struct error *err)
{
    struct build *build = running->build;
    const struct timeval tick = {TICK_S, 0};
    struct event *timer = event_new(build->base, -1, EV_PERSIST, on_tick, running);
    event_add(timer, &tick);
    attach(running);
    int result = is_over(running) ? 0 : start(running, err);
    if (result == 0) {
        wait_for_end(running);
        drain_output(running);
    }
    event_free(timer);
    engine_cancel(running->wait);
    engine_cancel(running->output);
    progress_flush(&build->progress);
    if (result == 0 && running->error.code) {
        *err = running->error;
        result = -(int)err->code;
    }
    return result;
}

/* What it means ------------------------------------------------------------------------------- */

static bool was_out_of_memory(const struct running *running)
{
    struct build *build = running->build;
    AUTO_STRBUF struct strbuf body = STRBUF_INIT;
    AUTO_FREE char *path = xasprintf("/containers/%s/json", running->id);
    const struct engine_request request = {.method = "GET", .path = path};
    struct container_detail detail;
    return engine_wait(build->engine, build->base, &request, &body, NULL) == 0 &&
           container_detail_parse(build->arena, strbuf_text(&body), body.size, NULL, &detail,
                                  NULL) == 0 &&
           detail.was_oom_killed;
}

static int explain_status(const struct running *running, struct error *err)
{
    const char *doing = running->run->doing;
    bool no_memory = was_out_of_memory(running);
    if (running->status == 0) {
        if (no_memory) {
            progress_note(&running->build->progress,
                          "A part of it was ended for lack of memory; it went on without");
        }
        return 0;
    }
    if (no_memory) {
        error_set(err, ERR_BUILD_FAILED, "It ran out of memory (%d MB) while %s",
                  running->build->detection.type->build_memory_mib, doing);
        error_hint(err, "Use fewer or smaller packages, or build at home and deploy the result");
    } else {
        const char *usual =
            running->status == EXIT_NOT_THERE
                ? "A command is not there: name its package among the dependencies. "
                  "npm is; pnpm, yarn and bun are not"
                : "The reason stands in the log above";
        error_set(err, ERR_BUILD_FAILED, "It failed while %s, with exit code %lld", doing,
                  (long long)running->status);
        error_hint(err, "%s", running->hint ? running->hint : usual);
    }
    return -ERR_BUILD_FAILED;
}

static int explain(const struct running *running, struct error *err)
{
    const struct build *build = running->build;
    if (build->is_stopping) {
        return error_set(err, ERR_CONFLICT, "The deployment was cancelled");
    }
    if (running->is_full) {
        error_set(err, ERR_QUOTA_EXCEEDED,
                  "Not enough storage available: it wrote more than %lld MB while %s",
                  (long long)(build->params->max_bytes >> 20), running->run->doing);
        error_hint(err, "Use fewer packages, or ask admin for more storage");
        return -ERR_QUOTA_EXCEEDED;
    }
    if (running->is_temp_full) {
        error_set(err, ERR_QUOTA_EXCEEDED,
                  "Not enough temporary storage available: npm's cache grew beyond it while %s",
                  running->run->doing);
        error_hint(err, "Use fewer packages, or ask admin for more storage");
        return -ERR_QUOTA_EXCEEDED;
    }
    if (!running->has_exited) {
        error_set(err, ERR_BUILD_FAILED, "It took longer than %lld s while %s and was ended",
                  (long long)running->run->timeout_s, running->run->doing);
        error_hint(err, "See in the log above where it stood still");
        return -ERR_BUILD_FAILED;
    }
    return explain_status(running, err);
}

/* --------------------------------------------------------------------------------------------- */

static struct container_spec describe(const struct build *build, const struct container_run *run,
                                      const struct container_mount mounts[2])
{
    static const char *const tmpfs[] = {"/tmp"};
    static const char *const environment[] = {
        "HOME=/tmp",
        "npm_config_cache=/npm-cache",
        "npm_config_update_notifier=false",
        "npm_config_fetch_retries=2",
        "ASTRO_TELEMETRY_DISABLED=1",
        "NEXT_TELEMETRY_DISABLED=1",
    };
    const struct jobs_build_params *params = build->params;
    return (struct container_spec){
        .image = params->node_image,
        .argv = run->argv,
        .argv_count = run->argv_count,
        .environment = environment,
        .environment_count = ARRAY_COUNT(environment),
        .working_dir = "/app",
        .uid = params->uid,
        .network = params->network,
        .memory_mib = build->detection.type->build_memory_mib,
        .cpu_millicores = CONTAINER_RUN_MILLICORES,
        .pids = CONTAINER_RUN_PIDS,
        .has_read_only_root = true,
        .mounts = mounts,
        .mount_count = 2,
        .tmpfs = tmpfs,
        .tmpfs_count = 1,
        .instance = params->instance,
        .owner = params->owner,
        .kind = "build",
        .site_id = params->site_id,
        .deployment_id = params->deployment_id,
    };
}

static int create(struct build *build, const struct container_run *run, const char **ret_id,
                  struct error *err)
{
    const struct container_mount mounts[2] = {
        {.source = build->params->release_dir, .target = "/app"},
        {.source = run->npm_cache, .target = "/npm-cache"},
    };
    const struct container_spec spec = describe(build, run, mounts);
    AUTO_STRBUF struct strbuf text = STRBUF_INIT;
    AUTO_STRBUF struct strbuf answer = STRBUF_INIT;
    container_spec_print(&spec, &text);
    const struct engine_request request = {
        .method = "POST", .path = "/containers/create", .body = strbuf_text(&text)};
    const struct json_value *value = NULL;
    int result = engine_wait(build->engine, build->base, &request, &answer, err);
    if (result == 0) {
        result = json_parse(build->arena, strbuf_text(&answer), answer.size, &value, err);
    }
    *ret_id = json_find_text(value, "Id", "");
    return result;
}

static void remove_container(const struct running *running)
{
    AUTO_FREE char *path = xasprintf("/containers/%s?force=1&v=1", running->id);
    const struct engine_request request = {
        .method = "DELETE", .path = path, .timeout_ms = REMOVE_TIMEOUT_MS};
    engine_wait(running->build->engine, running->build->base, &request, NULL, NULL);
}

int container_run(struct build *build, const struct container_run *run, struct error *err)
{
    build_note_running(build);
    if (build->is_stopping) {
        return error_set(err, ERR_CONFLICT, "The deployment was cancelled");
    }
    struct container_run limited = *run;
    limited.timeout_s = build_time_left_s(build, run->timeout_s);
    struct running running = {
        .build = build,
        .run = &limited,
        .ends_at_us = build_clock_us(build) + limited.timeout_s * 1000000,
    };
    int result = create(build, run, &running.id, err);
    if (result < 0) {
        return result;
    }
    result = follow(&running, err);
    if (result == 0) {
        result = explain(&running, err);
    }
    remove_container(&running);
    return result;
}
