/*
 * Requests over a real socket: every check of the dispatcher refuses what it must and lets the
 * rest through, and answers have their form.
 */
#include "libdialup/base/memory.h"
#include "libdialup/crypto/crypto.h"
#include "libdialup/crypto/token.h"
#include "tests/harness/check.h"
#include "tests/unit/http_rig.h"

struct note {
    const char *text;
    int64_t count;
    bool has_count;
};

static const struct json_field note_fields[] = {
    {.name = "text",
     .type = JSON_FIELD_STRING,
     .required = true,
     .max = 20,
     .offset = offsetof(struct note, text)},
    {.name = "count",
     .type = JSON_FIELD_INTEGER,
     .max = 10,
     .offset = offsetof(struct note, count),
     .has_offset = offsetof(struct note, has_count)},
};
static const struct json_shape note_shape = {"note", sizeof(struct note), note_fields,
                                             ARRAY_COUNT(note_fields)};

static int handled; /* how many requests reached a handler */

static int handle_ok(struct http_request *request, void *context, struct error *err)
{
    handled++;
    http_reply_text(request, 200, "fine", 4);
    return 0;
}

static int handle_note(struct http_request *request, void *context, struct error *err)
{
    handled++;
    http_reply_json(request, 201, &note_shape, http_request_body(request));
    return 0;
}

/* Says how much came and whether the file has it. */
static int handle_raw(struct http_request *request, void *context, struct error *err)
{
    handled++;
    char text[64];
    char block[256] = {0};
    FILE *file = tmpfile();
    int result = http_request_body_write(request, fileno(file), 1, err);
    size_t size = 0;
    for (size_t got; (got = fread(block, 1, sizeof(block), file)) > 0;) {
        size += got;
    }
    fclose(file);
    int len =
        snprintf(text, sizeof(text), "%zu %s %c", size - 1,
                 http_request_body(request) ? "json" : "raw", http_request_body_bytes(request)[0]);
    http_reply_text(request, 200, text, (size_t)len);
    return result;
}

static int handle_item(struct http_request *request, void *context, struct error *err)
{
    handled++;
    int64_t id;
    int result = http_request_param_id(request, "id", &id, err);
    if (result < 0) {
        return result;
    }
    char text[64];
    int len = snprintf(text, sizeof(text), "item %lld", (long long)id);
    http_reply_text(request, 200, text, (size_t)len);
    return 0;
}

static int handle_echo(struct http_request *request, void *context, struct error *err)
{
    handled++;
    const char *name = http_request_param(request, "name");
    AUTO_STRBUF struct strbuf text = STRBUF_INIT;
    strbuf_printf(&text, "%s|%s|%s", name, http_request_remote_address(request),
                  http_request_csrf(request) ? http_request_csrf(request) : "none");
    http_reply_text(request, 200, strbuf_text(&text), text.size);
    return 0;
}

static int handle_login(struct http_request *request, void *context, struct error *err)
{
    handled++;
    AUTO_SECRET struct secret token = SECRET_INIT;
    secret_set(&token, RIG_USER, strlen(RIG_USER));
    http_reply_session_cookie(request, &token, 3600);
    http_reply_empty(request);
    return 0;
}

static int handle_refuse(struct http_request *request, void *context, struct error *err)
{
    handled++;
    struct error refusal;
    error_set_field(&refusal, ERR_QUOTA_EXCEEDED, "memory", "Too \"much\".");
    error_hint(&refusal, "Take less.");
    refusal.checks_json = "[\"one\"]";
    http_reply_error(request, &refusal);
    return 0;
}

static int handle_silent(struct http_request *request, void *context, struct error *err)
{
    handled++;
    return 0;
}

static const char *const archive_types[] = {"application/gzip", "application/x-tar", NULL};

