/*
 * The pump. Used by gate.c for each request that has a site to go to.
 *
 * Both sockets are watched edge-triggered and registered once: `readable` and `writable` say what
 * the kernel promised and did not yet take back by EAGAIN. Bytes go through one scratch buffer that
 * all share; only what the other side does not take at once is kept, in a buffer of its own, and
 * nothing more is read until it is gone. So an idle connection owns no buffer.
 */
#include "dialup-deployd/gate/pump.h"

#include <errno.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "dialup-deployd/gate/peer.h"
#include "dialup-deployd/gate/status_line.h"
#include "libdialup/base/clock.h"
#include "libdialup/base/memory.h"
#include "libdialup/base/str.h"

/* After so many rounds the others have their turn. */
enum { ROUNDS_PER_TURN = 16, IDLE_CHECK_MS_MAX = 30000 };

struct side {
    int fd;
    struct event event;
    bool readable;
    bool writable;
    bool is_ended; /* it sends no more */
    bool is_shut;  /* it was told that nothing more comes */
};

struct flow {
    struct side *from, *to;
    char *pending; /* read, and not yet taken by `to`; NULL if nothing */
    size_t pending_size;
    size_t pending_sent;
    uint64_t size; /* bytes carried */
    bool is_discarded;
};

enum verdict { GOES_ON, IS_OVER, IS_ABORTED, IS_UNREACHABLE, LINGERS };

struct pump {
    TAILQ_ENTRY(pump) link;
    struct pump_set *set;
    struct route *route;
    struct target *target;
    void *watcher; /* NULL: nobody waits for the end */
    struct side client, site;
    struct flow in, out; /* client to site, site to client */
    struct event connect_timer;
    struct status_line status;
    enum verdict verdict;
    bool is_connected;
    bool is_broken;   /* the site vanished */
    bool is_upgraded; /* answered 101 */
    bool is_cut;
    int64_t accepted_us;
    int64_t active_us;
};

struct pump_set {
    struct event_base *base;
    struct pump_config config;
    TAILQ_HEAD(, pump) list;
    size_t count;
    struct event idle_check;
};

static char scratch[PUMP_BUFFER_SIZE];

static void on_client(evutil_socket_t fd, short what, void *arg);
static void on_site(evutil_socket_t fd, short what, void *arg);
static void on_connect_timeout(evutil_socket_t fd, short what, void *arg);
static void on_idle_check(evutil_socket_t fd, short what, void *arg);
static int connect_to(const struct sockaddr_in *target);
static struct pump *make(struct pump_set *set, struct route *route, int client_fd, int site_fd);
static void count_upgrade(struct pump *pump);
static void judge(struct pump *pump, enum verdict verdict);
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
        judge(pump, IS_ABORTED);
        end(pump);
    }
    event_del(&set->idle_check);
    free(set);
}

void pump_start(struct pump_set *set, struct route *route, int client_fd, int64_t accepted_us)
{
    struct target *target = targets_choose(&route->targets);
    int site_fd = target ? connect_to(&target->address) : -1;
    if (site_fd < 0) {
        route->counters.unreachable++;
        set->config.on_end(set->config.owner, route, PUMP_UNREACHABLE, client_fd, false);
        return;
    }
    struct pump *pump = make(set, route, client_fd, site_fd);
    pump->target = target;
    targets_enter(target);
    pump->accepted_us = accepted_us;
    pump->active_us = accepted_us;
    event_add(&pump->client.event, NULL);
    event_add(&pump->site.event, NULL);
    struct timeval patience = clock_timeval_of_ms(set->config.connect_timeout_ms);
    event_add(&pump->connect_timer, &patience);
    /* The request is often here before its connection was accepted, and a container of this
     * machine takes a connection at once: so try before the first round of the loop. */
    run(pump);
}

size_t pump_set_count(const struct pump_set *set)
{
    return set->count;
}

