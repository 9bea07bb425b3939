/*
 * The pure parts of the HTTP room: finding a route, decoding, who may ask, how often.
 */
#include "libdialup/base/memory.h"
#include "libdialup/base/str.h"
#include "libdialup/crypto/crypto.h"
#include "libdialup/crypto/token.h"
#include "libdialup/http/auth.h"
#include "libdialup/http/params.h"
#include "libdialup/http/rate_limit.h"
#include "libdialup/http/route.h"
#include "tests/harness/check.h"

#define OWN "https://admin.example.org"
#define TOKEN "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

static int nothing(struct http_request *request, void *context, struct error *err)
{
    return 0;
}

static const struct http_route routes[] = {
    {.method = "GET", .path = "/api/sites", .handle = nothing},
    {.method = "GET", .path = "/api/sites/{domain}", .handle = nothing},
    {.method = "DELETE", .path = "/api/sites/{domain}", .handle = nothing},
    {.method = "GET", .path = "/api/sites/{domain}/logs", .handle = nothing},
    {.method = "GET", .path = "/api/sites/all", .handle = nothing},
    {.method = "GET", .path = "/api/a/{x}/{y}", .handle = nothing},
};

static void case_routes(void)
{
    static const struct {
        const char *name, *method, *path;
        int row; /* -1 for none */
        bool path_known;
        const char *param; /* first one, encoded */
    } rows[] = {
        {"plain", "GET", "/api/sites", 0, true, NULL},
        {"HEAD is GET", "HEAD", "/api/sites", 0, true, NULL},
        {"parameter", "GET", "/api/sites/a.example.org", 1, true, "a.example.org"},
        {"other method", "DELETE", "/api/sites/a", 2, true, "a"},
        {"below a parameter", "GET", "/api/sites/a/logs", 3, true, "a"},
        {"literal wins", "GET", "/api/sites/all", 4, true, NULL},
        {"literal's other method", "DELETE", "/api/sites/all", 2, true, "all"},
        {"two parameters", "GET", "/api/a/1/2", 5, true, "1"},
        {"wrong method", "POST", "/api/sites", -1, true, NULL},
        {"methods are exact", "get", "/api/sites", -1, true, NULL},
        {"unknown", "GET", "/api/site", -1, false, NULL},
        {"trailing slash", "GET", "/api/sites/", -1, false, NULL},
        {"double slash", "GET", "/api//sites", -1, false, NULL},
        {"empty parameter", "GET", "/api/sites//logs", -1, false, NULL},
        {"encoded letter is another path", "GET", "/%61pi/sites", -1, false, NULL},
        {"encoded slash stays inside", "GET", "/api/sites/a%2flogs", 1, true, "a%2flogs"},
        {"no slash", "GET", "api/sites", -1, false, NULL},
        {"empty", "GET", "", -1, false, NULL},
        {"star", "OPTIONS", "*", -1, false, NULL},
        {"very deep", "GET", "/1/2/3/4/5/6/7/8/9/10/11/12/13/14/15", -1, false, NULL},
    };
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        struct http_match match;
        http_route_find(routes, ARRAY_COUNT(routes), rows[i].method, rows[i].path, &match);
        bool good = CHECK_INT(match.route ? match.route - routes : -1, rows[i].row) &&
                    CHECK_INT(match.path_known, rows[i].path_known);
        if (good && rows[i].param) {
            good = CHECK(match.param_count > 0 &&
                         match.params[0].value_len == strlen(rows[i].param)) &&
                   CHECK(memcmp(match.params[0].value, rows[i].param, strlen(rows[i].param)) == 0);
        }
        if (!good) {
            printf("# in row: %s\n", rows[i].name);
        }
    }
}

static void case_allow(void)
{
    struct http_match match;
    http_route_find(routes, ARRAY_COUNT(routes), "PUT", "/api/sites/x", &match);
    CHECK_STR(match.allow, "GET, HEAD, DELETE");
}

static void case_segments(void)
{
    static const struct {
        const char *name, *text, *wanted; /* NULL: refused */
    } rows[] = {
        {"plain", "a.example.org", "a.example.org"},
        {"encoded", "%61%C3%A4", "a\xC3\xA4"},
        {"plus is a plus", "a+b", "a+b"},
        {"slash", "a%2fb", NULL},
        {"backslash", "a%5Cb", NULL},
        {"dots", "..", NULL},
        {"encoded dots", "%2e%2E", NULL},
        {"dot", ".", NULL},
        {"NUL", "a%00b", NULL},
        {"line end", "a%0d%0ab", NULL},
        {"half an escape", "a%2", NULL},
        {"no escape", "a%zz", NULL},
        {"not UTF-8", "%ff", NULL},
        {"overlong slash", "%c0%af", NULL},
        {"twice encoded stays once", "%252e%252e", "%2e%2e"},
    };
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        AUTO_ARENA struct arena *arena = arena_new();
        const char *text = NULL;
        int result =
            http_decode_segment(arena, "domain", rows[i].text, strlen(rows[i].text), &text, NULL);
        if (!CHECK_INT(result, rows[i].wanted ? 0 : -ERR_INVALID_ARGUMENT) ||
            !CHECK_STR(text, rows[i].wanted)) {
            printf("# in row: %s\n", rows[i].name);
        }
    }
}

