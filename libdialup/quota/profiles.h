/*
 * Profiles: named sets of limits that are copied to an account when it is made, or applied later.
 * The ones of profiles.def are always there; an admin may add others (store/profiles.h). Pure.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "libdialup/quota/limits.h"

struct quota_profile {
    const char *name;
    struct quota_limit limits[QUOTA_DIMENSION_COUNT];
    bool can_create_sites;
    bool can_use_editor;
};

#define QUOTA_DEFAULT_PROFILE "standard"

/* Profiles in order; NULL past the last. */
const struct quota_profile *quota_profile_at(size_t index);
const struct quota_profile *quota_profile_find(const char *name);

/* A name that a new profile may have: 1 to 32 of a-z, 0-9 and _, not that of a built-in one;
 * -ERR_INVALID_ARGUMENT or -ERR_ALREADY_EXISTS, field "name". */
int quota_profile_check_name(const char *name, struct error *err);
