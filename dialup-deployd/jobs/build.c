/*
 * dialup-job-build: reads its params on stdin, makes a release, tells how it goes on stdout.
 * It leads: source.c unpacks, package.c reads what type it is, node.c and dockerfile.c build.
 *
 * Started by deployd's queue, one process a deployment, as root. It must not touch the database,
 * and nothing outside the folders that its params name.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "dialup-deployd/jobs/build_work.h"
#include "dialup-deployd/jobs/dockerfile.h"
#include "dialup-deployd/jobs/input.h"
#include "dialup-deployd/jobs/node.h"
#include "dialup-deployd/jobs/serve.h"
#include "dialup-deployd/jobs/source.h"
#include "dialup-deployd/jobs/tree.h"
#include "libdialup/base/clock.h"
#include "libdialup/base/fs.h"
#include "libdialup/base/log.h"
#include "libdialup/base/memory.h"

enum { MIB = 1 << 20, LARGE_KIB = 10 * 1024 };

/* Room ---------------------------------------------------------------------------------------- */

static char *releases_dir(const struct build *build)
{
    const char *path = build->params->release_dir;
    const char *slash = strrchr(path, '/');
    return slash && slash != path ? xstrndup(path, (size_t)(slash - path)) : xstrdup(".");
}

static int measure_releases(const struct build *build, struct fs_usage *ret_usage,
                            struct error *err)
{
    AUTO_FREE char *folder = releases_dir(build);
    *ret_usage = (struct fs_usage){0};
    return fs_exists(folder) ? fs_measure_tree(folder, BUILD_MAX_INODES, ret_usage, err) : 0;
}

static int check_room(struct build *build, struct error *err)
{
    struct fs_usage usage;
    int result = measure_releases(build, &usage, err);
    if (result < 0) {
        return result;
    }
    build->release.site_bytes = usage.size_bytes;
    build->release.site_inodes = usage.inodes;
    int64_t need = fs_usage_charged(usage.size_bytes, usage.inodes) - build->bytes_before;
    int64_t have = build->params->max_bytes;
    if (need <= have) {
        return 0;
    }
    error_set(err, ERR_QUOTA_EXCEEDED, "Not enough storage available (need %lld MB, have %lld MB)",
              (long long)((need + MIB - 1) / MIB), (long long)(have / MIB));
    error_hint(err, "Remove files or sites that are not needed, or ask admin for more storage");
    return -ERR_QUOTA_EXCEEDED;
}

/* Which kind ---------------------------------------------------------------------------------- */

static int lacks(struct error *err, const struct site_type *type, const char *file)
{
    error_set_field(err, ERR_INVALID_ARGUMENT, "type",
                    "This site is set to \"%s\" (%s), but there is no %s at its top", type->name,
                    type->label, file);
    error_hint(err, "Add the %s, or delete the site and deploy it anew", file);
    return -ERR_INVALID_ARGUMENT;
}

static int check_explicit_type(const struct build *build, const struct site_type *type,
                               struct error *err)
{
    bool needs_package =
        type->id == SITE_TYPE_NODE || type->id == SITE_TYPE_NEXT || type->id == SITE_TYPE_ASTRO;
    if (needs_package && !build->package.site.is_present) {
        return lacks(err, type, "package.json");
    }
    if (type->id == SITE_TYPE_DOCKERFILE && !manifest_find(&build->manifest, "Dockerfile")) {
        return lacks(err, type, "Dockerfile");
    }
    return 0;
}

static int detect(struct build *build, struct error *err)
{
    struct site_files files;
    int result = tree_list(build->arena, build->params->release_dir, &files, err);
    return result < 0 ? result
                      : site_type_detect(&files, &build->package.site, &build->detection, err);
}

static int check_dockerfile_allowed(const struct build *build, struct error *err)
{
    if (build->params->allow_dockerfile) {
        return 0;
    }
    int result = error_set_field(err, ERR_FORBIDDEN, "type",
                                 "This site has a Dockerfile, and this server builds none");
    error_hint(err, "Deploy it without the Dockerfile, as a Node or static site, or ask admin");
    return result;
}

