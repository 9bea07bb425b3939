/*
 * Handing over to a next life; see the header. Used by the gate's process.
 *
 *   old -> new   gate      SINCE
 *                owner     NAME KBIT CONNECTIONS
 *                route     HOST STATE SITE OWNER RATE CONNECTIONS ACTIVE ADDRESSES NUMBERS   +
 * socket parked    HOST SINCE                                                        + socket
 *                former                                                              + channel end
 *   new -> old   ok
 *   old closes its sockets, then this one.
 *
 * Fields are separated by tabs, a message is a datagram of a SOCK_SEQPACKET connection.
 */
#include "dialup-deployd/gate/handover.h"

#include <errno.h>
#include <event2/event.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "dialup-deployd/gate/address.h"
#include "dialup-deployd/gate/former.h"
#include "dialup-deployd/gate/gate.h"
#include "libdialup/base/log.h"
#include "libdialup/base/memory.h"
#include "libdialup/base/str.h"

enum { PATIENCE_S = 5, MESSAGE_SIZE = 2048, FIELDS_MAX = 10 };

struct handover {
    struct handover_options options;
    char *path;
    ino_t inode;
    int fd;
    struct event *event;
};

struct item {
    char *text;
    int fd; /* -1: none */
};

struct inheritance {
    struct item *items;
    size_t count;
    size_t capacity;
};

/* The numbers of a route that go over, in this order. */
static const size_t numbers[] = {
#define NUMBER(name) offsetof(struct gate_counters, name)
    NUMBER(requests),
    NUMBER(refused),
    NUMBER(limited),
    NUMBER(pages),
    NUMBER(held),
    NUMBER(expired),
    NUMBER(unreachable),
    NUMBER(finished),
    NUMBER(aborted),
    NUMBER(bytes_in),
    NUMBER(bytes_out),
    NUMBER(status_class[0]),
    NUMBER(status_class[1]),
    NUMBER(status_class[2]),
    NUMBER(status_class[3]),
    NUMBER(status_class[4]),
    NUMBER(status_class[5]),
    NUMBER(answered),
    NUMBER(first_byte_us),
    NUMBER(first_byte_us_max),
    NUMBER(total_us),
#undef NUMBER
};

static int make_address(const char *path, struct sockaddr_un *ret_address, struct error *err)
{
    *ret_address = (struct sockaddr_un){.sun_family = AF_UNIX};
    if (!str_copy(ret_address->sun_path, sizeof(ret_address->sun_path), path)) {
        return error_set(err, ERR_INVALID_ARGUMENT, "The path %s is too long for a socket", path);
    }
    return 0;
}

static void set_patience(int fd)
{
    const struct timeval patience = {.tv_sec = PATIENCE_S};
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
}

/* The old one ------------------------------------------------------------------------------- */

struct sender {
    int fd;
    bool has_failed;
    const char *host; /* of what is parked */
};

static void send_text(struct sender *sender, const char *text, int fd)
{
    union {
        struct cmsghdr header;
        char space[CMSG_SPACE(sizeof(int))];
    } control = {0};
    AUTO_FREE char *copy = xstrdup(text); /* an iovec is for both directions */
    struct iovec bytes = {.iov_base = copy, .iov_len = strlen(text)};
    struct msghdr message = {.msg_iov = &bytes, .msg_iovlen = 1};
    if (fd >= 0) {
        message.msg_control = control.space;
        message.msg_controllen = sizeof(control.space);
        struct cmsghdr *header = CMSG_FIRSTHDR(&message);
        *header = (struct cmsghdr){
            .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof(int))};
        memcpy(CMSG_DATA(header), &fd, sizeof(int));
    }
    sender->has_failed = sender->has_failed || sendmsg(sender->fd, &message, MSG_NOSIGNAL) < 0;
}

