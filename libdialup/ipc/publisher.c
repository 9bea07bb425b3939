/*
 * Sending events. Called on the loop's thread by whatever a daemon has to tell.
 */
#include "libdialup/ipc/events.h"

#include <nng/nng.h>
#include <nng/protocol/pubsub0/pub.h>
#include <time.h>

#include "libdialup/base/clock.h"
#include "libdialup/base/memory.h"
#include "libdialup/ipc/port.h"

/* Events that a subscriber may be behind. */
enum { SEND_BUFFER = 1024 };

struct ipc_publisher {
    struct ipc_port *port;
    int64_t last_seq;
};

/* There are no lanes and nobody asked for connections. */
static void deliver_nothing(void *context, struct ipc_mail *mail)
{
}

/* Microseconds: an event takes longer than one, so the numbers of a later run are larger. Fits the
 * integers of any JSON reader. */
static int64_t first_number(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

int ipc_publisher_open(struct event_base *base, const char *path,
                       struct ipc_publisher **ret_publisher, struct error *err)
{
    struct ipc_publisher *publisher = xcalloc(1, sizeof(*publisher));
    publisher->last_seq = first_number();
    const struct ipc_port_options options = {
        .open_socket = nng_pub0_open,
        .max_message_bytes = IPC_MAX_EVENT_BYTES,
        .deliver = deliver_nothing,
    };
    int code = ipc_port_open(base, &options, &publisher->port, err);
    if (code == 0) {
        nng_socket_set_int(ipc_port_socket(publisher->port), NNG_OPT_SENDBUF, SEND_BUFFER);
        code = ipc_port_listen(publisher->port, path, err);
    }
    if (code < 0) {
        ipc_publisher_close(publisher);
        return code;
    }
    *ret_publisher = publisher;
    return 0;
}

bool ipc_publisher_close(struct ipc_publisher *publisher)
{
    if (!publisher) {
        return true;
    }
    bool is_closed = ipc_port_close(publisher->port);
    free(publisher);
    return is_closed;
}

static void write_event(struct strbuf *out, int64_t seq, const char *name,
                        const struct json_shape *shape, const void *data)
{
    struct json_writer writer;
    json_writer_init(&writer, out);
    json_begin_object(&writer);
    json_put_integer(&writer, "seq", seq);
    json_put_text(&writer, "event", name);
    json_put_integer(&writer, "at_unix_ms", clock_unix_ms());
    json_key(&writer, "data");
    if (shape && data) {
        json_encode(&writer, shape, data);
    } else {
        json_begin_object(&writer);
        json_end_object(&writer);
    }
    json_end_object(&writer);
    strbuf_putc(out, '\n');
}

bool ipc_publisher_emit(struct ipc_publisher *publisher, const char *name,
                        const struct json_shape *shape, const void *data)
{
    AUTO_STRBUF struct strbuf text = STRBUF_INIT;
    write_event(&text, ++publisher->last_seq, name, shape, data);
    if (text.size > IPC_MAX_EVENT_BYTES) {
        return false;
    }
    nng_msg *msg = ipc_message_new(text.data, text.size);
    if (nng_sendmsg(ipc_port_socket(publisher->port), msg, NNG_FLAG_NONBLOCK) != 0) {
        nng_msg_free(msg);
    }
    return true;
}
