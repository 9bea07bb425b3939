/*
 * Deployments that come to nothing: their site is stopped or deleted, or their release does not
 * start. Rows and ledger alone, all or nothing; what follows is release_tell_end().
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "dialup-deployd/admission.h"
#include "libdialup/base/arena.h"
#include "libdialup/base/error.h"
#include "libdialup/store/deployments.h"
#include "libdialup/store/sites.h"

/* Ends all that waits, is built or starts for a site, which wants what is live again. The ledger
 * stays, as long as what it stands for may run. ret_ended: as they were before, in the arena. */
int withdraw_all(struct db *db, struct arena *arena, const struct site *site,
                 const struct error *reason, int64_t now, struct deployments_list *ret_ended,
                 struct error *err);

/* Ends one deployment, and leads its site back to what is live, if this one was wanted still.
 * *ret_was_open: it had not ended before. */
int withdraw_one(const struct admission *admission, struct arena *arena,
                 const struct deployment *deployment, const struct error *reason, int64_t now,
                 bool *ret_was_open, struct error *err);

/* Whether a deployment's site does not want it, so that nobody would ever end it: what a former
 * life has left behind. */
bool withdraw_is_due(const struct deployment *deployment, const struct site *site);
