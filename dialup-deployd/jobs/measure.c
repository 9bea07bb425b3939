/*
 * dialup-job-measure: what each site occupies: releases and logs on the disk, and what Docker has
 * of it. Reads its params on stdin, writes a line for each container that may write to its own file
 * system, then one for each site. Started by deployd now and then;
 * Docker walks the containers' files for it, so never for each request.
 *
 * An image's own layers are those above its base image: Docker tells no id for the layers of an
 * image that was pulled but its topmost, and that one has a name. Layers that two images of a site
 * share count once.
 */
#include <dirent.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dialup-deployd/engine/container.h"
#include "dialup-deployd/engine/engine.h"
#include "dialup-deployd/engine/url.h"
#include "dialup-deployd/engine/wait.h"
#include "dialup-deployd/jobs/build_work.h"
#include "dialup-deployd/jobs/changes.h"
#include "dialup-deployd/jobs/input.h"
#include "dialup-deployd/jobs/progress.h"
#include "libdialup/base/fs.h"
#include "libdialup/base/log.h"
#include "libdialup/base/memory.h"
#include "libdialup/json/json.h"

enum { NICENESS = 10, DOCKER_TIMEOUT_MS = 300 * 1000, LOG_FILES = 3, BLOCK_BYTES = 512 };

struct layer {
    int64_t site_id;
    const char *id;
};

struct measure {
    const struct jobs_measure_params *params;
    struct arena *arena;
    struct event_base *base;
    struct engine *engine;
    struct jobs_measured *sites;
    size_t site_count;
    struct jobs_wrote *wrote;
    size_t wrote_count;
    struct layer *layers; /* that were counted */
    size_t layer_count;
};

static struct jobs_measured *find_site(struct measure *measure, int64_t id)
{
    for (size_t i = 0; i < measure->site_count; i++) {
        if (measure->sites[i].site_id == id) {
            return &measure->sites[i];
        }
    }
    return NULL;
}

/* The site that a container or an image names in its label; NULL: none that has a folder. A
 * Dockerfile may give its steps and what is left of them any label: see is_served and is_tagged. */
static struct jobs_measured *find_owner(struct measure *measure, const struct json_value *thing)
{
    int64_t id;
    const char *label = json_find_text(json_find(thing, "Labels"), CONTAINER_LABEL_SITE, "");
    return str_parse_i64(label, 1, INT64_MAX, &id) ? find_site(measure, id) : NULL;
}

/* Files --------------------------------------------------------------------------------------- */

static int measure_folder(const struct measure *measure, int64_t site_id, const char *part,
                          struct fs_usage *ret_usage, struct error *err)
{
    AUTO_FREE char *path =
        xasprintf("%s/%lld/%s", measure->params->sites_dir, (long long)site_id, part);
    *ret_usage = (struct fs_usage){0};
    return fs_exists(path) ? fs_measure_tree(path, BUILD_MAX_INODES, ret_usage, err) : 0;
}

static int measure_files(const struct measure *measure, struct jobs_measured *site,
                         struct error *err)
{
    struct fs_usage releases;
    struct fs_usage logs;
    int result = measure_folder(measure, site->site_id, "releases", &releases, err);
    if (result == 0) {
        result = measure_folder(measure, site->site_id, "logs", &logs, err);
    }
    if (result == 0) {
        site->releases_bytes = releases.size_bytes;
        site->inodes = releases.inodes;
        site->logs_bytes = logs.size_bytes;
    }
    return result;
}

static int list_sites(struct measure *measure, struct error *err)
{
    DIR *dir = opendir(measure->params->sites_dir);
    if (!dir) {
        return error_set(err, ERR_IO, "Cannot read %.200s", measure->params->sites_dir);
    }
    int result = 0;
    for (const struct dirent *entry; result == 0 && (entry = readdir(dir));) {
        int64_t id;
        if (!str_parse_i64(entry->d_name, 1, INT64_MAX, &id)) {
            continue;
        }
        measure->sites =
            xreallocarray(measure->sites, measure->site_count + 1, sizeof(*measure->sites));
        struct jobs_measured *site = &measure->sites[measure->site_count++];
        *site = (struct jobs_measured){.site_id = id};
        result = measure_files(measure, site, err);
    }
    closedir(dir);
    return result;
}

/* Docker -------------------------------------------------------------------------------------- */

static int get(struct measure *measure, const char *path, const struct json_value **ret_value,
               struct error *err)
{
    AUTO_STRBUF struct strbuf body = STRBUF_INIT;
    const struct engine_request request = {
        .method = "GET", .path = path, .timeout_ms = DOCKER_TIMEOUT_MS};
    int result = engine_wait(measure->engine, measure->base, &request, &body, err);
    return result < 0 ? result
                      : json_parse(measure->arena, strbuf_text(&body), body.size, ret_value, err);
}

