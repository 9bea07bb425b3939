/*
 * Who asks, and what they may see. Users see their own account and sites; what belongs to others
 * is "not found" for them, as if it did not exist; who is in a team sees the team and its sites.
 * Admins see all.
 */
#pragma once

#include "dialup-admind/admind.h"
#include "libdialup/store/deployments.h"
#include "libdialup/store/sites.h"
#include "libdialup/store/teams.h"
#include "libdialup/store/users.h"

/* An http_authenticate_fn; context is the struct admind. */
int access_authenticate(void *context, const struct http_credentials *credentials,
                        struct http_identity *ret_identity, struct error *err);

bool access_is_admin(const struct http_request *request);
int64_t access_user_id(const struct http_request *request);

/* "user:7", in the request's arena. */
const char *access_actor(struct http_request *request);

/* The thing that the path names. Texts live in the request's arena. */
int access_find_user(const struct admind *admind, struct http_request *request,
                     struct user *ret_user, struct error *err);
int access_find_site(const struct admind *admind, struct http_request *request,
                     struct site *ret_site, struct error *err);
int access_find_deployment(const struct admind *admind, struct http_request *request,
                           struct deployment *ret_deployment, struct error *err);

/* The site of a name as a person types it, "shop" or "shop.example.org". */
int access_find_site_by_name(const struct admind *admind, struct http_request *request,
                             const char *name, struct site *ret_site, struct error *err);

/* Whom a body names: an e-mail address; for admins a number as well. -ERR_NOT_FOUND with field. */
int access_find_person(const struct admind *admind, struct http_request *request, const char *named,
                       const char *field, struct user *ret_user, struct error *err);

/* What somebody has to be in a team; an admin is enough for all. */
enum access_need { ACCESS_MEMBER, ACCESS_LEAD };

/* A team, and what who asks is in it. */
struct access_team {
    struct team team;
    bool is_member;
    enum team_role role; /* of a member */
    bool may_lead;       /* leads it, or is an admin */
};

/* The team of an id, and that the path names. -ERR_NOT_FOUND for who is not in it, -ERR_FORBIDDEN
 * for who does not lead it where a lead is needed. */
int access_team(const struct admind *admind, struct http_request *request, int64_t id,
                enum access_need need, struct access_team *ret_team, struct error *err);
int access_find_team(const struct admind *admind, struct http_request *request,
                     enum access_need need, struct access_team *ret_team, struct error *err);

/* A line for the record. detail is a JSON object; NULL: {}. A failure is logged, not returned:
 * what is recorded has happened. */
void access_audit(const struct admind *admind, struct http_request *request, const char *action,
                  const char *subject, const char *detail);
