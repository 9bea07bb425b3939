/*
 * Who may ask: the policy of the browser side, as pure functions.
 *
 * A request shows either a session (the host-only cookie "__Host-dud") or an API key
 * ("Authorization: Bearer dud_..."), never both. SameSite does not stop a page on a neighbouring
 * host name, and users write such pages. So every request that changes something and comes from a
 * browser must carry our own Origin, exactly, and with a session also the session's X-CSRF token.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "libdialup/base/error.h"

#define HTTP_SESSION_COOKIE "__Host-dud"

enum http_role { HTTP_ANYONE, HTTP_USER, HTTP_ADMIN };

enum http_credentials_kind { HTTP_NO_CREDENTIALS, HTTP_SESSION, HTTP_API_KEY };

/* As shown, not yet looked up. */
struct http_credentials {
    enum http_credentials_kind kind;
    bool well_formed;  /* worth a look-up */
    const char *token; /* borrowed from the header; not terminated */
    size_t token_len;
};

/* Filled by the daemon's look-up; all zero for a stranger. */
struct http_identity {
    enum http_role role;
    int64_t user_id;
    int64_t credentials_id; /* row of the session or key */
    enum http_credentials_kind kind;
    char name[128]; /* for logs: "7 ann@example.org" */
};

/* The headers that decide; NULL if not sent. */
struct http_auth_headers {
    const char *cookie; /* all Cookie headers, joined by "; " */
    const char *authorization;
    const char *origin;
    const char *sec_fetch_site;
    const char *csrf; /* X-CSRF */
};

/* The value of a cookie. ERR_NOT_FOUND if it is not there, ERR_INVALID_REQUEST if it is there
 * twice: somebody is trying something. */
int http_cookie_find(const char *header, const char *name, const char **ret_value, size_t *ret_len,
                     struct error *err);

/* ERR_INVALID_REQUEST (both kinds, or twice), ERR_UNAUTHENTICATED (an Authorization that is not a
 * Bearer). None at all is fine: kind HTTP_NO_CREDENTIALS. */
int http_auth_credentials(const struct http_auth_headers *headers,
                          struct http_credentials *ret_credentials, struct error *err);

/* GET, HEAD and OPTIONS change nothing. */
bool http_method_is_safe(const char *method);

/* For methods that are not safe, and for taking over a connection: where the request comes from.
 * An API key needs no Origin, but one that is sent must be right. ERR_FORBIDDEN. */
int http_auth_origin(const struct http_auth_headers *headers,
                     const struct http_credentials *credentials, const char *own_origin,
                     struct error *err);

/* For methods that are not safe, with a valid session. ERR_FORBIDDEN. */
int http_auth_csrf(const struct http_auth_headers *headers,
                   const struct http_credentials *credentials, struct error *err);

/* ERR_UNAUTHENTICATED or ERR_FORBIDDEN. */
int http_auth_role(const struct http_identity *identity, enum http_role least, struct error *err);
