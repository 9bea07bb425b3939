/*
 * See the header. Called by api_profiles.c and rpc_quotas.c.
 */
#include "dialup-admind/profile_changes.h"

#include "dialup-admind/limit_input.h"
#include "dialup-admind/quotas.h"
#include "libdialup/base/clock.h"
#include "libdialup/base/str.h"
#include "libdialup/db/transaction.h"
#include "libdialup/store/profiles.h"
#include "libdialup/store/users.h"

int profile_changes_find(const struct admind *admind, struct arena *arena, const char *name,
                         struct quota_profile *ret_profile, struct error *err)
{
    int result = profiles_find(admind->run->db, arena, name, ret_profile, err);
    if (result == -ERR_INVALID_ARGUMENT) {
        error_set_field(err, ERR_NOT_FOUND, "name", "There is no profile \"%.32s\"", name);
        error_hint(err, "They are listed by: dialupctl quota profile list, GET /api/profiles");
        return -ERR_NOT_FOUND;
    }
    return result;
}

static void record(const struct admind *admind, struct arena *arena,
                   const struct people_actor *actor, const char *action, const char *name)
{
    people_audit(admind, actor->name, actor->request_id, action,
                 arena_printf(arena, "profile:%s", name), NULL);
}

static int refuse_built_in(const char *name, struct error *err)
{
    error_set_field(err, ERR_CONFLICT, "name", "\"%s\" is always there and always the same", name);
    error_hint(err, "Make a profile of your own with \"%s\" as its base, and change that", name);
    return -ERR_CONFLICT;
}

/* What is wanted, put over profile, and saved. */
static int put(const struct admind *admind, struct arena *arena,
               const struct profile_wanted *wanted, struct quota_profile *profile,
               struct error *err)
{
    bool is_changed[QUOTA_DIMENSION_COUNT];
    if (wanted->has_can_create_sites) {
        profile->can_create_sites = wanted->can_create_sites;
    }
    if (wanted->has_can_use_editor) {
        profile->can_use_editor = wanted->can_use_editor;
    }
    int result = limit_input_apply(arena, wanted->limits, wanted->limits_count, QUOTA_USER,
                                   profile->limits, is_changed, err);
    return result == 0 ? profiles_put(admind->run->db, profile, clock_unix(), err) : result;
}

/* Nothing limited, or a copy of another. */
static int read_base(const struct admind *admind, struct arena *arena, const char *base,
                     struct quota_profile *profile, struct error *err)
{
    *profile = (struct quota_profile){.can_create_sites = true, .can_use_editor = true};
    for (int i = 0; i < QUOTA_DIMENSION_COUNT; i++) {
        profile->limits[i] = QUOTA_NO_LIMIT;
    }
    int result = base ? profiles_find(admind->run->db, arena, base, profile, err) : 0;
    return result == -ERR_INVALID_ARGUMENT
               ? error_set_field(err, ERR_INVALID_ARGUMENT, "base",
                                 "There is no profile \"%.32s\" to begin with", base)
               : result;
}

static int check_new(const struct admind *admind, struct arena *arena, const char *name,
                     struct error *err)
{
    struct quota_profile existing;
    int result = quota_profile_check_name(name, err);
    if (result == 0 && profiles_find(admind->run->db, arena, name, &existing, NULL) == 0) {
        error_set_field(err, ERR_ALREADY_EXISTS, "name", "There is a profile \"%s\" already", name);
        error_hint(err,
                   "Change it with PUT /api/profiles/%s or dialupctl quota profile set %s, or "
                   "choose another name",
                   name, name);
        return -ERR_ALREADY_EXISTS;
    }
    return result;
}

int profile_changes_make(const struct admind *admind, struct arena *arena,
                         const struct profile_wanted *wanted, const struct people_actor *actor,
                         struct quota_profile *ret_profile, struct error *err)
{
    int r = check_new(admind, arena, wanted->name, err);
    if (r < 0 || (r = read_base(admind, arena, wanted->base, ret_profile, err)) < 0) {
        return r;
    }
    ret_profile->name = wanted->name;
    r = put(admind, arena, wanted, ret_profile, err);
    if (r == 0) {
        record(admind, arena, actor, "profile.create", ret_profile->name);
    }
    return r;
}

int profile_changes_alter(const struct admind *admind, struct arena *arena,
                          const struct profile_wanted *wanted, const struct people_actor *actor,
                          struct quota_profile *ret_profile, const char **ret_note,
                          struct error *err)
{
    int64_t accounts = 0;
    int r = profile_changes_find(admind, arena, wanted->name, ret_profile, err);
    if (r == 0 && quota_profile_find(ret_profile->name)) {
        r = refuse_built_in(ret_profile->name, err);
    }
    if (r < 0 || (r = put(admind, arena, wanted, ret_profile, err)) < 0 ||
        (r = profiles_count_accounts(admind->run->db, ret_profile->name, &accounts, err)) < 0) {
        return r;
    }
    record(admind, arena, actor, "profile.change", ret_profile->name);
    *ret_note =
        accounts == 0
            ? NULL
            : arena_printf(arena,
                           "%lld %s this profile and keep%s the limits of before; apply it "
                           "to change them.",
                           (long long)accounts, accounts == 1 ? "account has" : "accounts have",
                           accounts == 1 ? "s" : "");
    return 0;
}

int profile_changes_delete(const struct admind *admind, struct arena *arena, const char *name,
                           const struct people_actor *actor, struct error *err)
{
    struct quota_profile profile;
    int result = profile_changes_find(admind, arena, name, &profile, err);
    if (result == 0) {
        result = profiles_delete(admind->run->db, profile.name, err);
    }
    if (result == 0) {
        record(admind, arena, actor, "profile.delete", profile.name);
    }
    return result;
}

/* Applying ----------------------------------------------------------------------------------- */

static int apply_to(const struct admind *admind, struct arena *arena, int64_t user_id,
                    const char *profile, const struct people_actor *actor, struct error *err)
{
    struct user user;
    int result = users_find(admind->run->db, arena, user_id, &user, err);
    if (result == -ERR_NOT_FOUND) {
        return error_set(err, ERR_NOT_FOUND, "There is no account with the number %lld",
                         (long long)user_id);
    }
    return result == 0 ? people_apply_profile(admind, arena, &user, profile, actor, err) : result;
}

static int apply_all(const struct admind *admind, struct arena *arena, const char *profile,
                     const int64_t *user_ids, size_t count, const struct people_actor *actor,
                     struct error *err)
{
    AUTO_TRANSACTION struct db_transaction transaction = {0};
    int result = db_transaction_begin(&transaction, admind->run->db, err);
    for (size_t i = 0; result == 0 && i < count; i++) {
        result = apply_to(admind, arena, user_ids[i], profile, actor, err);
        if (result < 0) {
            error_prefix_field(err, arena_printf(arena, "users[%zu]", i));
        }
    }
    return result == 0 ? db_transaction_commit(&transaction, err) : result;
}

int profile_changes_apply(struct admind *admind, struct arena *arena, const char *name,
                          const int64_t *user_ids, size_t count, const struct people_actor *actor,
                          struct error *err)
{
    struct quota_profile profile;
    int result = profile_changes_find(admind, arena, name, &profile, err);
    if (result == 0) {
        result = apply_all(admind, arena, profile.name, user_ids, count, actor, err);
    }
    for (size_t i = 0; result == 0 && i < count; i++) {
        quotas_apply_to(admind, QUOTA_USER, user_ids[i]);
    }
    return result;
}
