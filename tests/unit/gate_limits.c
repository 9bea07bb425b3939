/*
 * Limits of a site's requests, and of an owner's connections and bandwidth.
 */
#include <event2/buffer.h>
#include <string.h>

#include "dialup-deployd/gate/bucket.h"
#include "dialup-deployd/gate/owners.h"
#include "libdialup/base/clock.h"
#include "libdialup/base/memory.h"
#include "tests/harness/check.h"
#include "tests/unit/gate_rig.h"

enum { MEGABYTE = 1000 * 1000 };

static struct rig rig;

static void case_bucket(void)
{
    static const struct {
        int64_t at_us, wanted, taken;
    } rows[] = {
        {1, 30, 20},            /* full at first, to its burst */
        {50001, 5, 0},          /* half a unit */
        {100001, 5, 1},         /* the other half */
        {1100001, 4, 4},        /* ten more */
        {1100001, 9, 6},        /* that were left */
        {60 * 1000000, 30, 20}, /* not more than the burst */
        {600 * 1000000, 0, 0},
    };
    struct bucket bucket = {0};
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        bucket_fill(&bucket, 10, 20, rows[i].at_us);
        CHECK_INT(bucket_take(&bucket, rows[i].wanted), rows[i].taken);
    }
}

static void set_route(const char *host, const char *owner, const struct site *site, int rate)
{
    const struct route_spec spec = {.host = host,
                                    .state = ROUTE_READY,
                                    .targets = {site->address},
                                    .target_count = 1,
                                    .site_id = 7,
                                    .owner = owner,
                                    .requests_per_s = rate};
    CHECK_INT(gate_route_set(rig.gate, &spec, -1, NULL), 0);
}

static void set_limits(const char *owner, int64_t kbit_per_s, int64_t connections)
{
    const struct owner_limits limits = {.kbit_per_s = kbit_per_s, .connections = connections};
    CHECK_INT(gate_set_owner_limits(rig.gate, owner, &limits, NULL), 0);
}

static void case_request_rate(void)
{
    enum { RATE = 3 };
    rig_init(&rig, &(struct gate_config){.requests_per_s = 1000});
    struct site *site = rig_site(&rig, 0, SITE_HELLO);
    set_route("a.test", NULL, site, RATE);
    set_route("b.test", NULL, site, 0);
    int64_t started_us = clock_monotonic_us();
    int good = 0, refused = 0;
    for (int i = 0; i < 4 * RATE; i++) {
        struct peer *visitor = rig_visit(&rig, RIG_GET, 0, false);
        CHECK(rig_until_ended(visitor));
        good += strstr(visitor->head, "hello") != NULL;
        bool is_refused = strstr(visitor->head, "HTTP/1.1 429 Too Many Requests\r\n") != NULL;
        refused += is_refused;
        CHECK(!is_refused || strstr(visitor->head, "\r\nRetry-After: 2\r\n"));
        struct peer *other = rig_visit_host(&rig, "b.test", RIG_GET, 0, false);
        CHECK(rig_until_ended(other));
        CHECK_CONTAINS(other->head, "hello");
    }
    int64_t passed_s = (clock_monotonic_us() - started_us) / 1000000;
    CHECK(good >= 2 * RATE && good <= (2 + passed_s + 1) * RATE);
    CHECK_INT(good + refused, 4 * RATE);
    CHECK_INT(rig_counters(&rig)->limited, refused);
    CHECK_INT(rig_counters(&rig)->refused, refused);
    rig_fini(&rig);
}

struct found {
    const char *name;
    const struct owner *owner;
};

static void look_at(void *arg, const struct owner *owner)
{
    struct found *found = arg;
    if (strcmp(owner_name(owner), found->name) == 0) {
        found->owner = owner;
    }
}

static const struct owner *find_owner(const char *name)
{
    struct found found = {.name = name};
    gate_owners_each(rig.gate, look_at, &found);
    return found.owner;
}

