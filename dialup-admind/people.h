/*
 * Accounts, whoever asks: the API, or root through rpc.c. All of it reads and writes the database
 * in short transactions; hashing is the caller's.
 */
#pragma once

#include "dialup-admind/admind.h"
#include "libdialup/base/secret.h"
#include "libdialup/store/users.h"

/* On whose behalf, for the record. Borrowed. */
struct people_actor {
    const char *name; /* "user:7" */
    const char *request_id;
};

/* How long an unused session lives. */
int64_t people_session_s(const struct admind *admind);

/* detail is a JSON object; NULL: {}. A failure is logged. */
void people_audit(const struct admind *admind, const char *actor, const char *request_id,
                  const char *action, const char *subject, const char *detail);

struct people_new {
    const char *email;
    const char *name;
    const char *role;    /* NULL: "user" */
    const char *profile; /* NULL: the default one */
};

/* What can be refused before a password is hashed. */
int people_check_new(const struct admind *admind, struct arena *arena,
                     const struct people_new *wanted, struct error *err);
int people_check_password(const char *password, struct error *err);

/* Of an account or a key: others read it in lists and logs. ERR_INVALID_ARGUMENT. */
int people_check_name(const char *name, struct error *err);

/* password_hash NULL: cannot log in with one. Limits are copied from the profile. */
int people_create(const struct admind *admind, struct arena *arena, const struct people_new *wanted,
                  const char *password_hash, const struct people_actor *actor,
                  struct user *ret_user, struct error *err);

/* Makes the account what user says. A new profile's limits are copied; an account that ends loses
 * its sessions and keys. The last active admin stays one. */
int people_change(const struct admind *admind, struct arena *arena, const struct user *user,
                  const struct people_actor *actor, struct error *err);

/* Copies a profile's limits and permissions to an account, whether or not it has that profile
 * already, and tells its owner. */
int people_apply_profile(const struct admind *admind, struct arena *arena, const struct user *user,
                         const char *profile, const struct people_actor *actor, struct error *err);

/* Ends the account's sessions but the one with this hash; NULL: all. */
int people_set_password(const struct admind *admind, struct arena *arena, int64_t user_id,
                        const char *password_hash, const uint8_t *keep_session,
                        const struct people_actor *actor, struct error *err);

struct people_key {
    int64_t id;
    const char *prefix; /* in the arena */
    int64_t created_at;
    struct secret key; /* the caller's to end */
};

int people_make_key(const struct admind *admind, struct arena *arena, int64_t user_id,
                    const char *name, const struct people_actor *actor, struct people_key *ret_key,
                    struct error *err);
