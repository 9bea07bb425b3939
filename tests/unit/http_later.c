/*
 * Replies that come later, and clients that go before them.
 */
#include <event2/event.h>

#include "libdialup/base/memory.h"
#include "libdialup/crypto/crypto.h"
#include "tests/harness/check.h"
#include "tests/unit/http_waiting.h"

static void case_later_reply(void)
{
    struct rig rig;
    struct rig_client client;
    waiting_begin(&rig, &client, NULL, RIG_GET("/later"));
    rig_wait(&rig, waiting_has_pending, NULL);
    rig_say(&client, RIG_GET("/ok")); /* ahead of its time */
    rig_turn(&rig);
    CHECK_INT(client.received.size, 0);
    http_reply_text(waiting.pending, 200, "at last", 7);
    rig_wait_text(&rig, &client, "fine");
    CHECK_CONTAINS(strbuf_text(&client.received), "at last");
    CHECK_INT(waiting.gone, 0);
    rig_close(&client);
    rig_end(&rig);
}

static void case_large_body_behind_later(void)
{
    struct rig rig;
    struct rig_client client;
    waiting_begin(&rig, &client, NULL, RIG_GET("/later"));
    rig_wait(&rig, waiting_has_pending, NULL);
    char *bytes = xcalloc(1, 100000);
    rig_say(&client, "PUT /ok HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n"
                     "Content-Type: application/octet-stream\r\n\r\n");
    rig_send(&client, bytes, 100000);
    free(bytes);
    for (int i = 0; i < 100; i++) {
        rig_turn(&rig);
    }
    CHECK(rig_counters(&rig)->held_bytes < 40000); /* reading has stopped */
    http_reply_text(waiting.pending, 200, "at last", 7);
    rig_wait_text(&rig, &client, "fine");
    rig_close(&client);
    rig_end(&rig);
}

static bool has_gone(void *context)
{
    return waiting.gone > 0;
}

static void case_client_goes(void)
{
    struct http_options options = waiting_options();
    struct rig rig;
    struct rig_client client;
    waiting_start(&rig, &options);
    for (int i = 0; i < 50; i++) {
        waiting.gone = 0;
        rig_connect(&rig, &client);
        rig_say(&client, RIG_GET("/later"));
        rig_wait(&rig, waiting_has_pending, NULL);
        rig_close(&client);
        rig_wait(&rig, has_gone, NULL);
        CHECK(!waiting.pending);
    }
    CHECK_INT(rig_counters(&rig)->gone, 50);
    CHECK_INT(rig_counters(&rig)->open_connections, 0);
    rig_end(&rig);
}

static void case_reply_as_client_goes(void)
{
    struct rig rig;
    struct rig_client client;
    waiting_begin(&rig, &client, NULL, RIG_GET("/later"));
    rig_wait(&rig, waiting_has_pending, NULL);
    rig_close(&client);
    http_reply_text(waiting.pending, 200, "too late", 8); /* the loop has not noticed yet */
    rig_wait(&rig, rig_nothing_open, &rig);
    CHECK_INT(waiting.gone, 0);
    rig_end(&rig);
}

static void case_later_deadline(void)
{
    struct http_options options = waiting_options();
    struct rig rig;
    struct rig_client client;
    waiting_start(&rig, &options);
    waiting.later_ms = 50;
    rig_connect(&rig, &client);
    rig_say(&client, RIG_GET("/later"));
    rig_wait_text(&rig, &client, "\"name\":\"timeout\"");
    CHECK_INT(rig_status(strbuf_text(&client.received)), 504);
    CHECK_INT(waiting.gone, 1);
    CHECK_INT(rig_counters(&rig)->timed_out, 1);
    waiting.later_ms = 10000;
    rig_say(&client, RIG_GET("/ok"));
    rig_wait_text(&rig, &client, "fine");
    rig_close(&client);
    rig_end(&rig);
}

static void case_free_with_pending(void)
{
    struct http_options options = waiting_options();
    struct rig rig;
    struct rig_client client;
    struct rig_client listener;
    struct rig_client fresh;
    waiting_start(&rig, &options);
    rig_connect(&rig, &client);
    rig_connect(&rig, &listener);
    rig_say(&client, RIG_GET("/later"));
    rig_say(&listener, RIG_GET("/events"));
    rig_wait(&rig, waiting_has_pending, NULL);
    rig_wait_text(&rig, &listener, ":\n\n");
    rig_connect(&rig, &fresh);
    rig_close(&client);
    rig_close(&listener);
    rig_close(&fresh);
    rig_end(&rig); /* before the loop has seen any of that */
    CHECK_INT(waiting.gone, 1);
    CHECK_INT(waiting.closed, 1);
}

int main(void)
{
    static const struct check_case cases[] = {
        {"a later reply", case_later_reply},
        {"a large request behind a later reply", case_large_body_behind_later},
        {"the client goes before the reply", case_client_goes},
        {"a reply as the client goes", case_reply_as_client_goes},
        {"a later reply's deadline", case_later_deadline},
        {"an end with everything open", case_free_with_pending},
    };
    return crypto_init(NULL) < 0 || check_run(cases, ARRAY_COUNT(cases));
}
