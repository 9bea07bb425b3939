/*
 * Sessions and keys behind credentials, and the look-ups that keep users to their own things.
 * Called by the HTTP server and by every handler; answers nobody itself.
 */
#include "dialup-admind/access.h"

#include <stdio.h>
#include <string.h>

#include "dialup-admind/people.h"
#include "libdialup/base/clock.h"
#include "libdialup/base/log.h"
#include "libdialup/base/str.h"
#include "libdialup/crypto/digest.h"
#include "libdialup/site/domain.h"
#include "libdialup/store/api_keys.h"
#include "libdialup/store/sessions.h"

_Static_assert((int)SESSION_HASH_SIZE == (int)DIGEST_SIZE, "a session is known by a digest");
_Static_assert((int)API_KEY_HASH_SIZE == (int)DIGEST_SIZE, "a key is known by a digest");

/* A touch that fails (somebody writes, the disk is full) is done by the next request. */
static int find_by_session(const struct admind *admind, struct arena *arena,
                           const uint8_t hash[DIGEST_SIZE], int64_t *ret_user_id, struct error *err)
{
    struct session session;
    int64_t now = clock_unix();
    int result = sessions_find(admind->run->db, arena, hash, now, &session, err);
    if (result < 0) {
        return result;
    }
    if (session_needs_touch(&session, now)) {
        sessions_touch(admind->run->db, hash, now, now + people_session_s(admind), NULL);
    }
    *ret_user_id = session.user_id;
    return 0;
}

static int find_by_key(const struct admind *admind, struct arena *arena,
                       const uint8_t hash[DIGEST_SIZE], struct http_identity *identity,
                       int64_t *ret_user_id, struct error *err)
{
    struct api_key key;
    int64_t now = clock_unix();
    int result = api_keys_find(admind->run->db, arena, hash, &key, err);
    if (result < 0) {
        return result;
    }
    if (api_key_needs_touch(&key, now)) {
        api_keys_touch(admind->run->db, key.id, now, NULL);
    }
    identity->credentials_id = key.id;
    *ret_user_id = key.user_id;
    return 0;
}

int access_authenticate(void *context, const struct http_credentials *credentials,
                        struct http_identity *ret_identity, struct error *err)
{
    const struct admind *admind = context;
    AUTO_ARENA struct arena *arena = arena_new();
    uint8_t hash[DIGEST_SIZE];
    struct http_identity identity = {.kind = credentials->kind};
    struct user user;
    digest_of(credentials->token, credentials->token_len, hash);
    int result = credentials->kind == HTTP_SESSION
                     ? find_by_session(admind, arena, hash, &identity.user_id, err)
                     : find_by_key(admind, arena, hash, &identity, &identity.user_id, err);
    if (result == 0) {
        result = users_find(admind->run->db, arena, identity.user_id, &user, err);
    }
    if (result != 0) {
        return result;
    }
    identity.role = user.role == USER_ROLE_ADMIN ? HTTP_ADMIN : HTTP_USER;
    snprintf(identity.name, sizeof(identity.name), "%lld %s", (long long)user.id, user.email);
    *ret_identity = identity;
    return 0;
}

bool access_is_admin(const struct http_request *request)
{
    return http_request_identity(request)->role == HTTP_ADMIN;
}

int64_t access_user_id(const struct http_request *request)
{
    return http_request_identity(request)->user_id;
}

const char *access_actor(struct http_request *request)
{
    return arena_printf(http_request_arena(request), "user:%lld",
                        (long long)access_user_id(request));
}

int access_find_user(const struct admind *admind, struct http_request *request,
                     struct user *ret_user, struct error *err)
{
    int64_t id;
    int result = http_request_param_id(request, "id", &id, err);
    if (result == 0 && id != access_user_id(request) && !access_is_admin(request)) {
        result = error_set_field(err, ERR_NOT_FOUND, "id", "There is no such account");
    }
    if (result == 0) {
        result = users_find(admind->run->db, http_request_arena(request), id, ret_user, err);
    }
    return result;
}

int access_find_person(const struct admind *admind, struct http_request *request, const char *named,
                       const char *field, struct user *ret_user, struct error *err)
{
    struct arena *arena = http_request_arena(request);
    int64_t id;
    int result = access_is_admin(request) && str_parse_i64(named, 1, INT64_MAX, &id)
                     ? users_find(admind->run->db, arena, id, ret_user, err)
                     : users_find_by_email(admind->run->db, arena, named, ret_user, err);
    if (result == -ERR_NOT_FOUND) {
        error_set_field(err, ERR_NOT_FOUND, field, "There is no account for %.254s", named);
        error_hint(err, "Give the e-mail address that they log in with");
    }
    return result;
}

