/*
 * Figures: what counts as the use of a dimension when limits are watched, and from where on it is
 * noted. A table; pure.
 *
 * What runs is measured, what exists is in the ledger. An owner who was promised more than their
 * limit, because it was lowered, counts with what was promised.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "dialup-monitord/uses.h"
#include "libdialup/quota/admission.h"
#include "libdialup/quota/episodes.h"

/* What is known of a level. */
struct figures {
    const struct quota_level *level;
    const struct owner_use *use;
    int64_t runtime_hours; /* today */
    int64_t temp_storage_mib;
};

/* Whether limits of it are watched at all. */
bool figures_is_watched(enum quota_dimension dimension);

/* What is used, and the limit that it stands against (hard is the effective one). */
int64_t figures_used(const struct figures *figures, enum quota_dimension dimension,
                     const struct quota_limit *limit);
struct quota_limit figures_limit(const struct figures *figures, enum quota_dimension dimension);

/* How long and how far: begin and end after that many seconds. */
struct quota_episode_rules figures_rules(enum quota_dimension dimension, int64_t after_s);

/* What is done about it, for people; "" if nothing is. */
const char *figures_action(const struct figures *figures, enum quota_dimension dimension,
                           enum quota_state worst);
