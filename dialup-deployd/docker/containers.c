/*
 * Typed calls about containers. Used by the converger and by the job programs.
 */
#include "dialup-deployd/docker/containers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dialup-deployd/docker/answers.h"
#include "libdialup/base/memory.h"
#include "libdialup/json/writer.h"

enum { MIB = 1024 * 1024, NUMBER_SIZE = 24 };

/* The arg of calls that give something back. */
struct typed {
    union {
        docker_id_fn *on_id;
        docker_exit_fn *on_exit;
        docker_container_fn *on_container;
        docker_container_list_fn *on_list;
    };
    void *arg;
    char *network; /* NULL, or whose address is wanted */
};

struct logs {
    docker_frame_fn *on_text;
    docker_done_fn *on_done;
    void *arg;
    struct docker_frames frames;
    size_t size_left;
    bool is_bounded;
};

static struct typed *typed_new(void *arg, const char *network)
{
    struct typed *typed = xcalloc(1, sizeof(*typed));
    typed->arg = arg;
    typed->network = network ? xstrdup(network) : NULL;
    return typed;
}

static void typed_free(void *arg)
{
    struct typed *typed = arg;
    free(typed->network);
    free(typed);
}

static const char *format_number(char *out, int64_t value)
{
    snprintf(out, NUMBER_SIZE, "%jd", (intmax_t)value);
    return out;
}

static void on_created(void *arg, const struct docker_answer *answer, const struct error *err)
{
    const struct typed *typed = arg;
    AUTO_ARENA struct arena *arena = arena_new();
    const struct json_value *value;
    const char *id = NULL;
    struct error own;
    if (!err && docker_answer_parse(arena, answer, &value, &own) < 0) {
        err = &own;
    } else if (!err && !(id = json_find_text(value, "Id", NULL))) {
        docker_answer_odd(&own);
        err = &own;
    }
    typed->on_id(typed->arg, id, err);
}

struct docker_request *docker_container_create(struct docker_client *client,
                                               const struct docker_container_spec *spec,
                                               docker_id_fn *on_done, void *arg)
{
    AUTO_STRBUF struct strbuf body = STRBUF_INIT;
    docker_container_spec_write(spec, &body);
    struct typed *typed = typed_new(arg, NULL);
    typed->on_id = on_done;
    return docker_request(client, &(struct docker_call){
                                      .method = "POST",
                                      .path = (const char *[]){"containers", "create", NULL},
                                      .query = (struct docker_query[]){{"name", spec->name}, {0}},
                                      .action = "create the container",
                                      .json = strbuf_text(&body),
                                      .on_done = on_created,
                                      .arg = typed,
                                      .release = typed_free,
                                  });
}

/* POST /containers/ID/VERB?query without a body or an answer. */
static struct docker_request *command(struct docker_client *client, const char *container,
                                      const char *verb, const struct docker_query *query,
                                      const char *action, int timeout_ms, docker_done_fn *on_done,
                                      void *arg)
{
    return docker_request(client, &(struct docker_call){
                                      .method = "POST",
                                      .path = (const char *[]){"containers", container, verb, NULL},
                                      .query = query,
                                      .action = action,
                                      .timeout_ms = timeout_ms,
                                      .on_done = docker_plain_done,
                                      .arg = docker_plain_new(on_done, arg),
                                      .release = free,
                                  });
}

struct docker_request *docker_container_start(struct docker_client *client, const char *container,
                                              docker_done_fn *on_done, void *arg)
{
    return command(client, container, "start", NULL, "start the container", 0, on_done, arg);
}

struct docker_request *docker_container_stop(struct docker_client *client, const char *container,
                                             int grace_s, docker_done_fn *on_done, void *arg)
{
    char grace[NUMBER_SIZE];
    const struct docker_query query[] = {{"t", format_number(grace, grace_s)}, {0}};
    return command(client, container, "stop", query, "stop the container",
                   grace_s * 1000 + DOCKER_TIMEOUT_MS, on_done, arg);
}

