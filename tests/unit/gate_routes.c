/*
 * What becomes of connections by the state of their route; limits; sockets in the folder.
 */
#include "dialup-deployd/gate/gate.h"

#include <event2/buffer.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "libdialup/base/fs.h"
#include "libdialup/base/memory.h"
#include "tests/harness/check.h"
#include "tests/unit/gate_rig.h"

static struct rig rig;

static void case_hosts(void)
{
    static const struct {
        const char *host;
        bool valid;
    } rows[] = {
        {"a", true},          {"a.example.org", true}, {"my-site.example.org", true},
        {"", false},          {".a", false},           {"a.", false},
        {"a..b", false},      {"../a", false},         {"a/b", false},
        {"A.example", false}, {"a b", false},          {"\xC3\xA4.example", false},
    };
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        CHECK_INT(route_host_is_valid(rows[i].host), rows[i].valid);
    }
    char lengthy[300];
    memset(lengthy, 'a', sizeof(lengthy) - 1);
    lengthy[sizeof(lengthy) - 1] = '\0';
    CHECK(!route_host_is_valid(lengthy));
}

static void case_state_names(void)
{
    for (int i = 0; i < ROUTE_STATE_COUNT; i++) {
        enum route_state state;
        CHECK(route_state_parse(route_state_name((enum route_state)i), &state));
        CHECK_INT(state, i);
    }
    enum route_state state;
    CHECK(!route_state_parse("asleep", &state));
}

static void case_refusals(void)
{
    rig_init(&rig, NULL);
    struct error err;
    struct route_spec spec = {.host = "a/b", .state = ROUTE_STOPPED};
    CHECK_INT(gate_route_set(rig.gate, &spec, -1, &err), -ERR_INVALID_ARGUMENT);
    CHECK_STR(err.field, "host");
    spec = (struct route_spec){.host = "a.test", .state = ROUTE_READY};
    CHECK_INT(gate_route_set(rig.gate, &spec, -1, &err), -ERR_INVALID_ARGUMENT);
    CHECK_STR(err.field, "addresses");
    char lengthy[200];
    memset(lengthy, 'a', sizeof(lengthy) - 1);
    lengthy[sizeof(lengthy) - 1] = '\0';
    spec = (struct route_spec){.host = lengthy, .state = ROUTE_STOPPED};
    CHECK_INT(gate_route_set(rig.gate, &spec, -1, &err), -ERR_INVALID_ARGUMENT);
    CHECK_CONTAINS(err.message, "too long");
    CHECK_INT(gate_get_totals(rig.gate).routes, 0);
    rig_fini(&rig);
}

static void check_page(enum route_state state, const char *text)
{
    rig_init(&rig, NULL);
    rig_route(&rig, state, NULL);
    struct peer *visitor = rig_visit(&rig, RIG_GET, 500 * 1000, false);
    CHECK(rig_until_ended(visitor));
    CHECK(!visitor->is_failed);
    CHECK_CONTAINS(visitor->head, "HTTP/1.1 503 Service Unavailable\r\n");
    CHECK_CONTAINS(visitor->head, "\r\nRetry-After: ");
    CHECK_CONTAINS(visitor->head, "\r\nConnection: close\r\n");
    CHECK_CONTAINS(visitor->head, "\r\nCache-Control: no-store\r\n");
    CHECK_CONTAINS(visitor->head, text);
    CHECK(rig_until_closed(&rig));
    CHECK_INT(visitor->sent_at, 500 * 1000);
    CHECK_INT(rig_counters(&rig)->pages, 1);
    CHECK_INT(rig_counters(&rig)->requests, 1);
    CHECK_INT(rig_counters(&rig)->open_max, 0);
    rig_fini(&rig);
}

static void case_pages(void)
{
    check_page(ROUTE_STOPPED, "stopped: a.test");
    check_page(ROUTE_FAILED, "failed: a.test");
    check_page(ROUTE_CROWDED, "crowded: a.test");
    check_page(ROUTE_SPENT, "spent: a.test");
}

