/*
 * Request targets for the Docker API. Pure. Every segment and value is percent-escaped here, so
 * that a name can never become a path: "a/b" is the segment "a%2Fb".
 */
#pragma once

#include "libdialup/base/str.h"

/* One name=value pair; lists of them end with a NULL name. A pair whose value is NULL is left out.
 */
struct docker_query {
    const char *name;
    const char *value;
};

/* Appends "/segment" for each of a NULL-terminated list. */
void docker_url_append_path(struct strbuf *out, const char *const *segments);

/* Appends "?a=b&c=d", or nothing. query may be NULL. */
void docker_url_append_query(struct strbuf *out, const struct docker_query *query);
