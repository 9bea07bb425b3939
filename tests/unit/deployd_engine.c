/*
 * The Docker client's manners towards an engine that is old, new, slow, odd or goes away.
 */
#include "dialup-deployd/engine/container.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libdialup/base/memory.h"
#include "libdialup/base/str.h"
#include "tests/harness/check.h"
#include "tests/unit/engine_rig.h"

static void case_negotiation(void)
{
    static const struct {
        const char *pong, *line;
        enum error_code code;
    } rows[] = {
        {PONG("1.41"), "GET /v1.41/info HTTP/1.1", ERR_OK},
        {PONG("1.44"), "GET /v1.44/info HTTP/1.1", ERR_OK},
        {PONG("1.52"), "GET /v1.47/info HTTP/1.1", ERR_OK},
        {PONG("1.40"), "", ERR_UNSUPPORTED},
        {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK", "", ERR_UNSUPPORTED},
        {"HTTP/1.1 200 OK\r\napi-version: 1.43\r\nContent-Length: 2\r\n\r\nOK",
         "GET /v1.43/info HTTP/1.1", ERR_OK},
        {"SSH-2.0-OpenSSH\r\n", "", ERR_UNAVAILABLE},
    };
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        stub_start(rows[i].pong, EMPTY_LIST);
        start_call(0);
        start_call(0);
        CHECK_INT(seen.ends, 0); /* never before it returns */
        wait_for(2);
        bool good = CHECK_INT(seen.code, rows[i].code);
        good = CHECK_STR(stub.last_line, rows[i].line) && good;
        good = CHECK_INT(stub.pings, 1) && good;
        if (!good) {
            printf("# row %zu\n", i);
        }
        stub_end();
    }
}

static void case_answers(void)
{
    static const struct {
        const char *answer;
        bool closes;
        enum error_code code;
        const char *message;
    } rows[] = {
        {ANSWER("200 OK", "2", "{}"), false, ERR_OK, ""},
        {ANSWER("404 Not Found", "21", "{\"message\":\"no such\"}"), false, ERR_NOT_FOUND,
         "Docker refused (404): no such"},
        {ANSWER("409 Conflict", "2", "{}"), false, ERR_CONFLICT, "no reason given"},
        {ANSWER("400 Bad", "4", "oops"), false, ERR_INVALID_ARGUMENT, "no reason given"},
        {ANSWER("500 x", "0", ""), false, ERR_INTERNAL, "Docker refused (500)"},
        {ANSWER("503 x", "0", ""), false, ERR_UNAVAILABLE, "Docker refused (503)"},
        {ANSWER("200 OK", "100", "half"), true, ERR_UNAVAILABLE, "does not answer"},
        {"", true, ERR_UNAVAILABLE, "does not answer"},
    };
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        stub_start(PONG("1.44"), rows[i].answer);
        stub.closes = rows[i].closes;
        start_call(0);
        wait_for(1);
        bool good = CHECK_INT(seen.code, rows[i].code);
        good = CHECK_CONTAINS(seen.message, rows[i].message) && good;
        if (!good) {
            printf("# row %zu\n", i);
        }
        stub_end();
    }
}

static void case_hangs(void)
{
    stub_start(PONG("1.44"), "");
    start_call(200);
    wait_for(1);
    CHECK_INT(seen.code, ERR_TIMEOUT);
    CHECK_CONTAINS(seen.message, stub.path);
    /* A slow call says nothing about the version. */
    stub.answer = EMPTY_LIST;
    start_call(0);
    wait_for(2);
    CHECK_INT(seen.code, ERR_OK);
    CHECK_INT(stub.pings, 1);
    stub_end();
}

static void case_too_large(void)
{
    stub_start(PONG("1.44"), "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");
    stub.filler = ENGINE_MAX_ANSWER_BYTES + 100000;
    start_call(0);
    wait_for(1);
    CHECK_INT(seen.code, ERR_TOO_LARGE);
    stub_end();
}

