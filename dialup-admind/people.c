/*
 * What happens to accounts: made, changed, ended, their passwords and keys. Called by the handlers
 * of the API and of rpc.c; never hashes a password, never speaks to another daemon.
 */
#include "dialup-admind/people.h"

#include <string.h>

#include "libdialup/base/clock.h"
#include "libdialup/base/log.h"
#include "libdialup/base/str.h"
#include "libdialup/crypto/digest.h"
#include "libdialup/crypto/password.h"
#include "libdialup/crypto/token.h"
#include "libdialup/db/db.h"
#include "libdialup/db/transaction.h"
#include "libdialup/store/api_keys.h"
#include "libdialup/store/audit.h"
#include "libdialup/store/limits.h"
#include "libdialup/store/notices.h"
#include "libdialup/store/profiles.h"
#include "libdialup/store/sessions.h"
#include "libdialup/store/teams.h"

enum { DAY_S = 24 * 3600, MAX_KEYS = 50 };

int64_t people_session_s(const struct admind *admind)
{
    return config_integer(admind->run->config, CONFIG_admind_session_days) * DAY_S;
}

void people_audit(const struct admind *admind, const char *actor, const char *request_id,
                  const char *action, const char *subject, const char *detail)
{
    const struct audit_entry entry = {
        .at = clock_unix(),
        .actor = actor,
        .action = action,
        .subject = subject,
        .detail = detail ? detail : "{}",
        .request_id = request_id,
    };
    struct error err;
    if (audit_add(admind->run->db, &entry, &err) < 0) {
        log_error("%s by %s on %s is not on record: %s", action, actor, subject, err.message);
    }
}

/* Within a change's transaction: the record is as sure as the change. */
static int record(const struct admind *admind, const struct people_actor *actor, const char *action,
                  const char *subject, const char *detail, struct error *err)
{
    const struct audit_entry entry = {
        .at = clock_unix(),
        .actor = actor->name,
        .action = action,
        .subject = subject,
        .detail = detail ? detail : "{}",
        .request_id = actor->request_id,
    };
    return audit_add(admind->run->db, &entry, err);
}

static const char *subject_of(struct arena *arena, int64_t user_id)
{
    return arena_printf(arena, "user:%lld", (long long)user_id);
}

static int check_email(const char *email, struct error *err)
{
    const char *at = strchr(email, '@');
    bool has_odd = false;
    for (const char *c = email; *c; c++) {
        has_odd = has_odd || (unsigned char)*c <= ' ' || strchr("<>(),;:\\\"[]\x7f", *c) != NULL;
    }
    if (has_odd || !at || at == email || strchr(at + 1, '@') || !strchr(at + 1, '.') ||
        at[1] == '.' || str_ends_with(email, ".")) {
        error_set_field(err, ERR_INVALID_ARGUMENT, "email", "This is not an e-mail address");
        error_hint(err, "It looks like ann@example.org");
        return -ERR_INVALID_ARGUMENT;
    }
    return 0;
}

int people_check_name(const char *name, struct error *err)
{
    if (str_is_one_line(name)) {
        return 0;
    }
    error_set_field(err, ERR_INVALID_ARGUMENT, "name", "A name is one line of plain text");
    error_hint(err, "Leave out line breaks and control characters");
    return -ERR_INVALID_ARGUMENT;
}

static const char *profile_of(const struct people_new *wanted)
{
    return wanted->profile ? wanted->profile : QUOTA_DEFAULT_PROFILE;
}

int people_check_new(const struct admind *admind, struct arena *arena,
                     const struct people_new *wanted, struct error *err)
{
    struct quota_profile profile;
    struct user existing;
    int result = check_email(wanted->email, err);
    if (result == 0) {
        result = people_check_name(wanted->name, err);
    }
    if (result == 0) {
        result = profiles_find(admind->run->db, arena, profile_of(wanted), &profile, err);
    }
    if (result < 0) {
        return result;
    }
    result = users_find_by_email(admind->run->db, arena, wanted->email, &existing, err);
    if (result == 0) {
        return error_set_field(err, ERR_ALREADY_EXISTS, "email",
                               "There is an account for %s already", wanted->email);
    }
    return result == -ERR_NOT_FOUND ? 0 : result;
}

