/*
 * Whom a sleeping site is woken for.
 */
#include "dialup-deployd/gate/robots.h"

#include <event2/buffer.h>
#include <string.h>
#include <unistd.h>

#include "libdialup/base/memory.h"
#include "tests/harness/check.h"
#include "tests/unit/gate_rig.h"

static const char agents[] = " GoogleBot,, uptime robot ,let's encrypt validation server,";
static const char paths[] = "/.well-known/ACME-challenge/, /.env";

static struct rig rig;

static void case_judgement(void)
{
    static const struct {
        const char *head;
        enum robots_verdict verdict;
    } rows[] = {
        {"GET / HTTP/1.1\r\nHost: a\r\nUser-Agent: Mozilla/5.0 (X11) Firefox/140\r\n",
         ROBOTS_VISITOR},
        {"GET / HTTP/1.1\r\nHost: a\r\nUser-Agent: curl/7.88.1\r\n\r\n", ROBOTS_VISITOR},
        {"GET / HTTP/1.1\r\nUser-Agent: python-requests/2.28\r\n\r\n", ROBOTS_VISITOR},
        {"GET / HTTP/1.1\r\nUser-Agent: Mozilla/5.0 (compatible; Googlebot/2.1)\r\n", ROBOTS_ROBOT},
        {"GET / HTTP/1.1\nuser-agent:UPTIME ROBOT\n\n", ROBOTS_ROBOT},
        {"GET / HTTP/1.1\r\nX: googlebot\r\nUser-Agent: x\r\n\r\n", ROBOTS_VISITOR},
        {"GET /googlebot HTTP/1.1\r\nUser-Agent: x\r\n\r\n", ROBOTS_VISITOR},
        {"GET / HTTP/1.1\r\nHost: a\r\n\r\nUser-Agent: googlebot\r\n", ROBOTS_VISITOR},
        {"GET /.well-known/acme-challenge/x HTTP/1.1\r\n", ROBOTS_ROBOT},
        {"GET /.ENV?x HTTP/1.1\r\n", ROBOTS_ROBOT},
        {"GET /a/.env HTTP/1.1\r\n\r\n", ROBOTS_VISITOR},
        {"GET /.env", ROBOTS_UNDECIDED},
        {"GET / HTTP/1.1\r\nUser-Agent: googlebot", ROBOTS_UNDECIDED},
        {"GET / HTTP/1.1\r\n", ROBOTS_UNDECIDED},
        {"", ROBOTS_UNDECIDED},
        {"\r\n", ROBOTS_UNDECIDED},
        {"\r\n\r\n", ROBOTS_VISITOR},
        {"SSH-2.0\r\n\r\n", ROBOTS_VISITOR},
        {"GET  /.env HTTP/1.1\r\n\r\n", ROBOTS_VISITOR},
    };
    struct robots robots;
    robots_init(&robots, agents, paths);
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        if (!CHECK_INT(robots_judge(&robots, rows[i].head, strlen(rows[i].head)),
                       rows[i].verdict)) {
            printf("# in row %zu: %s\n", i, rows[i].head);
        }
    }
    robots_fini(&robots);
    robots_init(&robots, "", " , ");
    CHECK_INT(robots_judge(&robots, rows[3].head, strlen(rows[3].head)), ROBOTS_VISITOR);
    robots_fini(&robots);
}

static const char robot_request[] = "GET / HTTP/1.1\r\nUser-Agent: Googlebot/2.1\r\n\r\n";

static void start_asleep(void)
{
    rig_init(&rig, &(struct gate_config){.no_wake_agents = agents, .no_wake_paths = paths});
    rig_route(&rig, ROUTE_HOLD, NULL);
}

static uint64_t wanted_number(void)
{
    return gate_route_find(rig.gate, "a.test")->wanted;
}

static bool is_wanted(void *arg)
{
    return wanted_number() > 0;
}

