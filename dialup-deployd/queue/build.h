/*
 * One build: a deployment's job program from its start to its end, and what becomes of what it
 * made: accepted and handed to the converger, or discarded.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "libdialup/base/error.h"
#include "libdialup/cgroup/freezer.h"

struct build;
struct deployd;

/* Once, when all is done. The build is freed when it returns. */
typedef void build_end_fn(void *context, struct build *build);

/* The deployment is "building" from here on; NULL: its end is the caller's to write down. */
struct build *build_start(struct deployd *deployd, int64_t deployment_id, build_end_fn *on_end,
                          void *context, struct error *err);

int64_t build_deployment_id(const struct build *build);

int64_t build_site_id(const struct build *build);

/* It stands still with these, the containers that run for it now, and its time with it; nothing new
 * starts meanwhile. Again, for what had started before it heard of it. One that is cancelled goes
 * on first. */
void build_freeze(struct build *build, const struct cgroup_freezer *containers, size_t count);
void build_thaw(struct build *build);
bool build_is_frozen(const struct build *build);

/* When it began, unix. */
int64_t build_started_at(const struct build *build);

/* Ends it as cancelled; on_end follows. */
void build_cancel(struct build *build);

/* Ends it without on_end: for a daemon that stops. Its deployment begins again with the next life.
 */
void build_abandon(struct build *build);
