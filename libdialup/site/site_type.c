/*
 * The table of site types and the rules that recognise a folder. Called by the command line, by
 * the build job and by admission; reads no file itself.
 */
#include "libdialup/site/site_type.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "libdialup/base/memory.h"
#include "libdialup/base/str.h"

static const struct site_type types[SITE_TYPE_COUNT] = {
#define SITE_TYPE(id, name, label, served, memory, cpu, build_memory, install_s, build_s, ...)     \
    {SITE_TYPE_##id, name,      label,   served,       memory, cpu,                                \
     build_memory,   install_s, build_s, {__VA_ARGS__}},
#include "libdialup/site/site_types.def"
#undef SITE_TYPE
};

/* Start scripts that only serve developers: what their build makes is what visitors get. */
static const struct developer_server {
    const char *name;
    bool serves_files; /* as they are, so that visitors get the same without it */
} developer_servers[] = {
    {"astro", false},
    {"docusaurus", false},
    {"eleventy", false},
    {"ember", false},
    {"gatsby", false},
    {"hexo", false},
    {"http-server", true},
    {"lite-server", true},
    {"live-server", true},
    {"ng", false},
    {"parcel", false},
    {"rsbuild", false},
    {"react-scripts", false},
    {"rollup", false},
    {"serve", true},
    {"sirv", true},
    {"vite", false},
    {"vitepress", false},
    {"vue-cli-service", false},
    {"vuepress", false},
    {"webpack", false},
    {"webpack-dev-server", false},
};

const struct site_type *site_type_get(enum site_type_id id)
{
    return &types[id];
}

const struct site_type *site_type_find(const char *name)
{
    for (size_t i = 0; i < ARRAY_COUNT(types); i++) {
        if (str_equal(types[i].name, name)) {
            return &types[i];
        }
    }
    return NULL;
}

int site_type_parse(const char *name, const struct site_type **ret_type, struct error *err)
{
    const struct site_type *type = site_type_find(name);
    if (type) {
        *ret_type = type;
        return 0;
    }
    error_set_field(err, ERR_INVALID_ARGUMENT, "type", "There is no site type \"%.40s\"", name);
    char list[200] = "";
    size_t used = 0;
    for (size_t i = 0; i < ARRAY_COUNT(types) && used < sizeof(list); i++) {
        int len = snprintf(list + used, sizeof(list) - used, "%s%s", i ? ", " : "", types[i].name);
        used += (size_t)len;
    }
    error_hint(err, "Use one of: %s", list);
    return -ERR_INVALID_ARGUMENT;
}

static bool has_file(const struct site_files *files, const char *path)
{
    for (size_t i = 0; i < files->count; i++) {
        if (str_equal(files->paths[i], path)) {
            return true;
        }
    }
    return false;
}

static bool has_text(const char *text)
{
    return text && text[0] != '\0';
}

static const char *next_word(const char *text)
{
    text += strcspn(text, " \t");
    return text + strspn(text, " \t");
}

/* NULL if the script starts something else. */
static const struct developer_server *find_developer_server(const char *script)
{
    if (str_starts_with(script, "npx ")) {
        do {
            script = next_word(script);
        } while (script[0] == '-');
    }
    size_t len = strcspn(script, " \t");
    for (size_t i = 0; i < ARRAY_COUNT(developer_servers); i++) {
        const char *name = developer_servers[i].name;
        if (strlen(name) == len && strncmp(name, script, len) == 0) {
            return &developer_servers[i];
        }
    }
    return NULL;
}

static bool is_ready_static(const struct site_files *files)
{
    return site_public_folder(site_type_get(SITE_TYPE_STATIC), files, false) != NULL;
}

static bool has_main_file(const struct site_files *files, const char *main)
{
    if (strncmp(main, "./", 2) == 0) {
        main += 2;
    }
    char with_suffix[300];
    snprintf(with_suffix, sizeof(with_suffix), "%s.js", main);
    return has_file(files, main) || has_file(files, with_suffix);
}

/* Why a folder with a package.json starts a server of its own, or NULL if it does not. */
static const char *reason_for_node(const struct site_files *files,
                                   const struct site_package *package)
{
    if (has_text(package->start_script)) {
        const struct developer_server *server = find_developer_server(package->start_script);
        bool is_unneeded = server && (has_text(package->build_script) ||
                                      (server->serves_files && is_ready_static(files)));
        return is_unneeded ? NULL : "package.json has a start script";
    }
    if (has_file(files, "server.js")) {
        return "there is a package.json and a server.js";
    }
    if (has_text(package->build_script) && str_starts_with(package->build_script, "nuxt build")) {
        return "\"nuxt build\" makes a server";
    }
    if (!has_text(package->build_script) && has_text(package->main) &&
        has_main_file(files, package->main)) {
        return "package.json names a main file";
    }
    return NULL;
}

/* What node starts in a folder where nobody says more. */
static const char *reason_for_node_at_last(const struct site_files *files,
                                           const struct site_package *package)
{
    if (package->is_present && has_file(files, "index.js")) {
        return "there is a package.json and an index.js";
    }
    return package->is_present && has_file(files, "app.js")
               ? "there is a package.json and an app.js"
               : NULL;
}

static bool is_page(const char *path)
{
    return str_ends_with(path, ".html") || str_ends_with(path, ".htm");
}

static bool has_pages(const struct site_files *files)
{
    for (size_t i = 0; i < files->count; i++) {
        if (is_page(files->paths[i])) {
            return true;
        }
    }
    return false;
}

