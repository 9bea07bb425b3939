/*
 * Time and amounts: clients that send or read too slowly, too many of them, too many bytes.
 */
#include <event2/event.h>
#include <sys/resource.h>

#include "libdialup/base/memory.h"
#include "libdialup/crypto/crypto.h"
#include "tests/harness/check.h"
#include "tests/unit/http_waiting.h"

/* A byte with each turn of the clock, never silent, never done. */
struct drip {
    struct rig_client *client;
    struct event *tick;
};

enum { QUEUE = 300 };

static void on_tick(evutil_socket_t fd, short what, void *argument)
{
    struct drip *drip = argument;
    struct timeval pause = {.tv_usec = 5000};
    rig_send(drip->client, "a", 1);
    event_add(drip->tick, &pause);
}

static void drip_until_cut(const char *beginning, int64_t read_ms, int64_t grace_ms)
{
    struct http_options options = waiting_options();
    options.read_ms = read_ms;
    options.grace_ms = grace_ms;
    struct rig rig;
    struct rig_client client;
    waiting_begin(&rig, &client, &options, beginning);
    struct drip drip = {&client, NULL};
    drip.tick = event_new(rig.base, -1, 0, on_tick, &drip);
    event_active(drip.tick, EV_TIMEOUT, 1);
    rig_wait_end(&rig, &client);
    CHECK_INT(client.received.size, 0);
    CHECK_INT(rig_counters(&rig)->cut_slow, 1);
    CHECK_INT(rig_counters(&rig)->open_connections, 0);
    CHECK_INT(rig_counters(&rig)->held_bytes, 0);
    event_free(drip.tick);
    rig_close(&client);
    rig_end(&rig);
}

static void case_dripping_first_line(void)
{
    drip_until_cut("", 150, 0);
}

static void case_dripping_headers(void)
{
    drip_until_cut("GET /ok HTTP/1.1\r\nHost: x\r\nX-Long: ", 150, 0);
}

static void case_dripping_body(void)
{
    drip_until_cut("PUT /ok HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n", 150, 0);
}

static void case_dripping_slower_than_a_line(void)
{
    drip_until_cut("PUT /ok HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n", 600000, 150);
}

/* Forty times the grace, at more than the least speed. */
static void case_slow_and_steady(void)
{
    struct http_options options = waiting_options();
    options.grace_ms = 5;
    struct rig rig;
    struct rig_client client;
    char bytes[1000] = {0};
    waiting_start(&rig, &options);
    rig_connect(&rig, &client);
    rig_say(&client, "PUT /ok HTTP/1.1\r\nHost: x\r\nContent-Type: application/octet-stream\r\n"
                     "Content-Length: 40000\r\n\r\n");
    const struct timeval pause = {.tv_usec = 5000};
    for (int i = 0; i < 40; i++) {
        rig_send(&client, bytes, sizeof(bytes));
        event_base_loopexit(rig.base, &pause);
        event_base_dispatch(rig.base);
    }
    rig_wait_text(&rig, &client, "fine");
    CHECK_INT(rig_counters(&rig)->cut_slow, 0);
    rig_close(&client);
    rig_end(&rig);
}

static void case_idle_is_ended(void)
{
    struct http_options options = waiting_options();
    options.idle_ms = 50;
    struct rig rig;
    struct rig_client silent;
    struct rig_client used;
    waiting_start(&rig, &options);
    rig_connect(&rig, &silent);
    rig_wait_end(&rig, &silent);
    rig_connect(&rig, &used);
    rig_say(&used, RIG_GET("/ok"));
    rig_wait_end(&rig, &used);
    CHECK_CONTAINS(strbuf_text(&used.received), "fine");
    CHECK_INT(rig_counters(&rig)->cut_slow, 0);
    rig_close(&silent);
    rig_close(&used);
    rig_end(&rig);
}

static void case_slow_reader(void)
{
    struct http_options options = waiting_options();
    options.write_ms = 100;
    struct rig rig;
    struct rig_client client;
    waiting_start(&rig, &options);
    rig_connect(&rig, &client);
    event_del(client.readable);
    rig_say(&client, RIG_GET("/large"));
    rig_turn(&rig);
    rig_wait(&rig, rig_nothing_open, &rig);
    CHECK_INT(rig_counters(&rig)->cut_slow + rig_counters(&rig)->connections, 2);
    rig_close(&client);
    rig_end(&rig);
}

static bool two_answers(void *context)
{
    struct rig_client *clients = context;
    return clients[0].received.size > 0 && clients[1].received.size > 0;
}

static void case_connection_limit(void)
{
    struct http_options options = waiting_options();
    options.max_connections = 2;
    struct rig rig;
    struct rig_client clients[3];
    waiting_start(&rig, &options);
    for (int i = 0; i < 3; i++) {
        rig_connect(&rig, &clients[i]);
        rig_say(&clients[i], RIG_GET("/ok"));
    }
    rig_wait(&rig, two_answers, clients);
    CHECK_INT(rig_counters(&rig)->open_connections, 2);
    CHECK_INT(rig_counters(&rig)->paused, 1);
    CHECK_INT(clients[2].received.size, 0);
    rig_close(&clients[0]);
    rig_wait_text(&rig, &clients[2], "fine");
    rig_close(&clients[1]);
    rig_close(&clients[2]);
    rig_end(&rig);
}

