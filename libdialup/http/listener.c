/*
 * The listening socket: a unix socket of mode 0660 or loopback, and when to stop accepting. Called
 * by server.c at start and stop, by connection.c when the number of connections changes.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "libdialup/base/clock.h"
#include "libdialup/base/log.h"
#include "libdialup/base/memory.h"
#include "libdialup/base/str.h"
#include "libdialup/http/internal.h"

/* While all connections are taken, whoever comes next waits here for its turn: behind a full
 * backlog a proxy is refused at once. The kernel's own limit (net.core.somaxconn) is 4096. */
enum { BACKLOG = 1024, LOOK_AGAIN_MS = 100 };

static int open_socket(int family, struct error *err)
{
    int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    return fd >= 0 ? fd : error_set_errno(err, ERR_INTERNAL, errno, "No socket");
}

static int unix_address(const char *path, struct sockaddr_un *ret_address, struct error *err)
{
    *ret_address = (struct sockaddr_un){.sun_family = AF_UNIX};
    if (!str_copy(ret_address->sun_path, sizeof(ret_address->sun_path), path)) {
        return error_set(err, ERR_INVALID_ARGUMENT, "%s is too long for a socket.", path);
    }
    return 0;
}

/* Removes the file of a server that is dead. A full backlog (EAGAIN) is a sign of life. */
static int remove_stale(const struct sockaddr_un *address, struct error *err)
{
    struct stat info;
    if (lstat(address->sun_path, &info) < 0) {
        return 0;
    }
    if (!S_ISSOCK(info.st_mode)) {
        return error_set(err, ERR_ALREADY_EXISTS, "%s is there and is not a socket.",
                         address->sun_path);
    }
    AUTO_CLOSE int fd = open_socket(AF_UNIX, err);
    if (fd < 0) {
        return fd;
    }
    if (connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0 ||
        errno != ECONNREFUSED) {
        return error_set(err, ERR_ALREADY_EXISTS, "Another program answers on %s.",
                         address->sun_path);
    }
    if (unlink(address->sun_path) < 0 && errno != ENOENT) {
        return error_set_errno(err, ERR_IO, errno, "%s cannot be removed", address->sun_path);
    }
    return 0;
}

/* The mode is set before listen(2), so nobody connects with another one. */
static int listen_unix(int fd, const struct sockaddr_un *address, struct error *err)
{
    if (bind(fd, (const struct sockaddr *)address, sizeof(*address)) < 0 ||
        chmod(address->sun_path, 0660) < 0 || listen(fd, BACKLOG) < 0) {
        return error_set_errno(err, ERR_IO, errno, "Cannot listen on %s", address->sun_path);
    }
    return 0;
}

static int open_unix(const char *path, struct error *err)
{
    struct sockaddr_un address;
    int result = unix_address(path, &address, err);
    if (result == 0) {
        result = remove_stale(&address, err);
    }
    int fd = result == 0 ? open_socket(AF_UNIX, err) : result;
    if (fd < 0) {
        return fd;
    }
    result = listen_unix(fd, &address, err);
    if (result < 0) {
        close(fd);
        return result;
    }
    return fd;
}

union tcp_address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

static int loopback_address(const char *text, int port, union tcp_address *ret_address,
                            socklen_t *ret_size, struct error *err)
{
    union tcp_address address = {0};
    uint16_t net_port = htons((uint16_t)port);
    if (inet_pton(AF_INET, text, &address.v4.sin_addr) == 1 &&
        ntohl(address.v4.sin_addr.s_addr) >> 24 == IN_LOOPBACKNET) {
        address.v4.sin_family = AF_INET;
        address.v4.sin_port = net_port;
        *ret_size = sizeof(address.v4);
    } else if (str_equal(text, "::1")) {
        address.v6.sin6_family = AF_INET6;
        address.v6.sin6_addr = in6addr_loopback;
        address.v6.sin6_port = net_port;
        *ret_size = sizeof(address.v6);
    } else {
        return error_set(err, ERR_INVALID_ARGUMENT,
                         "%s is not an address of this machine alone; use 127.0.0.1.", text);
    }
    *ret_address = address;
    return 0;
}

static int open_tcp(const char *text, int port, struct error *err)
{
    union tcp_address address;
    socklen_t size = 0;
    int result = loopback_address(text, port, &address, &size, err);
    int fd = result == 0 ? open_socket(address.any.sa_family, err) : result;
    if (fd < 0) {
        return fd;
    }
    int on = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (bind(fd, &address.any, size) < 0 || listen(fd, BACKLOG) < 0) {
        result = error_set_errno(err, ERR_IO, errno, "Cannot listen on %s port %d", text, port);
        close(fd);
        return result;
    }
    return fd;
}

static bool may_accept(const struct http_server *server)
{
    return !server->stopping && server->counters.open_connections < server->options.max_connections;
}

/* Not later than was said before. */
static void look_again(struct http_server *server)
{
    struct timeval soon = clock_timeval_of_ms(LOOK_AGAIN_MS);
    if (!event_pending(server->resume_event, EV_TIMEOUT, NULL)) {
        event_add(server->resume_event, &soon);
    }
}

static void pause_accepting(struct http_server *server)
{
    evconnlistener_disable(server->listener);
    server->counters.paused++;
}

/* evhttp puts itself in the place of the listener's argument, so the error callback has to look up
 * whose listener it is. */
static LIST_HEAD(, http_server) listening = LIST_HEAD_INITIALIZER(listening);

static struct http_server *server_of(const struct evconnlistener *listener)
{
    struct http_server *server;
    LIST_FOREACH(server, &listening, next_listening)
    {
        if (server->listener == listener) {
            break;
        }
    }
    ASSERT(server);
    return server;
}

/* Descriptors or memory ran out. accept(2) would fail again at once, for ever. */
static void on_accept_error(struct evconnlistener *listener, void *evhttp)
{
    struct http_server *server = server_of(listener);
    pause_accepting(server);
    look_again(server);
}

void http_listener_pause_at_limit(struct http_server *server)
{
    if (server->bound && !may_accept(server)) {
        pause_accepting(server);
        look_again(server);
    }
}

void http_listener_resume(struct http_server *server)
{
    if (server->bound && may_accept(server)) {
        evconnlistener_enable(server->listener);
    }
}

bool http_listener_look_again(struct http_server *server)
{
    http_listener_resume(server);
    bool is_full = server->bound && !may_accept(server);
    if (is_full) {
        look_again(server);
    }
    return !is_full;
}

int http_listener_open(struct http_server *server, struct error *err)
{
    const struct http_options *options = &server->options;
    int fd = options->unix_path ? open_unix(options->unix_path, err)
                                : open_tcp(options->address, options->port, err);
    if (fd < 0) {
        return fd;
    }
    server->listener = evconnlistener_new(server->base, NULL, NULL,
                                          LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, 0, fd);
    ASSERT(server->listener);
    server->bound = evhttp_bind_listener(server->evhttp, server->listener);
    ASSERT(server->bound);
    evconnlistener_set_error_cb(server->listener, on_accept_error);
    LIST_INSERT_HEAD(&listening, server, next_listening);
    return 0;
}

void http_listener_close(struct http_server *server)
{
    if (!server->bound) {
        return;
    }
    LIST_REMOVE(server, next_listening);
    evhttp_del_accept_socket(server->evhttp, server->bound);
    server->bound = NULL;
    server->listener = NULL;
    if (server->options.unix_path) {
        unlink(server->options.unix_path);
    }
}
