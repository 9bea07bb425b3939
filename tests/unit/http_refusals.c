/*
 * What is refused before a handler sees it: requests that evhttp itself does not take, requests
 * that two programs could read in two ways, and headers that would make one request another.
 */
#include "libdialup/base/memory.h"
#include "libdialup/crypto/crypto.h"
#include "tests/harness/check.h"
#include "tests/unit/http_rig.h"

enum { MIB = 1024 * 1024 };

static int handled;

static int handle_ok(struct http_request *request, void *context, struct error *err)
{
    handled++;
    http_reply_text(request, 200, http_request_method(request),
                    strlen(http_request_method(request)));
    return 0;
}

static int handle_fault(struct http_request *request, void *context, struct error *err)
{
    return error_set(err, ERR_INTERNAL, "table \"users\" is on fire");
}

static int handle_disk(struct http_request *request, void *context, struct error *err)
{
    return error_set(err, ERR_IO, "The upload cannot be written");
}

static const struct http_route routes[] = {
    {.method = "GET", .path = "/ok", .handle = handle_ok},
    {.method = "POST", .path = "/ok", .handle = handle_ok},
    {.method = "DELETE", .path = "/ok", .least_role = HTTP_USER, .handle = handle_ok},
    {.method = "PUT",
     .path = "/ok",
     .body_kind = HTTP_BODY_RAW,
     .max_body_bytes = 1000,
     .handle = handle_ok},
    {.method = "GET", .path = "/fault", .handle = handle_fault},
    {.method = "GET", .path = "/disk", .handle = handle_disk},
};

static const struct http_options options = {.routes = routes, .route_count = ARRAY_COUNT(routes)};

#define TAIL "Host: x\r\nConnection: close\r\n"

/* With a body of so many bytes where size is not 0, sent as one. */
static const char *ask(struct rig *rig, const char *head, size_t size)
{
    AUTO_STRBUF struct strbuf request = STRBUF_INIT;
    strbuf_printf(&request, "%s\r\n", head);
    AUTO_FREE char *body = xmalloc(size + 1);
    memset(body, 'a', size);
    strbuf_append(&request, body, size);
    return rig_ask(rig, strbuf_text(&request));
}

static void case_our_form(void)
{
    static const struct {
        const char *name, *head;
        size_t size;
        int status;
        const char *wanted;
    } rows[] = {
        {"body far too large",
         "PUT /ok HTTP/1.1\r\n" TAIL "Content-Type: application/octet-stream\r\n"
         "Content-Length: 400000\r\n",
         400000, 413, "\"name\":\"too_large\""},
        {"its hint", "PUT /ok HTTP/1.1\r\n" TAIL "Content-Length: 400000\r\n", 400000, 413,
         "One request may have at most 1 MB"},
        {"more than all may hold", "PUT /ok HTTP/1.1\r\n" TAIL "Content-Length: 70000000\r\n",
         70000000, 413, "\"name\":\"too_large\""},
        {"not a request", "what is this\r\n", 0, 400, "\"name\":\"invalid_request\""},
        {"no version", "GET /ok\r\n", 0, 400, "\"name\":\"invalid_request\""},
        {"headers too large", "GET /ok HTTP/1.1\r\n" TAIL "X: ", 20000, 400,
         "its headers are too large"},
        {"a method that nobody knows", "BREW /ok HTTP/1.1\r\n" TAIL, 0, 405,
         "\"name\":\"unknown_method\""},
        {"a tunnel", "CONNECT x:1 HTTP/1.1\r\n" TAIL, 0, 501, "\"name\":\"unknown_method\""},
        {"an expectation", "PUT /ok HTTP/1.1\r\n" TAIL "Expect: tea\r\nContent-Length: 3\r\n", 3,
         417, "\"name\":\"invalid_request\""},
    };
    struct rig rig;
    rig_start(&rig, &options);
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        handled = 0;
        const char *answer = ask(&rig, rows[i].head, rows[i].size);
        bool good = CHECK_INT(rig_status(answer), rows[i].status) && CHECK_INT(handled, 0);
        if (good && rows[i].wanted) {
            good = CHECK_CONTAINS(answer, rows[i].wanted) &&
                   CHECK_CONTAINS(answer, "Content-Type: application/json\r\n") &&
                   CHECK_CONTAINS(answer, "\"request_id\":\"") && CHECK(!strstr(answer, "<"));
        }
        if (!good) {
            printf("# in row: %s: %.300s\n", rows[i].name, answer);
        }
    }
    CHECK_INT(rig_counters(&rig)->open_connections, 0);
    CHECK_INT(rig_counters(&rig)->held_bytes, 0);
    CHECK_INT(rig_counters(&rig)->cut_large, 0);
    rig_end(&rig);
}