int people_check_password(const char *password, struct error *err)
{
    AUTO_SECRET struct secret secret = SECRET_INIT;
    secret_set(&secret, password, strlen(password));
    return password_check(&secret, err);
}

static int write_new(const struct admind *admind, struct arena *arena, struct user *user,
                     const struct quota_profile *profile, const struct people_actor *actor,
                     struct error *err)
{
    struct db *db = admind->run->db;
    AUTO_TRANSACTION struct db_transaction transaction = {0};
    int result = db_transaction_begin(&transaction, db, err);
    if (result == 0) {
        result = users_create(db, user, user->created_at, &user->id, err);
    }
    if (result == 0) {
        result = limits_put_all(db, QUOTA_USER, user->id, profile->limits, user->created_at, err);
    }
    if (result == 0) {
        result = record(admind, actor, "user.create", subject_of(arena, user->id), NULL, err);
    }
    return result == 0 ? db_transaction_commit(&transaction, err) : result;
}

int people_create(const struct admind *admind, struct arena *arena, const struct people_new *wanted,
                  const char *password_hash, const struct people_actor *actor,
                  struct user *ret_user, struct error *err)
{
    struct quota_profile profile;
    int result = profiles_find(admind->run->db, arena, profile_of(wanted), &profile, err);
    if (result < 0) {
        return result;
    }
    int64_t now = clock_unix();
    struct user user = {
        .email = wanted->email,
        .name = wanted->name,
        .password_hash = password_hash,
        .role = USER_ROLE_USER,
        .profile = profile.name,
        .can_create_sites = profile.can_create_sites,
        .can_use_editor = profile.can_use_editor,
        .is_active = true,
        .created_at = now,
        .updated_at = now,
    };
    if (wanted->role) {
        user_role_parse(wanted->role, &user.role);
    }
    result = write_new(admind, arena, &user, &profile, actor, err);
    if (result == 0) {
        *ret_user = user;
    }
    return result;
}

/* Somebody must be able to let others in. */
static int keep_an_admin(struct db *db, const struct user *before, const struct user *after,
                         struct error *err)
{
    bool was_admin = before->role == USER_ROLE_ADMIN && before->is_active;
    bool stays_admin = after->role == USER_ROLE_ADMIN && after->is_active;
    if (!was_admin || stays_admin) {
        return 0;
    }
    struct users_counts counts;
    int result = users_count(db, &counts, err);
    if (result == 0 && counts.admins <= 1) {
        error_set_field(err, ERR_CONFLICT, after->is_active ? "role" : "is_active",
                        "This is the last admin of the server");
        error_hint(err, "Make somebody else an admin first");
        return -ERR_CONFLICT;
    }
    return result;
}

/* Else nobody but an admin could add to a team, remove from it, or move what it has. */
static int keep_leads(struct db *db, struct arena *arena, const struct user *user,
                      struct error *err)
{
    AUTO_STRBUF struct strbuf names = STRBUF_INIT;
    struct teams_list teams;
    int result = teams_list_led_alone(db, arena, user->id, &teams, err);
    if (result < 0 || teams.count == 0) {
        return result;
    }
    for (size_t i = 0; i < teams.count; i++) {
        strbuf_printf(&names, "%s%s", i > 0 ? ", " : "", teams.rows[i].name);
    }
    bool is_one = teams.count == 1;
    error_set_field(err, ERR_CONFLICT, "is_active", "%.64s is the last lead of %s %.200s",
                    user->email, is_one ? "the team" : "the teams", strbuf_text(&names));
    error_hint(err,
               "Make somebody else a lead first (deploy team role \"%.64s\" USER lead), or "
               "delete %s",
               teams.rows[0].name, is_one ? "the team" : "what is not needed any more");
    return -ERR_CONFLICT;
}