static void send_parked(void *arg, int fd, int64_t since_us)
{
    struct sender *sender = arg;
    AUTO_FREE char *text = xasprintf("parked\t%s\t%lld", sender->host, (long long)since_us);
    send_text(sender, text, fd);
}

static void append_addresses(struct strbuf *text, const struct route *route)
{
    const char *comma = "";
    const struct target *target;
    TAILQ_FOREACH(target, &route->targets.list, link)
    {
        if (target->is_current) {
            char address[GATE_ADDRESS_SIZE];
            gate_address_format(&target->address, address);
            strbuf_printf(text, "%s%s", comma, address);
            comma = ",";
        }
    }
}

static void send_route(void *arg, const struct route *route)
{
    struct sender *sender = arg;
    AUTO_STRBUF struct strbuf text = STRBUF_INIT;
    strbuf_printf(&text, "route\t%s\t%s\t%lld\t%s\t%d\t%d\t%lld\t", route->host,
                  route_state_name(route->state), (long long)route->site_id,
                  route->owner ? owner_name(route->owner) : "", route->requests_per_s,
                  route->connections_max, (long long)route->active_us);
    append_addresses(&text, route);
    for (size_t i = 0; i < ARRAY_COUNT(numbers); i++) {
        const uint64_t *number = (const uint64_t *)((const char *)&route->counters + numbers[i]);
        strbuf_printf(&text, "%c%ju", i == 0 ? '\t' : ',', (uintmax_t)*number);
    }
    send_text(sender, strbuf_text(&text), gate_route_listener_fd(route));
    sender->host = route->host;
    hold_each(&route->held, send_parked, sender);
    hold_each(&route->line, send_parked, sender);
}

static void send_owner(void *arg, const struct owner *owner)
{
    if (owner_has_own_limits(owner)) {
        struct owner_limits limits = owner_get_limits(owner);
        AUTO_FREE char *text =
            xasprintf("owner\t%s\t%lld\t%lld", owner_name(owner), (long long)limits.kbit_per_s,
                      (long long)limits.connections);
        send_text(arg, text, -1);
    }
}

static void send_former(void *arg, int fd)
{
    send_text(arg, "former", fd);
}

/* channel_fd: at which we can be asked afterwards. */
static bool send_all(const struct handover *handover, int fd, int channel_fd)
{
    struct sender sender = {.fd = fd};
    AUTO_FREE char *first =
        xasprintf("gate\t%lld", (long long)handover->options.counting_since_unix);
    send_text(&sender, first, -1);
    gate_owners_each(handover->options.gate, send_owner, &sender);
    gate_routes_each(handover->options.gate, send_route, &sender);
    formers_each(handover->options.formers, send_former, &sender);
    send_former(&sender, channel_fd);
    send_text(&sender, "end", -1);
    char answer[8];
    return !sender.has_failed && recv(fd, answer, sizeof(answer), 0) == 2;
}

static bool is_one_of_us(int fd)
{
    struct ucred peer;
    socklen_t size = sizeof(peer);
    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 &&
           (peer.uid == geteuid() || peer.uid == 0);
}

static void on_visitor(evutil_socket_t fd, short what, void *arg)
{
    struct handover *handover = arg;
    AUTO_CLOSE int visitor = accept4((int)fd, NULL, NULL, SOCK_CLOEXEC);
    int channel[2];
    struct error err;
    if (visitor < 0 || !is_one_of_us(visitor)) {
        return;
    }
    if (successor_make_channel(channel, &err) < 0) {
        log_error("cannot hand over: %s", err.message);
        return;
    }
    set_patience(visitor);
    bool is_taken = send_all(handover, visitor, channel[1]);
    close(channel[1]);
    if (is_taken) {
        event_del(handover->event);
        handover->options.on_taken(handover->options.arg, channel[0]);
    } else {
        close(channel[0]);
        log_warning("another gate asked for our place and did not take it");
    }
}

