/*
 * POST /build, its lines of JSON into the log, and the image's port. Called by build.c.
 */
#include "dialup-deployd/jobs/dockerfile.h"

#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "dialup-deployd/engine/container.h"
#include "dialup-deployd/engine/url.h"
#include "dialup-deployd/engine/wait.h"
#include "dialup-deployd/jobs/container_run.h"
#include "dialup-deployd/jobs/docker_context.h"
#include "dialup-deployd/jobs/docker_steps.h"
#include "dialup-deployd/jobs/dockerfile_check.h"
#include "dialup-deployd/jobs/images.h"
#include "libdialup/base/clock.h"
#include "libdialup/base/fs.h"
#include "libdialup/base/log.h"
#include "libdialup/base/memory.h"
#include "libdialup/crypto/crypto.h"
#include "libdialup/json/json.h"

enum {
    MAX_LINE_BYTES = 1 << 20,
    MAX_DOCKERFILE_BYTES = 1 << 20,
    CPU_PERIOD_US = 100000,
    TICK_S = 1,
    LOOK_EVERY_TICKS = 2,
    EXIT_OF_SIGKILL = 137,
};

#define CGROUP_NAME "dialup-build"

struct image_build {
    struct build *build;
    struct engine_call *call;
    struct docker_context *context;
    struct strbuf line;
    struct docker_steps steps;
    int ticks;
    bool has_triggers; /* its base image has instructions of its own, which nobody has checked */
    bool is_full;      /* its commands wrote more than its owner may store */
    bool has_ended;
    int64_t exit_code;   /* of the RUN that failed */
    struct error failed; /* what the builder said */
    struct error error;  /* of the call */
};

/* Limits -------------------------------------------------------------------------------------- */

/* systemd makes a slice that nobody defined, without any limit. */
static bool is_slice_defined(void)
{
    static const char *const folders[] = {"/etc", "/run", "/usr/local/lib", "/usr/lib", "/lib"};
    for (size_t i = 0; i < ARRAY_COUNT(folders); i++) {
        AUTO_FREE char *path = xasprintf("%s/systemd/system/" CGROUP_NAME ".slice", folders[i]);
        if (fs_exists(path)) {
            return true;
        }
    }
    return false;
}

/* The classic builder takes no limit of processes, but a cgroup to build in: one with a limit, for
 * all builds together. What Docker calls a parent depends on its driver: a slice of systemd, which
 * our package defines; or a path, made here. */
static const char *choose_cgroup(struct build *build)
{
    AUTO_STRBUF struct strbuf body = STRBUF_INIT;
    const struct json_value *info;
    const struct engine_request request = {.method = "GET", .path = "/info"};
    if (engine_wait(build->engine, build->base, &request, &body, NULL) < 0 ||
        json_parse(build->arena, strbuf_text(&body), body.size, &info, NULL) < 0) {
        return NULL;
    }
    if (!str_equal(json_find_text(info, "CgroupDriver", ""), "cgroupfs")) {
        return is_slice_defined() ? CGROUP_NAME ".slice" : NULL;
    }
    bool is_unified = str_equal(json_find_text(info, "CgroupVersion", "1"), "2");
    AUTO_FREE char *folder = xasprintf("/sys/fs/cgroup%s/" CGROUP_NAME, is_unified ? "" : "/pids");
    AUTO_FREE char *file = xasprintf("%s/pids.max", folder);
    if (mkdir(folder, 0755) < 0 && errno != EEXIST) {
        return NULL;
    }
    FILE *limit = fopen(file, "we");
    if (!limit) {
        return NULL;
    }
    fprintf(limit, "%d\n", DOCKERFILE_PIDS);
    return fclose(limit) == 0 ? "/" CGROUP_NAME : NULL;
}

static void put_labels(const struct build *build, struct strbuf *query)
{
    const struct jobs_build_params *params = build->params;
    AUTO_STRBUF struct strbuf labels = STRBUF_INIT;
    struct json_writer writer;
    char number[24];
    json_writer_init(&writer, &labels);
    json_begin_object(&writer);
    json_put_text(&writer, CONTAINER_LABEL_INSTANCE, params->instance);
    json_put_text(&writer, CONTAINER_LABEL_OWNER, params->owner);
    snprintf(number, sizeof(number), "%lld", (long long)params->site_id);
    json_put_text(&writer, CONTAINER_LABEL_SITE, number);
    snprintf(number, sizeof(number), "%lld", (long long)params->deployment_id);
    json_put_text(&writer, CONTAINER_LABEL_DEPLOYMENT, number);
    json_end_object(&writer);
    strbuf_puts(query, "&labels=");
    engine_escape(query, strbuf_text(&labels));
}