static int end_account(struct db *db, struct arena *arena, int64_t user_id, int64_t now,
                       struct error *err)
{
    struct api_keys_list keys;
    int result = users_deactivate(db, user_id, now, err);
    if (result == 0) {
        result = api_keys_list(db, arena, user_id, &keys, err);
    }
    for (size_t i = 0; result == 0 && i < keys.count; i++) {
        result = api_keys_revoke(db, user_id, keys.rows[i].id, now, err);
    }
    return result;
}

/* The limits, and that they are others now. */
static int copy_profile(struct db *db, struct arena *arena, const struct user *user, int64_t now,
                        struct error *err)
{
    struct quota_profile profile;
    int result = profiles_find(db, arena, user->profile, &profile, err);
    if (result == 0) {
        result = limits_put_all(db, QUOTA_USER, user->id, profile.limits, now, err);
    }
    const struct notice notice = {
        .user_id = user->id,
        .kind = NOTICE_LIMITS,
        .entity = QUOTA_USER,
        .entity_id = user->id,
        .text =
            arena_printf(arena, "Your limits are those of the profile \"%s\" now", user->profile),
        .at = now,
    };
    return result == 0 ? notices_add(db, &notice, err) : result;
}

int people_apply_profile(const struct admind *admind, struct arena *arena, const struct user *user,
                         const char *profile, const struct people_actor *actor, struct error *err)
{
    struct db *db = admind->run->db;
    int64_t now = clock_unix();
    struct quota_profile found;
    struct user changed = *user;
    AUTO_TRANSACTION struct db_transaction transaction = {0};
    int r = db_transaction_begin(&transaction, db, err);
    if (r < 0 || (r = profiles_find(db, arena, profile, &found, err)) < 0) {
        return r;
    }
    changed.profile = found.name;
    changed.can_create_sites = found.can_create_sites;
    changed.can_use_editor = found.can_use_editor;
    if ((r = users_update(db, &changed, now, err)) < 0 ||
        (r = copy_profile(db, arena, &changed, now, err)) < 0 ||
        (r = record(admind, actor, "user.profile", subject_of(arena, user->id),
                    arena_printf(arena, "{\"profile\":\"%s\"}", found.name), err)) < 0) {
        return r;
    }
    return db_transaction_commit(&transaction, err);
}

static int write_change(const struct admind *admind, struct arena *arena, const struct user *before,
                        const struct user *user, struct error *err)
{
    struct db *db = admind->run->db;
    int64_t now = clock_unix();
    int result = keep_an_admin(db, before, user, err);
    if (result == 0 && before->is_active && !user->is_active) {
        result = keep_leads(db, arena, before, err);
    }
    if (result == 0) {
        result = users_update(db, user, now, err);
    }
    if (result == 0 && !str_equal(user->profile, before->profile)) {
        result = copy_profile(db, arena, user, now, err);
    }
    if (result == 0 && before->is_active && !user->is_active) {
        result = end_account(db, arena, user->id, now, err);
    }
    return result;
}

int people_change(const struct admind *admind, struct arena *arena, const struct user *user,
                  const struct people_actor *actor, struct error *err)
{
    struct user before;
    AUTO_TRANSACTION struct db_transaction transaction = {0};
    int result = db_transaction_begin(&transaction, admind->run->db, err);
    if (result == 0) {
        result = users_find(admind->run->db, arena, user->id, &before, err);
    }
    if (result == 0) {
        result = write_change(admind, arena, &before, user, err);
    }
    if (result == 0) {
        const char *detail = arena_printf(
            arena, "{\"role\":\"%s\",\"profile\":\"%s\",\"is_active\":%s}",
            user_role_name(user->role), user->profile, user->is_active ? "true" : "false");
        result = record(admind, actor, "user.change", subject_of(arena, user->id), detail, err);
    }
    return result == 0 ? db_transaction_commit(&transaction, err) : result;
}