int handover_open(struct event_base *base, const struct handover_options *options,
                  struct handover **ret_handover, struct error *err)
{
    struct sockaddr_un address;
    int rc = make_address(options->path, &address, err);
    if (rc < 0) {
        return rc;
    }
    AUTO_CLOSE int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    unlink(options->path);
    struct stat status;
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
        chmod(options->path, 0600) < 0 || listen(fd, 1) < 0 || stat(options->path, &status) < 0) {
        return error_set_errno(err, ERR_IO, errno, "Cannot listen at %s", options->path);
    }
    struct handover *handover = xcalloc(1, sizeof(*handover));
    handover->options = *options;
    handover->path = xstrdup(options->path);
    handover->options.path = handover->path;
    handover->inode = status.st_ino;
    handover->fd = fd;
    fd = -1; /* NOLINT(clang-analyzer-deadcode.DeadStores): AUTO_CLOSE reads it */
    handover->event = event_new(base, handover->fd, EV_READ | EV_PERSIST, on_visitor, handover);
    event_add(handover->event, NULL);
    *ret_handover = handover;
    return 0;
}

void handover_close(struct handover *handover)
{
    if (!handover) {
        return;
    }
    struct stat status;
    if (stat(handover->path, &status) == 0 && status.st_ino == handover->inode) {
        unlink(handover->path);
    }
    event_free(handover->event);
    close(handover->fd);
    free(handover->path);
    free(handover);
}

/* The new one ------------------------------------------------------------------------------- */

static void add(struct inheritance *inheritance, const char *text, int fd)
{
    if (inheritance->count == inheritance->capacity) {
        inheritance->capacity = inheritance->capacity ? 2 * inheritance->capacity : 64;
        inheritance->items =
            xreallocarray(inheritance->items, inheritance->capacity, sizeof(*inheritance->items));
    }
    inheritance->items[inheritance->count++] = (struct item){xstrdup(text), fd};
}

/* The text of one message and its descriptor; 0 at the end of the connection. */
static ssize_t receive(int from, char text[MESSAGE_SIZE], int *ret_fd)
{
    union {
        struct cmsghdr header;
        char space[CMSG_SPACE(sizeof(int))];
    } control;
    struct iovec bytes = {.iov_base = text, .iov_len = MESSAGE_SIZE - 1};
    struct msghdr message = {.msg_iov = &bytes,
                             .msg_iovlen = 1,
                             .msg_control = control.space,
                             .msg_controllen = sizeof(control.space)};
    *ret_fd = -1;
    ssize_t size = recvmsg(from, &message, MSG_CMSG_CLOEXEC);
    struct cmsghdr *header = size > 0 ? CMSG_FIRSTHDR(&message) : NULL;
    if (header && header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS) {
        memcpy(ret_fd, CMSG_DATA(header), sizeof(int));
    }
    text[size > 0 ? size : 0] = '\0';
    return size;
}

static int take(int fd, struct inheritance *inheritance, struct error *err)
{
    char text[MESSAGE_SIZE];
    int passed;
    for (;;) {
        ssize_t size = receive(fd, text, &passed);
        if (size <= 0) {
            return error_set(err, ERR_TIMEOUT, "The gate that runs does not hand over");
        }
        if (str_equal(text, "end")) {
            break;
        }
        add(inheritance, text, passed);
    }
    /* It closes the connection when its place is free. */
    if (send(fd, "ok", 2, MSG_NOSIGNAL) != 2 || receive(fd, text, &passed) != 0) {
        return error_set(err, ERR_TIMEOUT, "The gate that runs does not leave its place");
    }
    return 0;
}

int handover_take(const char *path, struct inheritance **ret_inheritance, struct error *err)
{
    struct sockaddr_un address;
    *ret_inheritance = NULL;
    int rc = make_address(path, &address, err);
    if (rc < 0) {
        return rc;
    }
    AUTO_CLOSE int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return error_set_errno(err, ERR_IO, errno, "Cannot make a socket");
    }
    set_patience(fd);
    if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
        return 0; /* nobody is there */
    }
    struct inheritance *inheritance = xcalloc(1, sizeof(*inheritance));
    rc = take(fd, inheritance, err);
    if (rc < 0) {
        handover_free(inheritance);
        return rc;
    }
    *ret_inheritance = inheritance;
    return 0;
}