/* A page at the top that was meant to be the first, or is the only one. */
static const char *find_first_page(const struct site_files *files)
{
    const char *only = NULL;
    size_t count = 0;
    for (size_t i = 0; i < files->count; i++) {
        const char *path = files->paths[i];
        if (strcasecmp(path, "index.html") == 0 || strcasecmp(path, "index.htm") == 0) {
            return path;
        }
        if (!strchr(path, '/') && is_page(path)) {
            only = path;
            count++;
        }
    }
    return count == 1 ? only : NULL;
}

/* The shortest path among those of an index.html further down. */
static const char *find_index_below(const struct site_files *files)
{
    const char *found = NULL;
    for (size_t i = 0; i < files->count; i++) {
        const char *path = files->paths[i];
        if (str_ends_with(path, "/index.html") && (!found || strlen(path) < strlen(found))) {
            found = path;
        }
    }
    return found;
}

void site_type_hint_index(const struct site_files *files, struct error *err)
{
    const char *page = find_first_page(files);
    const char *below = find_index_below(files);
    if (page) {
        error_hint(err, "Rename %.150s to index.html: it is the first page that visitors get",
                   page);
    } else if (below) {
        error_hint(err, "There is one in the folder %.*s: deploy that folder",
                   (int)(strlen(below) - strlen("/index.html")), below);
    } else {
        error_hint(err, "Add an index.html: it is the first page that visitors get");
    }
}

static int detected(struct site_detection *ret_detection, enum site_type_id id,
                    const struct site_package *package, const char *reason)
{
    ret_detection->type = site_type_get(id);
    ret_detection->needs_build = site_type_needs_build(ret_detection->type, package);
    str_copy(ret_detection->reason, sizeof(ret_detection->reason), reason);
    return 0;
}

/* Who wrote a server.js without npm has not heard of package.json. */
static void hint_empty_folder(const struct site_files *files, struct error *err)
{
    static const char *const programs[] = {"server.js", "index.js", "app.js", "main.js"};
    for (size_t i = 0; i < ARRAY_COUNT(programs); i++) {
        if (has_file(files, programs[i])) {
            error_hint(err,
                       "Add an index.html, or for an app a package.json: {\"scripts\": {\"start\": "
                       "\"node %s\"}}",
                       programs[i]);
            return;
        }
    }
    error_hint(err, "Add an index.html, or for an app in any other language than JavaScript a "
                    "Dockerfile");
}

static int refuse_detection(const struct site_files *files, const struct site_package *package,
                            struct error *err)
{
    if (has_pages(files) || find_first_page(files)) {
        error_set_field(err, ERR_INVALID_ARGUMENT, "type",
                        "There are HTML pages, but no index.html at the top of the folder");
        site_type_hint_index(files, err);
    } else if (package->is_present) {
        error_set_field(err, ERR_INVALID_ARGUMENT, "type",
                        "package.json has no start script and no build script, and there is no "
                        "index.html");
        error_hint(err, "Add to package.json: \"scripts\": {\"start\": \"node server.js\"}");
    } else {
        error_set_field(err, ERR_INVALID_ARGUMENT, "type",
                        "Nothing here tells what kind of site this is: no index.html, package.json "
                        "or Dockerfile");
        hint_empty_folder(files, err);
    }
    return -ERR_INVALID_ARGUMENT;
}

int site_type_detect(const struct site_files *files, const struct site_package *package,
                     struct site_detection *ret_detection, struct error *err)
{
    if (has_file(files, "Dockerfile")) {
        return detected(ret_detection, SITE_TYPE_DOCKERFILE, package, "there is a Dockerfile");
    }
    if (package->is_present) {
        if (package->depends_on_next) {
            return detected(ret_detection, SITE_TYPE_NEXT, package, "package.json depends on next");
        }
        if (package->depends_on_astro) {
            return detected(ret_detection, SITE_TYPE_ASTRO, package,
                            "package.json depends on astro");
        }
        const char *reason = reason_for_node(files, package);
        if (reason) {
            return detected(ret_detection, SITE_TYPE_NODE, package, reason);
        }
        if (has_text(package->build_script)) {
            return detected(ret_detection, SITE_TYPE_STATIC, package,
                            "package.json has a build script and no server");
        }
    }
    if (is_ready_static(files)) {
        return detected(ret_detection, SITE_TYPE_STATIC, package, "there is an index.html");
    }
    const char *reason = reason_for_node_at_last(files, package);
    if (reason) {
        return detected(ret_detection, SITE_TYPE_NODE, package, reason);
    }
    return refuse_detection(files, package, err);
}

bool site_type_needs_build(const struct site_type *type, const struct site_package *package)
{
    switch (type->id) {
    case SITE_TYPE_ASTRO:
    case SITE_TYPE_NEXT:
    case SITE_TYPE_DOCKERFILE:
        return true;
    case SITE_TYPE_NODE:
        return package->is_present;
    default:
        return package->is_present && has_text(package->build_script);
    }
}

static bool has_index(const struct site_files *files, const char *folder)
{
    if (str_equal(folder, ".")) {
        return has_file(files, "index.html");
    }
    char path[64];
    snprintf(path, sizeof(path), "%s/index.html", folder);
    return has_file(files, path);
}

const char *site_public_folder(const struct site_type *type, const struct site_files *files,
                               bool is_built)
{
    if (!is_built && type->public_folders[0] && has_index(files, ".")) {
        return ".";
    }
    for (size_t i = 0; type->public_folders[i]; i++) {
        if (has_index(files, type->public_folders[i])) {
            return type->public_folders[i];
        }
    }
    return NULL;
}
