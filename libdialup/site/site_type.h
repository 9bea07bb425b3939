/*
 * Kinds of sites: what each needs, how it is served, and how a folder is recognised.
 *
 * Pure. The table is site_types.def. Whoever reads the folder also parses package.json and hands
 * the few facts that matter as a struct site_package.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "libdialup/base/error.h"

enum site_type_id {
#define SITE_TYPE(id, ...) SITE_TYPE_##id,
#include "libdialup/site/site_types.def"
#undef SITE_TYPE
    SITE_TYPE_COUNT
};

enum site_served { SITE_SERVED_NOT_YET, SITE_SERVED_FILES, SITE_SERVED_CONTAINER };

enum { SITE_PUBLIC_FOLDERS_MAX = 8 };

struct site_type {
    enum site_type_id id;
    const char *name;  /* in the API and the database */
    const char *label; /* for people */
    enum site_served served;
    int memory_mib; /* in production, 0 if no container is needed */
    int cpu_millicores;
    int build_memory_mib;
    int install_timeout_s;
    int build_timeout_s;
    const char *public_folders[SITE_PUBLIC_FOLDERS_MAX + 1]; /* NULL at the end */
};

const struct site_type *site_type_get(enum site_type_id id);

/* NULL if there is none of that name. */
const struct site_type *site_type_find(const char *name);

/* As site_type_find, with an error that names the field "type" and lists what there is. */
int site_type_parse(const char *name, const struct site_type **ret_type, struct error *err);

/* What package.json says. Texts are borrowed; NULL where it says nothing. */
struct site_package {
    bool is_present;
    bool depends_on_astro; /* among dependencies or devDependencies */
    bool depends_on_next;
    const char *build_script; /* scripts.build */
    const char *start_script; /* scripts.start */
    const char *main;
};

/* A site's files: paths relative to its folder, with '/', in any order. Borrowed. */
struct site_files {
    const char *const *paths;
    size_t count;
};

struct site_detection {
    const struct site_type *type;
    bool needs_build; /* install and run the build script, then serve what it made */
    char reason[160]; /* "package.json depends on next" */
};

/* Which kind of site the files are. ERR_INVALID_ARGUMENT (field "type") if nothing tells. */
int site_type_detect(const struct site_files *files, const struct site_package *package,
                     struct site_detection *ret_detection, struct error *err);

/* The hint for pages without an index.html: which file or folder was most likely meant. */
void site_type_hint_index(const struct site_files *files, struct error *err);

/* Whether a site of a given kind is built before it is served. */
bool site_type_needs_build(const struct site_type *type, const struct site_package *package);

/* The folder among the type's public folders that holds an index.html: "." first for ready
 * files, what a build writes first if is_built. NULL if none does. */
const char *site_public_folder(const struct site_type *type, const struct site_files *files,
                               bool is_built);
