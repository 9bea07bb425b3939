/*
 * libFuzzer target: what a stranger writes first. The input is cut at line ends into a path, a
 * query, a Cookie and an Authorization header.
 */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "libdialup/base/memory.h"
#include "libdialup/base/utf8.h"
#include "libdialup/http/auth.h"
#include "libdialup/http/params.h"
#include "libdialup/http/route.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int nothing(struct http_request *request, void *context, struct error *err)
{
    return 0;
}

static const struct http_route routes[] = {
    {.method = "GET", .path = "/api/sites/{domain}", .handle = nothing},
    {.method = "PUT", .path = "/api/sites/{domain}/logs", .handle = nothing},
    {.method = "GET", .path = "/api/{a}/{b}/{c}/{d}", .handle = nothing},
};

struct query {
    const char *text;
    int64_t number;
    bool has_number;
};

static const struct json_field fields[] = {
    {.name = "text", .type = JSON_FIELD_STRING, .max = 100, .offset = offsetof(struct query, text)},
    {.name = "number",
     .type = JSON_FIELD_INTEGER,
     .max = 100,
     .offset = offsetof(struct query, number),
     .has_offset = offsetof(struct query, has_number)},
};
static const struct json_shape shape = {"query", sizeof(struct query), fields, ARRAY_COUNT(fields)};

static void try_path(struct arena *arena, const char *path)
{
    struct http_match match;
    http_route_find(routes, ARRAY_COUNT(routes), "GET", path, &match);
    for (size_t i = 0; i < match.param_count; i++) {
        const char *text;
        if (http_decode_segment(arena, "x", match.params[i].value, match.params[i].value_len, &text,
                                NULL) == 0 &&
            (strchr(text, '/') || !utf8_is_valid(text, strlen(text)))) {
            abort();
        }
    }
}

static void try_headers(const char *cookie, const char *authorization)
{
    struct http_auth_headers headers = {.cookie = cookie, .authorization = authorization};
    struct http_credentials credentials = {0};
    if (http_auth_credentials(&headers, &credentials, NULL) == 0 && credentials.well_formed &&
        strnlen(credentials.token, credentials.token_len) != credentials.token_len) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO_ARENA struct arena *arena = arena_new();
    char *text = arena_strndup(arena, (const char *)data, size);
    char *lines[4] = {NULL};
    for (size_t i = 0; i < ARRAY_COUNT(lines) && text; i++) {
        lines[i] = strsep(&text, "\n");
    }
    if (lines[0]) {
        try_path(arena, lines[0]);
    }
    struct query query;
    http_query_decode(arena, lines[1], &shape, &query, NULL);
    try_headers(lines[2], lines[3]);
    return 0;
}
