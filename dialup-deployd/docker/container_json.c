/*
 * Containers to and from JSON. Used by containers.c.
 */
#include "dialup-deployd/docker/container_json.h"

#include <string.h>
#include <time.h>

#include "libdialup/base/memory.h"
#include "libdialup/json/writer.h"

enum { MIB = 1024 * 1024, LOG_FILE_MIB = 10, LOG_FILES = 2 };

static const char *const state_names[DOCKER_STATE_UNKNOWN] = {
    [DOCKER_CREATED] = "created",   [DOCKER_RUNNING] = "running",
    [DOCKER_PAUSED] = "paused",     [DOCKER_RESTARTING] = "restarting",
    [DOCKER_REMOVING] = "removing", [DOCKER_EXITED] = "exited",
    [DOCKER_DEAD] = "dead",
};

static void put_text_if_set(struct json_writer *w, const char *name, const char *text)
{
    if (text) {
        json_put_text(w, name, text);
    }
}

static void put_integer_if_set(struct json_writer *w, const char *name, int64_t value)
{
    if (value > 0) {
        json_put_integer(w, name, value);
    }
}

static void put_list_if_set(struct json_writer *w, const char *name, const char *const *list)
{
    if (!list) {
        return;
    }
    json_key(w, name);
    json_begin_array(w);
    for (; *list; list++) {
        json_text(w, *list);
    }
    json_end_array(w);
}

static void put_label_object(struct json_writer *w, const struct docker_label *labels, size_t count)
{
    json_begin_object(w);
    for (size_t i = 0; i < count; i++) {
        json_put_text(w, labels[i].name, labels[i].value);
    }
    json_end_object(w);
}

static void put_mounts(struct json_writer *w, const struct docker_container_spec *spec)
{
    json_key(w, "Mounts");
    json_begin_array(w);
    for (size_t i = 0; i < spec->mount_count; i++) {
        json_begin_object(w);
        json_put_text(w, "Type", "bind");
        json_put_text(w, "Source", spec->mounts[i].source);
        json_put_text(w, "Target", spec->mounts[i].target);
        json_put_bool(w, "ReadOnly", spec->mounts[i].is_read_only);
        json_end_object(w);
    }
    json_end_array(w);

    json_key(w, "Tmpfs");
    json_begin_object(w);
    for (size_t i = 0; i < spec->tmpfs_count; i++) {
        AUTO_FREE char *options =
            xasprintf("rw,nosuid,nodev,mode=1777,size=%jdm", (intmax_t)spec->tmpfs[i].size_mib);
        json_put_text(w, spec->tmpfs[i].target, options);
    }
    json_end_object(w);
}

static void put_log(struct json_writer *w, const struct docker_container_spec *spec)
{
    int64_t size_mib = spec->log_file_mib > 0 ? spec->log_file_mib : LOG_FILE_MIB;
    int64_t files = spec->log_files > 0 ? spec->log_files : LOG_FILES;
    AUTO_FREE char *max_size = xasprintf("%jdm", (intmax_t)size_mib);
    AUTO_FREE char *max_file = xasprintf("%jd", (intmax_t)files);
    json_key(w, "LogConfig");
    json_begin_object(w);
    json_put_text(w, "Type", "json-file");
    json_key(w, "Config");
    json_begin_object(w);
    json_put_text(w, "max-size", max_size);
    json_put_text(w, "max-file", max_file);
    json_end_object(w);
    json_end_object(w);
}

static void put_ulimits(struct json_writer *w, int64_t nofile_limit)
{
    if (nofile_limit <= 0) {
        return;
    }
    json_key(w, "Ulimits");
    json_begin_array(w);
    json_begin_object(w);
    json_put_text(w, "Name", "nofile");
    json_put_integer(w, "Soft", nofile_limit);
    json_put_integer(w, "Hard", nofile_limit);
    json_end_object(w);
    json_end_array(w);
}

static void put_host_config(struct json_writer *w, const struct docker_container_spec *spec)
{
    static const char *const all[] = {"ALL", NULL};
    static const char *const security[] = {"no-new-privileges", NULL};
    json_key(w, "HostConfig");
    json_begin_object(w);
    put_integer_if_set(w, "Memory", spec->memory_mib * MIB);
    put_integer_if_set(w, "MemorySwap", spec->memory_mib * MIB);
    put_integer_if_set(w, "NanoCpus", spec->cpu_millicores * 1000000);
    put_integer_if_set(w, "CpuShares", spec->cpu_shares);
    put_integer_if_set(w, "PidsLimit", spec->pids_limit);
    put_ulimits(w, spec->nofile_limit);
    put_mounts(w, spec);
    put_text_if_set(w, "NetworkMode", spec->network);
    put_log(w, spec);
    put_list_if_set(w, "CapDrop", all);
    put_list_if_set(w, "SecurityOpt", security);
    json_put_bool(w, "ReadonlyRootfs", spec->is_rootfs_read_only);
    json_put_bool(w, "Init", true);
    json_key(w, "RestartPolicy");
    json_begin_object(w);
    json_put_text(w, "Name", spec->restarts ? "unless-stopped" : "no");
    json_end_object(w);
    json_end_object(w);
}