static const struct http_route routes[] = {
    {.method = "GET", .path = "/api/open", .handle = handle_ok},
    {.method = "GET", .path = "/api/user", .least_role = HTTP_USER, .handle = handle_ok},
    {.method = "GET", .path = "/api/admin", .least_role = HTTP_ADMIN, .handle = handle_ok},
    {.method = "POST", .path = "/api/open", .handle = handle_ok},
    {.method = "POST", .path = "/api/user", .least_role = HTTP_USER, .handle = handle_ok},
    {.method = "POST", .path = "/api/admin", .least_role = HTTP_ADMIN, .handle = handle_ok},
    {.method = "DELETE", .path = "/api/user", .least_role = HTTP_USER, .handle = handle_ok},
    {.method = "POST",
     .path = "/api/notes",
     .body_kind = HTTP_BODY_JSON,
     .body = &note_shape,
     .max_body_bytes = 1000,
     .handle = handle_note},
    {.method = "PUT",
     .path = "/api/raw",
     .body_kind = HTTP_BODY_RAW,
     .max_body_bytes = 100000,
     .handle = handle_raw},
    {.method = "PUT",
     .path = "/api/either",
     .body_kind = HTTP_BODY_JSON_OR_RAW,
     .body = &note_shape,
     .raw_types = archive_types,
     .max_body_bytes = 100000,
     .handle = handle_raw},
    {.method = "GET", .path = "/api/items/{id}", .handle = handle_item},
    {.method = "GET", .path = "/api/echo/{name}", .handle = handle_echo},
    {.method = "GET", .path = "/api/query", .query = &note_shape, .handle = handle_ok},
    {.method = "POST", .path = "/api/login", .requests_a_minute = 3, .handle = handle_login},
    {.method = "GET", .path = "/api/refuse", .handle = handle_refuse},
    {.method = "GET", .path = "/api/silent", .handle = handle_silent},
};

static const struct http_options options = {.routes = routes, .route_count = ARRAY_COUNT(routes)};

#define COOKIE(token) "Cookie: sid=EVIL; __Host-dud=" token "\r\n"
#define BEARER "Authorization: Bearer " RIG_KEY "\r\n"
#define ORIGIN "Origin: " RIG_ORIGIN "\r\n"
#define JSON "Content-Type: application/json\r\n"

struct row {
    const char *name, *line, *headers, *body;
    int status;
    const char *part; /* of the answer; NULL: anything */
};

static void check_rows(const struct row *rows, size_t count)
{
    struct rig rig;
    rig_start(&rig, &options);
    for (size_t i = 0; i < count; i++) {
        int before = handled;
        const char *answer = rig_request(&rig, rows[i].line, rows[i].headers, rows[i].body);
        bool good = CHECK_INT(rig_status(answer), rows[i].status);
        good = (!rows[i].part || CHECK_CONTAINS(answer, rows[i].part)) && good;
        if (rows[i].status >= 400 && rows[i].status != 404) {
            good = CHECK_INT(handled, before) && good;
        }
        if (!good) {
            printf("# in row: %s\n", rows[i].name);
        }
    }
    rig_end(&rig);
}

static void case_addresses(void)
{
    static const struct row rows[] = {
        {"plain", "GET /api/open", "", NULL, 200, "\r\n\r\nfine"},
        {"HEAD has no body", "HEAD /api/open", "", NULL, 200, "Content-Length: 4\r\n"},
        {"unknown", "GET /api/nothing", "", NULL, 404, "\"name\":\"not_found\""},
        {"outside", "GET /", "", NULL, 404, "\"name\":\"not_found\""},
        {"method", "PATCH /api/open", "", NULL, 405, "Allow: GET, HEAD, POST\r\n"},
        {"strange method", "BREW /api/open", "", NULL, 405, "\"name\":\"unknown_method\""},
        {"trace", "TRACE /api/open", "", NULL, 405, NULL},
        {"options", "OPTIONS /api/open", "", NULL, 405, NULL},
        {"absolute", "GET http://x/api/open", "", NULL, 400, "\"name\":\"invalid_request\""},
        {"number", "GET /api/items/7", "", NULL, 200, "item 7"},
        {"no number", "GET /api/items/x", "", NULL, 404, "\"field\":\"id\""},
        {"negative", "GET /api/items/-1", "", NULL, 404, "\"field\":\"id\""},
        {"huge", "GET /api/items/99999999999999999999", "", NULL, 404, "\"field\":\"id\""},
        {"decoded", "GET /api/echo/%C3%A4+b", "", NULL, 200, "\xC3\xA4+b|"},
        {"NUL", "GET /api/echo/a%00", "", NULL, 400, "\"field\":\"name\""},
        {"slash", "GET /api/echo/a%2Fb", "", NULL, 400, "\"field\":\"name\""},
        {"dots", "GET /api/echo/%2e%2E", "", NULL, 400, "\"field\":\"name\""},
        {"query", "GET /api/query?text=a", "", NULL, 200, NULL},
        {"query, unknown", "GET /api/query?text=a&b=1", "", NULL, 400, "\"field\":\"b\""},
        {"query, missing", "GET /api/query", "", NULL, 400, "\"field\":\"text\""},
        {"no query wanted", "GET /api/open?a=1", "", NULL, 400, "\"name\":\"unknown_field\""},
        {"silent handler", "GET /api/silent", "", NULL, 500, NULL},
    };
    check_rows(rows, ARRAY_COUNT(rows) - 1);
    struct rig rig;
    rig_start(&rig, &options);
    CHECK_INT(rig_status(rig_request(&rig, "GET /api/silent", "", NULL)), 500);
    CHECK(!strstr(rig_request(&rig, "HEAD /api/open", "", NULL), "fine"));
    rig_end(&rig);
}

