/*
 * Sites that give way: held in their row, with a record of why, until they are free again. The
 * converger then stops what runs of them and leads visitors to a page that says so; their owners
 * still want them to run, so nothing of what they asked for is lost.
 *
 * Whoever calls kicks the converger afterwards. A site without a container is never held.
 */
#pragma once

#include <stdint.h>

#include "dialup-deployd/admission.h"
#include "libdialup/store/deployments.h"
#include "libdialup/store/enforcements.h"
#include "libdialup/store/sites.h"

struct deployd;

/* Why a held site does not run, for its owner. */
const char *hold_words(enum site_hold hold);

/* Holds a site, in one transaction with its record. What it occupied comes from the caller. */
int hold_site(struct deployd *deployd, const struct site *site, enum site_hold hold,
              int64_t memory_mib, const char *reason, struct error *err);

/* Ends it: from here on the site sleeps without a container, as if nobody had visited it. Who may
 * not sleep is woken by the caller. */
int hold_free(struct deployd *deployd, const struct site *site, struct error *err);

/* Whether a release that needs a container may become what should run: not of a site that is held,
 * and not for an owner whose running time of today is used up. ERR_QUOTA_EXCEEDED. */
int hold_check(const struct admission *admission, struct arena *arena, const struct site *site,
               const struct deployment_needs *needs, const char *action, struct error *err);
