/*
 * The census: who has memory now, as the snapshot from which an emergency is planned. Asks Docker
 * for what runs beside the sites (builds, development containers), the kernel for what each has,
 * and the rows for who owns it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dialup-deployd/pressure/memory.h"
#include "libdialup/base/arena.h"
#include "libdialup/cgroup/freezer.h"
#include "libdialup/quota/emergency.h"
#include "libdialup/store/sites.h"

struct census;
struct deployd;

enum { CENSUS_BUILD_CONTAINERS = 4 };

/* What stands behind a container of the snapshot, by the same index. */
struct census_entry {
    struct site site;         /* a build's is the one that it is built for; none: id 0 */
    int64_t deployment_id;    /* of a build */
    const char *container_id; /* of a development container */
    struct cgroup_freezer freezers[CENSUS_BUILD_CONTAINERS]; /* of a build's containers */
    size_t freezer_count;
};

struct census_result {
    struct quota_snapshot snapshot; /* memory and is_emergency are the caller's to fill in */
    struct census_entry *entries;
    bool is_first; /* a development container was seen for the first time: whether it is idle shows
                      at the next look */
};

/* Everything lives in the arena. err: Docker did not answer. */
typedef void census_fn(void *context, const struct census_result *result, const struct error *err);

struct census *census_new(struct deployd *deployd);
void census_free(struct census *census);

/* on_result follows, once; one census at a time. */
void census_take(struct census *census, struct arena *arena, census_fn *on_result, void *context);

/* A development container is being stopped: it counts no more, unless it begins anew. */
void census_note_stopped(struct census *census, const char *container_id);

/* Lets containers of builds go on that a former life has left frozen; on_done follows, with an
 * empty result. */
void census_thaw_left_over(struct census *census, census_fn *on_done, void *context);