static void case_roles(void)
{
    static const char *const shown[] = {"",
                                        BEARER,
                                        COOKIE(RIG_USER),
                                        COOKIE(RIG_ADMIN),
                                        COOKIE("stale-and-malformed"),
                                        COOKIE("XXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXX")};
    static const int wanted[][3] = {
        /* open, user, admin */
        {200, 401, 401}, {200, 200, 403}, {200, 200, 403},
        {200, 200, 200}, {200, 401, 401}, {200, 401, 401},
    };
    static const char *const lines[] = {"GET /api/open", "GET /api/user", "GET /api/admin"};
    struct rig rig;
    rig_start(&rig, &options);
    for (size_t i = 0; i < ARRAY_COUNT(shown); i++) {
        for (size_t j = 0; j < ARRAY_COUNT(lines); j++) {
            const char *answer = rig_request(&rig, lines[j], shown[i], NULL);
            if (!CHECK_INT(rig_status(answer), wanted[i][j])) {
                printf("# %s with %s\n", lines[j], shown[i]);
            }
        }
    }
    rig_end(&rig);
}

static void case_changes(void)
{
    char csrf[TOKEN_CSRF_SIZE];
    token_csrf(RIG_USER, strlen(RIG_USER), csrf);
    AUTO_STRBUF struct strbuf good = STRBUF_INIT;
    AUTO_STRBUF struct strbuf wrong = STRBUF_INIT;
    AUTO_STRBUF struct strbuf neighbour = STRBUF_INIT;
    AUTO_STRBUF struct strbuf same_site = STRBUF_INIT;
    AUTO_STRBUF struct strbuf no_origin = STRBUF_INIT;
    AUTO_STRBUF struct strbuf twice = STRBUF_INIT;
    strbuf_printf(&good, COOKIE(RIG_USER) ORIGIN "X-CSRF: %s\r\n", csrf);
    strbuf_puts(&wrong, COOKIE(RIG_USER) ORIGIN "X-CSRF: x\r\n");
    strbuf_printf(&neighbour, COOKIE(RIG_USER) "Origin: https://a.example.org\r\nX-CSRF: %s\r\n",
                  csrf);
    strbuf_printf(&same_site, "%sSec-Fetch-Site: same-site\r\n", strbuf_text(&good));
    strbuf_printf(&no_origin, COOKIE(RIG_USER) "X-CSRF: %s\r\n", csrf);
    strbuf_printf(&twice, "%s" ORIGIN, strbuf_text(&good));
    const struct row rows[] = {
        {"own page", "POST /api/user", strbuf_text(&good), NULL, 200, NULL},
        {"delete", "DELETE /api/user", strbuf_text(&good), NULL, 200, NULL},
        {"no csrf", "POST /api/user", COOKIE(RIG_USER) ORIGIN, NULL, 403, "X-CSRF"},
        {"wrong csrf", "POST /api/user", strbuf_text(&wrong), NULL, 403, "X-CSRF"},
        {"neighbour", "POST /api/user", strbuf_text(&neighbour), NULL, 403, "another site"},
        {"same site", "POST /api/user", strbuf_text(&same_site), NULL, 403, "another site"},
        {"no origin", "POST /api/user", strbuf_text(&no_origin), NULL, 403, "which page"},
        {"origin twice", "POST /api/user", strbuf_text(&twice), NULL, 400, "Origin"},
        {"not enough role", "POST /api/admin", strbuf_text(&good), NULL, 403, "admin"},
        {"key", "POST /api/user", BEARER, NULL, 200, NULL},
        {"key from a page", "POST /api/user", BEARER "Origin: https://evil.test\r\n", NULL, 403,
         "another site"},
        {"both", "POST /api/user", BEARER COOKIE(RIG_USER) ORIGIN, NULL, 400, "not both"},
        {"both, for anyone", "GET /api/open", BEARER COOKIE(RIG_USER), NULL, 400, "not both"},
        {"basic", "GET /api/user", "Authorization: Basic YTpi\r\n", NULL, 401, "API key"},
        {"session in two headers", "GET /api/user",
         "Cookie: a=b\r\nCookie: __Host-dud=" RIG_USER "\r\n", NULL, 200, NULL},
        {"two sessions", "GET /api/user", COOKIE(RIG_USER) COOKIE(RIG_ADMIN), NULL, 400, "twice"},
        {"nobody from a shell", "POST /api/open", "", NULL, 200, NULL},
        {"nobody from elsewhere", "POST /api/open", "Origin: https://evil.test\r\n", NULL, 403,
         NULL},
        {"old session", "POST /api/open",
         COOKIE("XXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXX") ORIGIN, NULL, 200, NULL},
    };
    check_rows(rows, ARRAY_COUNT(rows));
}

