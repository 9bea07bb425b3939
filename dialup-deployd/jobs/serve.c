/*
 * Rules for serving, by type. Called by build.c for plain files and by node.c after a build.
 */
#include "dialup-deployd/jobs/serve.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dialup-deployd/jobs/tree.h"
#include "libdialup/base/fs.h"
#include "libdialup/base/memory.h"

enum { NODE_PORT = 3000, STATIC_CONTAINER_PORT = 80 };

#define ASTRO_SERVER "dist/server/entry.mjs"

static bool is_file(const struct build *build, const char *path)
{
    AUTO_CLOSE int fd = fs_open_beneath(build->release_fd, path, O_PATH, 0, NULL);
    struct stat info;
    return fd >= 0 && fstat(fd, &info) == 0 && S_ISREG(info.st_mode);
}

/* Files --------------------------------------------------------------------------------------- */

/* What builds of frameworks leave for node to start: Nuxt and Nitro, SvelteKit with adapter-node.
 */
static const char *const built_servers[] = {".output/server/index.mjs", "build/index.js"};

static const char *find_built_server(const struct build *build)
{
    for (size_t i = 0; i < ARRAY_COUNT(built_servers); i++) {
        if (is_file(build, built_servers[i])) {
            return built_servers[i];
        }
    }
    return NULL;
}

static int no_pages_built(const struct build *build, const char *looked, struct error *err)
{
    const char *server = find_built_server(build);
    if (!server) {
        error_set(err, ERR_BUILD_FAILED, "The build made no index.html (looked for %s)", looked);
        error_hint(err, "Let the build write its pages to one of these folders");
        return -ERR_BUILD_FAILED;
    }
    error_set(err, ERR_BUILD_FAILED,
              "This is a site of files, and the build made a server (%s) and no index.html",
              server);
    error_hint(
        err,
        "If that is meant: add \"start\": \"node %s\" to the scripts of package.json, delete "
        "the site and deploy it anew",
        str_equal(server, "build/index.js") ? "build" : server);
    return -ERR_BUILD_FAILED;
}

static int no_index(const struct build *build, const struct site_files *files, bool is_built,
                    struct error *err)
{
    const struct site_type *type = build->detection.type;
    AUTO_STRBUF struct strbuf looked = STRBUF_INIT;
    strbuf_puts(&looked, is_built ? "" : "index.html");
    for (size_t i = 0; type->public_folders[i]; i++) {
        if (!str_equal(type->public_folders[i], ".")) {
            strbuf_printf(&looked, "%s%s/index.html", looked.size ? ", " : "",
                          type->public_folders[i]);
        }
    }
    if (is_built) {
        return no_pages_built(build, strbuf_text(&looked), err);
    }
    error_set_field(err, ERR_INVALID_ARGUMENT, "archive", "There is no index.html (looked for %s)",
                    strbuf_text(&looked));
    site_type_hint_index(files, err);
    return -ERR_INVALID_ARGUMENT;
}

static int serve_files(struct build *build, const char *folder, struct error *err)
{
    struct jobs_release *release = &build->release;
    bool in_container = build->detection.type->id == SITE_TYPE_STATIC_CONTAINER;
    AUTO_FREE char *path = xasprintf("%s/%s", build->params->release_dir, folder);
    AUTO_CLOSE int fd = fs_open_beneath(build->release_fd, folder, O_RDONLY | O_DIRECTORY, 0, err);
    if (fd < 0) {
        return fd;
    }
    int result = tree_check_links(path, err);
    if (result < 0) {
        return result;
    }
    release->serve = in_container ? "container" : "files";
    release->public_dir = arena_strdup(build->arena, folder);
    release->image = in_container ? build->params->static_image : NULL;
    release->port = in_container ? STATIC_CONTAINER_PORT : 0;
    return 0;
}

