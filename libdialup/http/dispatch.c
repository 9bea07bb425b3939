/*
 * From evhttp's request to the handler: a list of checks in a fixed order, each of which passes or
 * refuses. What can be refused without a look-up comes before the look-up, what needs the identity
 * after it, and the body is read last.
 */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "libdialup/base/clock.h"
#include "libdialup/base/memory.h"
#include "libdialup/base/str.h"
#include "libdialup/http/internal.h"
#include "libdialup/http/params.h"

typedef int check_fn(struct http_request *request, struct error *err);

static bool is_api_path(const char *path)
{
    return str_equal(path, "/api") || str_starts_with(path, "/api/");
}

static bool is_read(const struct http_request *request)
{
    return str_equal(request->method, "GET") || str_equal(request->method, "HEAD");
}

static int refuse_method(struct http_request *request, const char *allow, struct error *err)
{
    request->error_status = 405;
    http_reply_header(request, "Allow", allow);
    error_set(err, ERR_UNKNOWN_METHOD, "%s is not possible here.", request->method);
    error_hint(err, "Possible: %s.", allow);
    return -ERR_UNKNOWN_METHOD;
}

static int find_route(struct http_request *request, struct error *err)
{
    const struct http_server *server = request->server;
    const struct http_options *options = &server->options;
    struct http_match *match = &request->match;
    if (request->path[0] != '/') {
        return error_set(err, ERR_INVALID_REQUEST, "An address starts with a slash.");
    }
    http_route_find(options->routes, options->route_count, request->method, request->path, match);
    request->route = match->route;
    if (match->route) {
        return 0;
    }
    if (match->path_known) {
        return refuse_method(request, match->allow, err);
    }
    if (!options->files || is_api_path(request->path)) {
        return error_set(err, ERR_NOT_FOUND, "There is no such address here.");
    }
    return is_read(request) ? 0 : refuse_method(request, "GET, HEAD", err);
}

static bool is_token_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c != '\0' && strchr("!#$%&'*+-.^_`|~", c));
}

static bool is_header_name(const char *name)
{
    size_t len = 0;
    while (is_token_char(name[len])) {
        len++;
    }
    return len > 0 && name[len] == '\0';
}

static int check_header_counts(struct http_request *request, struct error *err)
{
    static const char *const single[] = {
        "Host",   "Content-Length", "Transfer-Encoding", "Content-Type",    "Authorization",
        "Origin", "X-CSRF",         "Sec-Fetch-Site",    "X-Forwarded-For",
    };
    for (size_t i = 0; i < ARRAY_COUNT(single); i++) {
        if (http_header_count(request->evreq, single[i]) > 1) {
            return error_set_field(err, ERR_INVALID_REQUEST, single[i],
                                   "The header %s was sent twice.", single[i]);
        }
    }
    if (http_header_count(request->evreq, "Host") == 0) {
        return error_set_field(err, ERR_INVALID_REQUEST, "Host", "The header Host is missing.");
    }
    return 0;
}

static int check_header_names(struct http_request *request, struct error *err)
{
    const struct evkeyval *header;
    TAILQ_FOREACH(header, evhttp_request_get_input_headers(request->evreq), next)
    {
        if (!is_header_name(header->key)) {
            return error_set(err, ERR_INVALID_REQUEST,
                             "A header has a name with characters that none may have.");
        }
    }
    return 0;
}

static bool may_have_body(const struct http_request *request)
{
    static const char *const methods[] = {"POST", "PUT", "PATCH", "DELETE"};
    for (size_t i = 0; i < ARRAY_COUNT(methods); i++) {
        if (str_equal(request->method, methods[i])) {
            return true;
        }
    }
    return false;
}

/* How long the body is must be said once, and plainly. */
static int check_framing(struct http_request *request, struct error *err)
{
    const char *length = http_request_header(request, "Content-Length");
    const char *encoding = http_request_header(request, "Transfer-Encoding");
    if (encoding && strcasecmp(encoding, "chunked") != 0) {
        return error_set_field(err, ERR_INVALID_REQUEST, "Transfer-Encoding",
                               "The only Transfer-Encoding that is taken is chunked.");
    }
    if (encoding && length) {
        return error_set_field(err, ERR_INVALID_REQUEST, "Content-Length",
                               "A body has a Content-Length or comes in chunks, not both.");
    }
    if (length && (length[0] == '\0' || strspn(length, "0123456789") != strlen(length))) {
        return error_set_field(err, ERR_INVALID_REQUEST, "Content-Length",
                               "Content-Length must be a number.");
    }
    /* evhttp takes the body of some of these for the next request. */
    bool has_body = encoding || (length && strspn(length, "0") != strlen(length));
    if (has_body && !may_have_body(request)) {
        return error_set(err, ERR_TOO_LARGE, "This request takes no body.");
    }
    return 0;
}

/* RFC 9112, sections 3.2, 5, 6 and 11.2, where evhttp is lenient: what two programs could read in
 * two ways is refused, and nothing behind it on the connection is read. */
