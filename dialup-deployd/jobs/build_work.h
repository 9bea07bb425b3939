/*
 * What is known of one build, and shared by the parts of its job: from an uploaded archive to a
 * release.
 *
 * build.c leads and makes it; the parts fill it. A part that fails fills the error for the person
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
    int64_t deadline_us;  /* by build_clock_us */
    struct event *pause;  /* SIGURG: what runs is frozen, and nothing new begins */
    struct event *resume; /* SIGCONT */
    struct event *pulse;
    bool is_paused;
    int64_t pulse_us;       /* monotonic, of the last one */
    int64_t stood_still_us; /* as a whole, while paused */
    bool is_stopping;       /* SIGTERM */
    int release_fd;
    int64_t bytes_before;     /* of the site's releases, without this one */
    int64_t changed_at;       /* unix, of files that no release had before; see source.h */
    struct manifest manifest; /* of this release's sources */
    struct package package;
    struct site_detection detection;
    struct jobs_release release;
};

void build_init(struct build *build, struct arena *arena);
void build_fini(struct build *build);

/* Connects to the engine and from then on ends in good order on SIGTERM. */
int build_open_engine(struct build *build, struct error *err);

/* Before something runs in a container: waits for as long as the build is paused. What was done
 * without the loop was no standing still. */
void build_note_running(struct build *build);

/* Monotonic, without the time in which we stood still: that does not count against the build. */
int64_t build_clock_us(const struct build *build);

/* Seconds left, at most wanted_s; at least 1. */
int64_t build_time_left_s(const struct build *build, int64_t wanted_s);
