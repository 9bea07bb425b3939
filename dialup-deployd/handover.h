/*
 * One release takes over from another: what the rows of a site and the ledger say meanwhile.
 *
 * What a release needs (type, memory, CPU) belongs to its deployment. The site's row shows the
 * needs of what is live, so a release that fails leaves nothing behind in it. As long as both
 * releases may have to run, the ledger holds whichever needs more; afterwards what is live.
 *
 * All functions write in a transaction of their own, or in the caller's.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "dialup-deployd/admission.h"
#include "libdialup/base/arena.h"
#include "libdialup/base/error.h"
#include "libdialup/store/deployments.h"
#include "libdialup/store/sites.h"

/* Pure: what a release declares; the site's own where it is of the same type, else what its type
 * asks for. Files need nothing. type is borrowed. */
struct deployment_needs handover_declare(const struct site *site, const char *type, bool is_files);

/* Whether handover_begin would find room now; changes nothing. */
int handover_check(const struct admission *admission, struct arena *arena, const struct site *site,
                   const struct deployment_needs *needs, const char *action, struct error *err);

/* The site should serve this deployment from now on, and run. ERR_QUOTA_EXCEEDED with the words
 * for action ("Cannot deploy"); then nothing is changed. */
int handover_begin(const struct admission *admission, struct arena *arena, const struct site *site,
                   int64_t deployment_id, const struct deployment_needs *needs, const char *action,
                   int64_t now, struct error *err);

/* The wanted deployment is live. ERR_CONFLICT if it is not wanted any more; then nothing is
 * changed. */
int handover_done(const struct admission *admission, struct arena *arena, int64_t site_id,
                  int64_t deployment_id, int64_t now, struct error *err);

/* The wanted deployment is not wanted any more: back to what was live before, if anything was. A
 * site that held nothing for it, because it was stopped, is stopped again if there is no room. */
int handover_undo(const struct admission *admission, struct arena *arena, int64_t site_id,
                  int64_t now, struct error *err);

/* Reserves what a site needs to be started as it is. */
int handover_reserve(const struct admission *admission, struct arena *arena,
                     const struct site *site, const char *action, int64_t now, struct error *err);

/* The same for a site that holds something already: checked only as far as it grows. */
int handover_keep(const struct admission *admission, struct arena *arena, const struct site *site,
                  const char *action, int64_t now, struct error *err);
