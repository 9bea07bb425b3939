/*
 * A release is accepted: in one transaction, is there room for it, and from then on it is what
 * should be. The rest is the converger's.
 */
#pragma once

#include <stdint.h>

#include "libdialup/base/arena.h"
#include "libdialup/base/error.h"
#include "libdialup/store/deployments.h"
#include "proto/jobs_rpc.h"

struct deployd;

/* What a build made. ERR_QUOTA_EXCEEDED, ERR_CONFLICT (the site was deleted); then nothing is
 * changed. */
int accept_release(struct deployd *deployd, struct arena *arena, int64_t site_id,
                   int64_t deployment_id, const struct jobs_release *release, struct error *err);

/* The release of an earlier deployment, once more. Fails like accept_release. */
int accept_rollback(struct deployd *deployd, struct arena *arena,
                    const struct deployment *deployment, struct error *err);
