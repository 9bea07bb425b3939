/*
 * The gate's test rig.
 */
#include "tests/unit/gate_rig.h"

#include <arpa/inet.h>
#include <event2/buffer.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "libdialup/base/fs.h"
#include "libdialup/base/log.h"
#include "libdialup/base/memory.h"

enum { CHUNK = 64 * 1024 };

static void on_read(struct bufferevent *bev, void *arg);
static void on_write(struct bufferevent *bev, void *arg);
static void on_event(struct bufferevent *bev, short what, void *arg);

static void write_page(const struct rig *rig, const char *name)
{
    AUTO_FREE char *path = xasprintf("%s/%s.html", rig->pages_dir, name);
    AUTO_FREE char *text = xasprintf("<p>%s: @HOST@ @RETRY_S@</p>", name);
    ASSERT(fs_write_file(path, text, strlen(text), 0644, NULL) == 0);
}

static void on_wanted(void *arg, const struct route *route)
{
    struct rig *rig = arg;
    rig->wanted_count++;
}

void rig_init(struct rig *rig, const struct gate_config *config)
{
    memset(rig, 0, sizeof(*rig));
    signal(SIGPIPE, SIG_IGN);
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    strcpy(rig->folder, "/tmp/gate-test-XXXXXX");
    ASSERT(mkdtemp(rig->folder));
    snprintf(rig->sites_dir, sizeof(rig->sites_dir), "%s/sites", rig->folder);
    snprintf(rig->pages_dir, sizeof(rig->pages_dir), "%s/pages", rig->folder);
    mkdir(rig->sites_dir, 0755);
    mkdir(rig->pages_dir, 0755);
    static const char *const pages[] = {"stopped", "failed",      "starting", "asleep",
                                        "limited", "unavailable", "crowded",  "spent"};
    for (size_t i = 0; i < ARRAY_COUNT(pages); i++) {
        write_page(rig, pages[i]);
    }
    rig->base = event_base_new();
    struct gate_config own = config ? *config : (struct gate_config){0};
    own.sites_dir = rig->sites_dir;
    own.pages_dir = rig->pages_dir;
    own.on_wanted = on_wanted;
    own.arg = rig;
    struct error err;
    if (gate_open(rig->base, &own, &rig->gate, &err) < 0) {
        log_panic("%s", err.message);
    }
}

void rig_fini(struct rig *rig)
{
    gate_close(rig->gate);
    for (int i = 0; i < rig->peer_count; i++) {
        peer_close(rig->peers[i]);
        free(rig->peers[i]);
    }
    for (int i = 0; i < RIG_SITES_MAX; i++) {
        if (rig->sites[i].listener) {
            evconnlistener_free(rig->sites[i].listener);
        }
    }
    event_base_free(rig->base);
    fs_remove_tree(rig->folder, NULL);
}

static struct peer *add_peer(struct rig *rig, int fd)
{
    ASSERT(rig->peer_count < RIG_PEERS_MAX);
    struct peer *peer = xcalloc(1, sizeof(*peer));
    rig->peers[rig->peer_count++] = peer;
    peer->rig = rig;
    peer->bev = bufferevent_socket_new(rig->base, fd, BEV_OPT_CLOSE_ON_FREE);
    bufferevent_setcb(peer->bev, on_read, on_write, on_event, peer);
    return peer;
}

static void on_accept(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *address,
                      int size, void *arg)
{
    struct site *site = arg;
    struct peer *peer = add_peer(site->rig, (int)fd);
    peer->conduct = site->conduct;
    peer->to_send = site->conduct == SITE_SOURCE ? site->size : 0;
    site->accepted++;
    bufferevent_enable(peer->bev, site->conduct == SITE_HANG ? EV_WRITE : EV_READ | EV_WRITE);
}