struct docker_request *docker_container_kill(struct docker_client *client, const char *container,
                                             const char *signal, docker_done_fn *on_done, void *arg)
{
    const struct docker_query query[] = {{"signal", signal}, {0}};
    return command(client, container, "kill", query, "kill the container", 0, on_done, arg);
}

struct docker_request *docker_container_remove(struct docker_client *client, const char *container,
                                               bool force, docker_done_fn *on_done, void *arg)
{
    const struct docker_query query[] = {{"v", "1"}, {"force", force ? "1" : NULL}, {0}};
    return docker_request(client, &(struct docker_call){
                                      .method = "DELETE",
                                      .path = (const char *[]){"containers", container, NULL},
                                      .query = query,
                                      .action = "remove the container",
                                      .on_done = docker_plain_done,
                                      .arg = docker_plain_new(on_done, arg),
                                      .release = free,
                                  });
}

static void on_waited(void *arg, const struct docker_answer *answer, const struct error *err)
{
    const struct typed *typed = arg;
    AUTO_ARENA struct arena *arena = arena_new();
    const struct json_value *value = NULL;
    struct error own;
    if (!err && docker_answer_parse(arena, answer, &value, &own) < 0) {
        err = &own;
    }
    const struct json_value *failure = json_find(value, "Error");
    const char *message = json_find_text(failure, "Message", "");
    if (!err && message[0]) {
        error_set(&own, ERR_INTERNAL, "Docker could not wait for the container: %s", message);
        err = &own;
    }
    typed->on_exit(typed->arg, json_find_integer(value, "StatusCode", 0), err);
}

struct docker_request *docker_container_wait(struct docker_client *client, const char *container,
                                             docker_exit_fn *on_done, void *arg)
{
    struct typed *typed = typed_new(arg, NULL);
    typed->on_exit = on_done;
    return docker_request(client,
                          &(struct docker_call){
                              .method = "POST",
                              .path = (const char *[]){"containers", container, "wait", NULL},
                              .action = "wait for the container",
                              .timeout_ms = DOCKER_NO_TIMEOUT,
                              .on_done = on_waited,
                              .arg = typed,
                              .release = typed_free,
                          });
}

static void on_inspected(void *arg, const struct docker_answer *answer, const struct error *err)
{
    const struct typed *typed = arg;
    AUTO_ARENA struct arena *arena = arena_new();
    struct docker_container container;
    const struct json_value *value;
    struct error own;
    if (!err && (docker_answer_parse(arena, answer, &value, &own) < 0 ||
                 (!docker_container_read(arena, value, typed->network, &container) &&
                  docker_answer_odd(&own) < 0))) {
        err = &own;
    }
    typed->on_container(typed->arg, err ? NULL : &container, err);
}

struct docker_request *docker_container_inspect(struct docker_client *client, const char *container,
                                                const char *network, docker_container_fn *on_done,
                                                void *arg)
{
    struct typed *typed = typed_new(arg, network);
    typed->on_container = on_done;
    return docker_request(client,
                          &(struct docker_call){
                              .method = "GET",
                              .path = (const char *[]){"containers", container, "json", NULL},
                              .action = "describe the container",
                              .on_done = on_inspected,
                              .arg = typed,
                              .release = typed_free,
                          });
}

static void on_listed(void *arg, const struct docker_answer *answer, const struct error *err)
{
    const struct typed *typed = arg;
    AUTO_ARENA struct arena *arena = arena_new();
    struct docker_container *list = NULL;
    size_t count = 0;
    const struct json_value *value;
    struct error own;
    if (!err && (docker_answer_parse(arena, answer, &value, &own) < 0 ||
                 (!docker_container_list_read(arena, value, typed->network, &list, &count) &&
                  docker_answer_odd(&own) < 0))) {
        err = &own;
    }
    typed->on_list(typed->arg, list, count, err);
}