struct log_query {
    int64_t tail;
    bool has_tail;
    const char *text;
    bool follow;
    bool has_follow;
    double ratio;
    bool has_ratio;
};

static const struct json_field log_fields[] = {
    {.name = "tail",
     .type = JSON_FIELD_INTEGER,
     .min = 1,
     .max = 1000,
     .offset = offsetof(struct log_query, tail),
     .has_offset = offsetof(struct log_query, has_tail)},
    {.name = "text",
     .type = JSON_FIELD_STRING,
     .max = 10,
     .offset = offsetof(struct log_query, text)},
    {.name = "follow",
     .type = JSON_FIELD_BOOL,
     .offset = offsetof(struct log_query, follow),
     .has_offset = offsetof(struct log_query, has_follow)},
    {.name = "ratio",
     .type = JSON_FIELD_NUMBER,
     .number_max = 10,
     .offset = offsetof(struct log_query, ratio),
     .has_offset = offsetof(struct log_query, has_ratio)},
};

static const struct json_shape log_shape = {"log", sizeof(struct log_query), log_fields,
                                            ARRAY_COUNT(log_fields)};

static void case_query(void)
{
    AUTO_ARENA struct arena *arena = arena_new();
    struct log_query query = {0};
    CHECK_INT(http_query_decode(arena, "tail=20&text=a+b%26&follow=true&ratio=1.5", &log_shape,
                                &query, NULL),
              0);
    CHECK(query.has_tail && query.has_follow && query.follow);
    CHECK_INT(query.tail, 20);
    CHECK_STR(query.text, "a b&");
    CHECK(query.ratio > 1.4 && query.ratio < 1.6);
    CHECK_INT(http_query_decode(arena, NULL, &log_shape, &query, NULL), 0);
    CHECK(!query.has_tail && !query.text);
    CHECK_INT(http_query_decode(arena, "&&", NULL, NULL, NULL), 0);
}

static void case_bad_queries(void)
{
    static const struct {
        const char *name, *text;
        enum error_code code;
        const char *field;
    } rows[] = {
        {"unknown", "tial=1", ERR_UNKNOWN_FIELD, "tial"},
        {"unknown without value", "x", ERR_UNKNOWN_FIELD, "x"},
        {"twice", "tail=1&tail=2", ERR_INVALID_ARGUMENT, "tail"},
        {"not a number", "tail=1x", ERR_INVALID_ARGUMENT, "tail"},
        {"empty number", "tail=", ERR_INVALID_ARGUMENT, "tail"},
        {"too large", "tail=1001", ERR_INVALID_ARGUMENT, "tail"},
        {"overflow", "tail=99999999999999999999", ERR_INVALID_ARGUMENT, "tail"},
        {"not a truth", "follow=1", ERR_INVALID_ARGUMENT, "follow"},
        {"NUL", "text=a%00", ERR_INVALID_ARGUMENT, "text"},
        {"too long", "text=aaaaaaaaaaa", ERR_TOO_LARGE, "text"},
        {"infinite", "ratio=1e999", ERR_INVALID_ARGUMENT, "ratio"},
        {"a word for a number", "ratio=nan", ERR_INVALID_ARGUMENT, "ratio"},
        {"hexadecimal name", "%74ail=1&tail=1", ERR_INVALID_ARGUMENT, "tail"},
    };
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        AUTO_ARENA struct arena *arena = arena_new();
        struct log_query query;
        struct error err = {0};
        int result = http_query_decode(arena, rows[i].text, &log_shape, &query, &err);
        if (!CHECK_INT(result, -(int)rows[i].code) || !CHECK_STR(err.field, rows[i].field)) {
            printf("# in row: %s\n", rows[i].name);
        }
    }
}

