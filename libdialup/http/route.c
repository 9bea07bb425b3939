/*
 * Matching a path against the table: both are walked segment by segment, nothing is decoded, so
 * "%61pi" is not "api" and an encoded slash cannot make a segment. A scan of the whole table is
 * cheaper than a request's first line.
 */
#include "libdialup/http/route.h"

#include <stdio.h>
#include <string.h>

#include "libdialup/base/log.h"
#include "libdialup/base/str.h"

struct segment {
    const char *text;
    size_t len;
};

struct segments {
    struct segment items[HTTP_MAX_SEGMENTS];
    size_t count;
};

/* False if path does not start with a slash or has too many segments. */
static bool split(const char *path, struct segments *ret_segments)
{
    ret_segments->count = 0;
    while (*path == '/') {
        if (ret_segments->count == HTTP_MAX_SEGMENTS) {
            return false;
        }
        size_t len = strcspn(path + 1, "/");
        ret_segments->items[ret_segments->count++] = (struct segment){path + 1, len};
        path += 1 + len;
    }
    return *path == '\0' && ret_segments->count > 0;
}

static bool is_param(const struct segment *segment)
{
    return segment->len > 2 && segment->text[0] == '{' && segment->text[segment->len - 1] == '}';
}

static bool same_text(const struct segment *a, const struct segment *b)
{
    return a->len == b->len && memcmp(a->text, b->text, a->len) == 0;
}

/* How many segments are literally the same; -1 if the path does not fit. */
static int compare(const struct segments *pattern, const struct segments *path)
{
    if (pattern->count != path->count) {
        return -1;
    }
    int literals = 0;
    for (size_t i = 0; i < path->count; i++) {
        if (!is_param(&pattern->items[i])) {
            if (!same_text(&pattern->items[i], &path->items[i])) {
                return -1;
            }
            literals++;
        } else if (path->items[i].len == 0) {
            return -1;
        }
    }
    return literals;
}

static void add_allowed(char *allow, size_t size, const char *method)
{
    size_t used = strlen(allow);
    bool is_get = str_equal(method, "GET");
    snprintf(allow + used, size - used, "%s%s%s", used > 0 ? ", " : "", method,
             is_get ? ", HEAD" : "");
}

static void take_params(const struct segments *pattern, const struct segments *path,
                        struct http_match *match)
{
    match->param_count = 0;
    for (size_t i = 0; i < path->count; i++) {
        const struct segment *name = &pattern->items[i];
        if (is_param(name)) {
            match->params[match->param_count++] = (struct http_path_param){
                .name = name->text + 1,
                .name_len = name->len - 2,
                .value = path->items[i].text,
                .value_len = path->items[i].len,
            };
        }
    }
}

void http_route_find(const struct http_route *routes, size_t count, const char *method,
                     const char *path, struct http_match *ret_match)
{
    *ret_match = (struct http_match){0};
    struct segments wanted;
    if (!split(path, &wanted)) {
        return;
    }
    const char *row_method = str_equal(method, "HEAD") ? "GET" : method;
    int best = -1;
    for (size_t i = 0; i < count; i++) {
        struct segments pattern;
        int literals = split(routes[i].path, &pattern) ? compare(&pattern, &wanted) : -1;
        if (literals < 0) {
            continue;
        }
        ret_match->path_known = true;
        if (str_equal(routes[i].method, row_method)) {
            if (literals > best) {
                best = literals;
                ret_match->route = &routes[i];
                take_params(&pattern, &wanted, ret_match);
            }
        } else {
            add_allowed(ret_match->allow, sizeof(ret_match->allow), routes[i].method);
        }
    }
}

static void check_path(const char *path)
{
    struct segments segments;
    if (!split(path, &segments)) {
        log_panic("route %s: not a path", path);
    }
    size_t params = 0;
    for (size_t i = 0; i < segments.count; i++) {
        params += is_param(&segments.items[i]);
    }
    if (params > HTTP_MAX_PATH_PARAMS) {
        log_panic("route %s: too many parameters", path);
    }
}

static bool takes_json(const struct http_route *route)
{
    return route->body_kind == HTTP_BODY_JSON || route->body_kind == HTTP_BODY_JSON_OR_RAW;
}

static void check_body(const struct http_route *route)
{
    if (takes_json(route) != (route->body != NULL)) {
        log_panic("route %s %s: body kind and shape differ", route->method, route->path);
    }
    if (route->body_kind == HTTP_BODY_JSON && route->max_body_bytes > HTTP_MAX_JSON_BYTES) {
        log_panic("route %s %s: too much JSON", route->method, route->path);
    }
    if (route->body_kind != HTTP_BODY_NONE && str_equal(route->method, "GET")) {
        log_panic("route %s %s: GET has no body", route->method, route->path);
    }
}

void http_route_check(const struct http_route *routes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        check_path(routes[i].path);
        check_body(&routes[i]);
        ASSERT(routes[i].handle);
        for (size_t j = 0; j < i; j++) {
            if (str_equal(routes[i].path, routes[j].path) &&
                str_equal(routes[i].method, routes[j].method)) {
                log_panic("route %s %s: twice", routes[i].method, routes[i].path);
            }
        }
    }
}

size_t http_route_max_body(const struct http_route *route)
{
    if (route->body_kind == HTTP_BODY_NONE) {
        return http_method_is_safe(route->method) ? 0 : HTTP_EMPTY_OBJECT_BYTES;
    }
    return route->max_body_bytes ? route->max_body_bytes : HTTP_DEFAULT_JSON_BYTES;
}

size_t http_route_largest_body(const struct http_route *routes, size_t count)
{
    size_t largest = 0;
    for (size_t i = 0; i < count; i++) {
        size_t size = http_route_max_body(&routes[i]);
        largest = size > largest ? size : largest;
    }
    return largest;
}
