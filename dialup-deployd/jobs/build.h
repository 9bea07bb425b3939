/*
 * The build job: one deployment from an uploaded archive to a release. What its parts share.
 *
 * build.c leads; source.c unpacks, package.c and plan of the type read, node.c and dockerfile.c
 * build, container_run.c runs what is foreign. A part that fails fills the error for the person
 * who deployed and returns; nothing is undone here, since deployd removes the release's folder.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "dialup-deployd/engine/engine.h"
#include "dialup-deployd/jobs/package.h"
#include "dialup-deployd/jobs/progress.h"
#include "libdialup/base/arena.h"
#include "libdialup/site/manifest.h"
#include "libdialup/site/site_type.h"
#include "proto/jobs_rpc.h"

struct event;
struct event_base;

/* Folders with more than this are not measured, and no release may have as many. */
enum { BUILD_MAX_INODES = 2000000 };

struct build {
    const struct jobs_build_params *params;
    struct arena *arena; /* of all texts below */
    struct progress progress;
    struct event_base *base; /* NULL until something foreign runs */
    struct event *terminate;
    struct engine *engine;
    int64_t deadline_us; /* monotonic */
    bool is_stopping;    /* SIGTERM */
    int release_fd;
    int64_t bytes_before;     /* of the site's releases, without this one */
    int64_t changed_at;       /* unix, of files that no release had before; see source.h */
    struct manifest manifest; /* of this release's sources */
    struct package package;
    struct site_detection detection;
    struct jobs_release release;
};

/* Connects to the engine and from then on ends in good order on SIGTERM. */
int build_open_engine(struct build *build, struct error *err);

/* Measures the releases; ERR_QUOTA_EXCEEDED if this one needs more than the owner may still store.
 */
int build_check_room(struct build *build, struct error *err);

/* Seconds left, at most wanted_s; at least 1. */
int64_t build_time_left_s(const struct build *build, int64_t wanted_s);