struct docker_request *docker_container_list(struct docker_client *client, const char *label,
                                             const char *network, docker_container_list_fn *on_done,
                                             void *arg)
{
    AUTO_STRBUF struct strbuf filters = STRBUF_INIT;
    struct json_writer writer;
    json_writer_init(&writer, &filters);
    json_begin_object(&writer);
    json_key(&writer, "label");
    json_begin_array(&writer);
    json_text(&writer, label);
    json_end_array(&writer);
    json_end_object(&writer);
    struct typed *typed = typed_new(arg, network);
    typed->on_list = on_done;
    const struct docker_query query[] = {{"all", "1"}, {"filters", strbuf_text(&filters)}, {0}};
    return docker_request(client, &(struct docker_call){
                                      .method = "GET",
                                      .path = (const char *[]){"containers", "json", NULL},
                                      .query = query,
                                      .action = "list the containers",
                                      .on_done = on_listed,
                                      .arg = typed,
                                      .release = typed_free,
                                  });
}

static void put_limit(struct json_writer *writer, const char *name, int64_t value)
{
    if (value > 0) {
        json_put_integer(writer, name, value);
    }
}

struct docker_request *docker_container_update(struct docker_client *client, const char *container,
                                               const struct docker_limits *limits,
                                               docker_done_fn *on_done, void *arg)
{
    AUTO_STRBUF struct strbuf body = STRBUF_INIT;
    struct json_writer writer;
    json_writer_init(&writer, &body);
    json_begin_object(&writer);
    put_limit(&writer, "Memory", limits->memory_mib * MIB);
    put_limit(&writer, "MemorySwap", limits->memory_mib * MIB);
    put_limit(&writer, "NanoCpus", limits->cpu_millicores * 1000000);
    put_limit(&writer, "CpuShares", limits->cpu_shares);
    put_limit(&writer, "PidsLimit", limits->pids_limit);
    json_end_object(&writer);
    return docker_request(client,
                          &(struct docker_call){
                              .method = "POST",
                              .path = (const char *[]){"containers", container, "update", NULL},
                              .action = "change the container's limits",
                              .json = strbuf_text(&body),
                              .on_done = docker_plain_done,
                              .arg = docker_plain_new(on_done, arg),
                              .release = free,
                          });
}

static void on_log_frame(void *arg, enum docker_stream stream, const char *data, size_t size)
{
    struct logs *logs = arg;
    if (logs->is_bounded && size > logs->size_left) {
        size = logs->size_left;
    }
    if (size > 0) {
        logs->size_left -= size;
        logs->on_text(logs->arg, stream, data, size);
    }
}

static int on_log_data(void *arg, const char *data, size_t size)
{
    struct logs *logs = arg;
    return docker_frames_feed(&logs->frames, data, size, on_log_frame, logs);
}

static void on_logs_done(void *arg, const struct docker_answer *answer, const struct error *err)
{
    const struct logs *logs = arg;
    logs->on_done(logs->arg, err);
}

struct docker_request *docker_container_logs(struct docker_client *client, const char *container,
                                             const struct docker_logs_options *options,
                                             docker_frame_fn *on_text, docker_done_fn *on_done,
                                             void *arg)
{
    struct logs *logs = xcalloc(1, sizeof(*logs));
    *logs = (struct logs){.on_text = on_text, .on_done = on_done, .arg = arg};
    logs->is_bounded = options->size_max > 0;
    logs->size_left = options->size_max;
    char tail[NUMBER_SIZE], since[NUMBER_SIZE];
    const struct docker_query query[] = {
        {"stdout", "1"},
        {"stderr", "1"},
        {"tail", options->tail > 0 ? format_number(tail, options->tail) : NULL},
        {"since", options->since_unix > 0 ? format_number(since, options->since_unix) : NULL},
        {"timestamps", options->timestamps ? "1" : NULL},
        {"follow", options->follow ? "1" : NULL},
        {0},
    };
    return docker_request(client,
                          &(struct docker_call){
                              .method = "GET",
                              .path = (const char *[]){"containers", container, "logs", NULL},
                              .query = query,
                              .action = "read the container's log",
                              .timeout_ms = options->follow ? DOCKER_NO_TIMEOUT : 0,
                              .on_data = on_log_data,
                              .on_done = on_logs_done,
                              .arg = logs,
                              .release = free,
                          });
}