/* Who sends next to nothing makes room for who waits, long before a request's own time is over. */
static void case_crowd(void)
{
    struct http_options options = waiting_options();
    options.max_connections = 2;
    options.crowded_grace_ms = 50;
    struct rig rig;
    struct rig_client slow[2];
    struct rig_client client;
    waiting_start(&rig, &options);
    for (int i = 0; i < 2; i++) {
        rig_connect(&rig, &slow[i]);
        rig_say(&slow[i], "PUT /ok HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\na");
    }
    rig_connect(&rig, &client);
    rig_say(&client, RIG_GET("/ok"));
    rig_wait_text(&rig, &client, "fine");
    CHECK(rig_counters(&rig)->cut_slow > 0);
    rig_close(&slow[0]);
    rig_close(&slow[1]);
    rig_close(&client);
    rig_end(&rig);
}

static bool all_answered(void *context)
{
    const struct rig_client *clients = context;
    size_t i = 0;
    while (i < QUEUE && clients[i].received.size > 0) {
        i++;
    }
    return i == QUEUE;
}

/* Nobody is refused for coming while all connections are taken: a proxy would show its visitors an
 * error. */
static void case_queue(void)
{
    struct http_options options = waiting_options();
    options.max_connections = 2;
    struct rig rig;
    struct rig_client *clients = xcalloc(QUEUE, sizeof(*clients));
    waiting_start(&rig, &options);
    for (int i = 0; i < QUEUE; i++) {
        rig_connect(&rig, &clients[i]);
        rig_say(&clients[i], "GET /ok HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    }
    rig_wait(&rig, all_answered, clients);
    for (int i = 0; i < QUEUE; i++) {
        CHECK_CONTAINS(strbuf_text(&clients[i].received), "fine");
        rig_close(&clients[i]);
    }
    free(clients);
    rig_end(&rig);
}

static void case_held_bytes(void)
{
    struct http_options options = waiting_options();
    options.max_held_bytes = 100000;
    struct rig rig;
    struct rig_client one;
    struct rig_client two;
    waiting_start(&rig, &options);
    rig_connect(&rig, &one);
    rig_connect(&rig, &two);
    char *bytes = xcalloc(1, 90000);
    rig_say(&one, "PUT /ok HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n");
    rig_say(&two, "PUT /ok HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n");
    rig_send(&one, bytes, 90000);
    rig_send(&two, bytes, 90000);
    free(bytes);
    while (!one.ended && !two.ended) {
        rig_turn(&rig);
    }
    const struct rig_client *cut = one.ended ? &one : &two;
    CHECK_INT(cut->received.size, 0);
    CHECK_INT(rig_counters(&rig)->cut_large, 1);
    CHECK_INT(rig_counters(&rig)->open_connections, 1);
    rig_close(&one);
    rig_close(&two);
    rig_wait(&rig, rig_nothing_open, &rig);
    CHECK_INT(rig_counters(&rig)->held_bytes, 0);
    rig_end(&rig);
}

static bool has_paused(void *context)
{
    return rig_counters(context)->paused > 0;
}

static void case_no_descriptors(void)
{
    struct http_options options = waiting_options();
    struct rig rig;
    struct rig_client client;
    struct rlimit before;
    waiting_start(&rig, &options);
    rig_connect(&rig, &client);
    rig_say(&client, RIG_GET("/ok"));
    getrlimit(RLIMIT_NOFILE, &before);
    struct rlimit tight = before;
    tight.rlim_cur = (rlim_t)client.fd + 1; /* the server's end would be one more */
    setrlimit(RLIMIT_NOFILE, &tight);
    rig_wait(&rig, has_paused, &rig);
    uint64_t paused = rig_counters(&rig)->paused;
    for (int i = 0; i < 1000; i++) {
        rig_turn(&rig);
    }
    CHECK(rig_counters(&rig)->paused <= paused + 1); /* it does not spin */
    setrlimit(RLIMIT_NOFILE, &before);
    rig_wait_text(&rig, &client, "fine");
    rig_close(&client);
    rig_end(&rig);
}

int main(void)
{
    static const struct check_case cases[] = {
        {"a dripping first line is cut", case_dripping_first_line},
        {"dripping headers are cut", case_dripping_headers},
        {"a dripping body is cut", case_dripping_body},
        {"a body of some bytes a second is cut", case_dripping_slower_than_a_line},
        {"a slow and steady body arrives", case_slow_and_steady},
        {"an idle connection is ended", case_idle_is_ended},
        {"a slow reader is cut", case_slow_reader},
        {"connection limit", case_connection_limit},
        {"in a crowd who is slow makes room", case_crowd},
        {"a crowd waits for its turn", case_queue},
        {"held bytes", case_held_bytes},
        {"no descriptors left", case_no_descriptors},
    };
    return crypto_init(NULL) < 0 || check_run(cases, ARRAY_COUNT(cases));
}