struct site *rig_site(struct rig *rig, int index, enum conduct conduct)
{
    struct site *site = &rig->sites[index];
    site->rig = rig;
    site->conduct = conduct;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    site->listener = evconnlistener_new_bind(rig->base, on_accept, site, LEV_OPT_CLOSE_ON_FREE,
                                             2048, (struct sockaddr *)&address, sizeof(address));
    ASSERT(site->listener);
    socklen_t size = sizeof(site->address);
    getsockname(evconnlistener_get_fd(site->listener), (struct sockaddr *)&site->address, &size);
    return site;
}

void rig_route(struct rig *rig, enum route_state state, const struct site *site)
{
    struct route_spec spec = {.host = "a.test", .state = state, .site_id = 7};
    if (site) {
        spec.targets[0] = site->address;
        spec.target_count = 1;
    }
    struct error err;
    if (gate_route_set(rig->gate, &spec, -1, &err) < 0) {
        log_panic("%s", err.message);
    }
}

const struct gate_counters *rig_counters(const struct rig *rig)
{
    return &gate_route_find(rig->gate, "a.test")->counters;
}

struct peer *rig_visit(struct rig *rig, const char *text, uint64_t size, bool half_closes)
{
    return rig_visit_host(rig, "a.test", text, size, half_closes);
}

struct peer *rig_visit_host(struct rig *rig, const char *host, const char *text, uint64_t size,
                            bool half_closes)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    ASSERT(snprintf(address.sun_path, sizeof(address.sun_path), "%s/%s.sock", rig->sites_dir,
                    host) < (int)sizeof(address.sun_path));
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    ASSERT(fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0);
    struct peer *peer = add_peer(rig, fd);
    peer->is_visitor = true;
    peer->half_closes = half_closes;
    peer->to_send = size;
    bufferevent_enable(peer->bev, EV_READ | EV_WRITE);
    bufferevent_write(peer->bev, text, strlen(text));
    return peer;
}

struct peer *rig_last_site_peer(struct rig *rig)
{
    for (int i = rig->peer_count - 1; i >= 0; i--) {
        if (!rig->peers[i]->is_visitor) {
            return rig->peers[i];
        }
    }
    return NULL;
}

void peer_close(struct peer *peer)
{
    if (peer->bev) {
        bufferevent_free(peer->bev);
        peer->bev = NULL;
    }
}

static void reset(struct peer *peer)
{
    struct linger linger = {.l_onoff = 1};
    setsockopt(bufferevent_getfd(peer->bev), SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
    peer_close(peer);
}

static uint64_t add_to_sum(uint64_t sum, const unsigned char *data, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        sum = (sum + data[i]) * 0x100000001B3u;
    }
    return sum;
}

static void send_chunk(struct peer *peer)
{
    static unsigned char chunk[CHUNK];
    size_t size = peer->to_send < CHUNK ? (size_t)peer->to_send : CHUNK;
    for (size_t i = 0; i < size; i++) {
        chunk[i] = (unsigned char)((peer->sent_at + i) * 2654435761u >> 13);
    }
    peer->sent_sum = add_to_sum(peer->sent_sum, chunk, size);
    peer->sent_at += size;
    peer->to_send -= size;
    bufferevent_write(peer->bev, chunk, size);
}

static void say(struct peer *peer, const char *text)
{
    bufferevent_write(peer->bev, text, strlen(text));
    peer->has_answered = true;
}

static void end_direction(struct peer *peer)
{
    shutdown(bufferevent_getfd(peer->bev), SHUT_WR);
}

/* Called whenever all that was written is with the kernel. */
static void on_write(struct bufferevent *bev, void *arg)
{
    struct peer *peer = arg;
    bool may_send = peer->is_visitor || peer->has_answered;
    if (may_send && peer->to_send > 0) {
        send_chunk(peer);
        return;
    }
    if (peer->is_visitor) {
        if (peer->half_closes) {
            end_direction(peer);
        }
        return;
    }
    if (!peer->has_answered) {
        return;
    }
    switch (peer->conduct) {
    case SITE_HELLO:
    case SITE_SUM:
    case SITE_SOURCE:
        peer_close(peer);
        break;
    case SITE_SAY_FIRST:
        end_direction(peer);
        break;
    case SITE_CUT:
        reset(peer);
        break;
    default:
        break;
    }
}