static void case_page_waits_for_request(void)
{
    rig_init(&rig, NULL);
    rig_route(&rig, ROUTE_STOPPED, NULL);
    struct peer *visitor = rig_visit(&rig, "", 0, false);
    for (int i = 0; gate_get_totals(rig.gate).answering == 0 && i < 100; i++) {
        event_base_loop(rig.base, EVLOOP_ONCE);
    }
    event_base_loop(rig.base, EVLOOP_NONBLOCK);
    CHECK_INT(visitor->received, 0);
    bufferevent_write(visitor->bev, RIG_GET, strlen(RIG_GET));
    CHECK(rig_until_ended(visitor));
    CHECK_CONTAINS(visitor->head, "stopped: a.test");
    rig_fini(&rig);
}

/* More than the gate is willing to drop: the end is abrupt, and it does end. */
static void case_page_bounded(void)
{
    rig_init(&rig, NULL);
    rig_route(&rig, ROUTE_STOPPED, NULL);
    struct peer *visitor = rig_visit(&rig, RIG_GET, UINT64_MAX / 2, false);
    CHECK(rig_until_ended(visitor));
    CHECK(rig_until_closed(&rig));
    CHECK_CONTAINS(visitor->head, "stopped: a.test");
    CHECK(visitor->sent_at < 4 * 1000 * 1000);
    rig_fini(&rig);
}

static void case_switch_with_open_transfer(void)
{
    rig_init(&rig, NULL);
    rig_route(&rig, ROUTE_READY, rig_site(&rig, 0, SITE_ECHO));
    struct peer *old = rig_visit(&rig, "one", 0, false);
    CHECK(rig_until_received(old, 3));
    rig_route(&rig, ROUTE_READY, rig_site(&rig, 1, SITE_HELLO));
    struct peer *fresh = rig_visit(&rig, RIG_GET, 0, false);
    CHECK(rig_until_ended(fresh));
    CHECK_CONTAINS(fresh->head, "hello");
    bufferevent_write(old->bev, "two", 3);
    CHECK(rig_until_received(old, 6));
    CHECK_STR(old->head, "onetwo");
    CHECK_INT(rig.sites[0].accepted, 1);
    CHECK_INT(rig.sites[1].accepted, 1);
    rig_fini(&rig);
}

enum { HELD = 200 };

static bool are_held(void *arg)
{
    return rig_counters(&rig)->held == HELD;
}

static void hold_many(struct peer **visitors, enum route_state state)
{
    rig_init(&rig, NULL);
    rig_route(&rig, state, NULL);
    for (int i = 0; i < HELD; i++) {
        visitors[i] = rig_visit(&rig, RIG_GET, 0, false);
    }
    CHECK(rig_until(&rig, are_held, NULL));
    CHECK_INT(rig_counters(&rig)->open, HELD);
}

static void case_hold_and_release(void)
{
    static const struct {
        enum route_state state;
        int wanted;
    } rows[] = {{ROUTE_STARTING, 0}, {ROUTE_HOLD, 1}, {ROUTE_PAUSE, 0}};
    for (size_t row = 0; row < ARRAY_COUNT(rows); row++) {
        struct peer *visitors[HELD];
        hold_many(visitors, rows[row].state);
        CHECK_INT(rig.wanted_count, rows[row].wanted);
        rig_route(&rig, ROUTE_READY, rig_site(&rig, 0, SITE_HELLO));
        int good = 0;
        for (int i = 0; i < HELD; i++) {
            CHECK(rig_until_ended(visitors[i]));
            good += strstr(visitors[i]->head, "\r\n\r\nhello") != NULL;
        }
        CHECK_INT(good, HELD);
        CHECK(rig_until_closed(&rig));
        CHECK_INT(rig_counters(&rig)->finished, HELD);
        CHECK_INT(rig_counters(&rig)->status_class[2], HELD);
        CHECK_INT(rig_counters(&rig)->requests, HELD);
        CHECK_INT(rig_counters(&rig)->expired, 0);
        rig_fini(&rig);
    }
}