static void case_bodies(void)
{
    static const struct row rows[] = {
        {"note", "POST /api/notes", JSON, "{\"text\":\"a\"}", 201, "\r\n\r\n{\"text\":\"a\"}"},
        {"charset", "POST /api/notes", "Content-Type: application/json; charset=utf-8\r\n",
         "{\"text\":\"a\"}", 201, NULL},
        {"nothing", "POST /api/notes", "", NULL, 400, "\"field\":\"text\""},
        {"bad JSON", "POST /api/notes", JSON, "{\"text\":", 400, "\"name\":\"parse_error\""},
        {"not an object", "POST /api/notes", JSON, "[]", 400, NULL},
        {"unknown field", "POST /api/notes", JSON, "{\"text\":\"a\",\"b\":1}", 400,
         "\"field\":\"b\""},
        {"wrong type of value", "POST /api/notes", JSON, "{\"text\":1}", 400, "\"field\":\"text\""},
        {"no type", "POST /api/notes", "", "{\"text\":\"a\"}", 415, "application/json"},
        {"form", "POST /api/notes", "Content-Type: text/plain\r\n", "{\"text\":\"a\"}", 415, NULL},
        {"almost the type", "POST /api/notes", "Content-Type: application/jsonx\r\n",
         "{\"text\":\"a\"}", 415, NULL},
        {"body for a read", "GET /api/open", JSON, "{}", 413, "no body"},
        {"empty object for nothing", "POST /api/open", JSON, "{}", 200, NULL},
        {"empty object, with space", "POST /api/open", JSON, " { }\n", 200, NULL},
        {"member for nothing", "POST /api/open", JSON, "{\"a\":1}", 400, "unknown_field"},
        {"list for nothing", "POST /api/open", JSON, "[]", 400, "invalid_argument"},
        {"text for nothing", "POST /api/open", "Content-Type: text/plain\r\n", "{}", 415, NULL},
        {"form for nothing", "POST /api/open",
         "Content-Type: application/x-www-form-urlencoded\r\n", "a=1", 415, NULL},
        {"raw", "PUT /api/raw", "Content-Type: application/octet-stream\r\n", "abc", 200, "3 raw"},
        {"raw, type", "PUT /api/raw", JSON, "abc", 415, "octet-stream"},
        {"either, raw", "PUT /api/either", "Content-Type: application/gzip\r\n", "abc", 200,
         "3 raw"},
        {"either, other raw", "PUT /api/either", "Content-Type: application/x-tar\r\n", "abcd", 200,
         "4 raw"},
        {"either, JSON", "PUT /api/either", JSON, "{\"text\":\"a\"}", 200, "12 json"},
        {"either, neither", "PUT /api/either", "Content-Type: text/html\r\n", "abc", 415, NULL},
    };
    check_rows(rows, ARRAY_COUNT(rows));
}