static void act(struct peer *peer)
{
    static char thousand[1001];
    memset(thousand, 'x', 1000);
    switch (peer->conduct) {
    case SITE_HELLO:
        if (strstr(peer->head, "\r\n\r\n")) {
            say(peer, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
        }
        break;
    case SITE_SAY_FIRST:
    case SITE_SOURCE:
        if (!peer->has_answered) {
            say(peer, "HTTP/1.1 200 OK\r\n\r\n");
        }
        break;
    case SITE_CUT:
        say(peer, "HTTP/1.1 200 OK\r\n\r\n");
        say(peer, thousand);
        break;
    case SITE_MUTE_CLOSE:
        peer_close(peer);
        break;
    case SITE_MUTE_RESET:
        reset(peer);
        break;
    default:
        break;
    }
}

static void on_read(struct bufferevent *bev, void *arg)
{
    struct peer *peer = arg;
    static unsigned char data[CHUNK];
    size_t got;
    while ((got = bufferevent_read(bev, data, sizeof(data))) > 0) {
        peer->received += got;
        peer->received_sum = add_to_sum(peer->received_sum, data, got);
        size_t room = sizeof(peer->head) - 1 - peer->head_size;
        size_t kept = got < room ? got : room;
        memcpy(peer->head + peer->head_size, data, kept);
        peer->head_size += kept;
        if (!peer->is_visitor && peer->conduct == SITE_ECHO) {
            bufferevent_write(bev, data, got);
        }
    }
    if (!peer->is_visitor) {
        act(peer);
    }
}

static void on_event(struct bufferevent *bev, short what, void *arg)
{
    struct peer *peer = arg;
    if (what & BEV_EVENT_ERROR) {
        peer->is_failed = true;
        peer_close(peer);
        return;
    }
    if (!(what & BEV_EVENT_EOF)) {
        return;
    }
    peer->is_ended = true;
    if (peer->is_visitor) {
        if (peer->to_send == 0 && evbuffer_get_length(bufferevent_get_output(bev)) == 0) {
            peer_close(peer);
        }
    } else if (peer->conduct == SITE_SUM) {
        char text[80];
        snprintf(text, sizeof(text), "HTTP/1.1 200 OK\r\n\r\n%ju", (uintmax_t)peer->received);
        say(peer, text);
    } else if (!peer->has_answered || peer->to_send == 0) {
        peer_close(peer);
    }
}

static void on_deadline(evutil_socket_t fd, short what, void *arg)
{
    *(bool *)arg = true;
}

bool rig_until(struct rig *rig, bool (*is_true)(void *arg), void *arg)
{
    bool is_late = false;
    struct event *deadline = evtimer_new(rig->base, on_deadline, &is_late);
    event_add(deadline, &(struct timeval){RIG_DEADLINE_S, 0});
    while (!is_true(arg) && !is_late) {
        event_base_loop(rig->base, EVLOOP_ONCE);
    }
    event_free(deadline);
    return !is_late;
}

static bool has_ended(void *arg)
{
    const struct peer *peer = arg;
    return peer->is_ended || peer->is_failed || !peer->bev;
}

bool rig_until_ended(struct peer *peer)
{
    return rig_until(peer->rig, has_ended, peer);
}

struct amount {
    const struct peer *peer;
    uint64_t size;
};

static bool has_received(void *arg)
{
    const struct amount *amount = arg;
    return amount->peer->received >= amount->size || amount->peer->is_failed;
}

bool rig_until_received(struct peer *peer, uint64_t size)
{
    return rig_until(peer->rig, has_received, &(struct amount){peer, size}) && !peer->is_failed;
}

static bool is_quiet(void *arg)
{
    const struct rig *rig = arg;
    struct gate_totals totals = gate_get_totals(rig->gate);
    return totals.open == 0 && totals.answering == 0;
}

bool rig_until_closed(struct rig *rig)
{
    return rig_until(rig, is_quiet, rig);
}