/* Those of this suite. */
static int list(struct measure *measure, const char *path, const struct json_value **ret_list,
                struct error *err)
{
    AUTO_STRBUF struct strbuf whole = STRBUF_INIT;
    AUTO_FREE char *filter =
        xasprintf("{\"label\":[\"" CONTAINER_LABEL_INSTANCE "=%s\"]}", measure->params->instance);
    strbuf_puts(&whole, path);
    engine_escape(&whole, filter);
    int result = get(measure, strbuf_text(&whole), ret_list, err);
    if (result == 0 && (*ret_list)->type != JSON_ARRAY) {
        return error_set(err, ERR_UNAVAILABLE, "Docker's answer is not a list");
    }
    return result;
}

/* Docker's folder may be none of ours: then nothing. */
static int64_t measure_file(const char *path)
{
    struct stat info;
    return path[0] == '/' && stat(path, &info) == 0 ? (int64_t)info.st_blocks * BLOCK_BYTES : 0;
}

/* Of a container, rotated ones as well. */
static int64_t measure_log(const char *path)
{
    int64_t size_bytes = 0;
    for (int i = 0; i < LOG_FILES; i++) {
        AUTO_FREE char *file = i > 0 ? xasprintf("%s.%d", path, i) : xstrdup(path);
        size_bytes += measure_file(file);
    }
    return size_bytes;
}

/* What an image declares as VOLUME stands beside the container, which does not count it. */
static struct fs_usage measure_volumes(const struct json_value *details)
{
    struct fs_usage sum = {0};
    const struct json_value *mounts = json_find(details, "Mounts");
    size_t count = mounts && mounts->type == JSON_ARRAY ? mounts->item_count : 0;
    for (size_t i = 0; i < count; i++) {
        const char *path = json_find_text(mounts->items[i], "Source", "");
        struct fs_usage usage = {0};
        if (!str_equal(json_find_text(mounts->items[i], "Type", ""), "volume") || path[0] != '/') {
            continue;
        }
        int result = fs_measure_tree(path, BUILD_MAX_INODES, &usage, NULL);
        sum.size_bytes += usage.size_bytes;
        sum.inodes += result == -ERR_TOO_LARGE ? BUILD_MAX_INODES : usage.inodes;
    }
    return sum;
}

/* 0 if it ended meanwhile. */
static int64_t count_changes(const struct measure *measure, const char *container_id)
{
    struct changes changes = {0};
    AUTO_FREE char *path = xasprintf("/containers/%s/changes", container_id);
    const struct engine_request request = {.method = "GET",
                                           .path = path,
                                           .timeout_ms = DOCKER_TIMEOUT_MS,
                                           .on_data = changes_take,
                                           .context = &changes};
    engine_wait(measure->engine, measure->base, &request, NULL, NULL);
    return changes.count;
}

static bool may_read(const char *path)
{
    DIR *dir = path[0] == '/' ? opendir(path) : NULL; /* access(2) knows no ambient capabilities */
    if (dir) {
        closedir(dir);
    }
    return dir != NULL;
}

/* The root of a container that may write there. Docker adds up how long the files say that they
 * are: nothing for one whose blocks were allocated beyond its end, all of one with holes. Where its
 * folder can be read, it is the blocks that count. */
static struct fs_usage measure_root(const struct measure *measure,
                                    const struct json_value *container,
                                    const struct json_value *details)
{
    const struct json_value *layers = json_find(json_find(details, "GraphDriver"), "Data");
    const char *folder = json_find_text(layers, "UpperDir", "");
    struct fs_usage usage = {.size_bytes = json_find_integer(container, "SizeRw", 0)};
    if (may_read(folder)) {
        int result = fs_measure_tree(folder, BUILD_MAX_INODES, &usage, NULL);
        usage.inodes = result == -ERR_TOO_LARGE ? BUILD_MAX_INODES : usage.inodes;
    } else {
        usage.inodes = count_changes(measure, json_find_text(container, "Id", ""));
    }
    /* Files of the host that root in the container may write, in none of its layers. */
    static const char *const files[] = {"HostsPath", "HostnamePath", "ResolvConfPath"};
    for (size_t i = 0; i < ARRAY_COUNT(files); i++) {
        usage.size_bytes += measure_file(json_find_text(details, files[i], ""));
    }
    return usage;
}

/* What is the container's own, and goes with it. */
static struct fs_usage measure_own(struct measure *measure, const struct json_value *container,
                                   const struct json_value *details)
{
    const char *id = json_find_text(container, "Id", "");
    struct fs_usage own = measure_volumes(details);
    if (json_find_bool(json_find(details, "HostConfig"), "ReadonlyRootfs", false)) {
        own.size_bytes += json_find_integer(container, "SizeRw", 0);
    } else {
        struct fs_usage root = measure_root(measure, container, details);
        own.size_bytes += root.size_bytes;
        own.inodes += root.inodes;
        measure->wrote =
            xreallocarray(measure->wrote, measure->wrote_count + 1, sizeof(*measure->wrote));
        measure->wrote[measure->wrote_count++] = (struct jobs_wrote){
            .site_id = find_owner(measure, container)->site_id,
            .container_id = id,
            .size_bytes = own.size_bytes,
            .inodes = own.inodes,
        };
    }
    return own;
}

/* Steps of a build are on the other network. */
static bool is_served(const struct measure *measure, const struct json_value *container)
{
    const char *mode = json_find_text(json_find(container, "HostConfig"), "NetworkMode", "");
    return str_equal(mode, measure->params->network);
}