static const char *ask_sized(struct rig *rig, const char *line, const char *type, size_t size)
{
    AUTO_FREE char *body = xmalloc(size + 1);
    memset(body, 'a', size);
    body[size] = '\0';
    return rig_request(rig, line, type, body);
}

static void case_sizes(void)
{
    struct rig rig;
    rig_start(&rig, &options);
    const char *type = "Content-Type: application/octet-stream\r\n";
    CHECK_CONTAINS(ask_sized(&rig, "PUT /api/raw", type, 100000), "100000 raw");
    CHECK_CONTAINS(ask_sized(&rig, "PUT /api/raw", type, 100001), "\"name\":\"too_large\"");
    CHECK_CONTAINS(ask_sized(&rig, "POST /api/notes", JSON, 1001), "\"name\":\"too_large\"");
    CHECK_INT(rig_status(ask_sized(&rig, "PUT /api/raw", type, 400000)), 413); /* evhttp's */
    const char *chunked = "PUT /api/raw HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
                          "Transfer-Encoding: chunked\r\n"
                          "Content-Type: application/octet-stream\r\n\r\n"
                          "3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n";
    CHECK_CONTAINS(rig_ask(&rig, chunked), "7 raw");
    AUTO_FREE char *header = xmalloc(20000);
    memset(header, 'a', 19999);
    memcpy(header, "X: ", 3);
    memcpy(header + 19990, "\r\n", 3);
    CHECK_INT(rig_status(rig_request(&rig, "GET /api/open", header, NULL)), 400);
    rig_end(&rig);
}

static void case_odd_headers(void)
{
    static const struct {
        const char *name, *request;
        int status;
    } rows[] = {
        {"two lengths",
         "PUT /api/raw HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nContent-Length: 4\r\n"
         "Connection: close\r\nContent-Type: application/octet-stream\r\n\r\nabcd",
         400},
        {"length and chunks",
         "PUT /api/raw HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n"
         "Connection: close\r\n\r\n0\r\n\r\n",
         400},
        {"no host", "GET /api/open HTTP/1.1\r\nConnection: close\r\n\r\n", 400},
        {"two hosts", "GET /api/open HTTP/1.1\r\nHost: x\r\nHost: y\r\nConnection: close\r\n\r\n",
         400},
        {"space in a name",
         "GET /api/open HTTP/1.1\r\nHost: x\r\nA b: c\r\nConnection: close\r\n"
         "\r\n",
         400},
        {"space before the colon",
         "GET /api/open HTTP/1.1\r\nHost: x\r\nOrigin : c\r\nConnection: close\r\n\r\n", 400},
        {"no version", "GET /api/open\r\n\r\n", 400},
        {"negative length",
         "PUT /api/raw HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\nConnection: close\r\n\r\n",
         400},
    };
    struct rig rig;
    rig_start(&rig, &options);
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        if (!CHECK_INT(rig_status(rig_ask(&rig, rows[i].request)), rows[i].status)) {
            printf("# in row: %s\n", rows[i].name);
        }
    }
    rig_end(&rig);
}

