/*
 * What admind writes: users, sessions, keys, limits, uploads, audit; and deployd's idempotency.
 */
#include "libdialup/store/users.h"

#include "libdialup/store/api_keys.h"
#include "libdialup/store/audit.h"
#include "libdialup/store/idempotency.h"
#include "libdialup/store/limits.h"
#include "libdialup/store/sessions.h"
#include "libdialup/store/uploads.h"
#include "tests/harness/check.h"
#include "tests/unit/store_fixture.h"

static void case_users(void)
{
    AUTO_STORE struct store_fixture s;
    store_fixture_init(&s);
    struct user user;
    CHECK_INT(add_user(&s, "Ann@Example.org"), 1);
    CHECK_INT(add_user(&s, "bob@example.org"), 2);
    CHECK_INT(users_find_by_email(s.admind, s.arena, "ann@example.ORG", &user, &s.f.err), 0);
    CHECK_INT(user.id, 1);
    CHECK_STR(user.email, "Ann@Example.org");
    CHECK_STR(user.profile, "standard");
    CHECK(user.is_active && user.can_create_sites && !user.can_use_editor);
    CHECK(user.password_hash == NULL);
    CHECK_INT(user.created_at, 1000);

    struct user twin = {.email = "ANN@example.org", .name = "x", .profile = "basic"};
    int64_t id;
    CHECK_INT(users_create(s.admind, &twin, 5, &id, &s.f.err), -ERR_ALREADY_EXISTS);
    CHECK_STR(s.f.err.field, "email");
    CHECK_CONTAINS(s.f.err.message, "There is an account for ANN@example.org already");

    user.name = "Ann B";
    user.role = USER_ROLE_ADMIN;
    user.can_use_editor = true;
    CHECK_INT(users_update(s.admind, &user, 2000, &s.f.err), 0);
    CHECK_INT(users_set_password(s.admind, 1, "$argon2id$", 3000, &s.f.err), 0);
    CHECK_INT(users_find(s.deployd, s.arena, 1, &user, &s.f.err), 0);
    CHECK_STR(user.name, "Ann B");
    CHECK_STR(user.password_hash, "$argon2id$");
    CHECK_INT(user.role, USER_ROLE_ADMIN);
    CHECK_INT(user.updated_at, 3000);

    CHECK_INT(users_find(s.admind, s.arena, 9, &user, &s.f.err), -ERR_NOT_FOUND);
    CHECK_STR(s.f.err.message, "There is no such user");
    CHECK_INT(users_set_password(s.admind, 9, "x", 1, &s.f.err), -ERR_NOT_FOUND);
    CHECK_INT(users_set_password(s.deployd, 1, "x", 1, &s.f.err), -ERR_INTERNAL);
    CHECK_CONTAINS(s.f.err.message, "\"users\" belongs to admind; deployd may only read it");
}

static void case_users_list(void)
{
    AUTO_STORE struct store_fixture s;
    store_fixture_init(&s);
    char email[32];
    for (int i = 1; i <= 20; i++) {
        snprintf(email, sizeof(email), "user%d@example.org", i);
        add_user(&s, email);
    }
    static const struct {
        struct users_page page;
        size_t count;
        int64_t first;
    } pages[] = {
        {{.limit = 50}, 20, 1},
        {{.limit = 7}, 7, 1},
        {{.limit = 7, .after_id = 18}, 2, 19},
        {{.limit = 50, .search = "USER1"}, 11, 1},
        {{.limit = 50, .search = "%"}, 0, 0},
    };
    for (size_t i = 0; i < ARRAY_COUNT(pages); i++) {
        struct users_list list;
        CHECK_INT(users_list(s.admind, s.arena, &pages[i].page, &list, &s.f.err), 0);
        CHECK_INT(list.count, pages[i].count);
        CHECK_INT(list.count ? list.rows[0].id : 0, pages[i].first);
    }
    struct users_counts counts;
    CHECK_INT(users_deactivate(s.admind, 3, 5, &s.f.err), 0);
    CHECK_INT(users_count(s.admind, &counts, &s.f.err), 0);
    CHECK_INT(counts.users, 19);
    CHECK_INT(counts.admins, 0);
}

