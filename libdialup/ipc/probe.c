/*
 * The SP wire format over a unix socket: 8 bytes of hello each way (00 'S' 'P' 00, protocol,
 * 0000), then frames of 01, a length of 64 bits, and the body, which in the request protocol
 * begins with 4 bytes of request id. Called by the watch.
 */
#include "libdialup/ipc/probe.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "libdialup/base/clock.h"
#include "libdialup/base/log.h"
#include "libdialup/base/memory.h"
#include "libdialup/base/str.h"

enum { HELLO_SIZE = 8, FRAME_HEAD_SIZE = 9, REQUEST_ID_SIZE = 4 };

static const char req_hello[HELLO_SIZE] = {0, 'S', 'P', 0, 0, 0x30, 0, 0};
static const char rep_hello[HELLO_SIZE] = {0, 'S', 'P', 0, 0, 0x31, 0, 0};
static const char ping[] = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"rpc.ping\"}";

struct ipc_probe {
    struct ipc_probe_options options;
    struct bufferevent *connection;
    struct event *timer;
    bool has_hello;
    const char *failure;
};

static void on_readable(struct bufferevent *connection, void *context);
static void on_connection(struct bufferevent *connection, short what, void *context);
static void on_timer(int fd, short what, void *context);
static void send_ping(struct ipc_probe *probe);

static bool start_connection(struct ipc_probe *probe)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (!str_copy(address.sun_path, sizeof(address.sun_path), probe->options.path)) {
        return false;
    }
    bufferevent_setcb(probe->connection, on_readable, NULL, on_connection, probe);
    bufferevent_enable(probe->connection, EV_READ | EV_WRITE);
    if (bufferevent_socket_connect(probe->connection, (struct sockaddr *)&address,
                                   sizeof(address)) < 0) {
        return false;
    }
    bufferevent_write(probe->connection, req_hello, sizeof(req_hello));
    if (probe->options.ping) {
        send_ping(probe);
    }
    return true;
}

struct ipc_probe *ipc_probe_start(struct event_base *base, const struct ipc_probe_options *options)
{
    struct ipc_probe *probe = xcalloc(1, sizeof(*probe));
    probe->options = *options;
    probe->failure = "it does not answer";
    /* Deferred: nothing is reported before this function has returned. */
    probe->connection =
        bufferevent_socket_new(base, -1, BEV_OPT_CLOSE_ON_FREE | BEV_OPT_DEFER_CALLBACKS);
    probe->timer = evtimer_new(base, on_timer, probe);
    ASSERT(probe->connection && probe->timer);
    int64_t timeout_ms = options->timeout_ms;
    if (!start_connection(probe)) {
        probe->failure = "its socket cannot be reached";
        timeout_ms = 0;
    }
    const struct timeval timeout = clock_timeval_of_ms(timeout_ms);
    evtimer_add(probe->timer, &timeout);
    return probe;
}

void ipc_probe_free(struct ipc_probe *probe)
{
    if (!probe) {
        return;
    }
    bufferevent_free(probe->connection);
    event_free(probe->timer);
    free(probe);
}

static void send_ping(struct ipc_probe *probe)
{
    size_t body_size = sizeof(ping) - 1;
    /* The length fits its last byte; the top bit of the id says that it is the last hop's. */
    const unsigned char head[FRAME_HEAD_SIZE + REQUEST_ID_SIZE] = {
        1, 0, 0, 0, 0, 0, 0, 0, (unsigned char)(REQUEST_ID_SIZE + body_size), 0x80, 0, 0, 1};
    _Static_assert(REQUEST_ID_SIZE + sizeof(ping) - 1 < 256, "one byte of length");
    bufferevent_write(probe->connection, head, sizeof(head));
    bufferevent_write(probe->connection, ping, body_size);
}

static void end(struct ipc_probe *probe, const char *failure)
{
    const struct ipc_probe_options options = probe->options;
    ipc_probe_free(probe);
    options.on_done(options.context, failure);
}

static void on_readable(struct bufferevent *connection, void *context)
{
    struct ipc_probe *probe = context;
    struct evbuffer *input = bufferevent_get_input(connection);
    if (!probe->has_hello) {
        char hello[HELLO_SIZE];
        if (evbuffer_get_length(input) < sizeof(hello)) {
            return;
        }
        evbuffer_remove(input, hello, sizeof(hello));
        if (memcmp(hello, rep_hello, sizeof(hello)) != 0) {
            end(probe, "something else answers on its socket");
            return;
        }
        probe->has_hello = true;
    }
    /* Whatever it says, a frame shows that the loop answers requests. */
    if (!probe->options.ping || evbuffer_get_length(input) > FRAME_HEAD_SIZE) {
        end(probe, NULL);
    }
}

static void on_connection(struct bufferevent *connection, short what, void *context)
{
    if (what & (BEV_EVENT_ERROR | BEV_EVENT_EOF)) {
        end(context, "it drops connections");
    }
}

static void on_timer(int fd, short what, void *context)
{
    struct ipc_probe *probe = context;
    end(probe, probe->failure);
}
