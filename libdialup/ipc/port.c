/*
 * Opening, connecting and above all ending an nng socket with its lanes. Called by the server, the
 * client and the events. Knows nothing of what the messages say.
 */
#include "libdialup/ipc/port.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <nng/transport/ipc/ipc.h>

#include "libdialup/base/log.h"
#include "libdialup/base/memory.h"

enum { RECONNECT_FIRST_MS = 20, RECONNECT_LONGEST_MS = 500 };

_Static_assert(IPC_PATH_SIZE == sizeof(((struct sockaddr_un *)0)->sun_path), "sun_path");

struct ipc_port {
    nng_socket socket;
    struct ipc_mailbox *mailbox;
    struct ipc_lane *lanes;
    size_t lane_count;
    struct ipc_mail *on_connect;
    nng_dialer dialer; /* id 0: none */
    atomic_uint_fast64_t pipes_added;
    atomic_uint_fast64_t pipes_removed;
    atomic_bool connect_posted;
};

/* Shared by the thread that ends a port and the one that waits for it; the last frees it. */
struct closing {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool is_done;
    bool is_abandoned;
    struct ipc_port *port;
};

#if NNG_MAJOR_VERSION == 1 && NNG_MINOR_VERSION < 6
/*
 * libnng before 1.6 takes EPIPE from a peer that left during the handshake for the end of its own
 * listener or dialer and never accepts or connects again (nng issue 1518). It copes with
 * ECONNRESET. The dynamic linker binds libnng's calls to this definition; other callers lose
 * nothing by the difference.
 */
ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
    long sent = syscall(SYS_sendmsg, fd, message, flags);
    if (sent < 0 && errno == EPIPE) {
        errno = ECONNRESET;
    }
    return sent;
}
#endif

static int open_lanes(struct ipc_port *port, const struct ipc_port_options *options,
                      struct error *err);
static void on_pipe(nng_pipe pipe, nng_pipe_ev what, void *context);
static bool wait_for_close(struct closing *closing);
static void *run_close(void *context);
static void close_now(struct ipc_port *port);

static int error_nng(struct error *err, int result, const char *what)
{
    return error_set(err, ERR_IO, "%s: %s", what, nng_strerror(result));
}

int ipc_port_open(struct event_base *base, const struct ipc_port_options *options,
                  struct ipc_port **ret_port, struct error *err)
{
    nng_socket socket;
    int result = options->open_socket(&socket);
    if (result != 0) {
        return error_nng(err, result, "Cannot open a message socket");
    }
    struct ipc_port *port = xcalloc(1, sizeof(*port));
    port->socket = socket;
    port->on_connect = options->on_connect;
    nng_socket_set_size(socket, NNG_OPT_RECVMAXSZ, options->max_message_bytes);
    int code = ipc_mailbox_open(base, options->deliver, options->context, &port->mailbox, err);
    if (code == 0) {
        nng_pipe_notify(socket, NNG_PIPE_EV_ADD_POST, on_pipe, port);
        nng_pipe_notify(socket, NNG_PIPE_EV_REM_POST, on_pipe, port);
        code = open_lanes(port, options, err);
    }
    if (code < 0) {
        ipc_port_close(port);
        return code;
    }
    *ret_port = port;
    return 0;
}

static void on_lane(void *context)
{
    struct ipc_lane *lane = context;
    lane->on_done(lane);
}

static int open_lanes(struct ipc_port *port, const struct ipc_port_options *options,
                      struct error *err)
{
    port->lanes = xcalloc(options->lane_count + 1, sizeof(*port->lanes));
    for (size_t i = 0; i < options->lane_count; i++) {
        struct ipc_lane *lane = &port->lanes[i];
        lane->port = port;
        int result = nng_ctx_open(&lane->ctx, port->socket);
        if (result != 0) {
            return error_nng(err, result, "Cannot open a message context");
        }
        port->lane_count++;
        result = nng_aio_alloc(&lane->aio, on_lane, lane);
        if (result != 0) {
            return error_nng(err, result, "Cannot prepare a message operation");
        }
        lane->on_done = options->on_done;
    }
    return 0;
}

nng_socket ipc_port_socket(const struct ipc_port *port)
{
    return port->socket;
}

struct ipc_lane *ipc_port_lane(struct ipc_port *port, size_t index)
{
    return &port->lanes[index];
}

void ipc_lane_post(struct ipc_lane *lane)
{
    ipc_mailbox_post(lane->port->mailbox, &lane->mail);
}

struct ipc_lane *ipc_lane_of(struct ipc_mail *mail)
{
    return CONTAINER_OF(mail, struct ipc_lane, mail);
}

static int make_url(char *url, size_t size, const char *path, struct error *err)
{
    if (strlen(path) >= IPC_PATH_SIZE) {
        error_set(err, ERR_INVALID_ARGUMENT, "The socket's path is too long: %s", path);
        error_hint(err, "Choose a shorter run_dir; a socket's path may have %d bytes.",
                   IPC_PATH_SIZE - 1);
        return -ERR_INVALID_ARGUMENT;
    }
    snprintf(url, size, "ipc://%s", path);
    return 0;
}