static void case_cookies(void)
{
    static const struct {
        const char *name, *header, *value; /* NULL: not there */
        int result;
    } rows[] = {
        {"alone", "__Host-dud=x", "x", 0},
        {"evil first", "dud=EVIL; sid=EVIL; __Host-dud=x", "x", 0},
        {"in between", "a=b; __Host-dud=x;c=d", "x", 0},
        {"no spaces", "a=b;__Host-dud=x", "x", 0},
        {"inside a value", "a=__Host-dud=x", NULL, -ERR_NOT_FOUND},
        {"longer name", "x__Host-dud=x; __Host-dud2=x", NULL, -ERR_NOT_FOUND},
        {"other case", "__host-dud=x", NULL, -ERR_NOT_FOUND},
        {"twice", "__Host-dud=x; __Host-dud=y", NULL, -ERR_INVALID_REQUEST},
        {"twice the same", "__Host-dud=x; __Host-dud=x", NULL, -ERR_INVALID_REQUEST},
        {"empty", "", NULL, -ERR_NOT_FOUND},
        {"semicolons", ";;; ;", NULL, -ERR_NOT_FOUND},
        {"no value", "__Host-dud=", "", 0},
    };
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        const char *value = NULL;
        size_t len = 0;
        int result = http_cookie_find(rows[i].header, HTTP_SESSION_COOKIE, &value, &len, NULL);
        bool good = CHECK_INT(result, rows[i].result);
        if (good && rows[i].value) {
            good = CHECK_INT(len, strlen(rows[i].value)) &&
                   CHECK(memcmp(value, rows[i].value, len) == 0);
        }
        if (!good) {
            printf("# in row: %s\n", rows[i].name);
        }
    }
}

static void case_credentials(void)
{
    static const struct {
        const char *name, *cookie, *authorization;
        int result;
        enum http_credentials_kind kind;
        bool well_formed;
    } rows[] = {
        {"none", NULL, NULL, 0, HTTP_NO_CREDENTIALS, false},
        {"foreign cookies", "a=b", NULL, 0, HTTP_NO_CREDENTIALS, false},
        {"session", "__Host-dud=" TOKEN, NULL, 0, HTTP_SESSION, true},
        {"odd session", "__Host-dud=' or 1=1", NULL, 0, HTTP_SESSION, false},
        {"key", NULL, "Bearer dud_" TOKEN, 0, HTTP_API_KEY, true},
        {"key, other case", NULL, "bearer dud_" TOKEN, 0, HTTP_API_KEY, true},
        {"session as key", NULL, "Bearer " TOKEN, 0, HTTP_API_KEY, false},
        {"empty key", NULL, "Bearer ", 0, HTTP_API_KEY, false},
        {"basic", NULL, "Basic YTpi", -ERR_UNAUTHENTICATED, HTTP_NO_CREDENTIALS, false},
        {"empty", NULL, "", -ERR_UNAUTHENTICATED, HTTP_NO_CREDENTIALS, false},
        {"both", "__Host-dud=" TOKEN, "Bearer dud_" TOKEN, -ERR_INVALID_REQUEST,
         HTTP_NO_CREDENTIALS, false},
        {"key beside a foreign cookie", "a=b", "Bearer dud_" TOKEN, 0, HTTP_API_KEY, true},
    };
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        struct http_auth_headers headers = {.cookie = rows[i].cookie,
                                            .authorization = rows[i].authorization};
        struct http_credentials credentials = {0};
        int result = http_auth_credentials(&headers, &credentials, NULL);
        if (!CHECK_INT(result, rows[i].result) || !CHECK_INT(credentials.kind, rows[i].kind) ||
            !CHECK_INT(credentials.well_formed, rows[i].well_formed)) {
            printf("# in row: %s\n", rows[i].name);
        }
    }
}

static void case_origin(void)
{
    static const struct {
        const char *name;
        enum http_credentials_kind kind;
        const char *origin, *site;
        bool allowed;
    } rows[] = {
        {"own page", HTTP_SESSION, OWN, "same-origin", true},
        {"own page, old browser", HTTP_SESSION, OWN, NULL, true},
        {"no origin", HTTP_SESSION, NULL, NULL, false},
        {"neighbour", HTTP_SESSION, "https://mysite.example.org", "same-site", false},
        {"neighbour who lies in one", HTTP_SESSION, OWN, "same-site", false},
        {"stranger", HTTP_SESSION, "https://evil.test", "cross-site", false},
        {"typed", HTTP_SESSION, OWN, "none", false},
        {"opaque", HTTP_SESSION, "null", NULL, false},
        {"other scheme", HTTP_SESSION, "http://admin.example.org", NULL, false},
        {"other port", HTTP_SESSION, OWN ":8443", NULL, false},
        {"prefix", HTTP_SESSION, OWN ".evil.test", NULL, false},
        {"other case", HTTP_SESSION, "https://ADMIN.example.org", NULL, false},
        {"key", HTTP_API_KEY, NULL, NULL, true},
        {"key from a page", HTTP_API_KEY, "https://evil.test", NULL, false},
        {"log-in from a shell", HTTP_NO_CREDENTIALS, NULL, NULL, true},
        {"log-in from a neighbour", HTTP_NO_CREDENTIALS, "https://mysite.example.org", NULL, false},
    };
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        struct http_auth_headers headers = {.origin = rows[i].origin,
                                            .sec_fetch_site = rows[i].site};
        struct http_credentials credentials = {.kind = rows[i].kind};
        int result = http_auth_origin(&headers, &credentials, OWN, NULL);
        if (!CHECK_INT(result, rows[i].allowed ? 0 : -ERR_FORBIDDEN)) {
            printf("# in row: %s\n", rows[i].name);
        }
    }
}