static int check_headers(struct http_request *request, struct error *err)
{
    static check_fn *const checks[] = {check_header_counts, check_header_names, check_framing};
    int result = 0;
    for (size_t i = 0; i < ARRAY_COUNT(checks) && result == 0; i++) {
        result = checks[i](request, err);
    }
    if (result < 0) {
        http_reply_header(request, "Connection", "close");
    }
    return result;
}

static int limit_rate(struct http_request *request, struct error *err)
{
    struct http_server *server = request->server;
    const struct http_route *route = request->route;
    if (!route || route->requests_a_minute == 0) {
        return 0;
    }
    int retry_s;
    uint32_t id = (uint32_t)(route - server->options.routes);
    if (rate_limiter_take(server->limiter, id, request->remote_address, route->requests_a_minute,
                          clock_monotonic_us(), &retry_s)) {
        return 0;
    }
    char text[16];
    snprintf(text, sizeof(text), "%d", retry_s);
    http_reply_header(request, "Retry-After", text);
    error_set(err, ERR_RATE_LIMITED, "Too many tries from your address.");
    error_hint(err, "Please try again in %d seconds.", retry_s);
    return -ERR_RATE_LIMITED;
}

/* HTTP/2 lets a browser split its cookies into several headers. */
static const char *join_cookies(struct http_request *request)
{
    if (http_header_count(request->evreq, "Cookie") < 2) {
        return http_request_header(request, "Cookie");
    }
    const char *all = NULL;
    const struct evkeyval *header;
    TAILQ_FOREACH(header, evhttp_request_get_input_headers(request->evreq), next)
    {
        if (strcasecmp(header->key, "Cookie") == 0) {
            all = all ? arena_printf(request->arena, "%s; %s", all, header->value) : header->value;
        }
    }
    return all;
}

static int look_up(struct http_request *request, struct error *err)
{
    const struct http_options *options = &request->server->options;
    if (request->credentials.kind == HTTP_NO_CREDENTIALS) {
        return 0;
    }
    if (!request->credentials.well_formed) {
        return error_set(
            err, ERR_UNAUTHENTICATED,
            "This session or API key is not known, or has ended; please log in again.");
    }
    ASSERT(options->authenticate);
    return options->authenticate(options->context, &request->credentials, &request->identity, err);
}

/* Where anyone may ask, an old session does no harm: logging in again must work. */
static int authenticate(struct http_request *request, struct error *err)
{
    if (!request->route) {
        return 0;
    }
    request->headers = (struct http_auth_headers){
        .cookie = join_cookies(request),
        .authorization = http_request_header(request, "Authorization"),
        .origin = http_request_header(request, "Origin"),
        .sec_fetch_site = http_request_header(request, "Sec-Fetch-Site"),
        .csrf = http_request_header(request, "X-CSRF"),
    };
    int result = http_auth_credentials(&request->headers, &request->credentials, err);
    if (result == 0) {
        result = look_up(request, err);
    }
    if (result < 0) {
        request->identity = (struct http_identity){0};
    }
    if (request->identity.name[0] != '\0') {
        request->log_context.user = request->identity.name;
    }
    bool is_optional = result == -ERR_UNAUTHENTICATED && request->route->least_role == HTTP_ANYONE;
    return is_optional ? 0 : result;
}

static int check_origin(struct http_request *request, struct error *err)
{
    if (!request->route || http_method_is_safe(request->method)) {
        return 0;
    }
    int result = http_auth_origin(&request->headers, &request->credentials,
                                  request->server->options.own_origin, err);
    if (result == 0 && request->route->least_role > HTTP_ANYONE &&
        request->identity.role > HTTP_ANYONE) {
        result = http_auth_csrf(&request->headers, &request->credentials, err);
    }
    return result;
}

static int check_role(struct http_request *request, struct error *err)
{
    if (!request->route) {
        return 0;
    }
    int result = http_auth_role(&request->identity, request->route->least_role, err);
    if (result == -ERR_UNAUTHENTICATED) {
        http_reply_header(request, "WWW-Authenticate", "Bearer");
    }
    return result;
}

/* The type alone, without parameters such as a charset. */
static bool is_type(const char *header, const char *type)
{
    size_t len = strlen(type);
    return strncasecmp(header, type, len) == 0 && strchr(" \t;", header[len]) != NULL;
}

static bool is_raw_type(const struct http_route *route, const char *type)
{
    static const char *const usual[] = {"application/octet-stream", NULL};
    for (const char *const *raw = route->raw_types ? route->raw_types : usual; *raw; raw++) {
        if (is_type(type, *raw)) {
            return true;
        }
    }
    return false;
}

/* A change that needs no body takes an empty object: many clients always send one. */
static bool takes_empty_object(const struct http_route *route)
{
    return route->body_kind == HTTP_BODY_NONE && !http_method_is_safe(route->method);
}