int ipc_port_listen(struct ipc_port *port, const char *path, struct error *err)
{
    char url[IPC_PATH_SIZE + 8];
    int code = make_url(url, sizeof(url), path, err);
    if (code < 0) {
        return code;
    }
    /* nng would connect to see whether the file is stale. */
    if (unlink(path) < 0 && errno != ENOENT) {
        return error_set_errno(err, ERR_IO, errno, "Cannot replace %s", path);
    }
    nng_listener listener;
    int result = nng_listener_create(&listener, port->socket, url);
    if (result == 0) {
        result = nng_listener_set_int(listener, NNG_OPT_IPC_PERMISSIONS, 0660);
    }
    if (result == 0) {
        result = nng_listener_start(listener, 0);
    }
    if (result != 0) {
        return error_set(err, ERR_IO, "Cannot listen on %s: %s", path, nng_strerror(result));
    }
    return 0;
}

int ipc_port_dial(struct ipc_port *port, const char *path, struct error *err)
{
    char url[IPC_PATH_SIZE + 8];
    int code = make_url(url, sizeof(url), path, err);
    if (code < 0) {
        return code;
    }
    nng_dialer dialer;
    int result = nng_dialer_create(&dialer, port->socket, url);
    if (result == 0) {
        port->dialer = dialer;
        nng_dialer_set_ms(dialer, NNG_OPT_RECONNMINT, RECONNECT_FIRST_MS);
        nng_dialer_set_ms(dialer, NNG_OPT_RECONNMAXT, RECONNECT_LONGEST_MS);
        result = nng_dialer_start(dialer, NNG_FLAG_NONBLOCK);
    }
    if (result != 0) {
        return error_set(err, ERR_IO, "Cannot connect to %s: %s", path, nng_strerror(result));
    }
    return 0;
}

void ipc_port_hang_up(struct ipc_port *port)
{
    if (port->dialer.id != 0) {
        nng_dialer_close(port->dialer);
        port->dialer = (nng_dialer)NNG_DIALER_INITIALIZER;
    }
}

static void on_pipe(nng_pipe pipe, nng_pipe_ev what, void *context)
{
    struct ipc_port *port = context;
    if (what == NNG_PIPE_EV_REM_POST) {
        atomic_fetch_add(&port->pipes_removed, 1);
        return;
    }
    atomic_fetch_add(&port->pipes_added, 1);
    if (port->on_connect && !atomic_exchange(&port->connect_posted, true)) {
        ipc_mailbox_post(port->mailbox, port->on_connect);
    }
}

void ipc_port_connect_seen(struct ipc_port *port)
{
    atomic_store(&port->connect_posted, false);
}

struct ipc_port_pipes ipc_port_pipes(const struct ipc_port *port)
{
    /* Removed first: so it never seems larger than added. */
    uint64_t removed = atomic_load(&port->pipes_removed);
    return (struct ipc_port_pipes){.added = atomic_load(&port->pipes_added), .removed = removed};
}

nng_msg *ipc_message_new(const void *data, size_t size)
{
    nng_msg *msg = NULL;
    if (nng_msg_alloc(&msg, size) != 0) {
        log_panic("out of memory: a message of %zu bytes", size);
    }
    memcpy(nng_msg_body(msg), data, size);
    return msg;
}

bool ipc_port_close(struct ipc_port *port)
{
    if (!port) {
        return true;
    }
    if (port->mailbox) {
        ipc_mailbox_mute(port->mailbox);
    }
    struct closing *closing = xcalloc(1, sizeof(*closing));
    closing->port = port;
    pthread_mutex_init(&closing->lock, NULL);
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&closing->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    return wait_for_close(closing);
}

static void closing_free(struct closing *closing)
{
    pthread_cond_destroy(&closing->changed);
    pthread_mutex_destroy(&closing->lock);
    free(closing);
}

static bool wait_for_close(struct closing *closing)
{
    pthread_t thread;
    if (pthread_create(&thread, NULL, run_close, closing) != 0) {
        /* Better a leak at the end of the process than a hang. */
        closing_free(closing);
        return false;
    }
    pthread_detach(thread);
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += IPC_CLOSE_TIMEOUT_MS / 1000;
    pthread_mutex_lock(&closing->lock);
    while (!closing->is_done &&
           pthread_cond_timedwait(&closing->changed, &closing->lock, &until) == 0) {
    }
    bool is_done = closing->is_done;
    closing->is_abandoned = true;
    pthread_mutex_unlock(&closing->lock);
    if (is_done) {
        closing_free(closing);
    }
    return is_done;
}

static void *run_close(void *context)
{
    struct closing *closing = context;
    close_now(closing->port);
    pthread_mutex_lock(&closing->lock);
    bool is_abandoned = closing->is_abandoned;
    closing->is_done = true;
    pthread_cond_signal(&closing->changed);
    pthread_mutex_unlock(&closing->lock);
    if (is_abandoned) {
        closing_free(closing);
    }
    return NULL;
}

/* May hang in libnng 1.5. */
static void close_now(struct ipc_port *port)
{
    for (size_t i = 0; i < port->lane_count; i++) {
        /* Also waits for the callback; no operation can be started after it. */
        nng_aio_stop(port->lanes[i].aio);
    }
    nng_close(port->socket);
    for (size_t i = 0; i < port->lane_count; i++) {
        nng_aio_free(port->lanes[i].aio);
        nng_msg_free(port->lanes[i].msg);
    }
    ipc_mailbox_free(port->mailbox);
    free(port->lanes);
    free(port);
}
