/*
 * Routes: the HTTP API as one constant table, and finding a row in it. Pure.
 *
 * A row says everything that must hold before its handler runs (role, kind and size of the body,
 * shapes, rate), so that a handler never checks any of it. A path pattern is literal apart from
 * whole segments in braces: "/api/sites/{domain}/logs". Where two patterns fit, the one with more
 * literal segments wins, so "/api/quotas/validate" stands beside "/api/quotas/{id}".
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "libdialup/base/error.h"
#include "libdialup/http/request.h"
#include "libdialup/json/shape.h"

enum http_body_kind {
    HTTP_BODY_NONE,        /* or an empty JSON object where something is changed */
    HTTP_BODY_JSON,        /* decoded by shape */
    HTTP_BODY_RAW,         /* left as it came; not for text that others see as a page */
    HTTP_BODY_JSON_OR_RAW, /* http_request_body is NULL if it was raw */
};

enum {
    HTTP_DEFAULT_JSON_BYTES = 64 * 1024,
    HTTP_EMPTY_OBJECT_BYTES = 64,
    HTTP_MAX_JSON_BYTES = 1024 * 1024, /* parsing more would hold up the loop */
};

/* Called with the body and query decoded and the caller allowed.
 *
 * It either replies (any http_reply_ function, or http_sse_start) and returns 0; or calls
 * http_request_later and returns 0, if the row says answers_later; or returns a negative error,
 * which is then the reply. */
typedef int http_handler_fn(struct http_request *request, void *context, struct error *err);

struct http_route {
    const char *method; /* "GET" also answers HEAD */
    const char *path;
    enum http_role least_role;
    enum http_body_kind body_kind;
    size_t max_body_bytes;          /* 0: HTTP_DEFAULT_JSON_BYTES, no body for HTTP_BODY_NONE */
    const struct json_shape *body;  /* JSON */
    const struct json_shape *query; /* scalars only; NULL: the route takes no query */
    const char *const *raw_types;   /* NULL-terminated; NULL: application/octet-stream alone */
    http_handler_fn *handle;
    unsigned requests_a_minute; /* from one address; 0: as many as come */
    bool answers_later;
    const char *summary;
};

enum { HTTP_MAX_SEGMENTS = 12, HTTP_MAX_PATH_PARAMS = 4 };

/* A segment of the path, still encoded, borrowed from it. */
struct http_path_param {
    const char *name; /* borrowed from the route, name_len bytes */
    size_t name_len;
    const char *value;
    size_t value_len;
};

struct http_match {
    const struct http_route *route; /* NULL if there is none for the method */
    bool path_known;                /* some method has the path */
    char allow[64];                 /* those methods, for the Allow header */
    struct http_path_param params[HTTP_MAX_PATH_PARAMS];
    size_t param_count;
};

/* path as it came, without the query. */
void http_route_find(const struct http_route *routes, size_t count, const char *method,
                     const char *path, struct http_match *ret_match);

/* Panics if a table cannot work: bad pattern, two rows alike, a shape or handler missing. */
void http_route_check(const struct http_route *routes, size_t count);

/* The largest body that any row takes. */
size_t http_route_largest_body(const struct http_route *routes, size_t count);

/* What this row takes. */
size_t http_route_max_body(const struct http_route *route);
