/*
 * The policy; see the header for its reasons. Called by dispatch.c in a fixed order.
 */
#include "libdialup/http/auth.h"

#include <string.h>
#include <strings.h>

#include "libdialup/base/str.h"
#include "libdialup/crypto/token.h"

static const char *skip_spaces(const char *text)
{
    return text + strspn(text, " \t");
}

int http_cookie_find(const char *header, const char *name, const char **ret_value, size_t *ret_len,
                     struct error *err)
{
    size_t name_len = strlen(name);
    const char *found = NULL;
    size_t found_len = 0;
    for (const char *pair = skip_spaces(header); *pair != '\0';) {
        size_t len = strcspn(pair, ";");
        if (len > name_len && memcmp(pair, name, name_len) == 0 && pair[name_len] == '=') {
            if (found) {
                return error_set(err, ERR_INVALID_REQUEST, "The cookie %s was sent twice.", name);
            }
            found = pair + name_len + 1;
            found_len = len - name_len - 1;
        }
        pair = skip_spaces(pair + len + (pair[len] == ';'));
    }
    if (!found) {
        return error_set(err, ERR_NOT_FOUND, "There is no cookie %s.", name);
    }
    while (found_len > 0 && (found[found_len - 1] == ' ' || found[found_len - 1] == '\t')) {
        found_len--;
    }
    *ret_value = found;
    *ret_len = found_len;
    return 0;
}

static int session_credentials(const char *cookies, struct http_credentials *ret_credentials,
                               struct error *err)
{
    const char *value;
    size_t len;
    int result = http_cookie_find(cookies, HTTP_SESSION_COOKIE, &value, &len, err);
    if (result == -ERR_NOT_FOUND) {
        return 0;
    }
    if (result == 0) {
        *ret_credentials = (struct http_credentials){
            .kind = HTTP_SESSION,
            .well_formed = token_is_well_formed("", value, len),
            .token = value,
            .token_len = len,
        };
    }
    return result;
}

static int key_credentials(const char *authorization, struct http_credentials *ret_credentials,
                           struct error *err)
{
    static const char scheme[] = "Bearer ";
    if (strncasecmp(authorization, scheme, sizeof(scheme) - 1) != 0) {
        error_set(err, ERR_UNAUTHENTICATED, "This way of logging in is not known here.");
        error_hint(err, "Send an API key as \"Authorization: Bearer dud_...\".");
        return -ERR_UNAUTHENTICATED;
    }
    const char *token = skip_spaces(authorization + sizeof(scheme) - 1);
    size_t len = strlen(token);
    *ret_credentials = (struct http_credentials){
        .kind = HTTP_API_KEY,
        .well_formed = token_is_well_formed(TOKEN_KEY_PREFIX, token, len),
        .token = token,
        .token_len = len,
    };
    return 0;
}

int http_auth_credentials(const struct http_auth_headers *headers,
                          struct http_credentials *ret_credentials, struct error *err)
{
    struct http_credentials session = {0};
    struct http_credentials key = {0};
    int result = headers->cookie ? session_credentials(headers->cookie, &session, err) : 0;
    if (result == 0 && session.kind != HTTP_NO_CREDENTIALS && headers->authorization) {
        return error_set(err, ERR_INVALID_REQUEST,
                         "A request shows a session or an API key, not both.");
    }
    if (result == 0 && headers->authorization) {
        result = key_credentials(headers->authorization, &key, err);
    }
    if (result == 0) {
        *ret_credentials = headers->authorization ? key : session;
    }
    return result;
}

bool http_method_is_safe(const char *method)
{
    return str_equal(method, "GET") || str_equal(method, "HEAD") || str_equal(method, "OPTIONS");
}

static int refuse_origin(struct error *err)
{
    error_set(err, ERR_FORBIDDEN, "This request comes from another site's page.");
    error_hint(err, "Open the panel itself and try again there.");
    return -ERR_FORBIDDEN;
}

int http_auth_origin(const struct http_auth_headers *headers,
                     const struct http_credentials *credentials, const char *own_origin,
                     struct error *err)
{
    if (headers->sec_fetch_site && !str_equal(headers->sec_fetch_site, "same-origin")) {
        return refuse_origin(err);
    }
    if (headers->origin && !str_equal(headers->origin, own_origin)) {
        return refuse_origin(err);
    }
    if (!headers->origin && credentials->kind == HTTP_SESSION) {
        error_set(err, ERR_FORBIDDEN, "A request with a session must say which page it is from.");
        error_hint(err, "Outside of a browser, use an API key instead of the cookie.");
        return -ERR_FORBIDDEN;
    }
    return 0;
}

int http_auth_csrf(const struct http_auth_headers *headers,
                   const struct http_credentials *credentials, struct error *err)
{
    if (credentials->kind != HTTP_SESSION) {
        return 0;
    }
    if (!headers->csrf || !credentials->well_formed ||
        !token_csrf_matches(credentials->token, credentials->token_len, headers->csrf)) {
        error_set(err, ERR_FORBIDDEN, "The page's X-CSRF token is missing or does not fit.");
        error_hint(err, "Reload the page; GET /api/me has the token.");
        return -ERR_FORBIDDEN;
    }
    return 0;
}

int http_auth_role(const struct http_identity *identity, enum http_role least, struct error *err)
{
    if (identity->role >= least) {
        return 0;
    }
    if (identity->role == HTTP_ANYONE) {
        return error_set(err, ERR_UNAUTHENTICATED, "Please log in first.");
    }
    error_set(err, ERR_FORBIDDEN, "Only an admin may do this.");
    error_hint(err, "Ask the admin of this server.");
    return -ERR_FORBIDDEN;
}
