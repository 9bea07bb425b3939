/*
 * Containers with our label that belong to nobody any more: named in the log, then removed. A
 * failure is logged; the next pass tries again.
 */
#pragma once

#include <stdint.h>

struct deployd;

/* Those whose site is gone. */
void orphans_remove(struct deployd *deployd);

/* The build containers that a deployment of a site left behind. */
void orphans_remove_builds(struct deployd *deployd, int64_t site_id, int64_t deployment_id);