size_t pump_set_watch(struct pump_set *set, const char *host, const struct sockaddr_in *address,
                      void *watcher)
{
    size_t count = 0;
    struct pump *pump;
    TAILQ_FOREACH(pump, &set->list, link)
    {
        if (target_address_equal(&pump->target->address, address) &&
            str_equal(pump->route->host, host)) {
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
        if (pump->watcher == watcher && (pump->is_upgraded ? upgraded : plain)) {
            pump->is_cut = true;
            judge(pump, IS_ABORTED);
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

static struct pump *make(struct pump_set *set, struct route *route, int client_fd, int site_fd)
{
    struct pump *pump = xcalloc(1, sizeof(*pump));
    pump->set = set;
    pump->route = route;
    pump->client = (struct side){.fd = client_fd, .readable = true, .writable = true};
    pump->site = (struct side){.fd = site_fd, .writable = true};
    pump->in = (struct flow){.from = &pump->client, .to = &pump->site};
    pump->out = (struct flow){.from = &pump->site, .to = &pump->client};
    short both = EV_READ | EV_WRITE | EV_ET | EV_PERSIST;
    event_assign(&pump->client.event, set->base, client_fd, both, on_client, pump);
    event_assign(&pump->site.event, set->base, site_fd, both, on_site, pump);
    evtimer_assign(&pump->connect_timer, set->base, on_connect_timeout, pump);
    TAILQ_INSERT_TAIL(&set->list, pump, link);
    set->count++;
    return pump;
}

/* All but the client's descriptor. */
static void release(struct pump *pump)
{
    event_del(&pump->client.event);
    event_del(&pump->site.event);
    event_del(&pump->connect_timer);
    close(pump->site.fd);
    TAILQ_REMOVE(&pump->set->list, pump, link);
    pump->set->count--;
    free(pump->in.pending);
    free(pump->out.pending);
    free(pump);
}

static void count_end(const struct pump *pump)
{
    struct gate_counters *counters = &pump->route->counters;
    if (pump->verdict == IS_UNREACHABLE) {
        counters->unreachable++;
        return;
    }
    int64_t now_us = clock_monotonic_us();
    pump->route->active_us = now_us;
    counters->finished++;
    counters->total_us += (uint64_t)(now_us - pump->accepted_us);
    counters->aborted += pump->verdict == IS_ABORTED || pump->is_broken;
    if (pump->out.size > 0 && !pump->status.is_known) {
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
    count_end(pump);
    struct pump_set *set = pump->set;
    struct route *route = pump->route;
    void *watcher = pump->watcher;
    bool is_cut = pump->is_cut;
    enum pump_end how = ends[pump->verdict];
    bool has_request = pump->in.size > 0 || pump->in.pending;
    int client_fd = pump->client.fd;
    targets_leave(&route->targets, pump->target);
    route->counters.upgraded -= pump->is_upgraded;
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

static void judge(struct pump *pump, enum verdict verdict)
{
    if (pump->verdict == GOES_ON) {
        pump->verdict = verdict;
    }
}

static void note_connected(struct pump *pump)
{
    if (!pump->is_connected) {
        pump->is_connected = true;
        event_del(&pump->connect_timer);
    }
}

/* The site takes nothing more; what it has said already may still be on its way. */
static void site_stopped_reading(struct pump *pump)
{
    if (!pump->is_connected) {
        judge(pump, IS_UNREACHABLE);
        return;
    }
    free(pump->in.pending);
    pump->in.pending = NULL;
    pump->in.is_discarded = true;
    pump->site.readable = true;
}

static void site_ended(struct pump *pump, bool is_broken)
{
    pump->site.is_ended = true;
    pump->is_broken = is_broken;
    if (pump->out.size == 0) {
        judge(pump, IS_UNREACHABLE);
    }
}

static void side_failed(struct pump *pump, const struct side *side, bool while_reading)
{
    if (side == &pump->client) {
        judge(pump, IS_ABORTED);
    } else if (while_reading) {
        site_ended(pump, true);
    } else {
        site_stopped_reading(pump);
    }
}

static void note_carried(struct pump *pump, struct flow *flow, const char *data, size_t size)
{
    struct gate_counters *counters = &pump->route->counters;
    if (flow == &pump->in) {
        counters->bytes_in += size;
        flow->size += size;
        return;
    }
    if (flow->size == 0) {
        uint64_t waited_us = (uint64_t)(pump->active_us - pump->accepted_us);
        counters->answered++;
        counters->first_byte_us += waited_us;
        if (waited_us > counters->first_byte_us_max) {
            counters->first_byte_us_max = waited_us;
        }
    }
    flow->size += size;
    counters->bytes_out += size;
    if (!pump->status.is_known) {
        status_line_feed(&pump->status, data, size);
        counters->status_class[pump->status.status_class] += pump->status.is_known;
        count_upgrade(pump);
    }
}

/* Of the interim answers only 101 is a last one. */
static void count_upgrade(struct pump *pump)
{
    pump->is_upgraded = pump->status.is_known && pump->status.status_class == 1;
    pump->route->counters.upgraded += pump->is_upgraded;
}

/* Returns how much `to` took; 0 also if it failed, which is noted. */
static size_t give(struct pump *pump, struct flow *flow, const char *data, size_t size)
{
    struct side *to = flow->to;
    ssize_t sent = to->writable ? send(to->fd, data, size, MSG_NOSIGNAL) : 0;
    if (sent > 0) {
        if (to == &pump->site) {
            note_connected(pump);
        }
        note_carried(pump, flow, data, (size_t)sent);
        return (size_t)sent;
    }
    if (sent < 0 && errno == EAGAIN) {
        to->writable = false;
    } else if (sent < 0 && errno != EINTR) {
        side_failed(pump, to, false);
    }
    return 0;
}

static bool flush_pending(struct pump *pump, struct flow *flow)
{
    size_t left = flow->pending_size - flow->pending_sent;
    size_t sent = give(pump, flow, flow->pending + flow->pending_sent, left);
    if (!flow->pending) {
        return true; /* thrown away, since `to` has failed */
    }
    flow->pending_sent += sent;
    if (sent == left) {
        free(flow->pending);
        flow->pending = NULL;
    }
    return sent > 0;
}

static void keep(struct flow *flow, const char *data, size_t size)
{
    if (size > 0 && !flow->is_discarded) {
        flow->pending = xmalloc(size);
        memcpy(flow->pending, data, size);
        flow->pending_size = size;
        flow->pending_sent = 0;
    }
}

static void note_end(struct pump *pump, struct side *from)
{
    if (from == &pump->site) {
        site_ended(pump, false);
    } else {
        from->is_ended = true;
    }
}

/* Returns whether anything has changed. */
static bool take_and_give(struct pump *pump, struct flow *flow)
{
    struct side *from = flow->from;
    ssize_t got = recv(from->fd, scratch, sizeof(scratch), 0);
    if (got > 0) {
        if (!flow->is_discarded) {
            size_t sent = give(pump, flow, scratch, (size_t)got);
            keep(flow, scratch + sent, (size_t)got - sent);
        }
        return true;
    }
    if (got < 0 && errno == EAGAIN) {
        from->readable = false;
        return false;
    }
    if (got == 0) {
        note_end(pump, from);
    } else if (errno != EINTR) {
        side_failed(pump, from, true);
    }
    return true;
}

static bool move(struct pump *pump, struct flow *flow)
{
    bool changed = false;
    if (flow->pending && flow->to->writable) {
        changed = flush_pending(pump, flow);
    }
    if (!flow->pending && flow->from->readable && !flow->from->is_ended) {
        changed = take_and_give(pump, flow) || changed;
    }
    bool is_passed_on = flow->from->is_ended && !flow->pending && pump->verdict == GOES_ON;
    if (is_passed_on && !flow->to->is_shut) {
        shutdown(flow->to->fd, SHUT_WR);
        flow->to->is_shut = true;
    }
    return changed;
}

static void judge_ends(struct pump *pump)
{
    bool all_said = pump->site.is_ended && !pump->out.pending;
    if (all_said && pump->client.is_ended && !pump->in.pending) {
        judge(pump, IS_OVER);
    } else if (all_said && (pump->in.is_discarded || pump->is_broken)) {
        judge(pump, LINGERS);
    } else if (pump->client.is_ended && !pump->in.pending && !all_said &&
               peer_is_gone(pump->client.fd)) {
        /* Not a half-close: nobody waits for the answer. */
        judge(pump, IS_ABORTED);
    }
}

static void run(struct pump *pump)
{
    for (int round = 0; round < ROUNDS_PER_TURN; round++) {
        bool changed = move(pump, &pump->in);
        if (pump->is_connected) {
            changed = move(pump, &pump->out) || changed;
        }
        judge_ends(pump);
        if (pump->verdict != GOES_ON) {
            end(pump);
            return;
        }
        if (!changed) {
            return;
        }
    }
    event_active(&pump->client.event, EV_TIMEOUT, 0);
}

static void note_active(struct pump *pump)
{
    pump->active_us = clock_monotonic_us();
    pump->route->active_us = pump->active_us;
}

static void on_client(evutil_socket_t fd, short what, void *arg)
{
    struct pump *pump = arg;
    note_active(pump);
    pump->client.readable |= (what & EV_READ) != 0;
    pump->client.writable |= (what & EV_WRITE) != 0;
    /* With bytes pending nobody would read the end of a visitor who left a site that hangs. */
    if (pump->in.pending && (what & EV_READ) && !pump->client.is_shut && peer_is_gone((int)fd)) {
        judge(pump, IS_ABORTED);
    }
    run(pump);
}

static void on_site(evutil_socket_t fd, short what, void *arg)
{
    struct pump *pump = arg;
    note_active(pump);
    pump->site.readable |= (what & EV_READ) != 0;
    pump->site.writable |= (what & EV_WRITE) != 0;
    if (!pump->is_connected && (what & EV_WRITE)) {
        int error = 0;
        socklen_t size = sizeof(error);
        getsockopt((int)fd, SOL_SOCKET, SO_ERROR, &error, &size);
        if (error) {
            judge(pump, IS_UNREACHABLE);
        } else {
            note_connected(pump);
        }
    }
    run(pump);
}

static void on_connect_timeout(evutil_socket_t fd, short what, void *arg)
{
    struct pump *pump = arg;
    judge(pump, IS_UNREACHABLE);
    end(pump);
}

static void on_idle_check(evutil_socket_t fd, short what, void *arg)
{
    struct pump_set *set = arg;
    int64_t oldest_us = clock_monotonic_us() - (int64_t)set->config.idle_timeout_ms * 1000;
    struct pump *pump, *next;
    for (pump = TAILQ_FIRST(&set->list); pump; pump = next) {
        next = TAILQ_NEXT(pump, link);
        if (pump->active_us < oldest_us) {
            judge(pump, IS_ABORTED);
            end(pump);
        }
    }
}