static uint64_t wanted_number(void)
{
    return gate_route_find(rig.gate, "a.test")->wanted;
}

static void until_held(uint64_t count)
{
    while (rig_counters(&rig)->held < count) {
        event_base_loop(rig.base, EVLOOP_ONCE);
    }
}

static bool has_number(void *arg)
{
    return wanted_number() == *(const uint64_t *)arg;
}

static void until_wanted(uint64_t number)
{
    CHECK(rig_until(&rig, has_number, &number));
}

static void case_held_then_failed(void)
{
    struct peer *visitors[HELD];
    hold_many(visitors, ROUTE_STARTING);
    rig_route(&rig, ROUTE_FAILED, NULL);
    int good = 0;
    for (int i = 0; i < HELD; i++) {
        CHECK(rig_until_ended(visitors[i]));
        good += strstr(visitors[i]->head, "failed: a.test") != NULL;
    }
    CHECK_INT(good, HELD);
    CHECK(rig_until_closed(&rig));
    rig_fini(&rig);
}

/* Once for each sleep with visitors, and again if it is put to sleep over their heads. */
static void case_wanted_again(void)
{
    rig_init(&rig, NULL);
    struct site *site = rig_site(&rig, 0, SITE_HELLO);
    for (int i = 1; i <= 2; i++) {
        rig_route(&rig, ROUTE_HOLD, NULL);
        CHECK_INT(wanted_number(), 0);
        struct peer *visitor = rig_visit(&rig, RIG_GET, 0, false);
        until_wanted((uint64_t)i * 2 - 1);
        rig_route(&rig, ROUTE_HOLD, NULL);
        CHECK_INT(wanted_number(), 2 * i);
        CHECK_INT(rig.wanted_count, 2 * i);
        rig_route(&rig, ROUTE_READY, site);
        CHECK_INT(wanted_number(), 0);
        CHECK(rig_until_ended(visitor));
    }
    CHECK_INT(gate_last_wanted(rig.gate), 4);
    rig_fini(&rig);
}

/* Those who leave take their wish with them. */
static void case_wanted_no_more(void)
{
    rig_init(&rig, NULL);
    rig_route(&rig, ROUTE_HOLD, NULL);
    struct peer *visitor = rig_visit(&rig, RIG_GET, 0, false);
    until_wanted(1);
    peer_close(visitor);
    CHECK(rig_until_closed(&rig));
    CHECK_INT(wanted_number(), 0);
    rig_visit(&rig, RIG_GET, 0, false);
    until_wanted(2);
    rig_fini(&rig);
}

/* Whoever was parked for another reason counts as soon as the site sleeps. */
static void case_paused_then_hold(void)
{
    rig_init(&rig, NULL);
    rig_route(&rig, ROUTE_PAUSE, NULL);
    rig_visit(&rig, RIG_GET, 0, false);
    until_held(1);
    CHECK_INT(wanted_number(), 0);
    rig_route(&rig, ROUTE_HOLD, NULL);
    until_wanted(1);
    rig_fini(&rig);
}

static int hold_if_idle(int64_t idle_ms)
{
    struct error err;
    const struct route_spec spec = {
        .host = "a.test", .state = ROUTE_HOLD, .only_if_idle = true, .idle_ms = idle_ms};
    return gate_route_set(rig.gate, &spec, -1, &err);
}

static enum route_state state_now(void)
{
    return gate_route_find(rig.gate, "a.test")->state;
}

