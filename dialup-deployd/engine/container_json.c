/*
 * The engine's JSON, written and read; pure. Names are those of the Docker Engine API, 1.41.
 */
#include <stdio.h>
#include <string.h>

#include "dialup-deployd/engine/container.h"
#include "libdialup/base/arena.h"
#include "libdialup/json/json.h"
#include "libdialup/json/writer.h"

enum { MIB = 1 << 20, NANOS_PER_MILLICORE = 1000000, FRAME_HEADER = 8 };
enum {
    MILLICORES_PER_CORE = 1000,
    SHARES_PER_CORE = 1024,
    SHARES_LEAST = 2,
    SHARES_OF_OTHERS = 8 /* one part in so many */
};

/* Docker takes no less than 2. */
int64_t container_cpu_shares(const char *kind, int64_t cpu_millicores)
{
    int64_t part = str_equal(kind, CONTAINER_KIND_PRODUCTION) ? 1 : SHARES_OF_OTHERS;
    int64_t shares = cpu_millicores * SHARES_PER_CORE / MILLICORES_PER_CORE / part;
    return shares > SHARES_LEAST ? shares : SHARES_LEAST;
}

static void put_texts(struct json_writer *writer, const char *name, const char *const *texts,
                      size_t count)
{
    json_key(writer, name);
    json_begin_array(writer);
    for (size_t i = 0; i < count; i++) {
        json_text(writer, texts[i]);
    }
    json_end_array(writer);
}

static void put_label(struct json_writer *writer, const char *name, int64_t value)
{
    char text[24];
    snprintf(text, sizeof(text), "%lld", (long long)value);
    json_put_text(writer, name, text);
}

static void put_labels(struct json_writer *writer, const struct container_spec *spec)
{
    json_key(writer, "Labels");
    json_begin_object(writer);
    json_put_text(writer, CONTAINER_LABEL_INSTANCE, spec->instance);
    json_put_text(writer, CONTAINER_LABEL_OWNER, spec->owner);
    json_put_text(writer, CONTAINER_LABEL_KIND, spec->kind);
    put_label(writer, CONTAINER_LABEL_SITE, spec->site_id);
    put_label(writer, CONTAINER_LABEL_DEPLOYMENT, spec->deployment_id);
    put_label(writer, CONTAINER_LABEL_GENERATION, spec->generation);
    json_end_object(writer);
}

static void put_mounts(struct json_writer *writer, const struct container_spec *spec)
{
    json_key(writer, "Mounts");
    json_begin_array(writer);
    for (size_t i = 0; i < spec->mount_count; i++) {
        json_begin_object(writer);
        json_put_text(writer, "Type", "bind");
        json_put_text(writer, "Source", spec->mounts[i].source);
        json_put_text(writer, "Target", spec->mounts[i].target);
        json_put_bool(writer, "ReadOnly", spec->mounts[i].is_read_only);
        json_end_object(writer);
    }
    json_end_array(writer);
    json_key(writer, "Tmpfs");
    json_begin_object(writer);
    for (size_t i = 0; i < spec->tmpfs_count; i++) {
        json_put_text(writer, spec->tmpfs[i], "rw,nosuid,nodev,size=64m,mode=1777");
    }
    json_end_object(writer);
}

static void put_log_rotation(struct json_writer *writer)
{
    json_key(writer, "LogConfig");
    json_begin_object(writer);
    json_put_text(writer, "Type", "json-file");
    json_key(writer, "Config");
    json_begin_object(writer);
    json_put_text(writer, "max-size", "10m");
    json_put_text(writer, "max-file", "3");
    json_end_object(writer);
    json_end_object(writer);
}

/* An image's own would have Docker start a program in the container as often as the image says, at
 * Docker's cost and not the site's. We ask for its health ourselves. */
static void put_no_health_check(struct json_writer *writer)
{
    json_key(writer, "Healthcheck");
    json_begin_object(writer);
    put_texts(writer, "Test", (const char *const[]){"NONE"}, 1);
    json_end_object(writer);
}

static void put_file_limit(struct json_writer *writer)
{
    json_key(writer, "Ulimits");
    json_begin_array(writer);
    json_begin_object(writer);
    json_put_text(writer, "Name", "nofile");
    json_put_integer(writer, "Soft", 1024);
    json_put_integer(writer, "Hard", 4096);
    json_end_object(writer);
    json_end_array(writer);
}

static void put_host_config(struct json_writer *writer, const struct container_spec *spec)
{
    json_key(writer, "HostConfig");
    json_begin_object(writer);
    json_put_integer(writer, "Memory", spec->memory_mib * MIB);
    json_put_integer(writer, "MemorySwap", spec->memory_mib * MIB);
    json_put_integer(writer, "NanoCpus", spec->cpu_millicores * NANOS_PER_MILLICORE);
    json_put_integer(writer, "CpuShares", container_cpu_shares(spec->kind, spec->cpu_millicores));
    json_put_integer(writer, "PidsLimit", spec->pids);
    json_put_bool(writer, "Init", true);
    json_put_bool(writer, "ReadonlyRootfs", spec->has_read_only_root);
    json_put_text(writer, "NetworkMode", spec->network);
    if (spec->uid >= 0) {
        /* Where Docker maps users (userns-remap), this one owns files outside. */
        json_put_text(writer, "UsernsMode", "host");
    }
    json_key(writer, "RestartPolicy");
    json_begin_object(writer);
    json_put_text(writer, "Name", "no");
    json_end_object(writer);
    put_texts(writer, "CapDrop", (const char *const[]){"ALL"}, 1);
    put_texts(writer, "CapAdd", spec->capabilities, spec->capability_count);
    put_texts(writer, "SecurityOpt", (const char *const[]){"no-new-privileges"}, 1);
    put_mounts(writer, spec);
    put_log_rotation(writer);
    put_file_limit(writer);
    json_end_object(writer);
}

