/*
 * Named sets of limits. Called through routes.c. A profile is copied to accounts: changing one
 * changes none of them until it is applied.
 */
#include "dialup-admind/access.h"
#include "dialup-admind/handlers.h"
#include "dialup-admind/limit_input.h"
#include "dialup-admind/people.h"
#include "dialup-admind/views.h"
#include "libdialup/base/clock.h"
#include "libdialup/base/str.h"
#include "libdialup/db/transaction.h"
#include "libdialup/store/profiles.h"

/* Showing ------------------------------------------------------------------------------------ */

static struct http_profile view_profile(struct arena *arena, const struct quota_profile *profile)
{
    struct http_profile shown = {
        .name = profile->name,
        .can_create_sites = profile->can_create_sites,
        .can_use_editor = profile->can_use_editor,
        .is_built_in = quota_profile_find(profile->name) != NULL,
    };
    shown.limits = view_limits(arena, QUOTA_USER, profile->limits, NULL, &shown.limits_count);
    return shown;
}

int handle_profiles(struct http_request *request, void *context, struct error *err)
{
    const struct admind *admind = context;
    struct arena *arena = http_request_arena(request);
    struct profiles_list list;
    int result = profiles_list(admind->run->db, arena, &list, err);
    if (result < 0) {
        return result;
    }
    struct http_profile *profiles = arena_calloc(arena, list.count, sizeof(*profiles));
    for (size_t i = 0; i < list.count; i++) {
        profiles[i] = view_profile(arena, &list.rows[i]);
    }
    const struct http_profile_list answer = {.profiles = profiles, .profiles_count = list.count};
    http_reply_json(request, 200, &http_profile_list_shape, &answer);
    return 0;
}

/* The profile that the path names. */
static int find_named(const struct admind *admind, struct http_request *request,
                      struct quota_profile *ret_profile, struct error *err)
{
    const char *name = http_request_param(request, "name");
    int result =
        profiles_find(admind->run->db, http_request_arena(request), name, ret_profile, err);
    if (result == -ERR_INVALID_ARGUMENT) {
        error_set_field(err, ERR_NOT_FOUND, "name", "There is no profile \"%.32s\"", name);
        error_hint(err, "GET /api/profiles lists them");
        return -ERR_NOT_FOUND;
    }
    return result;
}

static int refuse_built_in(const char *name, struct error *err)
{
    error_set_field(err, ERR_CONFLICT, "name", "\"%s\" is always there and always the same", name);
    error_hint(err, "Make a profile of your own with \"base\": \"%s\", and change that", name);
    return -ERR_CONFLICT;
}

/* Making, changing, deleting ----------------------------------------------------------------- */

static int put(const struct admind *admind, struct http_request *request,
               struct quota_profile *profile, const struct http_limit_change *changes, size_t count,
               struct error *err)
{
    bool is_changed[QUOTA_DIMENSION_COUNT];
    int result = limit_input_apply(http_request_arena(request), changes, count, QUOTA_USER,
                                   profile->limits, is_changed, err);
    return result == 0 ? profiles_put(admind->run->db, profile, clock_unix(), err) : result;
}

static void record(const struct admind *admind, struct http_request *request, const char *action,
                   const char *name)
{
    access_audit(admind, request, action,
                 arena_printf(http_request_arena(request), "profile:%s", name), NULL);
}

/* Nothing limited, or a copy of another. */
static int read_base(const struct admind *admind, struct http_request *request, const char *base,
                     struct quota_profile *profile, struct error *err)
{
    *profile = (struct quota_profile){.can_create_sites = true, .can_use_editor = true};
    for (int i = 0; i < QUOTA_DIMENSION_COUNT; i++) {
        profile->limits[i] = QUOTA_NO_LIMIT;
    }
    int result =
        base ? profiles_find(admind->run->db, http_request_arena(request), base, profile, err) : 0;
    return result == -ERR_INVALID_ARGUMENT
               ? error_set_field(err, ERR_INVALID_ARGUMENT, "base",
                                 "There is no profile \"%.32s\" to begin with", base)
               : result;
}

static int check_new(const struct admind *admind, struct http_request *request, const char *name,
                     struct error *err)
{
    struct quota_profile existing;
    int result = quota_profile_check_name(name, err);
    if (result == 0 &&
        profiles_find(admind->run->db, http_request_arena(request), name, &existing, NULL) == 0) {
        error_set_field(err, ERR_ALREADY_EXISTS, "name", "There is a profile \"%s\" already", name);
        error_hint(err, "Change it with PUT /api/profiles/%s, or choose another name", name);
        return -ERR_ALREADY_EXISTS;
    }
    return result;
}