static void case_owner_connections(void)
{
    rig_init(&rig, &(struct gate_config){.patience_ms = 50});
    struct site *site = rig_site(&rig, 0, SITE_ECHO);
    set_route("a.test", "user:1", site, 0);
    set_route("b.test", "user:1", site, 0);
    set_route("c.test", "user:2", site, 0);
    set_limits("user:1", 0, 2);
    struct peer *one = rig_visit(&rig, "x", 0, false);
    struct peer *two = rig_visit_host(&rig, "b.test", "x", 0, false);
    CHECK(rig_until_received(one, 1) && rig_until_received(two, 1));
    struct peer *three = rig_visit(&rig, RIG_GET, 0, false);
    CHECK(rig_until_ended(three));
    CHECK_CONTAINS(three->head, "HTTP/1.1 429 ");
    CHECK(rig_until_received(rig_visit_host(&rig, "c.test", "x", 0, false), 1));
    CHECK_INT(owner_get_counters(find_owner("user:1"))->open, 2);
    CHECK_INT(owner_get_counters(find_owner("user:1"))->refused, 1);
    /* The site goes to somebody else, its open connection with it. */
    set_route("b.test", "user:2", site, 0);
    CHECK_INT(owner_get_counters(find_owner("user:1"))->open, 1);
    CHECK_INT(owner_get_counters(find_owner("user:2"))->open, 2);
    CHECK(rig_until_received(rig_visit(&rig, "x", 0, false), 1));
    rig_fini(&rig);
}

static void wait_in_line(uint32_t count)
{
    while (owner_get_counters(find_owner("user:1"))->in_line != count) {
        event_base_loop(rig.base, EVLOOP_ONCE);
    }
}

/* Whoever is over the limit waits, and comes in by order of arrival, to whichever site. */
static void case_line(void)
{
    rig_init(&rig, NULL);
    struct site *site = rig_site(&rig, 0, SITE_ECHO);
    set_route("a.test", "user:1", site, 0);
    set_route("b.test", "user:1", site, 0);
    set_limits("user:1", 0, 1);
    struct peer *one = rig_visit(&rig, "x", 0, false);
    CHECK(rig_until_received(one, 1));
    struct peer *two = rig_visit_host(&rig, "b.test", "x", 0, false);
    wait_in_line(1);
    struct peer *gone = rig_visit(&rig, "x", 0, false);
    wait_in_line(2);
    struct peer *three = rig_visit(&rig, "x", 0, false);
    wait_in_line(3);
    CHECK_INT(gate_get_totals(rig.gate).open, 4);
    peer_close(gone);
    wait_in_line(2);
    peer_close(one);
    CHECK(rig_until_received(two, 1));
    CHECK_INT(three->received, 0);
    CHECK_INT(owner_get_counters(find_owner("user:1"))->open, 1);
    /* A higher limit lets in who waits. */
    set_limits("user:1", 0, 2);
    CHECK(rig_until_received(three, 1));
    struct peer *four = rig_visit(&rig, "x", 0, false);
    wait_in_line(1);
    /* So does a move to somebody who has room. */
    set_route("a.test", "user:2", site, 0);
    CHECK(rig_until_received(four, 1));
    const struct owner_counters *counters = owner_get_counters(find_owner("user:1"));
    CHECK_INT(counters->queued, 4);
    CHECK_INT(counters->refused, 0);
    CHECK_INT(counters->open, 1);
    CHECK_INT(counters->in_line, 0);
    CHECK_INT(owner_get_counters(find_owner("user:2"))->open, 2);
    rig_fini(&rig);
}

/* Who stands in line when the site goes is told so; at the end nobody is left. */
static void case_line_ends(void)
{
    rig_init(&rig, NULL);
    struct site *site = rig_site(&rig, 0, SITE_ECHO);
    set_route("a.test", "user:1", site, 0);
    set_route("b.test", "user:1", site, 0);
    set_limits("user:1", 0, 1);
    CHECK(rig_until_received(rig_visit(&rig, "x", 0, false), 1));
    struct peer *told = rig_visit_host(&rig, "b.test", RIG_GET, 0, false);
    wait_in_line(1);
    CHECK_INT(gate_route_remove(rig.gate, "b.test", NULL), 0);
    CHECK(rig_until_ended(told));
    CHECK_CONTAINS(told->head, "HTTP/1.1 503 ");
    rig_visit(&rig, RIG_GET, 0, false);
    wait_in_line(1);
    rig_fini(&rig);
}