void container_spec_print(const struct container_spec *spec, struct strbuf *out)
{
    struct json_writer writer;
    char user[48];
    json_writer_init(&writer, out);
    json_begin_object(&writer);
    json_put_text(&writer, "Image", spec->image);
    if (spec->argv) {
        put_texts(&writer, "Entrypoint", NULL, 0);
        put_texts(&writer, "Cmd", spec->argv, spec->argv_count);
    }
    put_texts(&writer, "Env", spec->environment, spec->environment_count);
    if (spec->working_dir) {
        json_put_text(&writer, "WorkingDir", spec->working_dir);
    }
    if (spec->uid >= 0) {
        snprintf(user, sizeof(user), "%lld:%lld", (long long)spec->uid, (long long)spec->uid);
        json_put_text(&writer, "User", user);
    }
    put_labels(&writer, spec);
    put_no_health_check(&writer);
    put_host_config(&writer, spec);
    json_end_object(&writer);
}

int64_t container_label_number(const struct json_value *labels, const char *name)
{
    int64_t value;
    const char *text = json_find_text(labels, name, "");
    return str_parse_i64(text, 0, INT64_MAX, &value) ? value : 0;
}

static const char *find_address(const struct json_value *container, const char *network)
{
    const struct json_value *settings = json_find(container, "NetworkSettings");
    return json_find_text(json_find(json_find(settings, "Networks"), network), "IPAddress", "");
}

int container_list_parse(struct arena *arena, const char *json, size_t size,
                         const struct container **ret_list, size_t *ret_count, struct error *err)
{
    const struct json_value *value;
    int result = json_parse(arena, json, size, &value, err);
    if (result < 0 || value->type != JSON_ARRAY) {
        return error_set(err, ERR_UNAVAILABLE, "Docker's list of containers is not understood");
    }
    struct container *list = arena_calloc(arena, value->item_count, sizeof(*list));
    for (size_t i = 0; i < value->item_count; i++) {
        const struct json_value *item = value->items[i];
        const struct json_value *labels = json_find(item, "Labels");
        const char *state = json_find_text(item, "State", "");
        const char *network = json_find_text(json_find(item, "HostConfig"), "NetworkMode", "");
        list[i] = (struct container){
            .id = json_find_text(item, "Id", ""),
            .site_id = container_label_number(labels, CONTAINER_LABEL_SITE),
            .deployment_id = container_label_number(labels, CONTAINER_LABEL_DEPLOYMENT),
            .generation = container_label_number(labels, CONTAINER_LABEL_GENERATION),
            .owner = json_find_text(labels, CONTAINER_LABEL_OWNER, ""),
            .kind = json_find_text(labels, CONTAINER_LABEL_KIND, ""),
            .network = network,
            .address = find_address(item, network),
            .is_running = str_equal(state, "running") || str_equal(state, "paused"),
            .is_paused = str_equal(state, "paused"),
            .was_started = !str_equal(state, "created"),
        };
    }
    *ret_list = list;
    *ret_count = value->item_count;
    return 0;
}

int container_detail_parse(struct arena *arena, const char *json, size_t size, const char *network,
                           struct container_detail *ret_detail, struct error *err)
{
    const struct json_value *value;
    int result = json_parse(arena, json, size, &value, err);
    if (result < 0) {
        return error_set(err, ERR_UNAVAILABLE, "Docker's answer is not understood");
    }
    const struct json_value *state = json_find(value, "State");
    const struct json_value *host = json_find(value, "HostConfig");
    *ret_detail = (struct container_detail){
        .is_running = json_find_bool(state, "Running", false),
        .was_started = !str_equal(json_find_text(state, "Status", ""), "created"),
        .has_writable_root = !json_find_bool(host, "ReadonlyRootfs", false),
        .was_oom_killed = json_find_bool(state, "OOMKilled", false),
        .exit_code = (int)json_find_integer(state, "ExitCode", 0),
        .pid = json_find_integer(state, "Pid", 0),
        .memory_bytes = json_find_integer(host, "Memory", 0),
        .cpu_millicores = json_find_integer(host, "NanoCpus", 0) / NANOS_PER_MILLICORE,
        .pids = json_find_integer(host, "PidsLimit", 0),
    };
    str_copy(ret_detail->address, sizeof(ret_detail->address),
             network ? find_address(value, network) : "");
    return 0;
}

void container_unframe(const char *data, size_t size, struct strbuf *out)
{
    while (size > FRAME_HEADER) {
        const unsigned char *header = (const unsigned char *)data;
        size_t len = (size_t)header[4] << 24 | (size_t)header[5] << 16 | (size_t)header[6] << 8 |
                     (size_t)header[7];
        data += FRAME_HEADER;
        size -= FRAME_HEADER;
        size_t taken = len < size ? len : size;
        strbuf_append(out, data, taken);
        data += taken;
        size -= taken;
    }
}
