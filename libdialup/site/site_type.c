/*
 * The table of site types and the rules that recognise a folder. Called by the command line, by
 * the build job and by admission; reads no file itself.
 */
#include "libdialup/site/site_type.h"

#include <stdio.h>
#include <string.h>

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
static const char *const developer_servers[] = {
    "astro",
    "docusaurus",
    "eleventy",
    "ember",
    "gatsby",
    "hexo",
    "http-server",
    "lite-server",
    "live-server",
    "ng",
    "parcel",
    "rsbuild",
    "react-scripts",
    "rollup",
    "serve",
    "sirv",
    "vite",
    "vitepress",
    "vue-cli-service",
    "vuepress",
    "webpack",
    "webpack-dev-server",
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

static bool is_developer_server(const char *script)
{
    script += str_starts_with(script, "npx ") ? strlen("npx ") : 0;
    size_t len = strcspn(script, " \t");
    for (size_t i = 0; i < ARRAY_COUNT(developer_servers); i++) {
        if (strlen(developer_servers[i]) == len &&
            strncmp(developer_servers[i], script, len) == 0) {
            return true;
        }
    }
    return false;
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
        bool for_developers =
            has_text(package->build_script) && is_developer_server(package->start_script);
        return for_developers ? NULL : "package.json has a start script";
    }
    if (has_file(files, "server.js")) {
        return "there is a package.json and a server.js";
    }
    if (!has_text(package->build_script) && has_text(package->main) &&
        has_main_file(files, package->main)) {
        return "package.json names a main file";
    }
    return NULL;
}

static const char *reason_for_static(const struct site_files *files)
{
    if (site_public_folder(site_type_get(SITE_TYPE_STATIC), files, false)) {
        return "there is an index.html";
    }
    for (size_t i = 0; i < files->count; i++) {
        if (str_ends_with(files->paths[i], ".html") || str_ends_with(files->paths[i], ".htm")) {
            return "there are HTML pages";
        }
    }
    return NULL;
}

static int detected(struct site_detection *ret_detection, enum site_type_id id,
                    const struct site_package *package, const char *reason)
{
    ret_detection->type = site_type_get(id);
    ret_detection->needs_build = site_type_needs_build(ret_detection->type, package);
    str_copy(ret_detection->reason, sizeof(ret_detection->reason), reason);
    return 0;
}

static int refuse_detection(const struct site_package *package, struct error *err)
{
    if (package->is_present) {
        error_set_field(err, ERR_INVALID_ARGUMENT, "type",
                        "package.json has no start script and no build script, and there is no "
                        "index.html");
        error_hint(
            err, "Add \"scripts\": {\"start\": \"node server.js\"}, or say what it is with --type");
    } else {
        error_set_field(err, ERR_INVALID_ARGUMENT, "type",
                        "Nothing here tells what kind of site this is: no index.html, package.json "
                        "or Dockerfile");
        error_hint(err, "Add an index.html, or say what it is with --type");
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
    const char *reason = reason_for_static(files);
    if (reason) {
        return detected(ret_detection, SITE_TYPE_STATIC, package, reason);
    }
    return refuse_detection(package, err);
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