int access_team(const struct admind *admind, struct http_request *request, int64_t id,
                enum access_need need, struct access_team *ret_team, struct error *err)
{
    struct access_team found = {0};
    int result = teams_find(admind->run->db, http_request_arena(request), id, &found.team, err);
    if (result == 0) {
        result = team_members_find(admind->run->db, id, access_user_id(request), &found.is_member,
                                   &found.role, err);
    }
    if (result == -ERR_NOT_FOUND ||
        (result == 0 && !found.is_member && !access_is_admin(request))) {
        error_set_field(err, ERR_NOT_FOUND, "id", "There is no such team");
        error_hint(err, "GET /api/teams lists those that you are in");
        return -ERR_NOT_FOUND;
    }
    found.may_lead = access_is_admin(request) || (found.is_member && found.role == TEAM_ROLE_LEAD);
    if (result == 0 && need == ACCESS_LEAD && !found.may_lead) {
        error_set_field(err, ERR_FORBIDDEN, "id", "Only a lead of the team may do this");
        error_hint(err, "Ask one of its leads: they stand among its members");
        return -ERR_FORBIDDEN;
    }
    if (result == 0) {
        *ret_team = found;
    }
    return result;
}

int access_find_team(const struct admind *admind, struct http_request *request,
                     enum access_need need, struct access_team *ret_team, struct error *err)
{
    int64_t id;
    int result = http_request_param_id(request, "id", &id, err);
    return result == 0 ? access_team(admind, request, id, need, ret_team, err) : result;
}

static bool may_see(const struct admind *admind, const struct http_request *request,
                    const struct site *site)
{
    enum team_role role;
    bool is_member = false;
    if (access_is_admin(request)) {
        return true;
    }
    if (site->owner_kind == QUOTA_USER) {
        return site->owner_id == access_user_id(request);
    }
    return team_members_find(admind->run->db, site->owner_id, access_user_id(request), &is_member,
                             &role, NULL) == 0 &&
           is_member;
}

static int refuse_site(const char *name, struct error *err)
{
    error_set_field(err, ERR_NOT_FOUND, "domain", "There is no site %.200s", name);
    error_hint(err, "Your sites are listed in the panel, and by: deploy sites list");
    return -ERR_NOT_FOUND;
}

int access_find_site_by_name(const struct admind *admind, struct http_request *request,
                             const char *name, struct site *ret_site, struct error *err)
{
    static const struct domain_rules rules = {.allow_punycode = true};
    struct arena *arena = http_request_arena(request);
    const char *whole =
        strchr(name, '.') ? name : arena_printf(arena, "%s.%s", name, admind->sites_suffix);
    struct domain domain;
    struct site site;
    if (domain_parse(whole, &rules, &domain, err) < 0) {
        return refuse_site(name, err);
    }
    int result = sites_find_by_domain(admind->run->db, arena, domain.name, &site, err);
    if (result == -ERR_NOT_FOUND || (result == 0 && !may_see(admind, request, &site))) {
        return refuse_site(name, err);
    }
    if (result == 0) {
        *ret_site = site;
    }
    return result;
}

int access_find_site(const struct admind *admind, struct http_request *request,
                     struct site *ret_site, struct error *err)
{
    return access_find_site_by_name(admind, request, http_request_param(request, "domain"),
                                    ret_site, err);
}

int access_find_deployment(const struct admind *admind, struct http_request *request,
                           struct deployment *ret_deployment, struct error *err)
{
    struct arena *arena = http_request_arena(request);
    int64_t id;
    struct site site;
    int result = http_request_param_id(request, "id", &id, err);
    if (result == 0) {
        result = deployments_find(admind->run->db, arena, id, ret_deployment, err);
    }
    if (result == 0) {
        result = sites_find(admind->run->db, arena, ret_deployment->site_id, &site, err);
    }
    if (result == -ERR_NOT_FOUND || (result == 0 && !may_see(admind, request, &site))) {
        return error_set_field(err, ERR_NOT_FOUND, "id", "There is no such deployment");
    }
    return result;
}

void access_audit(const struct admind *admind, struct http_request *request, const char *action,
                  const char *subject, const char *detail)
{
    people_audit(admind, access_actor(request), http_request_id(request), action, subject, detail);
}
