/*
 * What the gate carries, and what it makes of visitors and sites that vanish.
 */
#include "dialup-deployd/gate/pump.h"

#include <errno.h>
#include <event2/buffer.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "libdialup/base/memory.h"
#include "tests/harness/check.h"
#include "tests/unit/gate_rig.h"

enum { MEGABYTE = 1000 * 1000, BIG = 20 * MEGABYTE };

static struct rig rig;

static struct peer *visit_site(enum conduct conduct, uint64_t site_size, const char *text,
                               uint64_t size, bool half_closes)
{
    struct site *site = rig_site(&rig, 0, conduct);
    site->size = site_size;
    rig_route(&rig, ROUTE_READY, site);
    return rig_visit(&rig, text, size, half_closes);
}

static void case_get(void)
{
    rig_init(&rig, NULL);
    struct peer *visitor = visit_site(SITE_HELLO, 0, RIG_GET, 0, false);
    CHECK(rig_until_ended(visitor));
    CHECK_STR(visitor->head, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
    CHECK(!visitor->is_failed);
    CHECK(rig_until_closed(&rig));
    const struct gate_counters *counters = rig_counters(&rig);
    CHECK_INT(counters->requests, 1);
    CHECK_INT(counters->finished, 1);
    CHECK_INT(counters->answered, 1);
    CHECK_INT(counters->aborted, 0);
    CHECK_INT(counters->bytes_in, strlen(RIG_GET));
    CHECK_INT(counters->bytes_out, visitor->received);
    CHECK_INT(counters->status_class[2], 1);
    CHECK_INT(counters->open, 0);
    CHECK_INT(counters->open_max, 1);
    CHECK(counters->total_us >= counters->first_byte_us && counters->first_byte_us > 0);
    rig_fini(&rig);
}

static void case_big_upload_and_half_close(void)
{
    rig_init(&rig, NULL);
    struct peer *visitor = visit_site(SITE_SUM, 0, "", BIG, true);
    bufferevent_trigger(visitor->bev, EV_WRITE, 0);
    CHECK(rig_until_ended(visitor));
    CHECK_CONTAINS(visitor->head, "\r\n\r\n20000000");
    CHECK(rig_last_site_peer(&rig)->received_sum == visitor->sent_sum);
    CHECK(rig_until_closed(&rig));
    CHECK_INT(rig_counters(&rig)->bytes_in, BIG);
    CHECK_INT(rig_counters(&rig)->aborted, 0);
    rig_fini(&rig);
}

static void case_big_download(void)
{
    rig_init(&rig, NULL);
    struct peer *visitor = visit_site(SITE_SOURCE, BIG, RIG_GET, 0, false);
    CHECK(rig_until_ended(visitor));
    CHECK(rig_until_closed(&rig));
    size_t head_size = strlen("HTTP/1.1 200 OK\r\n\r\n");
    CHECK_INT(visitor->received, BIG + head_size);
    CHECK_INT(rig_counters(&rig)->bytes_out, BIG + head_size);
    CHECK_INT(rig_counters(&rig)->status_class[2], 1);
    rig_fini(&rig);
}

static void case_both_ways_at_once(void)
{
    rig_init(&rig, NULL);
    struct peer *visitor = visit_site(SITE_ECHO, 0, "x", BIG, false);
    CHECK(rig_until_received(visitor, BIG + 1));
    CHECK(rig_last_site_peer(&rig)->received_sum == visitor->received_sum);
    peer_close(visitor);
    CHECK(rig_until_closed(&rig));
    CHECK_INT(rig_counters(&rig)->bytes_in, BIG + 1);
    CHECK_INT(rig_counters(&rig)->bytes_out, BIG + 1);
    rig_fini(&rig);
}

static void case_long_conversation(void)
{
    rig_init(&rig, NULL);
    struct peer *visitor = visit_site(SITE_ECHO, 0, "0123456789", 0, false);
    bool good = true;
    for (uint64_t i = 1; i <= 1000 && good; i++) {
        good = rig_until_received(visitor, i * 10);
        bufferevent_write(visitor->bev, "0123456789", 10);
    }
    CHECK(good);
    CHECK_INT(rig_counters(&rig)->open, 1);
    peer_close(visitor);
    CHECK(rig_until_closed(&rig));
    rig_fini(&rig);
}

static void case_site_half_close_reads_on(void)
{
    rig_init(&rig, NULL);
    struct peer *visitor = visit_site(SITE_SAY_FIRST, 0, RIG_GET, 0, false);
    CHECK(rig_until_received(visitor, strlen("HTTP/1.1 200 OK\r\n\r\n")));
    CHECK(rig_until_ended(visitor));
    CHECK(rig_until_closed(&rig));
    CHECK_INT(rig_counters(&rig)->aborted, 0);
    rig_fini(&rig);
}

static void case_visitor_vanishes_in_download(void)
{
    rig_init(&rig, NULL);
    struct peer *visitor = visit_site(SITE_SOURCE, UINT64_MAX / 2, RIG_GET, 0, false);
    CHECK(rig_until_received(visitor, MEGABYTE));
    peer_close(visitor);
    CHECK(rig_until_closed(&rig));
    CHECK(rig_until_ended(rig_last_site_peer(&rig)));
    CHECK_INT(rig_counters(&rig)->aborted, 1);
    CHECK_INT(rig_counters(&rig)->status_class[2], 1);
    rig_fini(&rig);
}

static void case_visitor_leaves_while_site_thinks(void)
{
    rig_init(&rig, NULL);
    struct peer *visitor = visit_site(SITE_SUM, 0, RIG_GET, 0, false);
    CHECK(rig_until_received(visitor, 0));
    while (!rig_last_site_peer(&rig) || rig_last_site_peer(&rig)->received == 0) {
        event_base_loop(rig.base, EVLOOP_ONCE);
    }
    peer_close(visitor);
    CHECK(rig_until_closed(&rig));
    CHECK_INT(rig_counters(&rig)->aborted, 1);
    rig_fini(&rig);
}

static bool sends_no_more(void *arg)
{
    /* The kernel's buffers and the gate's are full: the visitor's own does not drain. */
    static uint64_t last, same;
    const struct peer *visitor = arg;
    same = visitor->sent_at == last ? same + 1 : 0;
    last = visitor->sent_at;
    event_base_loop(visitor->rig->base, EVLOOP_NONBLOCK);
    return same > 2000;
}

static void case_backpressure_and_leaving(void)
{
    rig_init(&rig, NULL);
    struct peer *visitor = visit_site(SITE_HANG, 0, RIG_GET, UINT64_MAX / 2, false);
    event_base_loop(rig.base, EVLOOP_ONCE);
    while (!sends_no_more(visitor)) {
    }
    CHECK(visitor->sent_at < 16 * MEGABYTE);
    CHECK_INT(rig_counters(&rig)->open, 1);
    peer_close(visitor);
    CHECK(rig_until_closed(&rig));
    CHECK_INT(rig_counters(&rig)->aborted, 1);
    rig_fini(&rig);
}

static void case_site_vanishes_in_answer(void)
{
    rig_init(&rig, NULL);
    struct peer *visitor = visit_site(SITE_CUT, 0, RIG_GET, 0, false);
    CHECK(rig_until_ended(visitor));
    CHECK(!visitor->is_failed);
    CHECK(rig_until_closed(&rig));
    CHECK_INT(rig_counters(&rig)->aborted, 1);
    CHECK_INT(rig_counters(&rig)->finished, 1);
    CHECK_INT(rig_counters(&rig)->bytes_out, visitor->received);
    rig_fini(&rig);
}

static void check_unreachable(struct peer *visitor)
{
    CHECK(rig_until_ended(visitor));
    CHECK(!visitor->is_failed);
    CHECK_CONTAINS(visitor->head, "HTTP/1.1 502 Bad Gateway\r\n");
    CHECK_CONTAINS(visitor->head, "unavailable: a.test");
    CHECK(rig_until_closed(&rig));
    CHECK_INT(rig_counters(&rig)->unreachable, 1);
    CHECK_INT(rig_counters(&rig)->pages, 1);
    CHECK_INT(rig_counters(&rig)->finished, 0);
    CHECK_INT(rig_counters(&rig)->bytes_out, 0);
}

static void case_site_mute(void)
{
    static const enum conduct conducts[] = {SITE_MUTE_CLOSE, SITE_MUTE_RESET};
    for (size_t i = 0; i < ARRAY_COUNT(conducts); i++) {
        rig_init(&rig, NULL);
        check_unreachable(visit_site(conducts[i], 0, RIG_GET, 0, false));
        rig_fini(&rig);
    }
}

static void case_site_refuses(void)
{
    rig_init(&rig, NULL);
    struct site *site = rig_site(&rig, 0, SITE_HELLO);
    evconnlistener_free(site->listener);
    site->listener = NULL;
    rig_route(&rig, ROUTE_READY, site);
    check_unreachable(rig_visit(&rig, RIG_GET, 300 * 1000, false));
    rig_fini(&rig);
}

/* A listener whose queue is full lets the kernel drop what asks to connect. */
static void case_site_does_not_answer_connect(void)
{
    rig_init(&rig, &(struct gate_config){.connect_timeout_ms = 60});
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(0x7F000001)};
    socklen_t size = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(bind(fd, (struct sockaddr *)&address, size) == 0 && listen(fd, 0) == 0);
    getsockname(fd, (struct sockaddr *)&address, &size);
    int fillers[4];
    for (size_t i = 0; i < ARRAY_COUNT(fillers); i++) {
        fillers[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        CHECK(connect(fillers[i], (struct sockaddr *)&address, size) == 0 || errno == EINPROGRESS);
    }
    rig_route(&rig, ROUTE_READY, &(struct site){.address = address});
    check_unreachable(rig_visit(&rig, RIG_GET, 0, false));
    for (size_t i = 0; i < ARRAY_COUNT(fillers); i++) {
        close(fillers[i]);
    }
    close(fd);
    rig_fini(&rig);
}

static void case_idle_is_cut(void)
{
    rig_init(&rig, &(struct gate_config){.idle_timeout_ms = 40});
    struct peer *visitor = visit_site(SITE_SUM, 0, RIG_GET, 0, false);
    CHECK(rig_until_ended(visitor));
    CHECK(rig_until_closed(&rig));
    CHECK_INT(rig_counters(&rig)->aborted, 1);
    rig_fini(&rig);
}

static void case_gate_closes_with_open_ones(void)
{
    rig_init(&rig, NULL);
    struct peer *visitor = visit_site(SITE_ECHO, 0, "hello", 0, false);
    CHECK(rig_until_received(visitor, 5));
    struct error err;
    CHECK_INT(gate_route_remove(rig.gate, "a.test", &err), 0);
    CHECK_INT(gate_route_remove(rig.gate, "a.test", &err), -ERR_NOT_FOUND);
    rig_fini(&rig);
}

int main(void)
{
    static const struct check_case cases[] = {
        {"a request and its answer, counted", case_get},
        {"20 MB up, ended by half-close", case_big_upload_and_half_close},
        {"20 MB down", case_big_download},
        {"20 MB both ways at once", case_both_ways_at_once},
        {"a long conversation", case_long_conversation},
        {"a site ends its direction first", case_site_half_close_reads_on},
        {"a visitor vanishes in a download", case_visitor_vanishes_in_download},
        {"a visitor leaves while the site thinks", case_visitor_leaves_while_site_thinks},
        {"a site that reads nothing holds back, and is left", case_backpressure_and_leaving},
        {"a site vanishes in its answer", case_site_vanishes_in_answer},
        {"a site that says nothing", case_site_mute},
        {"a site that refuses", case_site_refuses},
        {"a site that does not answer the connect", case_site_does_not_answer_connect},
        {"idle connections are cut", case_idle_is_cut},
        {"a removed route's connections end with the gate", case_gate_closes_with_open_ones},
    };
    return check_run(cases, ARRAY_COUNT(cases));
}