static void case_form_of_errors(void)
{
    struct rig rig;
    rig_start(&rig, &options);
    const char *answer = rig_request(&rig, "GET /api/refuse", "", NULL);
    CHECK_CONTAINS(answer,
                   "{\"error\":{\"name\":\"quota_exceeded\",\"message\":\"Too \\\"much\\\".\","
                   "\"field\":\"memory\",\"hint\":\"Take less.\",\"checks\":[\"one\"],"
                   "\"request_id\":\"");
    CHECK_CONTAINS(answer, "Cache-Control: no-store\r\n");
    CHECK_CONTAINS(answer, "X-Content-Type-Options: nosniff\r\n");
    CHECK_CONTAINS(answer, "Strict-Transport-Security: ");
    const char *id = strstr(answer, "X-Request-Id: ");
    if (CHECK(id)) {
        char wanted[64];
        snprintf(wanted, sizeof(wanted), "\"request_id\":\"%.26s\"", id + 14);
        CHECK_CONTAINS(answer, wanted);
    }
    rig_end(&rig);
}

static void case_login_and_rate(void)
{
    struct rig rig;
    rig_start(&rig, &options);
    const char *from = "X-Forwarded-For: 203.0.113.9, 192.0.2.1\r\n";
    for (int i = 0; i < 3; i++) {
        const char *answer = rig_request(&rig, "POST /api/login", from, NULL);
        CHECK_CONTAINS(answer, "Set-Cookie: __Host-dud=" RIG_USER
                               "; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=3600\r\n");
    }
    const char *answer = rig_request(&rig, "POST /api/login", from, NULL);
    CHECK_INT(rig_status(answer), 429);
    CHECK_CONTAINS(answer, "Retry-After: ");
    /* what the client claims in front does not count, what the proxy adds does */
    answer = rig_request(&rig, "POST /api/login", "X-Forwarded-For: 8.8.8.8, 192.0.2.1\r\n", NULL);
    CHECK_INT(rig_status(answer), 429);
    answer = rig_request(&rig, "POST /api/login", "X-Forwarded-For: 192.0.2.2\r\n", NULL);
    CHECK_INT(rig_status(answer), 204);
    rig_end(&rig);
}

static void case_addresses_and_csrf_for_handlers(void)
{
    char wanted[128];
    char csrf[TOKEN_CSRF_SIZE];
    token_csrf(RIG_USER, strlen(RIG_USER), csrf);
    struct rig rig;
    rig_start(&rig, &options);
    snprintf(wanted, sizeof(wanted), "\r\n\r\na|2001:db8::1|%s", csrf);
    CHECK_CONTAINS(rig_request(&rig, "GET /api/echo/a",
                               COOKIE(RIG_USER) "X-Forwarded-For: x, 2001:db8::1\r\n", NULL),
                   wanted);
    CHECK_CONTAINS(rig_request(&rig, "GET /api/echo/a", "X-Forwarded-For: nonsense\r\n", NULL),
                   "a|local|none");
    rig_end(&rig);
}

static void case_two_on_one_connection(void)
{
    struct rig rig;
    struct rig_client client;
    rig_start(&rig, &options);
    rig_connect(&rig, &client);
    const char *both = "GET /api/items/1 HTTP/1.1\r\nHost: x\r\n\r\n"
                       "GET /api/items/2 HTTP/1.1\r\nHost: x\r\n\r\n";
    rig_send(&client, both, strlen(both));
    rig_wait_text(&rig, &client, "item 2");
    CHECK_CONTAINS(strbuf_text(&client.received), "item 1");
    CHECK_INT(http_server_counters(rig.server)->connections, 1);
    CHECK_INT(http_server_counters(rig.server)->requests, 2);
    CHECK_INT(http_server_counters(rig.server)->replies[2], 2);
    CHECK_INT(http_server_counters(rig.server)->held_bytes, 0);
    rig_close(&client);
    rig_end(&rig);
}

int main(void)
{
    static const struct check_case cases[] = {
        {"addresses", case_addresses},
        {"roles", case_roles},
        {"changes need origin and csrf", case_changes},
        {"bodies", case_bodies},
        {"sizes", case_sizes},
        {"odd headers", case_odd_headers},
        {"the form of errors", case_form_of_errors},
        {"log-in and its rate", case_login_and_rate},
        {"what handlers see", case_addresses_and_csrf_for_handlers},
        {"two requests on one connection", case_two_on_one_connection},
    };
    return crypto_init(NULL) < 0 || check_run(cases, ARRAY_COUNT(cases));
}