static void case_csrf(void)
{
    char right[TOKEN_CSRF_SIZE];
    token_csrf(TOKEN, TOKEN_RANDOM_LEN, right);
    struct http_credentials session = {HTTP_SESSION, true, TOKEN, TOKEN_RANDOM_LEN};
    struct http_credentials key = {HTTP_API_KEY, true, "dud_" TOKEN, TOKEN_RANDOM_LEN + 4};
    struct http_auth_headers headers = {0};
    CHECK_INT(http_auth_csrf(&headers, &session, NULL), -ERR_FORBIDDEN);
    CHECK_INT(http_auth_csrf(&headers, &key, NULL), 0);
    headers.csrf = "wrong";
    CHECK_INT(http_auth_csrf(&headers, &session, NULL), -ERR_FORBIDDEN);
    headers.csrf = right;
    CHECK_INT(http_auth_csrf(&headers, &session, NULL), 0);
}

static void case_roles(void)
{
    static const int wanted[3][3] = {
        /* least:    anyone, user,                admin */
        [HTTP_ANYONE] = {0, -ERR_UNAUTHENTICATED, -ERR_UNAUTHENTICATED},
        [HTTP_USER] = {0, 0, -ERR_FORBIDDEN},
        [HTTP_ADMIN] = {0, 0, 0},
    };
    for (int role = HTTP_ANYONE; role <= HTTP_ADMIN; role++) {
        for (int least = HTTP_ANYONE; least <= HTTP_ADMIN; least++) {
            struct http_identity identity = {.role = (enum http_role)role};
            CHECK_INT(http_auth_role(&identity, (enum http_role)least, NULL), wanted[role][least]);
        }
    }
}

static bool take(struct rate_limiter *limiter, const char *address, int64_t at_s)
{
    int retry_s;
    return rate_limiter_take(limiter, 1, address, 3, at_s * 1000000, &retry_s);
}

static void case_rates(void)
{
    struct rate_limiter *limiter = rate_limiter_new();
    int retry_s = 0;
    CHECK(take(limiter, "192.0.2.1", 0) && take(limiter, "192.0.2.1", 0));
    CHECK(take(limiter, "192.0.2.1", 0));
    CHECK(!rate_limiter_take(limiter, 1, "192.0.2.1", 3, 0, &retry_s));
    CHECK(retry_s >= 20 && retry_s <= 21);
    CHECK(rate_limiter_take(limiter, 2, "192.0.2.1", 3, 0, &retry_s)); /* another route */
    CHECK(take(limiter, "192.0.2.2", 0));                              /* another address */
    CHECK(!take(limiter, "192.0.2.1", 19));
    CHECK(take(limiter, "192.0.2.1", 21));
    CHECK(!take(limiter, "192.0.2.1", 21));
    CHECK(!take(limiter, "::ffff:192.0.2.1", 21)); /* the same in other clothes */
    for (int i = 0; i < 3; i++) {
        CHECK(take(limiter, "2001:db8:0:1::1", 0));
    }
    CHECK(!take(limiter, "2001:db8:0:1::2", 0)); /* the same home */
    CHECK(take(limiter, "2001:db8:0:2::1", 0));
    rate_limiter_free(limiter);
}

static void case_rate_table_is_bounded(void)
{
    struct rate_limiter *limiter = rate_limiter_new();
    for (int i = 0; i < 100000; i++) {
        char address[32];
        snprintf(address, sizeof(address), "10.%d.%d.%d", i >> 16, i >> 8 & 255, i & 255);
        CHECK(take(limiter, address, i));
    }
    rate_limiter_free(limiter);
}

int main(void)
{
    static const struct check_case cases[] = {
        {"finding a route", case_routes},
        {"what else is allowed", case_allow},
        {"segments of a path", case_segments},
        {"a query by its shape", case_query},
        {"bad queries name the field", case_bad_queries},
        {"cookies", case_cookies},
        {"credentials", case_credentials},
        {"origin", case_origin},
        {"csrf", case_csrf},
        {"roles", case_roles},
        {"rates", case_rates},
        {"the rate table is bounded", case_rate_table_is_bounded},
    };
    return crypto_init(NULL) < 0 || check_run(cases, ARRAY_COUNT(cases));
}
