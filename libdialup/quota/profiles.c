/*
 * The profiles of profiles.def as limits by dimension.
 */
#include <string.h>

#include "libdialup/base/memory.h"
#include "libdialup/quota/quota.h"

/* Soft percent and burst are the same for every dimension of a fresh profile. */
#define LIMIT(amount)                                                                              \
    {                                                                                              \
        (amount), QUOTA_SOFT_PERCENT, 0                                                            \
    }

static const struct quota_profile profiles[] = {
#define PROFILE(profile, sites, containers, dev, mem_prod, mem_dev, cpu_prod, cpu_dev, disk_prod,  \
                disk_dev, create, edit)                                                            \
    {                                                                                              \
        .name = #profile,                                                                          \
        .limits =                                                                                  \
            {                                                                                      \
                [QUOTA_SITES] = LIMIT(sites),                                                      \
                [QUOTA_CONTAINERS] = LIMIT(containers),                                            \
                [QUOTA_DEV_CONTAINERS] = LIMIT(dev),                                               \
                [QUOTA_MEMORY] = LIMIT(QUOTA_UNLIMITED),                                           \
                [QUOTA_MEMORY_PRODUCTION] = LIMIT(mem_prod),                                       \
                [QUOTA_MEMORY_DEVELOPMENT] = LIMIT(mem_dev),                                       \
                [QUOTA_CPU] = LIMIT(QUOTA_UNLIMITED),                                              \
                [QUOTA_CPU_PRODUCTION] = LIMIT(cpu_prod),                                          \
                [QUOTA_CPU_DEVELOPMENT] = LIMIT(cpu_dev),                                          \
                [QUOTA_STORAGE] = LIMIT(QUOTA_UNLIMITED),                                          \
                [QUOTA_STORAGE_PRODUCTION] = LIMIT(disk_prod),                                     \
                [QUOTA_STORAGE_DEVELOPMENT] = LIMIT(disk_dev),                                     \
            },                                                                                     \
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