static void case_sessions(void)
{
    AUTO_STORE struct store_fixture s;
    store_fixture_init(&s);
    add_user(&s, "ann@example.org");
    struct session session = {.token_hash = {1, 2, 0, 3},
                              .user_id = 1,
                              .created_at = 1000,
                              .last_seen_at = 1000,
                              .expires_at = 2000,
                              .address = "192.0.2.1",
                              .user_agent = "x"};
    struct session found;
    const uint8_t *hash = session.token_hash;
    uint8_t other[SESSION_HASH_SIZE] = {9};
    int64_t removed;
    CHECK_INT(sessions_create(s.admind, &session, &s.f.err), 0);
    CHECK_INT(sessions_find(s.admind, s.arena, hash, 1999, &found, &s.f.err), 0);
    CHECK_INT(found.user_id, 1);
    CHECK(memcmp(found.token_hash, hash, SESSION_HASH_SIZE) == 0);
    CHECK_INT(sessions_find(s.admind, s.arena, hash, 2000, &found, &s.f.err), -ERR_UNAUTHENTICATED);
    CHECK_INT(sessions_find(s.admind, s.arena, other, 1500, &found, &s.f.err),
              -ERR_UNAUTHENTICATED);

    CHECK(!session_needs_touch(&session, 1059));
    CHECK(session_needs_touch(&session, 1060));
    CHECK_INT(sessions_touch(s.admind, hash, 1059, 5000, &s.f.err), 0);
    CHECK_INT(sessions_find(s.admind, s.arena, hash, 1500, &found, &s.f.err), 0);
    CHECK_INT(found.expires_at, 2000);
    CHECK_INT(sessions_touch(s.admind, hash, 1060, 5000, &s.f.err), 0);
    CHECK_INT(sessions_find(s.admind, s.arena, hash, 3000, &found, &s.f.err), 0);
    CHECK_INT(found.last_seen_at, 1060);

    CHECK_INT(sessions_expire(s.admind, 4999, &removed, &s.f.err), 0);
    CHECK_INT(removed, 0);
    CHECK_INT(sessions_expire(s.admind, 5000, &removed, &s.f.err), 0);
    CHECK_INT(removed, 1);
    CHECK_INT(sessions_create(s.admind, &session, &s.f.err), 0);
    CHECK_INT(sessions_delete(s.admind, hash, &s.f.err), 0);
    CHECK_INT(sessions_delete(s.admind, hash, &s.f.err), 0);
    CHECK_INT(sessions_create(s.admind, &session, &s.f.err), 0);
    CHECK_INT(users_deactivate(s.admind, 1, 1100, &s.f.err), 0);
    CHECK_INT(sessions_expire(s.admind, 9999, &removed, &s.f.err), 0);
    CHECK_INT(removed, 0); /* they ended with the user */
}

static void case_api_keys(void)
{
    AUTO_STORE struct store_fixture s;
    store_fixture_init(&s);
    add_user(&s, "ann@example.org");
    uint8_t hash[API_KEY_HASH_SIZE] = {7};
    struct api_key key = {.user_id = 1, .name = "laptop", .prefix = "dud_abc", .created_at = 50};
    struct api_key found;
    struct api_keys_list list;
    int64_t id = 0;
    CHECK_INT(api_keys_create(s.admind, &key, hash, &id, &s.f.err), 0);
    CHECK_INT(api_keys_create(s.admind, &key, hash, &id, &s.f.err), -ERR_ALREADY_EXISTS);
    CHECK_INT(api_keys_find(s.admind, s.arena, hash, &found, &s.f.err), 0);
    CHECK_STR(found.name, "laptop");
    CHECK_INT(found.last_used_at, 0);
    CHECK(api_key_needs_touch(&found, 100));
    CHECK_INT(api_keys_touch(s.admind, id, 100, &s.f.err), 0);
    CHECK_INT(api_keys_touch(s.admind, id, 159, &s.f.err), 0);
    CHECK_INT(api_keys_list(s.admind, s.arena, 1, &list, &s.f.err), 0);
    CHECK_INT(list.count, 1);
    CHECK_INT(list.rows[0].last_used_at, 100);
    CHECK_INT(api_keys_revoke(s.admind, 2, id, 200, &s.f.err), -ERR_NOT_FOUND);
    CHECK_INT(api_keys_revoke(s.admind, 1, id, 200, &s.f.err), 0);
    CHECK_INT(api_keys_revoke(s.admind, 1, id, 200, &s.f.err), -ERR_NOT_FOUND);
    CHECK_INT(api_keys_find(s.admind, s.arena, hash, &found, &s.f.err), -ERR_UNAUTHENTICATED);
    hash[0] = 8;
    CHECK_INT(api_keys_create(s.admind, &key, hash, &id, &s.f.err), 0);
    CHECK_INT(users_deactivate(s.admind, 1, 300, &s.f.err), 0);
    CHECK_INT(api_keys_find(s.admind, s.arena, hash, &found, &s.f.err), -ERR_UNAUTHENTICATED);
}

