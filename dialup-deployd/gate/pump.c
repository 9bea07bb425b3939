/*
 * The pump. Used by gate.c for each request that has a site to go to.
 *
 * A connection's life: made, watched, judged, ended. Both sockets are registered once. The bytes
 * are carry.c's, which knows none of this.
 */
#include "dialup-deployd/gate/pump.h"

#include <errno.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "dialup-deployd/gate/carry.h"
#include "dialup-deployd/gate/peer.h"
#include "libdialup/base/clock.h"
#include "libdialup/base/memory.h"
#include "libdialup/base/str.h"

/* After so many rounds the others have their turn. */
enum { ROUNDS_PER_TURN = 16, IDLE_CHECK_MS_MAX = 30000 };

struct pump_set {
    struct event_base *base;
    struct pump_config config;
    TAILQ_HEAD(, pump) list;
    size_t count;
    struct event idle_check;
};

struct pump {
    TAILQ_ENTRY(pump) link;
    struct pump_set *set;
    struct target *target;
    struct targets_tried tried;
    void *watcher; /* NULL: nobody waits for the end */
    bool is_cut;
    struct carry carry;
};

static void on_bandwidth(void *arg, size_t size);
static void on_client(evutil_socket_t fd, short what, void *arg);
static void on_site(evutil_socket_t fd, short what, void *arg);
static void on_connect_timeout(evutil_socket_t fd, short what, void *arg);
static void on_idle_check(evutil_socket_t fd, short what, void *arg);
static int dial(struct route *route, struct targets_tried *tried, struct target **ret_target);
static struct pump *make(struct pump_set *set, struct route *route, int client_fd, int site_fd);
static void watch_site(struct pump *pump);
static void end(struct pump *pump);
static void run(struct pump *pump);

struct pump_set *pump_set_new(struct event_base *base, const struct pump_config *config)
{
    struct pump_set *set = xcalloc(1, sizeof(*set));
    set->base = base;
    set->config = *config;
    TAILQ_INIT(&set->list);
    int period_ms = config->idle_timeout_ms / 4;
    struct timeval period =
        clock_timeval_of_ms(period_ms < IDLE_CHECK_MS_MAX ? period_ms + 1 : IDLE_CHECK_MS_MAX);
    event_assign(&set->idle_check, base, -1, EV_PERSIST, on_idle_check, set);
    event_add(&set->idle_check, &period);
    return set;
}

void pump_set_free(struct pump_set *set)
{
    if (!set) {
        return;
    }
    struct pump *pump;
    while ((pump = TAILQ_FIRST(&set->list))) {
        carry_judge(&pump->carry, IS_ABORTED);
        end(pump);
    }
    event_del(&set->idle_check);
    free(set);
}

void pump_start(struct pump_set *set, struct route *route, int client_fd, int64_t accepted_us)
{
    struct targets_tried tried = {0};
    struct target *target;
    int site_fd = dial(route, &tried, &target);
    if (site_fd < 0) {
        route->counters.unreachable++;
        set->config.on_end(set->config.owner, route, PUMP_UNREACHABLE, client_fd, false);
        return;
    }
    struct pump *pump = make(set, route, client_fd, site_fd);
    struct carry *carry = &pump->carry;
    pump->target = target;
    pump->tried = tried;
    targets_enter(target);
    carry->accepted_us = accepted_us;
    carry->active_us = accepted_us;
    event_add(&carry->client.event, NULL);
    watch_site(pump);
    /* The request is often here before its connection was accepted, and a container of this
     * machine takes a connection at once: so try before the first round of the loop. */
    run(pump);
}

size_t pump_set_watch(struct pump_set *set, const char *host, const struct sockaddr_in *address,
                      void *watcher)
{
    size_t count = 0;
    struct pump *pump;
    TAILQ_FOREACH(pump, &set->list, link)
    {
        if (target_address_equal(&pump->target->address, address) &&
            str_equal(pump->carry.route->host, host)) {
            pump->watcher = watcher;
            count++;
        }
    }
    return count;
}

void pump_set_unwatch(struct pump_set *set, const void *watcher)
{
    struct pump *pump;
    TAILQ_FOREACH(pump, &set->list, link)
    {
        if (pump->watcher == watcher) {
            pump->watcher = NULL;
        }
    }
}