static void case_hold_if_idle(void)
{
    rig_init(&rig, NULL);
    CHECK_INT(hold_if_idle(0), -ERR_CONFLICT);
    rig_route(&rig, ROUTE_READY, rig_site(&rig, 0, SITE_ECHO));
    CHECK_INT(hold_if_idle(60 * 1000), -ERR_CONFLICT);
    struct peer *visitor = rig_visit(&rig, "x", 0, false);
    CHECK(rig_until_received(visitor, 1));
    CHECK_INT(hold_if_idle(0), -ERR_CONFLICT);
    CHECK_INT(state_now(), ROUTE_READY);
    peer_close(visitor);
    CHECK(rig_until_closed(&rig));
    CHECK_INT(hold_if_idle(60 * 1000), -ERR_CONFLICT);
    /* It comes before the switch and is accepted after it: parked, and wanted. */
    struct peer *late = rig_visit(&rig, RIG_GET, 0, false);
    CHECK_INT(hold_if_idle(0), 0);
    CHECK_INT(state_now(), ROUTE_HOLD);
    until_wanted(1);
    CHECK_INT(hold_if_idle(0), -ERR_CONFLICT);
    rig_route(&rig, ROUTE_READY, &rig.sites[0]);
    CHECK(rig_until_received(late, 1));
    struct error err;
    const struct route_spec odd = {.host = "a.test", .state = ROUTE_STOPPED, .only_if_idle = true};
    CHECK_INT(gate_route_set(rig.gate, &odd, -1, &err), -ERR_INVALID_ARGUMENT);
    rig_fini(&rig);
}

static void case_patience(void)
{
    rig_init(&rig, &(struct gate_config){.patience_ms = 30});
    rig_route(&rig, ROUTE_HOLD, NULL);
    struct peer *visitor = rig_visit(&rig, RIG_GET, 0, false);
    CHECK(rig_until_ended(visitor));
    CHECK_CONTAINS(visitor->head, "HTTP/1.1 503 Service Unavailable\r\n");
    CHECK_CONTAINS(visitor->head, "\r\nRetry-After: 2\r\n");
    CHECK_CONTAINS(visitor->head, "starting: a.test 2<");
    CHECK(rig_until_closed(&rig));
    CHECK_INT(rig_counters(&rig)->expired, 1);
    rig_fini(&rig);
}

static void case_retry(void)
{
    static const struct {
        int at_s, retry_s;
    } rows[] = {{1000, 2},  {1010, 2},  {1030, 3},  {1100, 10}, {1200, 20}, {1310, 31},
                {1400, 40}, {1500, 50}, {1600, 60}, {1700, 60}, {1821, 2},  {1900, 7}};
    struct route route = {0};
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        route_note_late(&route, (int64_t)rows[i].at_s * 1000000);
        CHECK_INT(route_retry_s(&route), rows[i].retry_s);
    }
}

static void case_held_visitor_leaves(void)
{
    struct peer *visitors[HELD];
    hold_many(visitors, ROUTE_STARTING);
    for (int i = 0; i < HELD - 1; i++) {
        peer_close(visitors[i]);
    }
    while (rig_counters(&rig)->open > 1) {
        event_base_loop(rig.base, EVLOOP_ONCE);
    }
    /* A half-close is no leaving. */
    shutdown(bufferevent_getfd(visitors[HELD - 1]->bev), SHUT_WR);
    event_base_loop(rig.base, EVLOOP_NONBLOCK);
    CHECK_INT(rig_counters(&rig)->open, 1);
    struct site *site = rig_site(&rig, 0, SITE_SUM);
    rig_route(&rig, ROUTE_READY, site);
    CHECK(rig_until_ended(visitors[HELD - 1]));
    CHECK_CONTAINS(visitors[HELD - 1]->head, "200 OK");
    CHECK_INT(site->accepted, 1);
    rig_fini(&rig);
}

static void case_removed_while_held(void)
{
    struct peer *visitors[HELD];
    hold_many(visitors, ROUTE_STARTING);
    CHECK_INT(gate_route_remove(rig.gate, "a.test", NULL), 0);
    CHECK(rig_until_ended(visitors[HELD - 1]));
    CHECK_CONTAINS(visitors[0]->head, "stopped: a.test");
    CHECK(rig_until_closed(&rig));
    rig_fini(&rig);
}