static void case_limits(void)
{
    AUTO_STORE struct store_fixture s;
    store_fixture_init(&s);
    struct quota_level level;
    const struct quota_profile *profile = quota_profile_find("standard");
    struct quota_limit more = {9, 70, 10};
    struct quota_limit none = {.hard = QUOTA_UNLIMITED};
    quota_level_init(&level, QUOTA_USER, "ann");
    CHECK_INT(limits_put_all(s.admind, QUOTA_USER, 1, profile->limits, 10, &s.f.err), 0);
    CHECK_INT(limits_read(s.deployd, QUOTA_USER, 1, level.limits, &s.f.err), 0);
    CHECK(memcmp(level.limits, profile->limits, sizeof(level.limits)) == 0);
    CHECK_INT(limits_put(s.admind, QUOTA_USER, 1, QUOTA_SITES, &more, 11, &s.f.err), 0);
    CHECK_INT(limits_put(s.admind, QUOTA_USER, 1, QUOTA_DEV_CONTAINERS, &none, 11, &s.f.err), 0);
    quota_level_init(&level, QUOTA_USER, "ann");
    CHECK_INT(limits_read(s.deployd, QUOTA_USER, 1, level.limits, &s.f.err), 0);
    CHECK_INT(level.limits[QUOTA_SITES].hard, 9);
    CHECK_INT(level.limits[QUOTA_SITES].soft_percent, 70);
    CHECK_INT(level.limits[QUOTA_DEV_CONTAINERS].hard, QUOTA_UNLIMITED);
    quota_level_init(&level, QUOTA_SYSTEM, "the server");
    CHECK_INT(limits_read(s.deployd, QUOTA_SYSTEM, 0, level.limits, &s.f.err), 0);
    CHECK_INT(level.limits[QUOTA_SITES].hard, QUOTA_UNLIMITED);
    struct quota_limit bad = {5, 200, 0};
    CHECK_INT(limits_put(s.admind, QUOTA_USER, 1, QUOTA_SITES, &bad, 12, &s.f.err),
              -ERR_INVALID_ARGUMENT);
}

static void case_uploads(void)
{
    AUTO_STORE struct store_fixture s;
    store_fixture_init(&s);
    struct upload upload = {
        .id = "abc", .site_id = 3, .user_id = 1, .max_bytes = 100, .created_at = 10};
    struct upload found;
    struct uploads_list list;
    CHECK_INT(uploads_create(s.admind, &upload, &s.f.err), 0);
    CHECK_INT(uploads_advance(s.admind, "abc", 0, 60, 11, &s.f.err), 0);
    CHECK_INT(uploads_advance(s.admind, "abc", 0, 60, 12, &s.f.err), -ERR_CONFLICT);
    CHECK_CONTAINS(s.f.err.hint, "Go on from byte 60");
    CHECK_INT(uploads_advance(s.admind, "abc", 60, 41, 12, &s.f.err), -ERR_TOO_LARGE);
    CHECK_INT(uploads_use(s.admind, "abc", 12, &s.f.err), -ERR_CONFLICT);
    CHECK_STR(s.f.err.message, "This upload is not complete");
    CHECK_INT(uploads_finish(s.admind, "abc", 13, &s.f.err), 0);
    CHECK_INT(uploads_advance(s.admind, "abc", 60, 1, 14, &s.f.err), -ERR_CONFLICT);
    CHECK_INT(uploads_use(s.admind, "abc", 15, &s.f.err), 0);
    CHECK_INT(uploads_use(s.admind, "abc", 15, &s.f.err), -ERR_CONFLICT);
    CHECK_STR(s.f.err.message, "This upload is used");
    CHECK_INT(uploads_finish(s.admind, "none", 15, &s.f.err), -ERR_NOT_FOUND);
    CHECK_INT(uploads_find(s.admind, s.arena, "abc", &found, &s.f.err), 0);
    CHECK_INT(found.received_bytes, 60);
    CHECK_INT(found.state, UPLOAD_USED);
    CHECK_INT(uploads_list_stale(s.admind, s.arena, 15, &list, &s.f.err), 0);
    CHECK_INT(list.count, 0);
    CHECK_INT(uploads_list_stale(s.admind, s.arena, 16, &list, &s.f.err), 0);
    CHECK_INT(list.count, 1);
    struct uploads_held held;
    struct uploads_held_list held_list;
    CHECK_INT(uploads_sum_held(s.admind, 1, &held, &s.f.err), 0);
    CHECK_INT(held.count, 0);
    upload.id = "def";
    CHECK_INT(uploads_create(s.admind, &upload, &s.f.err), 0);
    CHECK_INT(uploads_advance(s.admind, "def", 0, 70, 11, &s.f.err), 0);
    CHECK_INT(uploads_sum_held(s.admind, 1, &held, &s.f.err), 0);
    CHECK_INT(held.count, 1);
    CHECK_INT(held.bytes, 70);
    CHECK_INT(uploads_list_held(s.admind, s.arena, 1, 5, &held_list, &s.f.err), 0);
    CHECK_INT(held_list.count, 1);
    CHECK_STR(held_list.rows[0].id, "def");
    CHECK(!held_list.rows[0].domain);
    CHECK_INT(uploads_sum_held(s.admind, 2, &held, &s.f.err), 0);
    CHECK_INT(held.count, 0);
    CHECK_INT(uploads_delete(s.admind, "abc", &s.f.err), 0);
    CHECK_INT(uploads_find(s.admind, s.arena, "abc", &found, &s.f.err), -ERR_NOT_FOUND);
}

