/*
 * Whose measurements: one site's, one owner's, or all.
 */
#pragma once

#include <stdint.h>

#include "libdialup/quota/quota.h"

enum scope_kind { SCOPE_SITE, SCOPE_OWNER, SCOPE_SYSTEM, SCOPE_KIND_COUNT };

struct scope {
    enum scope_kind kind;
    enum quota_entity owner_kind; /* of SCOPE_OWNER: QUOTA_USER or QUOTA_TEAM */
    int64_t id;                   /* of the site or the owner */
};