int handle_profiles_create(struct http_request *request, void *context, struct error *err)
{
    const struct admind *admind = context;
    const struct http_profile_create *body = http_request_body(request);
    struct quota_profile profile;
    int r = check_new(admind, request, body->name, err);
    if (r < 0 || (r = read_base(admind, request, body->base, &profile, err)) < 0) {
        return r;
    }
    profile.name = body->name;
    profile.can_create_sites =
        body->has_can_create_sites ? body->can_create_sites : profile.can_create_sites;
    profile.can_use_editor =
        body->has_can_use_editor ? body->can_use_editor : profile.can_use_editor;
    if ((r = put(admind, request, &profile, body->limits, body->limits_count, err)) < 0) {
        return r;
    }
    record(admind, request, "profile.create", profile.name);
    const struct http_profile shown = view_profile(http_request_arena(request), &profile);
    http_reply_json(request, 201, &http_profile_shape, &shown);
    return 0;
}

int handle_profiles_change(struct http_request *request, void *context, struct error *err)
{
    const struct admind *admind = context;
    const struct http_profile_change *body = http_request_body(request);
    struct arena *arena = http_request_arena(request);
    struct quota_profile profile;
    int64_t accounts = 0;
    int r = find_named(admind, request, &profile, err);
    if (r < 0) {
        return r;
    }
    if (quota_profile_find(profile.name)) {
        return refuse_built_in(profile.name, err);
    }
    profile.can_create_sites =
        body->has_can_create_sites ? body->can_create_sites : profile.can_create_sites;
    profile.can_use_editor =
        body->has_can_use_editor ? body->can_use_editor : profile.can_use_editor;
    if ((r = put(admind, request, &profile, body->limits, body->limits_count, err)) < 0 ||
        (r = profiles_count_accounts(admind->run->db, profile.name, &accounts, err)) < 0) {
        return r;
    }
    record(admind, request, "profile.change", profile.name);
    struct http_profile shown = view_profile(arena, &profile);
    if (accounts > 0) {
        shown.note =
            arena_printf(arena,
                         "%lld %s this profile and keep%s the limits of before; apply it "
                         "to change them.",
                         (long long)accounts, accounts == 1 ? "account has" : "accounts have",
                         accounts == 1 ? "s" : "");
    }
    http_reply_json(request, 200, &http_profile_shape, &shown);
    return 0;
}

int handle_profiles_delete(struct http_request *request, void *context, struct error *err)
{
    const struct admind *admind = context;
    const struct http_done done = {0};
    struct quota_profile profile;
    int result = find_named(admind, request, &profile, err);
    if (result == 0) {
        result = profiles_delete(admind->run->db, profile.name, err);
    }
    if (result == 0) {
        record(admind, request, "profile.delete", profile.name);
        http_reply_json(request, 200, &http_done_shape, &done);
    }
    return result;
}

/* Applying ----------------------------------------------------------------------------------- */

static int apply_to(const struct admind *admind, struct http_request *request, int64_t user_id,
                    const char *profile, struct error *err)
{
    struct arena *arena = http_request_arena(request);
    const struct people_actor actor = {access_actor(request), http_request_id(request)};
    struct user user;
    int result = users_find(admind->run->db, arena, user_id, &user, err);
    if (result == -ERR_NOT_FOUND) {
        return error_set(err, ERR_NOT_FOUND, "There is no account with the number %lld",
                         (long long)user_id);
    }
    return result == 0 ? people_apply_profile(admind, arena, &user, profile, &actor, err) : result;
}

static int apply_all(const struct admind *admind, struct http_request *request, const char *profile,
                     struct error *err)
{
    const struct http_profile_apply *body = http_request_body(request);
    AUTO_TRANSACTION struct db_transaction transaction = {0};
    int result = db_transaction_begin(&transaction, admind->run->db, err);
    for (size_t i = 0; result == 0 && i < body->users_count; i++) {
        result = apply_to(admind, request, body->users[i], profile, err);
        if (result < 0) {
            error_prefix_field(err, arena_printf(http_request_arena(request), "users[%zu]", i));
        }
    }
    return result == 0 ? db_transaction_commit(&transaction, err) : result;
}

int handle_profiles_apply(struct http_request *request, void *context, struct error *err)
{
    struct admind *admind = context;
    const struct http_profile_apply *body = http_request_body(request);
    struct quota_profile profile;
    int result = find_named(admind, request, &profile, err);
    if (result == 0) {
        result = apply_all(admind, request, profile.name, err);
    }
    if (result < 0) {
        return result;
    }
    for (size_t i = 0; i < body->users_count; i++) {
        quotas_apply_to(admind, QUOTA_USER, body->users[i]);
    }
    const struct http_profile_applied answer = {profile.name, body->users, body->users_count};
    http_reply_json(request, 200, &http_profile_applied_shape, &answer);
    return 0;
}