void pump_set_cut_watched(struct pump_set *set, const void *watcher, bool plain, bool upgraded)
{
    struct pump *pump, *next;
    for (pump = TAILQ_FIRST(&set->list); pump; pump = next) {
        next = TAILQ_NEXT(pump, link);
        if (pump->watcher == watcher && (pump->carry.is_upgraded ? upgraded : plain)) {
            pump->is_cut = true;
            carry_judge(&pump->carry, IS_ABORTED);
            end(pump);
        }
    }
}

/* Returns a descriptor whose connect is under way, or -1. */
static int connect_to(const struct sockaddr_in *target)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return -1;
    }
    int yes = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
    if (connect(fd, (const struct sockaddr *)target, sizeof(*target)) < 0 && errno != EINPROGRESS) {
        close(fd);
        return -1;
    }
    return fd;
}

/* The same to a target that was not tried yet, or -1. */
static int dial(struct route *route, struct targets_tried *tried, struct target **ret_target)
{
    struct target *target;
    while ((target = targets_choose(&route->targets, tried))) {
        int fd = connect_to(&target->address);
        if (fd >= 0) {
            *ret_target = target;
            return fd;
        }
    }
    return -1;
}

static void watch_site(struct pump *pump)
{
    struct timeval patience = clock_timeval_of_ms(pump->set->config.connect_timeout_ms);
    event_add(&pump->carry.site.event, NULL);
    event_add(&pump->carry.connect_timer, &patience);
}

static struct pump *make(struct pump_set *set, struct route *route, int client_fd, int site_fd)
{
    struct pump *pump = xcalloc(1, sizeof(*pump));
    struct carry *carry = &pump->carry;
    pump->set = set;
    carry->route = route;
    carry->client = (struct side){.fd = client_fd, .readable = true, .writable = true};
    carry->site = (struct side){.fd = site_fd, .writable = true};
    carry->in = (struct flow){.from = &carry->client, .to = &carry->site};
    carry->out = (struct flow){.from = &carry->site, .to = &carry->client};
    short both = EV_READ | EV_WRITE | EV_ET | EV_PERSIST;
    event_assign(&carry->client.event, set->base, client_fd, both, on_client, pump);
    event_assign(&carry->site.event, set->base, site_fd, both, on_site, pump);
    evtimer_assign(&carry->connect_timer, set->base, on_connect_timeout, pump);
    carry->owner = route->owner ? owner_ref(route->owner) : NULL;
    carry->waiter = (struct owner_waiter){.on_turn = on_bandwidth, .arg = pump};
    TAILQ_INSERT_TAIL(&set->list, pump, link);
    set->count++;
    return pump;
}

/* All but the client's descriptor. */
static void release(struct pump *pump)
{
    struct carry *carry = &pump->carry;
    event_del(&carry->client.event);
    event_del(&carry->site.event);
    event_del(&carry->connect_timer);
    carry_fini(carry);
    owner_forget_waiter(&carry->waiter);
    owner_unref(carry->owner);
    close(carry->site.fd);
    TAILQ_REMOVE(&pump->set->list, pump, link);
    pump->set->count--;
    free(pump);
}

static void count_end(const struct pump *pump)
{
    const struct carry *carry = &pump->carry;
    struct gate_counters *counters = &carry->route->counters;
    if (carry->verdict == IS_UNREACHABLE) {
        counters->unreachable++;
        return;
    }
    int64_t now_us = clock_monotonic_us();
    carry->route->active_us = now_us;
    counters->finished++;
    counters->total_us += (uint64_t)(now_us - carry->accepted_us);
    counters->aborted += carry->verdict == IS_ABORTED || carry->is_broken;
    if (carry->out.size > 0 && !carry->status.is_known) {
        counters->status_class[0]++;
    }
}

static void end(struct pump *pump)
{
    static const enum pump_end ends[] = {
        [IS_OVER] = PUMP_OVER,
        [IS_ABORTED] = PUMP_OVER,
        [IS_UNREACHABLE] = PUMP_UNREACHABLE,
        [LINGERS] = PUMP_LINGERS,
    };
    struct carry *carry = &pump->carry;
    count_end(pump);
    struct pump_set *set = pump->set;
    struct route *route = carry->route;
    void *watcher = pump->watcher;
    bool is_cut = pump->is_cut;
    enum pump_end how = ends[carry->verdict];
    bool has_request = carry->in.size > 0 || carry->in.pending;
    int client_fd = carry->client.fd;
    targets_leave(&route->targets, pump->target);
    route->counters.upgraded -= carry->is_upgraded;
    release(pump);
    if (how == PUMP_OVER) {
        close(client_fd);
        client_fd = -1;
    }
    set->config.on_end(set->config.owner, route, how, client_fd, has_request);
    if (watcher) {
        set->config.on_watched_end(watcher, is_cut);
    }
}