static void measure_container(struct measure *measure, const struct json_value *container)
{
    struct jobs_measured *site = find_owner(measure, container);
    const struct json_value *details;
    if (!site || !is_served(measure, container)) {
        return;
    }
    AUTO_FREE char *path = xasprintf("/containers/%s/json", json_find_text(container, "Id", ""));
    if (get(measure, path, &details, NULL) < 0) { /* it ended meanwhile */
        site->container_bytes += json_find_integer(container, "SizeRw", 0);
    } else {
        site->logs_bytes += measure_log(json_find_text(details, "LogPath", ""));
        struct fs_usage own = measure_own(measure, container, details);
        site->container_bytes += fs_usage_charged(own.size_bytes, own.inodes);
    }
}

static bool take_layer(struct measure *measure, int64_t site_id, const char *id)
{
    for (size_t i = 0; i < measure->layer_count; i++) {
        if (measure->layers[i].site_id == site_id && str_equal(measure->layers[i].id, id)) {
            return false;
        }
    }
    measure->layers =
        xreallocarray(measure->layers, measure->layer_count + 1, sizeof(*measure->layers));
    measure->layers[measure->layer_count++] = (struct layer){site_id, id};
    return true;
}

static bool is_base(const struct json_value *layer)
{
    const struct json_value *tags = json_find(layer, "Tags");
    return str_equal(json_find_text(layer, "Id", "<missing>"), "<missing>") ||
           (tags && tags->type == JSON_ARRAY && tags->item_count > 0);
}

/* No Dockerfile names its image: we do (dockerfile.c). */
static bool is_tagged(const struct measure *measure, const struct json_value *image,
                      int64_t site_id)
{
    const struct json_value *tags = json_find(image, "RepoTags");
    AUTO_FREE char *ours = xasprintf("%s-site%lld:", measure->params->instance, (long long)site_id);
    for (size_t i = 0; tags && tags->type == JSON_ARRAY && i < tags->item_count; i++) {
        const struct json_value *tag = tags->items[i];
        if (tag->type == JSON_STRING && str_starts_with(tag->text, ours)) {
            return true;
        }
    }
    return false;
}

static void measure_image(struct measure *measure, const struct json_value *image)
{
    struct jobs_measured *site = find_owner(measure, image);
    const struct json_value *layers;
    AUTO_FREE char *path = xasprintf("/images/%s/history", json_find_text(image, "Id", ""));
    if (!site || !is_tagged(measure, image, site->site_id) ||
        get(measure, path, &layers, NULL) < 0 || layers->type != JSON_ARRAY) {
        return;
    }
    /* From the top, which is the image itself and has a name of ours. */
    for (size_t i = 0; i < layers->item_count; i++) {
        const struct json_value *layer = layers->items[i];
        if (i > 0 && is_base(layer)) {
            break;
        }
        if (take_layer(measure, site->site_id, json_find_text(layer, "Id", ""))) {
            site->images_bytes += json_find_integer(layer, "Size", 0);
        }
    }
}

static int measure_docker(struct measure *measure, struct error *err)
{
    const struct json_value *containers;
    const struct json_value *images;
    int result = engine_open(measure->base, measure->params->docker_socket, &measure->engine, err);
    if (result < 0 ||
        (result = list(measure, "/containers/json?all=1&size=1&filters=", &containers, err)) < 0 ||
        (result = list(measure, "/images/json?filters=", &images, err)) < 0) {
        return result;
    }
    for (size_t i = 0; i < containers->item_count; i++) {
        measure_container(measure, containers->items[i]);
    }
    for (size_t i = 0; i < images->item_count; i++) {
        measure_image(measure, images->items[i]);
    }
    return 0;
}

/* --------------------------------------------------------------------------------------------- */

static int measure_all(struct measure *measure, struct error *err)
{
    int result = list_sites(measure, err);
    if (result == 0) {
        measure->base = event_base_new();
        ASSERT(measure->base);
        result = measure_docker(measure, err);
        engine_close(measure->engine);
        event_base_free(measure->base);
    }
    return result;
}

int main(void)
{
    struct jobs_measure_params params;
    struct measure measure = {.params = &params, .arena = arena_new()};
    struct progress progress = {.log_fd = -1};
    struct error err = {0};
    log_init("dialup-job-measure", LOG_LEVEL_INFO);
    setpriority(PRIO_PROCESS, 0, NICENESS);
    int result = input_read(measure.arena, &jobs_measure_params_shape, &params, &err);
    if (result == 0) {
        result = measure_all(&measure, &err);
    }
    for (size_t i = 0; result == 0 && i < measure.wrote_count; i++) {
        progress_wrote(&progress, &measure.wrote[i]);
    }
    for (size_t i = 0; result == 0 && i < measure.site_count; i++) {
        progress_measured(&progress, &measure.sites[i]);
    }
    if (result < 0) {
        progress_error(&progress, &err);
    }
    free(measure.sites);
    free(measure.wrote);
    free(measure.layers);
    arena_free(measure.arena);
    return result < 0 ? 1 : 0;
}
