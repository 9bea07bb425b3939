/*
 * Several containers of one site: who takes the next connection, and how one that was left empties.
 */
#include "dialup-deployd/gate/drain.h"

#include <arpa/inet.h>
#include <event2/buffer.h>
#include <string.h>
#include <unistd.h>

#include "libdialup/base/memory.h"
#include "tests/harness/check.h"
#include "tests/unit/gate_rig.h"

static struct rig rig;

static struct sockaddr_in address_of(uint16_t port)
{
    return (struct sockaddr_in){
        .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons(port)};
}

static uint16_t choose(struct targets *targets)
{
    struct targets_tried tried = {0};
    struct target *target = targets_choose(targets, &tried);
    if (!target) {
        return 0;
    }
    targets_enter(target);
    return ntohs(target->address.sin_port);
}

static void case_choice(void)
{
    struct targets targets;
    targets_init(&targets);
    CHECK_INT(choose(&targets), 0);
    const struct sockaddr_in three[] = {address_of(1), address_of(2), address_of(3)};
    targets_set(&targets, three, 3);
    CHECK_INT(choose(&targets), 1);
    CHECK_INT(choose(&targets), 2);
    struct target *one = TAILQ_FIRST(&targets.list);
    targets_leave(&targets, one);
    CHECK_INT(choose(&targets), 3); /* as empty as the first, and it has waited longer */
    CHECK_INT(choose(&targets), 1);
    CHECK(targets_has_current(&targets, &three[2]));
    targets_set(&targets, three, 2);
    CHECK(!targets_has_current(&targets, &three[2]));
    CHECK_INT(choose(&targets), 2);
    CHECK_INT(choose(&targets), 1);
    targets_fini(&targets);
}

/* What is left and comes back still has its connections. */
static void case_return(void)
{
    struct targets targets;
    targets_init(&targets);
    const struct sockaddr_in two[] = {address_of(1), address_of(2)};
    targets_set(&targets, two, 1);
    struct target *one = TAILQ_FIRST(&targets.list);
    CHECK_INT(choose(&targets), 1);
    targets_set(&targets, NULL, 0);
    CHECK_INT(choose(&targets), 0);
    targets_set(&targets, two, 2);
    CHECK_INT(choose(&targets), 2);
    targets_set(&targets, NULL, 0);
    targets_leave(&targets, one);
    targets_leave(&targets, TAILQ_FIRST(&targets.list));
    CHECK(TAILQ_EMPTY(&targets.list));
    targets_fini(&targets);
}

static void set_sites(int count)
{
    struct route_spec spec = {.host = "a.test", .state = ROUTE_READY, .site_id = 7};
    for (int i = 0; i < count; i++) {
        spec.targets[spec.target_count++] = rig.sites[i].address;
    }
    CHECK_INT(gate_route_set(rig.gate, &spec, -1, NULL), 0);
}

static void case_spread(void)
{
    enum { EACH = 10 };
    rig_init(&rig, NULL);
    for (int i = 0; i < 3; i++) {
        rig_site(&rig, i, SITE_ECHO);
    }
    set_sites(3);
    for (int i = 0; i < 3 * EACH; i++) {
        CHECK(rig_until_received(rig_visit(&rig, "x", 0, false), 1));
    }
    for (int i = 0; i < 3; i++) {
        CHECK_INT(rig.sites[i].accepted, EACH);
    }
    rig_fini(&rig);
}

/* A port of 127.0.0.1 where nobody answers: closed, or with a full queue. */
static int open_mute(bool is_full, struct sockaddr_in *ret_address)
{
    socklen_t size = sizeof(*ret_address);
    *ret_address = address_of(0);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK_INT(bind(fd, (struct sockaddr *)ret_address, size), 0);
    CHECK_INT(getsockname(fd, (struct sockaddr *)ret_address, &size), 0);
    if (is_full) {
        CHECK_INT(listen(fd, 0), 0);
    }
    return fd;
}

static int fill(const struct sockaddr_in *address)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK_INT(connect(fd, (const struct sockaddr *)address, sizeof(*address)), 0);
    return fd;
}

/* Whoever takes no connection is passed over, with nothing of the request lost. */
static void case_another(void)
{
    enum { VISITS = 4, BODY = 300000 };
    for (int is_full = 0; is_full < 2; is_full++) {
        const struct gate_config config = {.connect_timeout_ms = 60};
        rig_init(&rig, &config);
        struct route_spec spec = {.host = "a.test", .state = ROUTE_READY, .target_count = 2};
        int mute = open_mute(is_full, &spec.targets[0]);
        int filled = is_full ? fill(&spec.targets[0]) : -1;
        spec.targets[1] = rig_site(&rig, 1, SITE_SUM)->address;
        CHECK_INT(gate_route_set(rig.gate, &spec, -1, NULL), 0);
        for (int i = 0; i < VISITS; i++) {
            struct peer *visitor = rig_visit(&rig, "POST", BODY, true);
            CHECK(rig_until_ended(visitor));
            CHECK_CONTAINS(visitor->head, "300004");
        }
        CHECK_INT(rig_counters(&rig)->unreachable, 0);
        CHECK_INT(rig.sites[1].accepted, VISITS);
        spec.target_count = 1;
        CHECK_INT(gate_route_set(rig.gate, &spec, -1, NULL), 0);
        struct peer *visitor = rig_visit(&rig, RIG_GET, 0, false);
        CHECK(rig_until_ended(visitor));
        CHECK_CONTAINS(visitor->head, "502");
        CHECK_INT(rig_counters(&rig)->unreachable, 1);
        rig_fini(&rig);
        close(mute);
        if (filled >= 0) {
            close(filled);
        }
    }
}