/* Owners without routes or limits are forgotten. */
static void case_owners_go(void)
{
    rig_init(&rig, NULL);
    struct site *site = rig_site(&rig, 0, SITE_ECHO);
    set_route("a.test", "user:1", site, 0);
    set_limits("user:3", 1000, 0);
    struct peer *visitor = rig_visit(&rig, "x", 0, false);
    CHECK(rig_until_received(visitor, 1));
    CHECK_INT(gate_route_remove(rig.gate, "a.test", NULL), 0);
    CHECK(find_owner("user:1"));
    peer_close(visitor);
    CHECK(rig_until_closed(&rig));
    CHECK(!find_owner("user:1"));
    CHECK(find_owner("user:3"));
    rig_fini(&rig);
}

/* Bytes a second, measured after the burst. */
static double measure(struct peer *visitor, uint64_t skipped, uint64_t size)
{
    CHECK(rig_until_received(visitor, skipped));
    uint64_t before = visitor->received;
    int64_t started_us = clock_monotonic_us();
    CHECK(rig_until_received(visitor, before + size));
    return (double)(visitor->received - before) * 1e6 / (double)(clock_monotonic_us() - started_us);
}

static void check_within_10_percent(double rate, double wanted)
{
    if (!CHECK(rate > wanted * 0.9 && rate < wanted * 1.1)) {
        printf("# %.0f bytes a second instead of %.0f\n", rate, wanted);
    }
}

static void case_rate_of_download(void)
{
    rig_init(&rig, NULL);
    struct site *site = rig_site(&rig, 0, SITE_SOURCE);
    site->size = UINT64_MAX / 2;
    set_route("a.test", "user:1", site, 0);
    set_limits("user:1", 16000, 0); /* 2 MB a second */
    struct peer *visitor = rig_visit(&rig, RIG_GET, 0, false);
    check_within_10_percent(measure(visitor, MEGABYTE, 2 * MEGABYTE), 2e6);
    /* A new limit is in force at once; none is none. */
    set_limits("user:1", 40000, 0);
    check_within_10_percent(measure(visitor, visitor->received + MEGABYTE * 2, 3 * MEGABYTE), 5e6);
    CHECK(rig_last_site_peer(&rig)->sent_at - visitor->received < 16 * MEGABYTE);
    set_limits("user:1", 0, 0);
    CHECK(measure(visitor, 0, 10 * MEGABYTE) > 10e6);
    rig_fini(&rig);
}

static void case_rate_of_upload(void)
{
    rig_init(&rig, NULL);
    set_route("a.test", "user:1", rig_site(&rig, 0, SITE_SUM), 0);
    set_limits("user:1", 16000, 0);
    struct peer *visitor = rig_visit(&rig, RIG_GET, UINT64_MAX / 2, false);
    while (!rig_last_site_peer(&rig)) {
        event_base_loop(rig.base, EVLOOP_ONCE);
    }
    struct peer *receiver = rig_last_site_peer(&rig);
    check_within_10_percent(measure(receiver, MEGABYTE, 2 * MEGABYTE), 2e6);
    CHECK(visitor->sent_at - receiver->received < 16 * MEGABYTE);
    rig_fini(&rig);
}

/* Both ways at once neither direction starves. */
static void case_both_ways(void)
{
    rig_init(&rig, NULL);
    set_route("a.test", "user:1", rig_site(&rig, 0, SITE_ECHO), 0);
    set_limits("user:1", 32000, 0);
    struct peer *visitor = rig_visit(&rig, "x", UINT64_MAX / 2, false);
    check_within_10_percent(measure(visitor, MEGABYTE, 2 * MEGABYTE), 2e6);
    rig_fini(&rig);
}