static int decide_type(struct build *build, struct error *err)
{
    const struct site_type *type;
    int result = package_read(build->arena, build->release_fd, &build->package, err);
    if (result < 0 || (result = site_type_parse(build->params->type, &type, err)) < 0) {
        return result;
    }
    if (type->id == SITE_TYPE_AUTO) {
        result = detect(build, err);
    } else if ((result = check_explicit_type(build, type, err)) == 0) {
        build->detection = (struct site_detection){
            .type = type,
            .needs_build = site_type_needs_build(type, &build->package.site),
            .reason = "as the site is set",
        };
    }
    if (result == 0 && build->detection.type->id == SITE_TYPE_DOCKERFILE) {
        result = check_dockerfile_allowed(build, err);
    }
    if (result == 0) {
        progress_note(&build->progress, "This is a site of type \"%s\": %s",
                      build->detection.type->name, build->detection.reason);
    }
    return result;
}

/* --------------------------------------------------------------------------------------------- */

static int make_release(struct build *build, struct error *err)
{
    if (build->detection.type->id == SITE_TYPE_DOCKERFILE) {
        return dockerfile_build(build, err);
    }
    if (!build->detection.needs_build) {
        return serve_plain(build, err);
    }
    int result = node_build(build, err);
    return result < 0 ? result : source_forget_changed(build, err);
}

/* What is answered to be live survives a power cut. One call for many small files costs less than
 * one for each; what others have written goes to the disk with it. */
static int sync_release(const struct build *build, struct error *err)
{
    if (syncfs(build->release_fd) < 0) {
        return error_set_errno(err, ERR_IO, errno, "The release cannot be kept");
    }
    return 0;
}

static int run(struct build *build, struct error *err)
{
    struct fs_usage before;
    int result = measure_releases(build, &before, err);
    if (result < 0) {
        return result;
    }
    build->bytes_before = fs_usage_charged(before.size_bytes, before.inodes);
    progress_step(&build->progress, "Unpacking");
    if ((result = source_prepare(build, err)) < 0) {
        return result;
    }
    const struct jobs_release *release = &build->release;
    int64_t kib = (release->size_bytes + 1023) / 1024;
    bool is_large = kib >= LARGE_KIB;
    progress_note(&build->progress, "%lld file%s, %lld %s; %lld of them as in the last release",
                  (long long)release->files, release->files == 1 ? "" : "s",
                  (long long)(is_large ? kib / 1024 : kib), is_large ? "MB" : "KB",
                  (long long)release->linked_files);
    if ((result = decide_type(build, err)) < 0 || (result = check_room(build, err)) < 0 ||
        (result = make_release(build, err)) < 0) {
        return result;
    }
    build->release.type = build->detection.type->name;
    build->release.reason = build->detection.reason;
    result = check_room(build, err);
    return result < 0 ? result : sync_release(build, err);
}

static int run_job(struct arena *arena)
{
    struct build build;
    struct jobs_build_params params;
    struct error err = {0};
    build_init(&build, arena);
    int result = input_read(arena, &jobs_build_params_shape, &params, &err);
    if (result == 0) {
        build.params = &params;
        build.deadline_us = clock_monotonic_us() + params.timeout_s * 1000000;
        result = progress_open(&build.progress, params.log_path, &err);
    }
    if (result == 0) {
        result = run(&build, &err);
    }
    if (result == 0) {
        progress_result(&build.progress, &build.release);
    } else {
        progress_error(&build.progress, &err);
    }
    build_fini(&build);
    return result < 0 ? 1 : 0;
}

int main(void)
{
    log_init("dialup-job-build", LOG_LEVEL_INFO);
    umask(022); /* Caddy and the site's user read what we make */
    signal(SIGPIPE, SIG_IGN);
    AUTO_ARENA struct arena *arena = arena_new();
    return run_job(arena);
}
