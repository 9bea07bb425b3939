/*
 * Looking at running containers, for those who ask: limits declared and in force, logs, the list
 * for monitord. Reads /proc and cgroup files, which do not block; Docker is asked later.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "libdialup/base/arena.h"
#include "libdialup/base/error.h"
#include "libdialup/ipc/server.h"
#include "libdialup/quota/quota.h"
#include "proto/deployd_rpc.h"

struct deployd;

/* Of the site's container that serves now. ERR_NOT_FOUND if none runs. */
int inspect_site_limits(struct deployd *deployd, struct arena *arena, int64_t site_id,
                        struct deployd_limits_in_force *ret_limits, struct error *err);

/* Of all running containers of an owner's sites, QUOTA_SYSTEM: of all; in the arena. */
const struct deployd_limits_in_force *inspect_owner_limits(struct deployd *deployd,
                                                           struct arena *arena,
                                                           enum quota_entity owner_kind,
                                                           int64_t owner_id, size_t *ret_count);

/* What the site's containers wrote, the one before the present one included, if that ended by
 * itself: at once, or the request is answered later; for a handler to return. */
int inspect_start_logs(struct deployd *deployd, struct ipc_request *request, int64_t site_id,
                       int64_t tail, struct deployd_site_logs_result *ret_result,
                       struct error *err);

/* For monitord; in the arena. */
const struct deployd_container *inspect_containers(struct deployd *deployd, struct arena *arena,
                                                   size_t *ret_count);
