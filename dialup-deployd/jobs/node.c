/*
 * npm in containers, then a look at what came out. Called by build.c.
 */
#include "dialup-deployd/jobs/node.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dialup-deployd/engine/url.h"
#include "dialup-deployd/engine/wait.h"
#include "dialup-deployd/jobs/container_run.h"
#include "dialup-deployd/jobs/modules_cache.h"
#include "dialup-deployd/jobs/serve.h"
#include "dialup-deployd/jobs/tree.h"
#include "libdialup/base/fs.h"
#include "libdialup/base/memory.h"
#include "libdialup/json/json.h"

/* A site's npm cache above this is thrown away. */
#define MAX_NPM_CACHE_BYTES ((int64_t)512 << 20)

static int read_image_id(struct build *build, const char **ret_id, struct error *err)
{
    AUTO_STRBUF struct strbuf path = STRBUF_INIT;
    AUTO_STRBUF struct strbuf body = STRBUF_INIT;
    const struct json_value *value;
    strbuf_puts(&path, "/images/");
    engine_escape(&path, build->params->node_image);
    strbuf_puts(&path, "/json");
    const struct engine_request request = {.method = "GET", .path = strbuf_text(&path)};
    int result = engine_wait(build->engine, build->base, &request, &body, err);
    if (result == -ERR_NOT_FOUND) {
        error_set(err, ERR_UNAVAILABLE, "The image %s is not on this server",
                  build->params->node_image);
        error_hint(err, "Ask admin to run: docker pull %s", build->params->node_image);
        return -ERR_UNAVAILABLE;
    }
    if (result == 0) {
        result = json_parse(build->arena, strbuf_text(&body), body.size, &value, err);
    }
    if (result == 0) {
        *ret_id = json_find_text(value, "Id", "");
    }
    return result;
}

/* Packages ------------------------------------------------------------------------------------ */

/* A folder that only this site can write: what one site downloads must not fool another. */
static int make_npm_cache(const struct build *build, char **ret_path, struct error *err)
{
    const struct jobs_build_params *params = build->params;
    AUTO_FREE char *path = xasprintf("%s/npm/%lld", params->cache_dir, (long long)params->site_id);
    struct fs_usage usage = {0};
    bool is_strict = params->has_temp_bytes && params->temp_bytes < MAX_NPM_CACHE_BYTES;
    int64_t most = is_strict ? params->temp_bytes : MAX_NPM_CACHE_BYTES;
    if (fs_exists(path) && (fs_measure_tree(path, BUILD_MAX_INODES, &usage, NULL) < 0 ||
                            fs_usage_charged(usage.size_bytes, usage.inodes) > most)) {
        fs_remove_tree(path, NULL);
    }
    int result = fs_make_dirs(path, 0755, err);
    if (result < 0) {
        return result;
    }
    if (fs_may_give() && lchown(path, (uid_t)params->uid, (gid_t)params->uid) < 0) {
        return error_set_errno(err, ERR_IO, errno, "Cannot make the site's cache");
    }
    *ret_path = xstrdup(path);
    return 0;
}

static int run_npm(struct build *build, const char *const *argv, size_t argv_count,
                   const char *doing, int timeout_s, struct error *err)
{
    AUTO_FREE char *npm_cache = NULL;
    int result = make_npm_cache(build, &npm_cache, err);
    if (result < 0) {
        return result;
    }
    const struct container_run run = {
        .doing = doing,
        .argv = argv,
        .argv_count = argv_count,
        .npm_cache = npm_cache,
        .timeout_s = timeout_s,
    };
    return container_run(build, &run, err);
}

static bool has_lock(const struct build *build)
{
    return manifest_find(&build->manifest, "package-lock.json") ||
           manifest_find(&build->manifest, "npm-shrinkwrap.json");
}

static void note_no_lock(struct build *build)
{
    static const char *const others[] = {"pnpm-lock.yaml", "yarn.lock", "bun.lock", "bun.lockb"};
    for (size_t i = 0; i < ARRAY_COUNT(others); i++) {
        if (manifest_find(&build->manifest, others[i])) {
            progress_note(&build->progress,
                          "npm installs the packages and does not read %s: versions may differ "
                          "from yours. To fix them: npm install --package-lock-only",
                          others[i]);
            return;
        }
    }
    progress_note(&build->progress, "There is no package-lock.json: versions of packages may "
                                    "change from one deployment to the next");
}

static int install(struct build *build, struct error *err)
{
    const char *const argv[] = {"npm", has_lock(build) ? "ci" : "install", "--no-audit",
                                "--no-fund"};
    const char *image_id = NULL;
    char key[MODULES_CACHE_KEY_SIZE];
    int result = read_image_id(build, &image_id, err);
    if (result < 0) {
        return result;
    }
    bool is_cacheable = modules_cache_key(build, image_id, key);
    if (is_cacheable && modules_cache_take(build, key)) {
        progress_note(&build->progress, "Dependencies unchanged: taken from the cache");
        return 0;
    }
    if (!has_lock(build) && (build->package.has_dependencies || build->package.has_workspaces)) {
        note_no_lock(build);
    }
    result = run_npm(build, argv, ARRAY_COUNT(argv), "installing packages",
                     build->detection.type->install_timeout_s, err);
    return result == 0 && is_cacheable ? modules_cache_keep(build, key, err) : result;
}

static int run_build_script(struct build *build, struct error *err)
{
    static const char *const argv[] = {"npm", "run", "build"};
    return run_npm(build, argv, ARRAY_COUNT(argv), "building",
                   build->detection.type->build_timeout_s, err);
}

int node_build(struct build *build, struct error *err)
{
    const char *script = build->package.site.build_script;
    int result = tree_give(build->params->release_dir, (uid_t)build->params->uid, err);
    if (result == 0) {
        result = build_open_engine(build, err);
    }
    if (result < 0) {
        return result;
    }
    progress_step(&build->progress, "Installing packages");
    if ((result = install(build, err)) < 0) {
        return result;
    }
    if (script && *script) {
        progress_step(&build->progress, "Building");
        result = run_build_script(build, err);
    }
    return result < 0 ? result : serve_built(build, err);
}
