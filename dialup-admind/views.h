/*
 * Rows as the API shows them. Texts are borrowed from the rows or live in the arena.
 */
#pragma once

#include "dialup-admind/admind.h"
#include "libdialup/quota/quota.h"
#include "libdialup/store/deployments.h"
#include "libdialup/store/sites.h"
#include "libdialup/store/uploads.h"
#include "libdialup/store/users.h"
#include "proto/deployd_rpc.h"
#include "proto/http_api.h"

struct http_user view_user(const struct user *user);
struct http_deployment view_deployment(const struct deployment *deployment);
struct http_upload view_upload(const struct upload *upload);

/* With address, owner and what was measured: reads the database. */
int view_site(const struct admind *admind, struct arena *arena, const struct site *site,
              struct http_site *ret_site, struct error *err);

/* QUOTA_DIMENSION_COUNT of them. */
const struct http_limit *view_limits(struct arena *arena,
                                     const struct quota_limit limits[QUOTA_DIMENSION_COUNT]);

/* What deployd answered, in the API's structs. */
struct http_deployment view_rpc_deployment(const struct deployd_deployment *deployment);
struct http_limits_in_force view_rpc_limits(const struct deployd_limits_in_force *limits);
const struct http_check *view_rpc_checks(struct arena *arena, const struct deployd_check *checks,
                                         size_t count);