/* Ends all sessions but one. */
static int end_sessions(struct db *db, struct arena *arena, int64_t user_id,
                        const uint8_t *keep_session, struct error *err)
{
    struct session kept;
    bool has_kept = keep_session &&
                    sessions_find(db, arena, keep_session, clock_unix(), &kept, NULL) == 0 &&
                    kept.user_id == user_id;
    int result = sessions_delete_of_user(db, user_id, err);
    return result == 0 && has_kept ? sessions_create(db, &kept, err) : result;
}

int people_set_password(const struct admind *admind, struct arena *arena, int64_t user_id,
                        const char *password_hash, const uint8_t *keep_session,
                        const struct people_actor *actor, struct error *err)
{
    struct db *db = admind->run->db;
    AUTO_TRANSACTION struct db_transaction transaction = {0};
    int result = db_transaction_begin(&transaction, db, err);
    if (result == 0) {
        result = users_set_password(db, user_id, password_hash, clock_unix(), err);
    }
    if (result == 0) {
        result = end_sessions(db, arena, user_id, keep_session, err);
    }
    if (result == 0) {
        result = record(admind, actor, "user.password", subject_of(arena, user_id), NULL, err);
    }
    return result == 0 ? db_transaction_commit(&transaction, err) : result;
}

static int check_key_count(struct db *db, struct arena *arena, int64_t user_id, struct error *err)
{
    struct api_keys_list keys;
    int result = api_keys_list(db, arena, user_id, &keys, err);
    if (result == 0 && keys.count >= MAX_KEYS) {
        error_set(err, ERR_CONFLICT, "An account may have %d API keys", MAX_KEYS);
        error_hint(err, "Remove a key that is not used any more");
        return -ERR_CONFLICT;
    }
    return result;
}

static int write_key(const struct admind *admind, struct arena *arena, const struct api_key *key,
                     const uint8_t *hash, const struct people_actor *actor, int64_t *ret_id,
                     struct error *err)
{
    struct db *db = admind->run->db;
    AUTO_TRANSACTION struct db_transaction transaction = {0};
    int result = db_transaction_begin(&transaction, db, err);
    if (result == 0) {
        result = check_key_count(db, arena, key->user_id, err);
    }
    if (result == 0) {
        result = api_keys_create(db, key, hash, ret_id, err);
    }
    if (result == 0) {
        const char *detail = arena_printf(arena, "{\"key\":%lld}", (long long)*ret_id);
        result = record(admind, actor, "key.create", subject_of(arena, key->user_id), detail, err);
    }
    return result == 0 ? db_transaction_commit(&transaction, err) : result;
}

int people_make_key(const struct admind *admind, struct arena *arena, int64_t user_id,
                    const char *name, const struct people_actor *actor, struct people_key *ret_key,
                    struct error *err)
{
    AUTO_SECRET struct secret token = SECRET_INIT;
    uint8_t hash[DIGEST_SIZE];
    token_make(TOKEN_KEY_PREFIX, &token);
    digest_of(token.data, token.size, hash);
    const struct api_key key = {
        .user_id = user_id,
        .name = name,
        .prefix = arena_strndup(arena, token.data, strlen(TOKEN_KEY_PREFIX) + TOKEN_HINT_LEN),
        .created_at = clock_unix(),
    };
    int64_t id;
    int result = people_check_name(name, err);
    if (result == 0) {
        result = write_key(admind, arena, &key, hash, actor, &id, err);
    }
    if (result == 0) {
        *ret_key = (struct people_key){id, key.prefix, key.created_at, token};
        token = SECRET_INIT;
    }
    return result;
}