static void case_fair_among_connections(void)
{
    enum { COUNT = 8, EACH = 300 * 1000 };
    rig_init(&rig, NULL);
    struct site *site = rig_site(&rig, 0, SITE_SOURCE);
    site->size = UINT64_MAX / 2;
    set_route("a.test", "user:1", site, 0);
    set_limits("user:1", 32000, 0);
    struct peer *visitors[COUNT];
    for (int i = 0; i < COUNT; i++) {
        visitors[i] = rig_visit(&rig, RIG_GET, 0, false);
        CHECK(rig_until_received(visitors[i], 1));
    }
    uint64_t before[COUNT];
    for (int i = 0; i < COUNT; i++) {
        before[i] = visitors[i]->received;
    }
    CHECK(rig_until_received(visitors[0], before[0] + EACH));
    for (int i = 0; i < COUNT; i++) {
        uint64_t got = visitors[i]->received - before[i];
        if (!CHECK(got > EACH / 2 && got < EACH * 3 / 2)) {
            printf("# connection %d got %ju\n", i, (uintmax_t)got);
        }
    }
    CHECK(owner_get_counters(find_owner("user:1"))->waits > 0);
    rig_fini(&rig);
}

static void case_hog_slows_nobody_else(void)
{
    enum { HOGS = 20 };
    rig_init(&rig, NULL);
    struct site *source = rig_site(&rig, 0, SITE_SOURCE);
    source->size = UINT64_MAX / 2;
    set_route("a.test", "user:1", source, 0);
    set_limits("user:1", 8000, 0);
    struct peer *hogs[HOGS];
    for (int i = 0; i < HOGS; i++) {
        hogs[i] = rig_visit(&rig, RIG_GET, 0, false);
    }
    CHECK(rig_until_received(hogs[HOGS - 1], 1000));
    struct site *other = rig_site(&rig, 1, SITE_SOURCE);
    other->size = 20 * MEGABYTE;
    set_route("b.test", "user:2", other, 0);
    int64_t started_us = clock_monotonic_us();
    struct peer *visitor = rig_visit_host(&rig, "b.test", RIG_GET, 0, false);
    CHECK(rig_until_ended(visitor));
    double seconds = (double)(clock_monotonic_us() - started_us) / 1e6;
    CHECK(visitor->received > 20 * MEGABYTE);
    CHECK(seconds < 4); /* at the hogs' rate it would be 20 */
    uint64_t taken = 0;
    for (int i = 0; i < HOGS; i++) {
        taken += hogs[i]->received;
    }
    CHECK(taken < 20 * MEGABYTE);
    rig_fini(&rig);
}

/* A visitor who leaves while waiting for bandwidth leaves the queue too. */
static void case_leaving_the_queue(void)
{
    rig_init(&rig, NULL);
    struct site *site = rig_site(&rig, 0, SITE_SOURCE);
    site->size = UINT64_MAX / 2;
    set_route("a.test", "user:1", site, 0);
    set_limits("user:1", 800, 0);
    struct peer *visitors[20];
    for (size_t i = 0; i < ARRAY_COUNT(visitors); i++) {
        visitors[i] = rig_visit(&rig, RIG_GET, 0, false);
    }
    CHECK(rig_until_received(visitors[0], 1));
    for (size_t i = 0; i < ARRAY_COUNT(visitors); i++) {
        peer_close(visitors[i]);
    }
    CHECK(rig_until_closed(&rig));
    CHECK_INT(owner_get_counters(find_owner("user:1"))->open, 0);
    rig_fini(&rig);
}

int main(void)
{
    static const struct check_case cases[] = {
        {"a bucket", case_bucket},
        {"requests a second of a site", case_request_rate},
        {"connections of an owner", case_owner_connections},
        {"more than an owner may have stand in line", case_line},
        {"a line ends with its site", case_line_ends},
        {"owners that nobody needs go", case_owners_go},
        {"bandwidth of a download, within 10 %", case_rate_of_download},
        {"bandwidth of an upload, within 10 %", case_rate_of_upload},
        {"both ways share the bandwidth", case_both_ways},
        {"connections of an owner share fairly", case_fair_among_connections},
        {"a hog slows no other owner", case_hog_slows_nobody_else},
        {"leaving while waiting for bandwidth", case_leaving_the_queue},
    };
    return check_run(cases, ARRAY_COUNT(cases));
}