void handover_free(struct inheritance *inheritance)
{
    if (!inheritance) {
        return;
    }
    for (size_t i = 0; i < inheritance->count; i++) {
        free(inheritance->items[i].text);
        if (inheritance->items[i].fd >= 0) {
            close(inheritance->items[i].fd);
        }
    }
    free(inheritance->items);
    free(inheritance);
}

static int64_t number_of(const char *text)
{
    int64_t number = 0;
    str_parse_i64(text, INT64_MIN, INT64_MAX, &number);
    return number;
}

static void read_numbers(char *text, struct gate_counters *counters)
{
    for (size_t i = 0; i < ARRAY_COUNT(numbers) && text; i++) {
        *(uint64_t *)((char *)counters + numbers[i]) = (uint64_t)number_of(strsep(&text, ","));
    }
}

static bool apply_route(struct gate *gate, char **fields, int *fd)
{
    struct error err;
    struct gate_counters counters = {0};
    struct route_spec spec = {
        .host = fields[1],
        .site_id = number_of(fields[3]),
        .owner = fields[4],
        .requests_per_s = (int)number_of(fields[5]),
        .connections_max = (int)number_of(fields[6]),
    };
    if (!route_state_parse(fields[2], &spec.state) ||
        gate_address_parse_list(fields[8], spec.targets, TARGETS_MAX, &spec.target_count, &err) <
            0 ||
        gate_route_set(gate, &spec, *fd, &err) < 0) {
        return false;
    }
    *fd = -1;
    read_numbers(fields[9], &counters);
    gate_restore(gate, spec.host, &counters, number_of(fields[7]));
    return true;
}

static void apply_parked(struct gate *gate, char **fields, int *fd)
{
    if (*fd >= 0 && gate_route_find(gate, fields[1])) {
        gate_adopt(gate, fields[1], *fd, number_of(fields[2]));
        *fd = -1;
    }
}

static void apply_former(struct formers *formers, int *fd)
{
    if (*fd >= 0) {
        formers_add(formers, *fd);
        *fd = -1;
    }
}

static void apply_owner(struct gate *gate, char **fields)
{
    const struct owner_limits limits = {.kbit_per_s = number_of(fields[2]),
                                        .connections = number_of(fields[3])};
    gate_set_owner_limits(gate, fields[1], &limits, NULL);
}

/* Missing fields are empty. */
static void split(char *text, char *fields[FIELDS_MAX])
{
    static char nothing[] = "";
    for (size_t i = 0; i < FIELDS_MAX; i++) {
        char *field = text ? strsep(&text, "\t") : NULL;
        fields[i] = field ? field : nothing;
    }
}

size_t handover_apply(struct inheritance *inheritance, struct gate *gate, struct formers *formers,
                      int64_t *ret_counting_since_unix)
{
    size_t failed = 0;
    for (size_t i = 0; i < inheritance->count; i++) {
        struct item *item = &inheritance->items[i];
        char *fields[FIELDS_MAX];
        split(item->text, fields);
        if (str_equal(fields[0], "gate")) {
            *ret_counting_since_unix = number_of(fields[1]);
        } else if (str_equal(fields[0], "owner")) {
            apply_owner(gate, fields);
        } else if (str_equal(fields[0], "route")) {
            failed += !apply_route(gate, fields, &item->fd);
        } else if (str_equal(fields[0], "parked")) {
            apply_parked(gate, fields, &item->fd);
        } else if (str_equal(fields[0], "former")) {
            apply_former(formers, &item->fd);
        }
    }
    handover_free(inheritance);
    return failed;
}