static void case_robot_does_not_wake(void)
{
    start_asleep();
    struct peer *robot = rig_visit(&rig, robot_request, 100 * 1000, false);
    CHECK(rig_until_ended(robot));
    CHECK_CONTAINS(robot->head, "HTTP/1.1 503 Service Unavailable\r\n");
    CHECK_CONTAINS(robot->head, "\r\nRetry-After: 3600\r\n");
    CHECK_CONTAINS(robot->head, "asleep: a.test");
    CHECK(rig_until_closed(&rig));
    CHECK_INT(rig.wanted_count, 0);
    struct peer *visitor = rig_visit(&rig, RIG_GET, 0, false);
    CHECK(rig_until(&rig, is_wanted, NULL));
    rig_route(&rig, ROUTE_READY, rig_site(&rig, 0, SITE_HELLO));
    CHECK(rig_until_ended(visitor));
    CHECK_CONTAINS(visitor->head, "hello");
    /* Awake it is there for everybody. */
    robot = rig_visit(&rig, robot_request, 0, false);
    CHECK(rig_until_ended(robot));
    CHECK_CONTAINS(robot->head, "hello");
    rig_fini(&rig);
}

static void case_robot_while_starting(void)
{
    start_asleep();
    rig_route(&rig, ROUTE_STARTING, NULL);
    struct peer *robot = rig_visit(&rig, robot_request, 0, false);
    while (rig_counters(&rig)->held < 1) {
        event_base_loop(rig.base, EVLOOP_ONCE);
    }
    CHECK_INT(robot->received, 0);
    rig_route(&rig, ROUTE_HOLD, NULL);
    CHECK(rig_until_ended(robot));
    CHECK_CONTAINS(robot->head, "asleep: a.test");
    CHECK_INT(rig.wanted_count, 0);
    rig_fini(&rig);
}

/* Byte by byte: decided as soon as it can be, and the request is carried whole. */
static void case_slow_head(void)
{
    start_asleep();
    struct peer *visitor = rig_visit(&rig, "", 0, false);
    for (const char *at = RIG_GET; *at; at++) {
        CHECK_INT(wanted_number(), 0);
        bufferevent_write(visitor->bev, at, 1);
        event_base_loop(rig.base, EVLOOP_ONCE);
        event_base_loop(rig.base, EVLOOP_NONBLOCK);
    }
    CHECK(rig_until(&rig, is_wanted, NULL));
    rig_route(&rig, ROUTE_READY, rig_site(&rig, 0, SITE_HELLO));
    CHECK(rig_until_ended(visitor));
    CHECK_CONTAINS(rig_last_site_peer(&rig)->head, RIG_GET);
    rig_fini(&rig);
}

/* What is undecided for long, or large, is a visitor; silence is not. */
static void case_never_ending_head(void)
{
    start_asleep();
    struct peer *silent = rig_visit(&rig, "", 0, false);
    rig_visit(&rig, "GET / HTTP/1.1\r\nX-Half: ", 0, false);
    CHECK(rig_until(&rig, is_wanted, NULL));
    peer_close(rig.peers[1]);
    while (rig_counters(&rig)->open > 1) {
        event_base_loop(rig.base, EVLOOP_ONCE);
    }
    CHECK_INT(wanted_number(), 0);
    peer_close(silent);
    CHECK(rig_until_closed(&rig));
    char lengthy[HOLD_PEEK_BYTES + 1];
    memset(lengthy, 'x', HOLD_PEEK_BYTES);
    lengthy[HOLD_PEEK_BYTES] = '\0';
    rig_visit(&rig, lengthy, 0, false);
    CHECK(rig_until(&rig, is_wanted, NULL));
    rig_fini(&rig);
}

int main(void)
{
    static const struct check_case cases[] = {
        {"who is a robot", case_judgement},
        {"a robot wakes nobody", case_robot_does_not_wake},
        {"a robot that came earlier", case_robot_while_starting},
        {"a head that comes byte by byte", case_slow_head},
        {"a head that does not end", case_never_ending_head},
    };
    return check_run(cases, ARRAY_COUNT(cases));
}
