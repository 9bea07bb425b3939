/*
 * Typed calls about images. Used by the build job.
 *
 * Docker answers a build with 200 and one JSON value a line; whether it went well stands in them.
 */
#include "dialup-deployd/docker/images.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dialup-deployd/docker/answers.h"
#include "dialup-deployd/docker/stream.h"
#include "libdialup/base/memory.h"

enum { MIB = 1024 * 1024, CPU_PERIOD_US = 100000, NUMBER_SIZE = 24 };

struct building {
    transfer_read_fn *read;
    void (*on_text)(void *arg, const char *text, size_t size);
    void (*on_done)(void *arg, const char *image_id, const struct error *err);
    void *arg;
    struct docker_lines lines;
    char image_id[80];
    struct error failure; /* code ERR_OK: none */
};

static void note_failure(struct building *building, const char *message)
{
    bool is_full = strstr(message, "no space left on device") != NULL;
    error_set(&building->failure, is_full ? ERR_NO_SPACE : ERR_BUILD_FAILED, "%s", message);
}

static void on_line(void *arg, const char *line, size_t size)
{
    struct building *building = arg;
    AUTO_ARENA struct arena *arena = arena_new();
    const struct json_value *value;
    if (json_parse(arena, line, size, &value, NULL) < 0) {
        return;
    }
    const char *failure = json_find_text(value, "error", NULL);
    if (failure) {
        note_failure(building, failure);
        return;
    }
    const char *id = json_find_text(json_find(value, "aux"), "ID", NULL);
    if (id) {
        str_copy(building->image_id, sizeof(building->image_id), id);
    }
    const char *text = json_find_text(value, "stream", NULL);
    if (text && building->on_text) {
        building->on_text(building->arg, text, strlen(text));
    }
}

static int on_data(void *arg, const char *data, size_t size)
{
    struct building *building = arg;
    return docker_lines_feed(&building->lines, data, size, on_line, building);
}

static ssize_t on_read(void *arg, char *data, size_t size)
{
    struct building *building = arg;
    return building->read(building->arg, data, size);
}

static void on_built(void *arg, const struct docker_answer *answer, const struct error *err)
{
    const struct building *building = arg;
    if (!err && building->failure.code != ERR_OK) {
        err = &building->failure;
    }
    building->on_done(building->arg, err ? NULL : building->image_id, err);
}

static void release(void *arg)
{
    struct building *building = arg;
    docker_lines_fini(&building->lines);
    free(building);
}

static const char *format_positive(char *out, int64_t value)
{
    if (value <= 0) {
        return NULL;
    }
    snprintf(out, NUMBER_SIZE, "%jd", (intmax_t)value);
    return out;
}

struct docker_request *
docker_image_build(struct docker_client *client, const struct docker_build *build,
                   void (*on_done)(void *arg, const char *image_id, const struct error *err))
{
    struct building *building = xcalloc(1, sizeof(*building));
    building->read = build->read;
    building->on_text = build->on_text;
    building->on_done = on_done;
    building->arg = build->arg;
    AUTO_STRBUF struct strbuf labels = STRBUF_INIT;
    docker_labels_write(build->labels, build->label_count, &labels);
    AUTO_STRBUF struct strbuf args = STRBUF_INIT;
    docker_labels_write(build->build_args, build->build_arg_count, &args);
    char memory[NUMBER_SIZE], quota[NUMBER_SIZE], period[NUMBER_SIZE];
    const char *memory_text = format_positive(memory, build->memory_mib * MIB);
    const char *quota_text = format_positive(quota, build->cpu_millicores * (CPU_PERIOD_US / 1000));
    const struct docker_query query[] = {
        {"t", build->tag},
        {"dockerfile", build->dockerfile},
        {"networkmode", build->network},
        {"cgroupparent", build->cgroup_parent},
        {"memory", memory_text},
        {"memswap", memory_text},
        {"cpuquota", quota_text},
        {"cpuperiod", quota_text ? format_positive(period, CPU_PERIOD_US) : NULL},
        {"labels", strbuf_text(&labels)},
        {"buildargs", strbuf_text(&args)},
        {"nocache", build->uses_cache ? NULL : "1"},
        {"rm", "1"},
        {"forcerm", "1"},
        {0},
    };
    return docker_request(
        client, &(struct docker_call){
                    .method = "POST",
                    .path = (const char *[]){"build", NULL},
                    .query = query,
                    .action = "build the image",
                    .read = on_read,
                    .timeout_ms = build->timeout_ms > 0 ? build->timeout_ms : DOCKER_NO_TIMEOUT,
                    .on_data = on_data,
                    .on_done = on_built,
                    .arg = building,
                    .release = release,
                });
}

struct inspecting {
    docker_image_fn *on_done;
    void *arg;
};

static int read_image(struct arena *arena, const struct docker_answer *answer,
                      struct docker_image *ret_image, struct error *err)
{
    const struct json_value *value;
    int rc = docker_answer_parse(arena, answer, &value, err);
    if (rc < 0) {
        return rc;
    }
    const char *id = json_find_text(value, "Id", NULL);
    if (!id) {
        return docker_answer_odd(err);
    }
    *ret_image = (struct docker_image){id, json_find_integer(value, "Size", 0), NULL, 0};
    const struct json_value *config = json_find(value, "Config");
    ret_image->labels =
        docker_labels_read(arena, json_find(config, "Labels"), &ret_image->label_count);
    return 0;
}

static void on_inspected(void *arg, const struct docker_answer *answer, const struct error *err)
{
    const struct inspecting *inspecting = arg;
    AUTO_ARENA struct arena *arena = arena_new();
    struct docker_image image;
    struct error own;
    if (!err && read_image(arena, answer, &image, &own) < 0) {
        err = &own;
    }
    inspecting->on_done(inspecting->arg, err ? NULL : &image, err);
}

struct docker_request *docker_image_inspect(struct docker_client *client, const char *image,
                                            docker_image_fn *on_done, void *arg)
{
    struct inspecting *inspecting = xmalloc(sizeof(*inspecting));
    *inspecting = (struct inspecting){on_done, arg};
    return docker_request(client, &(struct docker_call){
                                      .method = "GET",
                                      .path = (const char *[]){"images", image, "json", NULL},
                                      .action = "describe the image",
                                      .on_done = on_inspected,
                                      .arg = inspecting,
                                      .release = free,
                                  });
}

struct docker_request *docker_image_remove(struct docker_client *client, const char *image,
                                           bool force, docker_done_fn *on_done, void *arg)
{
    const struct docker_query query[] = {{"force", force ? "1" : NULL}, {0}};
    return docker_request(client, &(struct docker_call){
                                      .method = "DELETE",
                                      .path = (const char *[]){"images", image, NULL},
                                      .query = query,
                                      .action = "remove the image",
                                      .on_done = docker_plain_done,
                                      .arg = docker_plain_new(on_done, arg),
                                      .release = free,
                                  });
}