static void make_query(struct build *build, const char *tag, struct strbuf *query)
{
    long long memory = (long long)build->detection.type->build_memory_mib << 20;
    const char *cgroup = choose_cgroup(build);
    strbuf_puts(query, "/build?rm=1&forcerm=1&t=");
    engine_escape(query, tag);
    strbuf_printf(query, "&memory=%lld&memswap=%lld&cpuperiod=%d&cpuquota=%d&cpushares=%lld",
                  memory, memory, CPU_PERIOD_US, CPU_PERIOD_US,
                  (long long)container_cpu_shares("build", CONTAINER_RUN_MILLICORES));
    strbuf_puts(query, "&networkmode=");
    engine_escape(query, build->params->network);
    put_labels(build, query);
    if (cgroup) {
        strbuf_puts(query, "&cgroupparent=");
        engine_escape(query, cgroup);
    } else {
        log_warning("a Dockerfile is built without a limit of processes");
    }
}

/* What the builder says ----------------------------------------------------------------------- */

static const char *hint_for(const char *message)
{
    static const char no_registry[] =
        "The server does not reach the registry that the image of FROM "
        "comes from: try again later, or tell the admin";
    static const char no_image[] = "Is the image's name in FROM spelt right? Images that ask for a "
                                   "log-in cannot be had";
    static const struct {
        const char *phrase;
        const char *hint;
    } known[] = {
        {"file not found in build context", "Is its name spelt right? What .gitignore, "
                                            ".dialupignore and .dockerignore name is not sent"},
        {"pull access denied", no_image},
        {"manifest unknown", no_image},
        {"manifest for", no_image},
        {"dial tcp", no_registry},
        {"Client.Timeout", no_registry},
    };
    for (size_t i = 0; i < ARRAY_COUNT(known); i++) {
        if (strstr(message, known[i].phrase)) {
            return known[i].hint;
        }
    }
    return "The log above shows what the failing command wrote";
}

static void take_failure(struct image_build *image, const struct json_value *line,
                         const char *message)
{
    struct error *failed = &image->failed;
    image->exit_code = json_find_integer(json_find(line, "errorDetail"), "code", 0);
    if (image->exit_code == EXIT_OF_SIGKILL) {
        error_set(failed, ERR_BUILD_FAILED,
                  "A command of the Dockerfile was killed: most often it ran out of memory (%d MB)",
                  image->build->detection.type->build_memory_mib);
        error_hint(failed, "Let it use less memory, or build at home and deploy the result");
    } else {
        error_set(failed, ERR_BUILD_FAILED, "The Dockerfile could not be built: %.300s", message);
        error_hint(failed, "%s", hint_for(message));
    }
}

/* "# Executing 2 build triggers": it says so before it does. */
static bool begins_triggers(const char *stream)
{
    static const char words[] = "# Executing ";
    return str_starts_with(stream, words) && strstr(stream, " build trigger");
}

static void take_line(struct image_build *image, const char *text, size_t size)
{
    AUTO_ARENA struct arena *arena = arena_new();
    const struct json_value *line;
    if (size == 0 || json_parse(arena, text, size, &line, NULL) < 0) {
        return;
    }
    const char *stream = json_find_text(line, "stream", NULL);
    const char *status = json_find_text(line, "status", NULL);
    const char *message = json_find_text(line, "error", NULL);
    struct progress *progress = &image->build->progress;
    if (stream) {
        docker_steps_note(&image->steps, stream);
        image->has_triggers = image->has_triggers || begins_triggers(stream);
        progress_output(progress, stream, strlen(stream));
    } else if (status && !json_find(line, "progress")) {
        AUTO_FREE char *said = xasprintf("%s\n", status);
        progress_output(progress, said, strlen(said));
    }
    if (message) {
        progress_output(progress, message, strlen(message));
        progress_output(progress, "\n", 1);
        take_failure(image, line, message);
    }
}

static bool on_build_data(void *context, const char *data, size_t size)
{
    struct image_build *image = context;
    for (size_t i = 0; i < size; i++) {
        if (data[i] == '\n' || data[i] == '\r') {
            take_line(image, strbuf_text(&image->line), image->line.size);
            strbuf_clear(&image->line);
        } else if (image->line.size < MAX_LINE_BYTES) {
            strbuf_putc(&image->line, data[i]);
        }
    }
    return true;
}

static ssize_t on_build_read(void *context, char *out, size_t size)
{
    struct image_build *image = context;
    return docker_context_read(image->context, out, size);
}

static void on_build_end(void *context, int status, const char *body, size_t size,
                         const struct error *err)
{
    struct image_build *image = context;
    image->call = NULL;
    image->has_ended = true;
    if (err) {
        image->error = *err;
    }
}

/* --------------------------------------------------------------------------------------------- */

static void on_tick(evutil_socket_t fd, short events, void *context)
{
    struct image_build *image = context;
    struct build *build = image->build;
    progress_flush(&build->progress);
    if (++image->ticks % LOOK_EVERY_TICKS == 0) {
        docker_steps_look(&image->steps, build->engine);
    }
    image->is_full = docker_steps_size_bytes(&image->steps) > build->params->max_bytes;
}