void docker_container_spec_write(const struct docker_container_spec *spec, struct strbuf *out)
{
    struct json_writer writer;
    struct json_writer *w = &writer;
    json_writer_init(w, out);
    json_begin_object(w);
    json_put_text(w, "Image", spec->image);
    put_list_if_set(w, "Cmd", spec->argv);
    put_list_if_set(w, "Env", spec->env);
    put_text_if_set(w, "WorkingDir", spec->workdir);
    put_text_if_set(w, "User", spec->user);
    put_integer_if_set(w, "StopTimeout", spec->stop_timeout_s);
    json_key(w, "Labels");
    put_label_object(w, spec->labels, spec->label_count);
    put_host_config(w, spec);
    json_end_object(w);
}

void docker_labels_write(const struct docker_label *labels, size_t count, struct strbuf *out)
{
    struct json_writer writer;
    json_writer_init(&writer, out);
    put_label_object(&writer, labels, count);
}

static enum docker_container_state parse_state(const char *name)
{
    int state = 0;
    while (state < DOCKER_STATE_UNKNOWN && strcmp(state_names[state], name) != 0) {
        state++;
    }
    return (enum docker_container_state)state;
}

static const char *find_address(const struct json_value *settings, const char *network)
{
    const struct json_value *networks = json_find(settings, "Networks");
    return network ? json_find_text(json_find(networks, network), "IPAddress", "") : "";
}

static const char *without_slash(const char *name)
{
    return name[0] == '/' ? name + 1 : name;
}

const struct docker_label *docker_labels_read(struct arena *arena, const struct json_value *object,
                                              size_t *ret_count)
{
    *ret_count = 0;
    if (!object || object->type != JSON_OBJECT) {
        return NULL;
    }
    struct docker_label *labels = arena_calloc(arena, object->member_count + 1, sizeof(*labels));
    for (size_t i = 0; i < object->member_count; i++) {
        if (object->members[i].value->type == JSON_STRING) {
            labels[(*ret_count)++] =
                (struct docker_label){object->members[i].name, object->members[i].value->text};
        }
    }
    return labels;
}

const char *docker_label_find(const struct docker_label *labels, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(labels[i].name, name) == 0) {
            return labels[i].value;
        }
    }
    return NULL;
}

bool docker_container_read(struct arena *arena, const struct json_value *value, const char *network,
                           struct docker_container *ret_container)
{
    const char *id = json_find_text(value, "Id", NULL);
    const struct json_value *state = json_find(value, "State");
    const struct json_value *config = json_find(value, "Config");
    const struct json_value *host = json_find(value, "HostConfig");
    if (!id || !state || !config || !host) {
        return false;
    }
    *ret_container = (struct docker_container){
        .id = id,
        .name = without_slash(json_find_text(value, "Name", "")),
        .image = json_find_text(config, "Image", ""),
        .ip_address = find_address(json_find(value, "NetworkSettings"), network),
        .state = parse_state(json_find_text(state, "Status", "")),
        .pid = json_find_integer(state, "Pid", 0),
        .exit_code = json_find_integer(state, "ExitCode", 0),
        .is_oom_killed = json_find_bool(state, "OOMKilled", false),
        .error = json_find_text(state, "Error", ""),
        .started_at_unix = docker_time_parse(json_find_text(state, "StartedAt", "")),
        .finished_at_unix = docker_time_parse(json_find_text(state, "FinishedAt", "")),
        .memory_bytes = json_find_integer(host, "Memory", 0),
        .memory_swap_bytes = json_find_integer(host, "MemorySwap", 0),
        .nano_cpus = json_find_integer(host, "NanoCpus", 0),
        .cpu_shares = json_find_integer(host, "CpuShares", 0),
        .pids_limit = json_find_integer(host, "PidsLimit", 0),
    };
    ret_container->labels =
        docker_labels_read(arena, json_find(config, "Labels"), &ret_container->label_count);
    return true;
}

static const char *first_name(const struct json_value *item)
{
    const struct json_value *names = json_find(item, "Names");
    if (!names || names->type != JSON_ARRAY || names->item_count == 0 ||
        names->items[0]->type != JSON_STRING) {
        return "";
    }
    return without_slash(names->items[0]->text);
}

bool docker_container_list_read(struct arena *arena, const struct json_value *value,
                                const char *network, struct docker_container **ret_list,
                                size_t *ret_count)
{
    if (value->type != JSON_ARRAY) {
        return false;
    }
    struct docker_container *list = arena_calloc(arena, value->item_count + 1, sizeof(*list));
    for (size_t i = 0; i < value->item_count; i++) {
        const struct json_value *item = value->items[i];
        list[i] = (struct docker_container){
            .id = json_find_text(item, "Id", ""),
            .name = first_name(item),
            .image = json_find_text(item, "Image", ""),
            .ip_address = find_address(json_find(item, "NetworkSettings"), network),
            .state = parse_state(json_find_text(item, "State", "")),
            .error = "",
        };
        list[i].labels = docker_labels_read(arena, json_find(item, "Labels"), &list[i].label_count);
    }
    *ret_list = list;
    *ret_count = value->item_count;
    return true;
}

int64_t docker_time_parse(const char *text)
{
    struct tm tm = {0};
    const char *end = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);
    if (!end || tm.tm_year < 70) {
        return 0;
    }
    return (int64_t)timegm(&tm);
}
