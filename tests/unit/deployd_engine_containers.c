/*
 * What the Docker client asks about containers and networks, and how it takes the answers.
 */
#include "dialup-deployd/engine/container.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dialup-deployd/engine/wait.h"
#include "libdialup/base/memory.h"
#include "libdialup/base/str.h"
#include "tests/harness/check.h"
#include "tests/unit/engine_rig.h"

static void on_list(void *context, const struct container *list, size_t count,
                    const struct error *err)
{
    seen.count = count;
    note(0, err);
}

static void on_id(void *context, const char *id, const struct error *err)
{
    str_copy(seen.body, sizeof(seen.body), id);
    note(0, err);
}

static void on_simple(void *context, const struct error *err)
{
    note(0, err);
}

static void on_logs(void *context, const char *text, size_t size, const struct error *err)
{
    str_copy(seen.body, sizeof(seen.body), text);
    note(0, err);
}

static void case_list(void)
{
    stub_start(PONG("1.44"), ANSWER("200 OK", "24", "[{\"Id\":\"a\"},{\"Id\":\"b\"}] "));
    container_list(stub.engine, "dialup", 7, on_list, NULL, NULL);
    wait_for(1);
    CHECK_INT(seen.count, 2);
    CHECK_STR(stub.last_line,
              "GET /v1.44/containers/json?all=1&filters=%7B%22label%22%3A%5B%22dialup.instance%3D"
              "dialup%22%2C%22dialup.site%3D7%22%5D%7D HTTP/1.1");
    stub.answer = ANSWER("200 OK", "4", "what");
    container_list(stub.engine, "dialup", 0, on_list, NULL, NULL);
    wait_for(2);
    CHECK_INT(seen.code, ERR_UNAVAILABLE);
    CHECK_INT(seen.count, 0);
    stub_end();
}

static void case_create(void)
{
    struct container_spec spec = make_spec();
    stub_start(PONG("1.44"), ANSWER("201 Created", "12", "{\"Id\":\"abc\"}"));
    container_create(stub.engine, &spec, on_id, NULL);
    wait_for(1);
    CHECK_STR(seen.body, "abc");
    CHECK_STR(stub.last_line, "POST /v1.44/containers/create?name=dialup-7-12 HTTP/1.1");
    CHECK_STR(stub.last_body, golden_spec);
    stub_end();
}

static void case_update(void)
{
    stub_start(PONG("1.44"), ANSWER("200 OK", "2", "{}"));
    container_update(stub.engine, "abc", 512, 1500, on_simple, NULL);
    wait_for(1);
    CHECK_STR(stub.last_line, "POST /v1.44/containers/abc/update HTTP/1.1");
    CHECK_STR(stub.last_body,
              "{\"Memory\":536870912,\"MemorySwap\":536870912,\"NanoCpus\":1500000000,"
              "\"CpuShares\":1536}");
    stub_end();
}

static void case_remove(void)
{
    static const struct {
        const char *answer;
        enum error_code code;
    } rows[] = {
        {"HTTP/1.1 204 No Content\r\n\r\n", ERR_OK},
        {ANSWER("404 Not Found", "2", "{}"), ERR_OK}, /* gone is gone */
        {ANSWER("503 x", "2", "{}"), ERR_UNAVAILABLE},
    };
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        stub_start(PONG("1.44"), rows[i].answer);
        container_remove(stub.engine, "abc", 10, on_simple, NULL);
        wait_for(1);
        CHECK_INT(seen.code, rows[i].code);
        CHECK_INT(stub.calls, 2);
        CHECK_STR(stub.last_line, "DELETE /v1.44/containers/abc?force=1&v=1 HTTP/1.1");
        stub_end();
    }
}

static void case_logs(void)
{
    stub_start(PONG("1.44"), ANSWER("404 Not Found", "2", "{}"));
    container_logs(stub.engine, "abc", 20, on_logs, NULL);
    wait_for(1);
    CHECK_INT(seen.code, ERR_NOT_FOUND);
    CHECK_STR(seen.body, "");
    CHECK_STR(stub.last_line, "GET /v1.44/containers/abc/logs?stdout=1&stderr=1&tail=20 HTTP/1.1");
    stub_end();
}

static void case_network(void)
{
    static const struct {
        const char *answer;
        enum error_code code;
    } rows[] = {
        {ANSWER("201 Created", "2", "{}"), ERR_OK},
        {ANSWER("409 Conflict", "2", "{}"), ERR_OK}, /* it is there */
        {ANSWER("403 Forbidden", "2", "{}"), ERR_UNAVAILABLE},
    };
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        stub_start(PONG("1.44"), rows[i].answer);
        container_ensure_network(stub.engine, "dialup", "dialup-prod", "dup0", on_simple, NULL);
        wait_for(1);
        CHECK_INT(seen.code, rows[i].code);
        CHECK_CONTAINS(stub.last_body, "\"com.docker.network.bridge.enable_icc\":\"false\"");
        CHECK_CONTAINS(stub.last_body, "\"dialup.instance\":\"dialup\"");
        stub_end();
    }
}

static void case_wait(void)
{
    AUTO_STRBUF struct strbuf body = STRBUF_INIT;
    const struct engine_request request = {.method = "GET", .path = "/info"};
    struct error err = {0};
    stub_start(PONG("1.44"), ANSWER("200 OK", "5", "hello"));
    CHECK_INT(engine_wait(stub.engine, stub.base, &request, &body, &err), 0);
    CHECK_STR(strbuf_text(&body), "hello");
    stub.answer = ANSWER("404 x", "2", "{}");
    CHECK_INT(engine_wait(stub.engine, stub.base, &request, NULL, &err), -ERR_NOT_FOUND);
    CHECK_INT(err.code, ERR_NOT_FOUND);
    stub_end();
}

int main(void)
{
    static const struct check_case cases[] = {
        {"list", case_list},
        {"create", case_create},
        {"update", case_update},
        {"remove", case_remove},
        {"logs", case_logs},
        {"networks", case_network},
        {"waiting for one request", case_wait},
    };
    signal(SIGPIPE, SIG_IGN);
    return check_run(cases, ARRAY_COUNT(cases));
}
