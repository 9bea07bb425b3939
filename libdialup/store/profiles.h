/*
 * Profiles that an admin made, beside those that are always there (quota/profiles.h). Written by
 * admind. A profile is copied to accounts: changing or deleting it changes none of them.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "libdialup/base/arena.h"
#include "libdialup/base/error.h"
#include "libdialup/quota/profiles.h"

struct db;

struct profiles_list {
    struct quota_profile *rows;
    size_t count;
};

/* By name: one that is always there, or one from the table. -ERR_INVALID_ARGUMENT, field "profile",
 * if there is none. Texts and limits are in the arena. */
int profiles_find(struct db *db, struct arena *arena, const char *name,
                  struct quota_profile *ret_profile, struct error *err);

/* Those that are always there first, the others by name. */
int profiles_list(struct db *db, struct arena *arena, struct profiles_list *ret_list,
                  struct error *err);

/* Creates or replaces, all limits at once. Name and limits are checked (quota_profile_check_name,
 * quota_limit_check): -ERR_INVALID_ARGUMENT or -ERR_ALREADY_EXISTS. */
int profiles_put(struct db *db, const struct quota_profile *profile, int64_t now,
                 struct error *err);

/* How many accounts say that they have it. */
int profiles_count_accounts(struct db *db, const char *name, int64_t *ret_count, struct error *err);

/* -ERR_NOT_FOUND; -ERR_CONFLICT for one that is always there, or that an account has. */
int profiles_delete(struct db *db, const char *name, struct error *err);