/* Angular names a folder after the project: dist/shop/browser. */
static const char *named_folder(struct build *build, const struct site_files *files)
{
    static const char *const ends[] = {"/browser/index.html", "/index.html"};
    for (size_t i = 0; i < ARRAY_COUNT(ends); i++) {
        for (size_t j = 0; j < files->count; j++) {
            const char *path = files->paths[j];
            const char *name = path + strlen("dist/");
            if (str_starts_with(path, "dist/") && str_equal(name + strcspn(name, "/"), ends[i])) {
                size_t len = strlen(path) - strlen("/index.html");
                return arena_strndup(build->arena, path, len);
            }
        }
    }
    return NULL;
}

/* One page and scripts, made by a build: an app that finds its way in the browser. Then a visitor
 * who comes by an inner address gets it too, which Caddy does for a 200.html. */
static bool is_one_page_app(const struct site_files *files, const char *folder)
{
    size_t pages = 0;
    size_t scripts = 0;
    size_t len = strlen(folder);
    for (size_t i = 0; i < files->count; i++) {
        const char *path = files->paths[i];
        if (str_starts_with(path, folder) && path[len] == '/') {
            pages += str_ends_with(path, ".html");
            scripts += str_ends_with(path, ".js");
        }
    }
    return pages == 1 && scripts > 0;
}

static int answer_everywhere(struct build *build, const char *folder, struct error *err)
{
    AUTO_CLOSE int fd = fs_open_beneath(build->release_fd, folder, O_RDONLY | O_DIRECTORY, 0, err);
    if (fd < 0) {
        return fd;
    }
    if (symlinkat("index.html", fd, "200.html") < 0) {
        return error_set_errno(err, ERR_IO, errno, "Cannot make 200.html");
    }
    progress_note(&build->progress, "One page and scripts: index.html answers for every address "
                                    "that is no file. A 404.html of your own ends that");
    return 0;
}

static int serve_public_folder(struct build *build, bool is_built, struct error *err)
{
    const struct site_type *type = build->detection.type;
    struct site_files files;
    int result = tree_list(build->arena, build->params->release_dir, &files, err);
    if (result < 0) {
        return result;
    }
    const char *folder = site_public_folder(type, &files, is_built);
    if (is_built && (!folder || str_equal(folder, "public") || str_equal(folder, "."))) {
        const char *named = named_folder(build, &files);
        folder = named ? named : folder;
    }
    if (!folder) {
        return no_index(build, &files, is_built, err);
    }
    result = serve_files(build, folder, err);
    bool is_app =
        result == 0 && is_built && type->id == SITE_TYPE_STATIC && is_one_page_app(&files, folder);
    return is_app ? answer_everywhere(build, folder, err) : result;
}

int serve_plain(struct build *build, struct error *err)
{
    return serve_public_folder(build, false, err);
}

/* Pages only: what made them is not needed any more and would count as the owner's storage. A
 * folder of hard links costs little to make again from the cache. */
static int serve_built_files(struct build *build, struct error *err)
{
    int result = serve_public_folder(build, true, err);
    AUTO_FREE char *modules = xasprintf("%s/node_modules", build->params->release_dir);
    return result < 0 ? result : fs_remove_tree(modules, err);
}

/* Servers ------------------------------------------------------------------------------------- */

static void set_argv(struct build *build, const char *const *argv, size_t count)
{
    const char **copy = arena_calloc(build->arena, count, sizeof(*copy));
    memcpy(copy, argv, count * sizeof(*copy));
    build->release.argv = copy;
    build->release.argv_count = count;
}

static int serve_container(struct build *build)
{
    static const char *const environment[] = {
        "NODE_ENV=production",
        "PORT=3000",
        "HOST=0.0.0.0",
        "HOSTNAME=0.0.0.0",
        "HOME=/tmp",
        "npm_config_update_notifier=false",
        "npm_config_cache=/tmp",
        "NEXT_TELEMETRY_DISABLED=1",
        "PROTOCOL_HEADER=x-forwarded-proto", /* SvelteKit takes https for granted otherwise */
    };
    struct jobs_release *release = &build->release;
    release->serve = "container";
    release->public_dir = "";
    release->image = build->params->node_image;
    release->environment = environment;
    release->environment_count = ARRAY_COUNT(environment);
    release->port = NODE_PORT;
    return 0;
}

