/*
 * Releases: the folder that a deployment made, and how it is served (the `runtime` of its row,
 * which is the build job's result as JSON).
 */
#pragma once

#include <stdint.h>

#include "libdialup/base/arena.h"
#include "libdialup/base/error.h"
#include "libdialup/base/log.h"
#include "libdialup/store/deployments.h"
#include "proto/jobs_rpc.h"

struct deployd;

/* Whose folder a deployment serves: its own, or that of the one it rolls back to. */
int64_t release_id(const struct deployment *deployment);

/* How it is served. ERR_CONFLICT if the deployment never had a release. */
int release_read(struct arena *arena, const struct deployment *deployment,
                 struct jobs_release *ret_release, struct error *err);

/* Adds a line to the deployment's log, for its owner, and tells those who follow it. */
void release_log(const struct deployd *deployd, int64_t site_id, int64_t deployment_id,
                 const char *format, ...) __attribute__((format(printf, 4, 5)));

/* What is logged between the two goes with the request that asked for the deployment: one match in
 * the journal tells its story. The context and the deployment are the caller's. */
const struct log_context *release_log_begin(struct log_context *context,
                                            const struct deployment *deployment, const char *site);

/* The end of a deployment, in its row, in its log, and for those who watch; failure NULL: it is
 * live. A failed one's files go. main.c hears of it, too. One that has ended already stays as it
 * is. Fails, with a line in the log, if the row cannot be written now: then nothing has happened,
 * and it is the caller's to come back. */
int release_finish(struct deployd *deployd, int64_t deployment_id, const struct error *failure);

/* The same for one whose row says already that it failed (withdraw.h); deployment: as it was
 * before. The files of one that is being built are left to its build. */
void release_tell_end(struct deployd *deployd, const struct deployment *deployment,
                      const struct error *failure);

/* Moves releases away that are older than those that are kept; never the one that is served. */
void release_prune(struct deployd *deployd, int64_t site_id, int64_t served);
