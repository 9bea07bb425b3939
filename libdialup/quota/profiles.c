/*
 * The profiles of profiles.def as limits by dimension.
 */
#include "libdialup/quota/profiles.h"

#include <string.h>

#include "libdialup/base/memory.h"

enum { NAME_LEN_MAX = 32 };

/* Soft percent and burst are the same for every dimension of a fresh profile. */
#define LIMIT(dimension, amount)                                                                   \
    [QUOTA_##dimension] = {.hard = (amount), .soft_percent = QUOTA_SOFT_PERCENT}
#define UNBOUND(dimension) LIMIT(dimension, QUOTA_UNLIMITED)

static const struct quota_profile profiles[] = {
#define PROFILE(profile, create, edit, ...)                                                        \
    {                                                                                              \
        .name = #profile,                                                                          \
        .limits = {UNBOUND(MEMORY), UNBOUND(CPU), UNBOUND(STORAGE), UNBOUND(SERVERS),              \
                   UNBOUND(APPLICATIONS), __VA_ARGS__},                                            \
        .can_create_sites = (create),                                                              \
        .can_use_editor = (edit),                                                                  \
    },
#include "libdialup/quota/profiles.def"
#undef PROFILE
};

const struct quota_profile *quota_profile_at(size_t index)
{
    return index < ARRAY_COUNT(profiles) ? &profiles[index] : NULL;
}

const struct quota_profile *quota_profile_find(const char *name)
{
    for (size_t i = 0; i < ARRAY_COUNT(profiles); i++) {
        if (strcmp(profiles[i].name, name) == 0) {
            return &profiles[i];
        }
    }
    return NULL;
}

int quota_profile_check_name(const char *name, struct error *err)
{
    size_t len = strlen(name);
    if (len == 0 || len > NAME_LEN_MAX ||
        strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") != len) {
        int result = error_set_field(err, ERR_INVALID_ARGUMENT, "name",
                                     "This cannot be the name of a profile");
        error_hint(err, "Use 1 to %d of a-z, 0-9 and _", NAME_LEN_MAX);
        return result;
    }
    if (quota_profile_find(name)) {
        int result = error_set_field(err, ERR_ALREADY_EXISTS, "name",
                                     "\"%s\" is one of the profiles that are always there", name);
        error_hint(err, "Choose another name; its limits can be copied");
        return result;
    }
    return 0;
}