static void case_audit(void)
{
    AUTO_STORE struct store_fixture s;
    store_fixture_init(&s);
    struct audit_list list;
    for (int i = 0; i < 30; i++) {
        struct audit_entry entry = {.at = 100 + i,
                                    .actor = "user:1",
                                    .action = "site.create",
                                    .subject = i % 2 ? "site:a" : "site:b",
                                    .detail = "{}",
                                    .request_id = "r"};
        CHECK_INT(audit_add(s.admind, &entry, &s.f.err), 0);
    }
    CHECK_INT(audit_list(s.admind, s.arena, NULL, 0, 10, &list, &s.f.err), 0);
    CHECK_INT(list.count, 10);
    CHECK_INT(list.rows[0].id, 30);
    CHECK_INT(audit_list(s.admind, s.arena, NULL, 6, 10, &list, &s.f.err), 0);
    CHECK_INT(list.count, 5);
    CHECK_INT(audit_list(s.admind, s.arena, "site:a", 0, 50, &list, &s.f.err), 0);
    CHECK_INT(list.count, 15);
    CHECK_STR(list.rows[14].subject, "site:a");
}

static void case_idempotency(void)
{
    AUTO_STORE struct store_fixture s;
    store_fixture_init(&s);
    const char *response = "x";
    int64_t removed = 0;
    CHECK_INT(idempotency_get(s.deployd, s.arena, "k", "site_create", &response, &s.f.err), 0);
    CHECK(response == NULL);
    CHECK_INT(idempotency_put(s.deployd, "k", "site_create", "{\"id\":1}", 100, &s.f.err), 0);
    CHECK_INT(idempotency_put(s.deployd, "k", "site_create", "{}", 100, &s.f.err),
              -ERR_ALREADY_EXISTS);
    CHECK_INT(idempotency_get(s.deployd, s.arena, "k", "site_create", &response, &s.f.err), 0);
    CHECK_STR(response, "{\"id\":1}");
    CHECK_INT(idempotency_get(s.deployd, s.arena, "k", "other", &response, &s.f.err),
              -ERR_CONFLICT);
    CHECK_INT(idempotency_expire(s.deployd, 101, &removed, &s.f.err), 0);
    CHECK_INT(removed, 1);
}

int main(void)
{
    static const struct check_case cases[] = {
        {"users", case_users},       {"users by page", case_users_list},
        {"sessions", case_sessions}, {"API keys", case_api_keys},
        {"limits", case_limits},     {"uploads", case_uploads},
        {"audit", case_audit},       {"idempotency", case_idempotency},
    };
    return check_run(cases, ARRAY_COUNT(cases));
}
