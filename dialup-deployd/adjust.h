/*
 * What an owner changes of a site that is there: how its container is kept, how much it may use.
 * Rows and ledger alone; the caller kicks the converger, which does the rest.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "dialup-deployd/admission.h"
#include "libdialup/base/arena.h"
#include "libdialup/base/error.h"
#include "libdialup/site/strategy.h"
#include "libdialup/store/sites.h"

struct adjustment {
    const struct site_strategy *strategy; /* NULL: as it is */
    bool has_idle_minutes;
    int64_t idle_minutes;   /* 0: the server's setting */
    int64_t memory_mib;     /* 0: as it is */
    int64_t cpu_millicores; /* 0: as it is */
};

/* Writes the site's row, the needs of a release that is about to take over, and the ledger, all or
 * nothing. What runs must fit as far as it grows; what sleeps or is stopped holds nothing, but must
 * be able to run at all: ERR_QUOTA_EXCEEDED. ERR_CONFLICT, naming the field, for memory and CPU of
 * a site without a container. *ret_wakes: it slept and may not sleep any more. */
int adjust_site(const struct admission *admission, struct arena *arena, const struct site *site,
                const struct adjustment *adjustment, int64_t now, bool *ret_wakes,
                struct error *err);

/* How many instances a site has from now on. ERR_QUOTA_EXCEEDED if one more does not fit; one less
 * always does, also for an owner whose limit was lowered. In a transaction of its own. */
int adjust_instances(const struct admission *admission, struct arena *arena,
                     const struct site *site, int64_t instances, int64_t now, struct error *err);