/* A limit of the site's own stands above the one that is configured. */
static void case_own_limit(void)
{
    rig_init(&rig, &(struct gate_config){.connections_per_route_max = 100});
    struct site *site = rig_site(&rig, 0, SITE_ECHO);
    const struct route_spec spec = {.host = "a.test",
                                    .state = ROUTE_READY,
                                    .targets = {site->address},
                                    .target_count = 1,
                                    .connections_max = 1};
    CHECK_INT(gate_route_set(rig.gate, &spec, -1, NULL), 0);
    struct peer *one = rig_visit(&rig, "x", 0, false);
    CHECK(rig_until_received(one, 1));
    struct peer *two = rig_visit(&rig, RIG_GET, 0, false);
    CHECK(rig_until_ended(two));
    CHECK_CONTAINS(two->head, "unavailable: a.test");
    CHECK_INT(rig_counters(&rig)->refused, 1);
    CHECK_INT(rig_counters(&rig)->limited, 1);
    rig_fini(&rig);
}

static void case_limits(void)
{
    rig_init(&rig, &(struct gate_config){.connections_per_route_max = 2});
    rig_route(&rig, ROUTE_READY, rig_site(&rig, 0, SITE_ECHO));
    struct peer *one = rig_visit(&rig, "x", 0, false);
    struct peer *two = rig_visit(&rig, "x", 0, false);
    CHECK(rig_until_received(one, 1) && rig_until_received(two, 1));
    struct peer *three = rig_visit(&rig, RIG_GET, 0, false);
    CHECK(rig_until_ended(three));
    CHECK_CONTAINS(three->head, "unavailable: a.test");
    CHECK_INT(rig_counters(&rig)->refused, 1);
    peer_close(one);
    while (rig_counters(&rig)->open > 1) {
        event_base_loop(rig.base, EVLOOP_ONCE);
    }
    struct peer *four = rig_visit(&rig, "x", 0, false);
    CHECK(rig_until_received(four, 1));
    CHECK_INT(rig_counters(&rig)->refused, 1);
    rig_fini(&rig);
}

enum { CROWD = 1000 };

static void case_crowd(void)
{
    rig_init(&rig, &(struct gate_config){.connections_per_route_max = CROWD});
    rig_route(&rig, ROUTE_READY, rig_site(&rig, 0, SITE_ECHO));
    struct peer *visitors[CROWD];
    for (int i = 0; i < CROWD; i++) {
        visitors[i] = rig_visit(&rig, "HTTP/1.1 404 is what the site says too", 0, false);
    }
    int good = 0;
    for (int i = 0; i < CROWD; i++) {
        good += rig_until_received(visitors[i], 38);
    }
    CHECK_INT(good, CROWD);
    CHECK_INT(rig_counters(&rig)->open, CROWD);
    CHECK_INT(gate_get_totals(rig.gate).open, CROWD);
    for (int i = 0; i < CROWD; i++) {
        peer_close(visitors[i]);
    }
    CHECK(rig_until_closed(&rig));
    const struct gate_counters *counters = rig_counters(&rig);
    CHECK_INT(counters->requests, CROWD);
    CHECK_INT(counters->finished, CROWD);
    CHECK_INT(counters->status_class[4], CROWD);
    CHECK_INT(counters->bytes_in, CROWD * 38);
    CHECK_INT(counters->bytes_out, CROWD * 38);
    CHECK_INT(counters->open_max, CROWD);
    rig_fini(&rig);
}

static void touch_socket(const char *name)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof(address.sun_path), "%s/%s", rig.sites_dir, name);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    CHECK(bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0);
    close(fd);
}

static bool has_file(const char *name)
{
    AUTO_FREE char *path = xasprintf("%s/%s", rig.sites_dir, name);
    return fs_exists(path);
}