static void case_continue(void)
{
    struct rig rig;
    struct rig_client client;
    rig_start(&rig, &options);
    rig_connect(&rig, &client);
    rig_say(&client, "PUT /ok HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 3\r\n"
                     "Content-Type: application/octet-stream\r\n\r\n");
    rig_wait_text(&rig, &client, "HTTP/1.1 100 Continue\r\n\r\n");
    CHECK(!strstr(strbuf_text(&client.received), "error"));
    rig_say(&client, "abc");
    rig_wait_text(&rig, &client, "\r\n\r\nPUT");
    rig_say(&client, "PUT /ok HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 3\r\n"
                     "Content-Type: application/octet-stream\r\n\r\nabc" RIG_GET("/ok"));
    rig_wait_text(&rig, &client, "\r\n\r\nGET");
    CHECK_INT(rig_counters(&rig)->replies[2], 3);
    rig_close(&client);
    rig_end(&rig);
}

#define HIDDEN RIG_GET("/ok")

/* One answer, and the end: what follows could be what a proxy took for the body. */
static void case_smuggling(void)
{
    static const struct {
        const char *name, *request;
    } rows[] = {
        {"length and chunks",
         "PUT /ok HTTP/1.1\r\nHost: x\r\nContent-Type: application/octet-stream\r\n"
         "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" HIDDEN},
        {"chunks and length",
         "PUT /ok HTTP/1.1\r\nHost: x\r\nContent-Type: application/octet-stream\r\n"
         "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n" HIDDEN},
        {"two lengths", "PUT /ok HTTP/1.1\r\nHost: x\r\nContent-Type: application/octet-stream\r\n"
                        "Content-Length: 3\r\nContent-Length: 0\r\n\r\nabc" HIDDEN},
        {"two that agree",
         "PUT /ok HTTP/1.1\r\nHost: x\r\nContent-Type: application/octet-stream\r\n"
         "Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc" HIDDEN},
        {"a list of lengths",
         "PUT /ok HTTP/1.1\r\nHost: x\r\nContent-Type: application/octet-stream\r\n"
         "Content-Length: 3, 3\r\n\r\nabc" HIDDEN},
        {"a length with a sign",
         "PUT /ok HTTP/1.1\r\nHost: x\r\nContent-Type: application/octet-stream\r\n"
         "Content-Length: +3\r\n\r\nabc" HIDDEN},
        {"a length in hex",
         "PUT /ok HTTP/1.1\r\nHost: x\r\nContent-Type: application/octet-stream\r\n"
         "Content-Length: 0x3\r\n\r\nabc" HIDDEN},
        {"chunks that are not quite",
         "PUT /ok HTTP/1.1\r\nHost: x\r\nContent-Type: application/octet-stream\r\n"
         "Transfer-Encoding: xchunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n" HIDDEN},
        {"chunks of something",
         "PUT /ok HTTP/1.1\r\nHost: x\r\nContent-Type: application/octet-stream\r\n"
         "Transfer-Encoding: gzip, chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n" HIDDEN},
        {"a chunk of a strange size",
         "PUT /ok HTTP/1.1\r\nHost: x\r\nContent-Type: application/octet-stream\r\n"
         "Transfer-Encoding: chunked\r\n\r\n-1\r\nabc\r\n0\r\n\r\n" HIDDEN},
        {"space before the colon",
         "PUT /ok HTTP/1.1\r\nHost: x\r\nContent-Type: application/octet-stream\r\n"
         "Transfer-Encoding : chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n" HIDDEN},
        {"no host", "GET /ok HTTP/1.1\r\n\r\n" HIDDEN},
    };
    struct rig rig;
    rig_start(&rig, &options);
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        handled = 0;
        const char *answer = rig_ask(&rig, rows[i].request);
        if (!CHECK(rig_status(answer) >= 400) || !CHECK_INT(handled, 0)) {
            printf("# in row: %s: %.200s\n", rows[i].name, answer);
        }
    }
    rig_end(&rig);
}