/* Whoever waits for the end of what is open to the old target waits for one less. */
static void move_to(struct pump *pump, struct target *target, int site_fd)
{
    struct carry *carry = &pump->carry;
    void *watcher = pump->watcher;
    event_del(&carry->site.event);
    close(carry->site.fd);
    targets_leave(&carry->route->targets, pump->target);
    targets_enter(target);
    pump->target = target;
    pump->watcher = NULL;
    carry->site = (struct side){.fd = site_fd, .writable = true};
    carry->verdict = GOES_ON;
    event_assign(&carry->site.event, pump->set->base, site_fd,
                 EV_READ | EV_WRITE | EV_ET | EV_PERSIST, on_site, pump);
    watch_site(pump);
    if (watcher) {
        pump->set->config.on_watched_end(watcher, false);
    }
}

/* As long as a container has got nothing, another of the site's may take the request. */
static bool dial_another(struct pump *pump)
{
    struct carry *carry = &pump->carry;
    struct target *target;
    if (carry->verdict != IS_UNREACHABLE || carry->is_connected) {
        return false;
    }
    int site_fd = dial(carry->route, &pump->tried, &target);
    if (site_fd >= 0) {
        move_to(pump, target, site_fd);
    }
    return site_fd >= 0;
}

static void run(struct pump *pump)
{
    struct carry *carry = &pump->carry;
    for (int round = 0; round < ROUNDS_PER_TURN; round++) {
        bool changed = carry_round(carry);
        if (carry->verdict != GOES_ON && dial_another(pump)) {
            continue;
        }
        if (carry->verdict != GOES_ON) {
            end(pump);
            return;
        }
        if (!changed) {
            carry_give_back(carry);
            return;
        }
    }
    carry_give_back(carry);
    event_active(&carry->client.event, EV_TIMEOUT, 0);
}

static void note_active(struct pump *pump)
{
    pump->carry.active_us = clock_monotonic_us();
    pump->carry.route->active_us = pump->carry.active_us;
}

static void on_bandwidth(void *arg, size_t size)
{
    struct pump *pump = arg;
    pump->carry.granted = size;
    pump->carry.out_is_first = !pump->carry.out_is_first;
    note_active(pump);
    run(pump);
}

static void on_client(evutil_socket_t fd, short what, void *arg)
{
    struct pump *pump = arg;
    struct carry *carry = &pump->carry;
    note_active(pump);
    carry->client.readable |= (what & EV_READ) != 0;
    carry->client.writable |= (what & EV_WRITE) != 0;
    /* With bytes pending nobody would read the end of a visitor who left a site that hangs. */
    if (carry->in.pending && (what & EV_READ) && !carry->client.is_shut && peer_is_gone((int)fd)) {
        carry_judge(carry, IS_ABORTED);
    }
    run(pump);
}

static void on_site(evutil_socket_t fd, short what, void *arg)
{
    struct pump *pump = arg;
    struct carry *carry = &pump->carry;
    note_active(pump);
    carry->site.readable |= (what & EV_READ) != 0;
    carry->site.writable |= (what & EV_WRITE) != 0;
    if (!carry->is_connected && (what & EV_WRITE)) {
        int error = 0;
        socklen_t size = sizeof(error);
        getsockopt((int)fd, SOL_SOCKET, SO_ERROR, &error, &size);
        if (error) {
            carry_judge(carry, IS_UNREACHABLE);
        } else {
            carry_note_connected(carry);
        }
    }
    run(pump);
}

static void on_connect_timeout(evutil_socket_t fd, short what, void *arg)
{
    struct pump *pump = arg;
    carry_judge(&pump->carry, IS_UNREACHABLE);
    run(pump);
}

static void on_idle_check(evutil_socket_t fd, short what, void *arg)
{
    struct pump_set *set = arg;
    int64_t oldest_us = clock_monotonic_us() - (int64_t)set->config.idle_timeout_ms * 1000;
    struct pump *pump, *next;
    for (pump = TAILQ_FIRST(&set->list); pump; pump = next) {
        next = TAILQ_NEXT(pump, link);
        if (pump->carry.active_us < oldest_us) {
            carry_judge(&pump->carry, IS_ABORTED);
            end(pump);
        }
    }
}
