/*
 * Streams of events: what is sent, clients that go, talk or sleep.
 */
#include <event2/event.h>

#include "libdialup/base/memory.h"
#include "libdialup/crypto/crypto.h"
#include "tests/harness/check.h"
#include "tests/unit/http_waiting.h"

static void case_events(void)
{
    struct http_options options = waiting_options();
    options.heartbeat_ms = 30;
    struct rig rig;
    struct rig_client client;
    waiting_begin(&rig, &client, &options, RIG_GET("/events"));
    rig_wait_text(&rig, &client, ":\n\n");
    CHECK_CONTAINS(strbuf_text(&client.received), "Content-Type: text/event-stream\r\n");
    CHECK(http_sse_send(waiting.stream, "usage", "7", "{\"a\":1}", 7));
    CHECK(http_sse_send(waiting.stream, NULL, NULL, "one\ntwo", 7));
    rig_wait_text(&rig, &client, "event: usage\nid: 7\ndata: {\"a\":1}\n\n");
    rig_wait_text(&rig, &client, "data: one\ndata: two\n\n");
    strbuf_clear(&client.received);
    rig_wait_text(&rig, &client, ":\n\n"); /* a heartbeat by itself */
    CHECK_INT(rig_counters(&rig)->open_streams, 1);
    http_sse_close(waiting.stream);
    rig_wait_text(&rig, &client, "0\r\n\r\n");
    CHECK_INT(waiting.closed, 0);
    CHECK_INT(rig_counters(&rig)->open_streams, 0);
    rig_say(&client, RIG_GET("/ok"));
    rig_wait_text(&rig, &client, "fine");
    rig_close(&client);
    rig_end(&rig);
}

static bool has_closed(void *context)
{
    return waiting.closed > 0;
}

static void case_event_client_goes(void)
{
    struct http_options options = waiting_options();
    struct rig rig;
    struct rig_client client;
    waiting_start(&rig, &options);
    for (int i = 0; i < 20; i++) {
        waiting.closed = 0;
        rig_connect(&rig, &client);
        rig_say(&client, RIG_GET("/events"));
        rig_wait_text(&rig, &client, ":\n\n");
        rig_close(&client);
        rig_wait(&rig, has_closed, NULL);
    }
    CHECK_INT(rig_counters(&rig)->open_connections, 0);
    rig_end(&rig);
}

static void case_event_client_talks(void)
{
    struct rig rig;
    struct rig_client client;
    waiting_begin(&rig, &client, NULL, RIG_GET("/events"));
    rig_wait_text(&rig, &client, ":\n\n");
    rig_say(&client, "more and more");
    rig_wait_end(&rig, &client);
    CHECK_INT(waiting.closed, 1);
    CHECK_INT(rig_counters(&rig)->cut_large, 1);
    rig_close(&client);
    rig_end(&rig);
}

static void case_event_client_sleeps(void)
{
    struct http_options options = waiting_options();
    options.max_stream_bytes = 100000;
    struct rig rig;
    struct rig_client client;
    waiting_begin(&rig, &client, &options, RIG_GET("/events"));
    rig_wait_text(&rig, &client, ":\n\n");
    event_del(client.readable);
    char data[1000];
    memset(data, 'x', sizeof(data));
    int sent = 0;
    while (http_sse_send(waiting.stream, NULL, NULL, data, sizeof(data)) && sent < 100000) {
        sent++;
        rig_turn(&rig);
    }
    CHECK(sent < 100000);
    rig_wait(&rig, has_closed, NULL);
    CHECK_INT(rig_counters(&rig)->cut_slow, 1);
    rig_close(&client);
    rig_end(&rig);
}

int main(void)
{
    static const struct check_case cases[] = {
        {"events", case_events},
        {"an event client goes", case_event_client_goes},
        {"an event client that talks is cut", case_event_client_talks},
        {"an event client that sleeps is cut", case_event_client_sleeps},
    };
    return crypto_init(NULL) < 0 || check_run(cases, ARRAY_COUNT(cases));
}