static void case_sockets(void)
{
    rig_init(&rig, NULL);
    touch_socket("old.test.sock");
    touch_socket(".new-99.sock");
    touch_socket("a.test.sock"); /* of an earlier life: replaced in one step */
    AUTO_FREE char *other = xasprintf("%s/notes.sock", rig.sites_dir);
    CHECK_INT(fs_write_file(other, "x", 1, 0644, NULL), 0);
    rig_route(&rig, ROUTE_STOPPED, NULL);
    CHECK_INT(gate_sweep(rig.gate, NULL), 0);
    CHECK(has_file("a.test.sock"));
    CHECK(has_file("notes.sock"));
    CHECK(!has_file("old.test.sock"));
    CHECK(!has_file(".new-99.sock"));
    AUTO_FREE char *path = xasprintf("%s/a.test.sock", rig.sites_dir);
    struct stat status;
    CHECK_INT(stat(path, &status), 0);
    CHECK_INT(status.st_mode & 0777, 0660);
    struct peer *visitor = rig_visit(&rig, RIG_GET, 0, false);
    CHECK(rig_until_ended(visitor));
    CHECK_CONTAINS(visitor->head, "stopped");
    CHECK_INT(gate_route_remove(rig.gate, "a.test", NULL), 0);
    CHECK(!has_file("a.test.sock"));
    rig_fini(&rig);
}

/* A visitor who comes between two lives of the gate is served by the second. */
static void case_next_life(void)
{
    rig_init(&rig, NULL);
    struct site *site = rig_site(&rig, 0, SITE_HELLO);
    rig_route(&rig, ROUTE_READY, site);
    int fd = fcntl(gate_route_listener_fd(gate_route_find(rig.gate, "a.test")), F_DUPFD_CLOEXEC, 3);
    gate_leave(rig.gate);
    rig.gate = NULL;
    struct peer *visitor = rig_visit(&rig, RIG_GET, 0, false);

    struct gate_config config = {.sites_dir = rig.sites_dir, .pages_dir = rig.pages_dir};
    CHECK_INT(gate_open(rig.base, &config, &rig.gate, NULL), 0);
    struct route_spec spec = {
        .host = "a.test", .state = ROUTE_READY, .targets = {site->address}, .target_count = 1};
    CHECK_INT(gate_route_set(rig.gate, &spec, fd, NULL), 0);
    CHECK(rig_until_ended(visitor));
    CHECK_CONTAINS(visitor->head, "hello");
    gate_close(rig.gate);
    rig.gate = NULL;
    CHECK(!has_file("a.test.sock"));
    rig_fini(&rig);
}

int main(void)
{
    static const struct check_case cases[] = {
        {"which hosts are file names", case_hosts},
        {"names of states", case_state_names},
        {"routes that cannot be", case_refusals},
        {"pages of stopped and failed sites", case_pages},
        {"a page waits for its request", case_page_waits_for_request},
        {"an endless request is cut", case_page_bounded},
        {"a switch while a transfer is open", case_switch_with_open_transfer},
        {"200 held and released", case_hold_and_release},
        {"200 held, then the site fails", case_held_then_failed},
        {"wanted once a sleep", case_wanted_again},
        {"wanted no more", case_wanted_no_more},
        {"paused, then asleep", case_paused_then_hold},
        {"to sleep only when idle", case_hold_if_idle},
        {"patience ends", case_patience},
        {"a page tries again later and later", case_retry},
        {"held visitors leave", case_held_visitor_leaves},
        {"a route is removed while visitors are held", case_removed_while_held},
        {"limits", case_limits},
        {"a limit of the site's own", case_own_limit},
        {"1000 at once, counted", case_crowd},
        {"sockets in the folder", case_sockets},
        {"a next life inherits the socket", case_next_life},
    };
    return check_run(cases, ARRAY_COUNT(cases));
}