struct ending {
    int count;
    uint64_t cut;
    int code;
};

static void on_end(void *arg, uint64_t cut, const struct error *err)
{
    struct ending *ending = arg;
    ending->count++;
    ending->cut = cut;
    ending->code = err ? err->code : 0;
}

static int drain(const struct site *site, int requests_ms, int upgraded_ms, struct ending *ending)
{
    const struct drain_spec spec = {.host = "a.test",
                                    .address = site->address,
                                    .requests_ms = requests_ms,
                                    .upgraded_ms = upgraded_ms,
                                    .on_end = on_end,
                                    .arg = ending};
    struct error err;
    return gate_drain(rig.gate, &spec, &err);
}

static bool has_ended(void *arg)
{
    return ((const struct ending *)arg)->count > 0;
}

/* Its site echoes, so a visitor decides what the answer looks like. */
static struct peer *visit_old(const char *text)
{
    struct peer *visitor = rig_visit(&rig, text, 0, false);
    CHECK(rig_until_received(visitor, strlen(text)));
    return visitor;
}

static void start_two_sites(void)
{
    rig_init(&rig, NULL);
    rig_route(&rig, ROUTE_READY, rig_site(&rig, 0, SITE_ECHO));
    rig_site(&rig, 1, SITE_HELLO);
}

static void case_drain_waits(void)
{
    struct ending ending = {0};
    start_two_sites();
    struct peer *visitor = visit_old("HTTP/1.1 200 OK\r\n\r\n");
    CHECK_INT(drain(&rig.sites[0], 9000, 9000, &ending), -ERR_CONFLICT);
    rig_route(&rig, ROUTE_READY, &rig.sites[1]);
    CHECK_INT(drain(&rig.sites[0], 9000, 9000, &ending), 1);
    struct peer *fresh = rig_visit(&rig, RIG_GET, 0, false);
    CHECK(rig_until_ended(fresh));
    CHECK_CONTAINS(fresh->head, "hello");
    CHECK_INT(ending.count, 0);
    peer_close(visitor);
    CHECK(rig_until(&rig, has_ended, &ending));
    CHECK_INT(ending.code, 0);
    CHECK_INT(ending.cut, 0);
    CHECK_INT(drain(&rig.sites[0], 9000, 9000, &ending), 0);
    CHECK_INT(ending.count, 1);
    rig_fini(&rig);
}

static void case_drain_cuts(void)
{
    static const struct {
        int requests_ms, upgraded_ms;
        bool upgraded_is_first;
    } rows[] = {{10, 60, false}, {60, 10, true}};
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        struct ending ending = {0};
        start_two_sites();
        struct peer *plain = visit_old("HTTP/1.1 200 OK\r\n\r\n");
        struct peer *socket = visit_old("HTTP/1.1 101 Switching Protocols\r\n\r\n");
        CHECK_INT(rig_counters(&rig)->upgraded, 1);
        rig_route(&rig, ROUTE_READY, &rig.sites[1]);
        CHECK_INT(drain(&rig.sites[0], rows[i].requests_ms, rows[i].upgraded_ms, &ending), 1);
        CHECK(rig_until_ended(rows[i].upgraded_is_first ? socket : plain));
        CHECK_INT(ending.count, 0);
        CHECK(rig_until(&rig, has_ended, &ending));
        CHECK_INT(ending.cut, 2);
        CHECK(rig_until_ended(plain) && rig_until_ended(socket));
        CHECK(rig_until_closed(&rig));
        CHECK_INT(rig_counters(&rig)->upgraded, 0);
        CHECK_INT(rig_counters(&rig)->aborted, 2);
        rig_fini(&rig);
    }
}

static void case_drain_of_removed_route(void)
{
    struct ending ending = {0};
    start_two_sites();
    visit_old("HTTP/1.1 200 OK\r\n\r\n");
    CHECK_INT(gate_route_remove(rig.gate, "a.test", NULL), 0);
    CHECK_INT(drain(&rig.sites[0], 0, 0, &ending), 1);
    CHECK(rig_until(&rig, has_ended, &ending));
    CHECK_INT(ending.cut, 1);
    rig_fini(&rig);
}

static void case_drain_given_up(void)
{
    struct ending first = {0}, second = {0}, third = {0};
    start_two_sites();
    visit_old("x");
    rig_route(&rig, ROUTE_STOPPED, NULL);
    CHECK_INT(drain(&rig.sites[0], 9000, 9000, &first), 1);
    CHECK_INT(drain(&rig.sites[0], 9000, 9000, &second), 1);
    CHECK_INT(first.code, ERR_CONFLICT);
    CHECK_INT(second.count, 0);
    rig_route(&rig, ROUTE_READY, &rig.sites[0]);
    CHECK_INT(second.code, ERR_CONFLICT);
    rig_route(&rig, ROUTE_STOPPED, NULL);
    CHECK_INT(drain(&rig.sites[0], 9000, 9000, &third), 1);
    rig_fini(&rig);
    CHECK_INT(third.code, ERR_UNAVAILABLE);
}

int main(void)
{
    static const struct check_case cases[] = {
        {"the least busy takes the next, in turns", case_choice},
        {"what comes back still has its connections", case_return},
        {"visitors are spread over three containers", case_spread},
        {"one that takes no connection is passed over for another", case_another},
        {"a drain waits for the last one", case_drain_waits},
        {"a drain cuts what is late, WebSockets by their own time", case_drain_cuts},
        {"a drain of a route that is gone", case_drain_of_removed_route},
        {"a drain that is given up", case_drain_given_up},
    };
    return check_run(cases, ARRAY_COUNT(cases));
}