static void wait_for_end(struct image_build *image, int64_t timeout_s)
{
    struct build *build = image->build;
    const struct timeval tick = {TICK_S, 0};
    int64_t ends_at_us = build_clock_us(build) + timeout_s * 1000000;
    struct event *timer = event_new(build->base, -1, EV_PERSIST, on_tick, image);
    event_add(timer, &tick);
    while (!image->has_ended && !image->has_triggers && !image->is_full && !build->is_stopping &&
           build_clock_us(build) < ends_at_us) {
        event_base_loop(build->base, EVLOOP_ONCE);
    }
    event_free(timer);
    docker_steps_stop(&image->steps);
    /* Closing the connection ends the build and removes its containers. */
    engine_cancel(image->call);
    progress_flush(&build->progress);
}

static int explain_end(const struct image_build *image, int64_t timeout_s, struct error *err)
{
    if (image->build->is_stopping) {
        return error_set(err, ERR_CONFLICT, "The deployment was cancelled");
    }
    if (image->has_triggers) {
        error_set(
            err, ERR_BUILD_FAILED,
            "The image that the Dockerfile begins with has instructions of its own (ONBUILD)");
        error_hint(err, "Write them into the Dockerfile, and begin with an image that has none");
        return -ERR_BUILD_FAILED;
    }
    if (image->is_full) {
        error_set(err, ERR_QUOTA_EXCEEDED,
                  "Not enough storage available: the Dockerfile's commands wrote more than %lld MB",
                  (long long)(image->build->params->max_bytes >> 20));
        error_hint(err, "Let them write less, or ask admin for more storage");
        return -ERR_QUOTA_EXCEEDED;
    }
    if (!image->has_ended) {
        error_set(err, ERR_BUILD_FAILED,
                  "It took longer than %lld s to build the Dockerfile and was ended",
                  (long long)timeout_s);
        error_hint(err, "See in the log above where it stood still");
        return -ERR_BUILD_FAILED;
    }
    const struct error *failed = image->failed.code ? &image->failed : &image->error;
    if (failed->code == ERR_OK) {
        return 0;
    }
    *err = *failed;
    if (failed->code == ERR_INVALID_ARGUMENT) {
        err->code = ERR_BUILD_FAILED; /* Docker does not understand the Dockerfile */
        error_hint(err, "Mend the Dockerfile and deploy again");
    }
    return -(int)err->code;
}

static int build_image(struct build *build, const char *tag, struct error *err)
{
    struct image_build image = {.build = build};
    AUTO_STRBUF struct strbuf query = STRBUF_INIT;
    int64_t timeout_s = build_time_left_s(build, build->detection.type->build_timeout_s);
    int result =
        docker_context_open(build->params->release_dir, build->release_fd, &image.context, err);
    if (result < 0) {
        return result;
    }
    make_query(build, tag, &query);
    const struct engine_request request = {
        .method = "POST",
        .path = strbuf_text(&query),
        .read = on_build_read,
        .on_data = on_build_data,
        .timeout_ms = -1,
        .on_done = on_build_end,
        .context = &image,
    };
    image.call = engine_start(build->engine, &request);
    wait_for_end(&image, timeout_s);
    docker_context_close(image.context);
    strbuf_fini(&image.line);
    return explain_end(&image, timeout_s, err);
}

static int check_text(const struct build *build, struct error *err)
{
    AUTO_FREE char *path = xasprintf("%s/Dockerfile", build->params->release_dir);
    AUTO_STRBUF struct strbuf text = STRBUF_INIT;
    int result = fs_read_file(path, MAX_DOCKERFILE_BYTES, &text, err);
    if (result == 0 && memchr(strbuf_text(&text), '\0', text.size)) {
        result = error_set(err, ERR_INVALID_ARGUMENT, "The Dockerfile is not a text file");
    }
    return result < 0 ? result : dockerfile_check(strbuf_text(&text), err);
}

int dockerfile_build(struct build *build, struct error *err)
{
    const struct jobs_build_params *params = build->params;
    struct jobs_release *release = &build->release;
    /* A Dockerfile may begin FROM any image of this machine whose name it knows: nobody can guess
     * those of somebody else's site. */
    char secret[CRYPTO_ID_SIZE];
    crypto_random_id(secret);
    const char *tag =
        arena_printf(build->arena, "%s-site%lld:%lld-%s", params->instance,
                     (long long)params->site_id, (long long)params->deployment_id, secret);
    int result = check_text(build, err);
    if (result < 0 || (result = build_open_engine(build, err)) < 0) {
        return result;
    }
    progress_step(&build->progress, "Building the image");
    if ((result = build_image(build, tag, err)) < 0) {
        return result;
    }
    if ((result = images_find_port(build, tag, &release->port, err)) < 0) {
        return result;
    }
    const char **environment = arena_calloc(build->arena, 1, sizeof(*environment));
    environment[0] = arena_printf(build->arena, "PORT=%lld", (long long)release->port);
    release->serve = "container";
    release->public_dir = "";
    release->image = tag;
    release->environment = environment;
    release->environment_count = 1;
    return 0;
}