static void case_absent(void)
{
    stub_start(PONG("1.44"), EMPTY_LIST);
    stub_vanish();
    start_call(0);
    start_call(0);
    wait_for(2);
    CHECK_INT(seen.code, ERR_UNAVAILABLE);
    CHECK_CONTAINS(seen.message, stub.path);
    /* It comes: no new client is needed. */
    stub_listen();
    start_call(0);
    wait_for(3);
    CHECK_INT(seen.code, ERR_OK);
    stub_end();
}

static void case_asking_again_at_once(void)
{
    stub_start(PONG("1.44"), EMPTY_LIST);
    stub_vanish();
    seen.asks_again = true;
    start_call(0);
    wait_for(3); /* each refusal comes from a ping of its own: the loop goes on */
    CHECK_INT(seen.code, ERR_UNAVAILABLE);
    seen.asks_again = false;
    stub_listen();
    wait_for(4);
    stub_end();
}

static void case_replaced(void)
{
    stub_start(PONG("1.47"), EMPTY_LIST);
    start_call(0);
    wait_for(1);
    CHECK_STR(stub.last_line, "GET /v1.47/info HTTP/1.1");
    /* It goes away in the middle of an answer and comes back older. */
    stub.answer = ANSWER("200 OK", "100", "half");
    stub.closes = true;
    start_call(0);
    wait_for(2);
    CHECK_INT(seen.code, ERR_UNAVAILABLE);
    stub_vanish();
    stub_listen();
    stub.pong = PONG("1.41");
    stub.answer = EMPTY_LIST;
    stub.closes = false;
    start_call(0);
    wait_for(3);
    CHECK_INT(seen.code, ERR_OK);
    CHECK_STR(stub.last_line, "GET /v1.41/info HTTP/1.1");
    stub_end();
}

static void case_cancel(void)
{
    const struct engine_request request = {.method = "GET", .path = "/info", .on_done = on_done};
    stub_start(PONG("1.44"), EMPTY_LIST);
    engine_cancel(NULL);
    engine_cancel(engine_start(stub.engine, &request)); /* before the version is known */
    start_call(0);
    wait_for(1);
    CHECK_INT(stub.calls, 1);
    stub.answer = "";
    struct engine_call *call = engine_start(stub.engine, &request);
    while (stub.calls < 2) {
        event_base_loop(stub.base, EVLOOP_ONCE);
    }
    engine_cancel(call);
    engine_start(stub.engine, &request); /* open when the engine is closed */
    event_base_loop(stub.base, EVLOOP_NONBLOCK);
    CHECK_INT(seen.ends, 1);
    stub_end();
}

static bool refuse_data(void *context, const char *data, size_t size)
{
    return false;
}

static void count_drop(void *context)
{
    ++*(int *)context;
}

/* A call that we cut off ourselves says so; one that never ends is dropped, once. */
static void case_cut_off(void)
{
    int drops = 0;
    struct engine_request request = {.method = "GET",
                                     .path = "/events",
                                     .on_data = refuse_data,
                                     .on_done = on_done,
                                     .on_drop = count_drop,
                                     .context = &drops};
    stub_start(PONG("1.44"), ANSWER("200 OK", "4", "line"));
    engine_start(stub.engine, &request);
    wait_for(1);
    CHECK_INT(seen.code, ERR_CONFLICT);
    CHECK_CONTAINS(seen.message, "cut off by ourselves");
    CHECK_INT(drops, 0);
    engine_cancel(engine_start(stub.engine, &request));
    CHECK_INT(drops, 1);
    engine_start(stub.engine, &request);
    container_list(stub.engine, "dialup", 0, NULL, free, malloc(1)); /* nothing of it leaks */
    stub_end();
    CHECK_INT(drops, 2);
}

int main(void)
{
    static const struct check_case cases[] = {
        {"the version is agreed on first", case_negotiation},
        {"answers, refusals, half answers", case_answers},
        {"an engine that hangs", case_hangs},
        {"an answer that is too large", case_too_large},
        {"an engine that is not there yet", case_absent},
        {"who asks again at once does not spin", case_asking_again_at_once},
        {"an engine that comes back as another version", case_replaced},
        {"cancelled calls", case_cancel},
        {"calls that are cut off", case_cut_off},
    };
    signal(SIGPIPE, SIG_IGN);
    return check_run(cases, ARRAY_COUNT(cases));
}