/* What stands in the body of a read is no request. */
static void case_body_of_a_read(void)
{
    static const char *const rows[] = {
        "GET /ok HTTP/1.1\r\nHost: x\r\nContent-Length: 29\r\n\r\n" HIDDEN,
        "HEAD /ok HTTP/1.1\r\nHost: x\r\nContent-Length: 29\r\n\r\n" HIDDEN,
        "DELETE /ok HTTP/1.1\r\nHost: x\r\nContent-Length: 29\r\n\r\n" HIDDEN,
        "OPTIONS /ok HTTP/1.1\r\nHost: x\r\nContent-Length: 29\r\n\r\n" HIDDEN,
        "TRACE /ok HTTP/1.1\r\nHost: x\r\nContent-Length: 29\r\n\r\n" HIDDEN,
        "GET /ok HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
        "1d\r\n" HIDDEN "\r\n0\r\n\r\n",
    };
    struct rig rig;
    rig_start(&rig, &options);
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        AUTO_STRBUF struct strbuf request = STRBUF_INIT;
        strbuf_printf(&request, "%sGET /ok HTTP/1.1\r\n" TAIL "\r\n", rows[i]);
        handled = 0;
        const char *answer = rig_ask(&rig, strbuf_text(&request));
        if (!CHECK(rig_status(answer) >= 400) || !CHECK(handled <= 1)) {
            printf("# in row: %.10s: %.200s\n", rows[i], answer);
        }
    }
    rig_end(&rig);
}

static void case_no_other_method(void)
{
    struct rig rig;
    rig_start(&rig, &options);
    CHECK_CONTAINS(rig_request(&rig, "POST /ok",
                               "X-HTTP-Method-Override: DELETE\r\nX-HTTP-Method: DELETE\r\n"
                               "X-Method-Override: DELETE\r\n",
                               NULL),
                   "\r\n\r\nPOST");
    CHECK_INT(rig_status(rig_request(&rig, "POST /ok?_method=DELETE", "", NULL)), 400);
    CHECK_INT(rig_status(rig_request(&rig, "TRACE /ok", "", NULL)), 405);
    CHECK_INT(rig_status(rig_request(&rig, "OPTIONS /ok", "", NULL)), 405);
    rig_end(&rig);
}

static int logged;
static char log_message[256];
static char log_id[64];

static void keep_log(const struct log_entry *entry)
{
    if (entry->level == LOG_LEVEL_ERROR) {
        logged++;
        snprintf(log_message, sizeof(log_message), "%s", entry->message);
        snprintf(log_id, sizeof(log_id), "%s",
                 entry->context->request_id ? entry->context->request_id : "");
    }
}

static void case_our_faults(void)
{
    struct rig rig;
    rig_start(&rig, &options);
    log_set_sink(keep_log);
    const char *answer = rig_request(&rig, "GET /fault?", "", NULL);
    CHECK_INT(rig_status(answer), 500);
    CHECK(!strstr(answer, "on fire"));
    CHECK_INT(logged, 1);
    CHECK_STR(log_message, "GET /fault failed: table \"users\" is on fire");
    CHECK(log_id[0] != '\0' && strstr(answer, log_id));
    CHECK_CONTAINS(answer, "tell admin this number: ");
    answer = rig_request(&rig, "GET /disk", "", NULL);
    CHECK_CONTAINS(answer, "The upload cannot be written");
    CHECK_INT(logged, 2);
    rig_request(&rig, "GET /nothing", "", NULL);
    CHECK_INT(logged, 2);
    log_set_sink(NULL);
    rig_end(&rig);
}

int main(void)
{
    static const struct check_case cases[] = {
        {"what evhttp refuses is said as we say it", case_our_form},
        {"the go-ahead for a body is left alone", case_continue},
        {"nothing is smuggled behind a request", case_smuggling},
        {"the body of a read is no request", case_body_of_a_read},
        {"no header makes one method another", case_no_other_method},
        {"our faults are logged and not shown", case_our_faults},
    };
    return crypto_init(NULL) < 0 || check_run(cases, ARRAY_COUNT(cases));
}
