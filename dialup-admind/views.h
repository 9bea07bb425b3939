/*
 * Rows as the API shows them, beside libdialup/view. Texts are borrowed from the rows or live in
 * the arena.
 */
#pragma once

#include "dialup-admind/admind.h"
#include "libdialup/quota/quota.h"
#include "libdialup/store/sites.h"
#include "libdialup/store/uploads.h"
#include "libdialup/store/users.h"
#include "proto/http_api.h"

struct http_user view_user(const struct user *user);
struct http_upload view_upload(const struct upload *upload);

/* With address, owner and what was measured: reads the database. */
int view_whole_site(const struct admind *admind, struct arena *arena, const struct site *site,
                    struct http_site *ret_site, struct error *err);

/* Those that entity may have, as they were given. level: what binds beside them; NULL: not shown.
 */
const struct http_limit *view_limits(struct arena *arena, enum quota_entity entity,
                                     const struct quota_limit limits[QUOTA_DIMENSION_COUNT],
                                     const struct quota_level *level, size_t *ret_count);
