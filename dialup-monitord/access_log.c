/*
 * Receiving the access log; see the header. Opened by main.
 */
#include "dialup-monitord/access_log.h"

#include <arpa/inet.h>
#include <errno.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <sys/socket.h>
#include <unistd.h>

#include "libdialup/base/memory.h"

/* A burst must not keep the loop from its other work; the socket's buffer keeps the rest. */
enum { LINES_PER_TURN = 200, BUFFER_BYTES = 4 * 1024 * 1024 };

struct access_log {
    int fd;
    struct event event;
    access_line_fn *on_line;
    void *context;
    struct arena *arena;
    char datagram[ACCESS_LINE_MAX_BYTES];
};

static void on_readable(evutil_socket_t fd, short events, void *context)
{
    struct access_log *log = context;
    for (int i = 0; i < LINES_PER_TURN; i++) {
        struct access_line line;
        ssize_t got = recv(log->fd, log->datagram, sizeof(log->datagram), 0);
        if (got < 0) {
            return;
        }
        arena_reset(log->arena);
        if (parse_access_log(log->arena, log->datagram, (size_t)got, &line)) {
            log->on_line(log->context, &line);
        }
    }
}

static int open_socket(int port, struct error *err)
{
    const struct sockaddr_in address = {
        .sin_family = AF_INET,
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
        .sin_port = htons((uint16_t)port),
    };
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return error_set_errno(err, ERR_IO, errno, "Cannot make a socket");
    }
    int bytes = BUFFER_BYTES;
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
    if (bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0) {
        int code = errno == EADDRINUSE ? ERR_ALREADY_EXISTS : ERR_IO;
        error_set_errno(err, code, errno, "Cannot listen for the access log on UDP port %d", port);
        error_hint(err, "Set monitord.access_log_port to a free one, and Caddy's "
                        "DIALUP_ACCESS_LOG_PORT to the same");
        close(fd);
        return -code;
    }
    return fd;
}

int access_log_open(struct event_base *base, int port, access_line_fn *on_line, void *context,
                    struct access_log **ret_log, struct error *err)
{
    int fd = open_socket(port, err);
    if (fd < 0) {
        return fd;
    }
    struct access_log *log = xcalloc(1, sizeof(*log));
    log->fd = fd;
    log->on_line = on_line;
    log->context = context;
    log->arena = arena_new();
    event_assign(&log->event, base, fd, EV_READ | EV_PERSIST, on_readable, log);
    event_add(&log->event, NULL);
    *ret_log = log;
    return 0;
}

void access_log_close(struct access_log *log)
{
    if (log) {
        event_del(&log->event);
        close(log->fd);
        arena_free(log->arena);
        free(log);
    }
}
