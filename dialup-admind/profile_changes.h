/*
 * Profiles made, changed, deleted and applied, whoever asks: the API, or root through rpc_quotas.c.
 * A profile is copied to accounts: changing one changes none of them until it is applied.
 */
#pragma once

#include "dialup-admind/admind.h"
#include "dialup-admind/people.h"
#include "libdialup/quota/quota.h"
#include "proto/admind_rpc.h"

/* What a request says of a profile. Borrowed. */
struct profile_wanted {
    const char *name;
    const char *base; /* a new one begins as this; NULL: nothing is limited */
    const struct admind_limit_change *limits;
    size_t limits_count;
    bool has_can_create_sites;
    bool can_create_sites;
    bool has_can_use_editor;
    bool can_use_editor;
};

/* -ERR_NOT_FOUND, field "name". In the arena. */
int profile_changes_find(const struct admind *admind, struct arena *arena, const char *name,
                         struct quota_profile *ret_profile, struct error *err);

/* -ERR_ALREADY_EXISTS; -ERR_INVALID_ARGUMENT for a name, a base or a limit that cannot be. */
int profile_changes_make(const struct admind *admind, struct arena *arena,
                         const struct profile_wanted *wanted, const struct people_actor *actor,
                         struct quota_profile *ret_profile, struct error *err);

/* -ERR_CONFLICT for one that is always there. *ret_note says who has an older copy; NULL: nobody.
 */
int profile_changes_alter(const struct admind *admind, struct arena *arena,
                          const struct profile_wanted *wanted, const struct people_actor *actor,
                          struct quota_profile *ret_profile, const char **ret_note,
                          struct error *err);

int profile_changes_delete(const struct admind *admind, struct arena *arena, const char *name,
                           const struct people_actor *actor, struct error *err);

/* Copies it to all of these accounts, or to none; their running sites follow. A field of an error
 * begins with "users[2]". */
int profile_changes_apply(struct admind *admind, struct arena *arena, const char *name,
                          const int64_t *user_ids, size_t count, const struct people_actor *actor,
                          struct error *err);