/* The file that node is started with when package.json names no command; NULL if there is none. */
static const char *find_main(struct build *build)
{
    const char *main = build->package.site.main;
    const char *candidates[] = {main, main ? arena_printf(build->arena, "%s.js", main) : NULL,
                                "server.js", "index.js", "app.js"};
    for (size_t i = 0; i < ARRAY_COUNT(candidates); i++) {
        const char *path = candidates[i];
        if (path && str_starts_with(path, "./")) {
            path += 2;
        }
        if (path && is_file(build, path)) {
            return path;
        }
    }
    return find_built_server(build);
}

static int serve_node(struct build *build, struct error *err)
{
    const char *script = build->package.site.start_script;
    const char *const *words;
    size_t count;
    if (script && *script) {
        static const char *const npm[] = {"npm", "start"};
        bool is_plain = !build->package.wraps_start &&
                        package_split_start(build->arena, script, &words, &count);
        set_argv(build, is_plain ? words : npm, is_plain ? count : ARRAY_COUNT(npm));
        return serve_container(build);
    }
    const char *main = find_main(build);
    if (!main) {
        error_set_field(err, ERR_INVALID_ARGUMENT, "package.json",
                        "Nothing says how to start the app: no start script, and no server.js, "
                        "index.js or app.js");
        error_hint(err, "Add to package.json: \"scripts\": {\"start\": \"node server.js\"}");
        return -ERR_INVALID_ARGUMENT;
    }
    set_argv(build, (const char *const[]){"node", main}, 2);
    return serve_container(build);
}

/* The release is mounted read-only, and `next start` keeps pictures that it scaled: in the
 * container's own /tmp. What the build kept there only serves further builds. */
static int redirect_next_cache(const struct build *build, struct error *err)
{
    AUTO_CLOSE int next =
        fs_open_beneath(build->release_fd, ".next", O_RDONLY | O_DIRECTORY, 0, NULL);
    if (next < 0) {
        return 0; /* another distDir */
    }
    AUTO_FREE char *cache = xasprintf("%s/.next/cache", build->params->release_dir);
    int result = fs_remove_tree(cache, err);
    if (result == 0 && symlinkat("/tmp", next, "cache") < 0) {
        result = error_set_errno(err, ERR_IO, errno, "Cannot prepare .next/cache");
    }
    return result;
}

static int serve_next(struct build *build, struct error *err)
{
    static const char *const argv[] = {"node", "node_modules/next/dist/bin/next", "start", "-p",
                                       "3000"};
    const char *script = build->package.site.start_script;
    /* `output: "export"`: pages without a server. */
    AUTO_CLOSE int exported = fs_open_beneath(build->release_fd, "out/_next", O_PATH, 0, NULL);
    if (exported >= 0 && is_file(build, "out/index.html")) {
        AUTO_FREE char *modules = xasprintf("%s/node_modules", build->params->release_dir);
        int result = serve_files(build, "out", err);
        return result < 0 ? result : fs_remove_tree(modules, err);
    }
    int result = redirect_next_cache(build, err);
    if (result < 0) {
        return result;
    }
    if (script && *script && !str_equal(script, "next start")) {
        return serve_node(build, err);
    }
    set_argv(build, argv, ARRAY_COUNT(argv));
    return serve_container(build);
}

/* An Astro site with pages made on demand is a Node server. */
static int serve_astro(struct build *build, struct error *err)
{
    if (!is_file(build, ASTRO_SERVER)) {
        return serve_built_files(build, err);
    }
    build->detection.type = site_type_get(SITE_TYPE_NODE);
    str_copy(build->detection.reason, sizeof(build->detection.reason),
             "Astro made a server of its own");
    set_argv(build, (const char *const[]){"node", ASTRO_SERVER}, 2);
    return serve_container(build);
}

int serve_built(struct build *build, struct error *err)
{
    switch (build->detection.type->id) {
    case SITE_TYPE_NODE:
        return serve_node(build, err);
    case SITE_TYPE_NEXT:
        return serve_next(build, err);
    case SITE_TYPE_ASTRO:
        return serve_astro(build, err);
    default:
        return serve_built_files(build, err);
    }
}