static bool takes_json(const struct http_route *route)
{
    return route->body_kind == HTTP_BODY_JSON || route->body_kind == HTTP_BODY_JSON_OR_RAW ||
           takes_empty_object(route);
}

static bool takes_raw(const struct http_route *route)
{
    return route->body_kind == HTTP_BODY_RAW || route->body_kind == HTTP_BODY_JSON_OR_RAW;
}

/* A form of a foreign page can send three types without asking first; none of them is taken. */
static int check_type(struct http_request *request, struct error *err)
{
    const struct http_route *route = request->route;
    if (!route || http_request_body_size(request) == 0 ||
        !(takes_json(route) || takes_raw(route))) {
        return 0;
    }
    const char *type = http_request_header(request, "Content-Type");
    if (type && ((takes_json(route) && is_type(type, "application/json")) ||
                 (takes_raw(route) && is_raw_type(route, type)))) {
        return 0;
    }
    const char *raw = route->raw_types ? route->raw_types[0] : "application/octet-stream";
    error_set_field(err, ERR_UNSUPPORTED, "Content-Type", "A body of this type is not taken here.");
    error_hint(err, "Send it as %s.", takes_json(route) ? "application/json" : raw);
    return -ERR_UNSUPPORTED;
}

static bool is_json_body(const struct http_request *request)
{
    const char *type = http_request_header(request, "Content-Type");
    return takes_json(request->route) && (!type || is_type(type, "application/json"));
}

static size_t max_body(const struct http_request *request)
{
    size_t max = http_route_max_body(request->route);
    return is_json_body(request) && max > HTTP_MAX_JSON_BYTES ? HTTP_MAX_JSON_BYTES : max;
}

static int check_size(struct http_request *request, struct error *err)
{
    size_t size = http_request_body_size(request);
    if (!request->route || size <= max_body(request)) {
        return 0;
    }
    if (max_body(request) == 0) {
        return error_set(err, ERR_TOO_LARGE, "This request takes no body.");
    }
    return error_set(err, ERR_TOO_LARGE, "The body has %zu bytes; at most %zu are taken here.",
                     size, max_body(request));
}

static int decode_params(struct http_request *request, struct error *err)
{
    for (size_t i = 0; i < request->match.param_count; i++) {
        const struct http_path_param *param = &request->match.params[i];
        const char *name = arena_strndup(request->arena, param->name, param->name_len);
        int result = http_decode_segment(request->arena, name, param->value, param->value_len,
                                         &request->params[i], err);
        if (result < 0) {
            return result;
        }
    }
    return 0;
}

static int decode_query(struct http_request *request, struct error *err)
{
    if (!request->route) {
        return 0;
    }
    const struct json_shape *shape = request->route->query;
    void *query = shape ? arena_alloc(request->arena, shape->struct_size) : NULL;
    request->query = query;
    return http_query_decode(request->arena, request->query_text, shape, query, err);
}

/* No body at all is an object without members: the shape says whether that will do. */
static int decode_body(struct http_request *request, struct error *err)
{
    if (!request->route || !is_json_body(request)) {
        return 0;
    }
    size_t size = http_request_body_size(request);
    const char *text = size > 0 ? http_request_body_bytes(request) : "{}";
    ASSERT(text);
    const struct json_value *value;
    int result = json_parse(request->arena, text, size > 0 ? size : 2, &value, err);
    if (result < 0) {
        return result;
    }
    static const struct json_shape nothing = {.name = "nothing", .struct_size = 1};
    const struct json_shape *shape = request->route->body ? request->route->body : &nothing;
    void *body = arena_alloc(request->arena, shape->struct_size);
    request->body = body;
    return json_decode(request->arena, value, shape, body, err);
}

static int run_handler(struct http_request *request, struct error *err)
{
    const struct http_options *options = &request->server->options;
    if (!request->route) {
        http_static_serve(options->files, request);
        return 0;
    }
    int result = request->route->handle(request, options->context, err);
    if (result == 0 && !request->answered && !request->on_gone) {
        return error_set(err, ERR_INTERNAL, "Nobody answered this request.");
    }
    ASSERT(result == 0 || !(request->answered || request->on_gone));
    return result;
}

void http_dispatch(struct evhttp_request *evreq, void *argument)
{
    static check_fn *const checks[] = {
        check_headers, find_route, limit_rate,    authenticate, check_origin, check_role,
        check_type,    check_size, decode_params, decode_query, decode_body,  run_handler,
    };
    struct http_server *server = argument;
    struct http_request *request = http_request_new(http_connection_find(server, evreq), evreq);
    const struct log_context *before = log_context_swap(&request->log_context);
    request->in_dispatch = true;
    server->counters.requests++;

    struct error err = {0};
    int result = 0;
    for (size_t i = 0; i < ARRAY_COUNT(checks) && result == 0; i++) {
        result = checks[i](request, &err);
    }
    if (result < 0) {
        http_reply_error(request, &err);
    }
    log_context_swap(before);
    request->in_dispatch = false;
    if (request->answered) {
        http_request_end(request);
    }
}
