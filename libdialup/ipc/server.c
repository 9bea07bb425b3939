/*
 * The server's sockets: lock, listen, the pool of lanes that receive and send. What a request
 * means is request.c's. The lane function runs on nng's threads.
 */
#include "libdialup/ipc/server.h"

#include <errno.h>
#include <fcntl.h>
#include <nng/nng.h>
#include <nng/protocol/reqrep0/rep.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "libdialup/base/memory.h"
#include "libdialup/base/str.h"
#include "libdialup/ipc/server_internal.h"

/* A peer that does not read its answer holds a lane no longer than this. */
enum { SEND_TIMEOUT_MS = 5000 };

enum { STEP_RECEIVE, STEP_SEND };

static int take_lock(struct ipc_server *server, struct error *err);
static int open_port(struct ipc_server *server, struct error *err);
static void receive(struct ipc_lane *lane);

int ipc_server_open(struct event_base *base, const struct ipc_server_options *options,
                    struct ipc_server **ret_server, struct error *err)
{
    struct ipc_server *server = xcalloc(1, sizeof(*server));
    server->base = base;
    server->options = *options;
    server->lock_fd = -1;
    for (size_t i = 0; i < options->method_count; i++) {
        ASSERT(options->handlers[i]);
    }
    server->method_counters = xcalloc(options->method_count + 1, sizeof(*server->method_counters));
    ipc_peers_init(&server->peers, options->daemon_gid);
    int code = take_lock(server, err);
    if (code == 0) {
        code = open_port(server, err);
    }
    if (code < 0) {
        ipc_server_close(server);
        return code;
    }
    *ret_server = server;
    return 0;
}

static int error_running(const struct ipc_server *server, int lock_fd, struct error *err)
{
    char pid[24] = "";
    ssize_t size = pread(lock_fd, pid, sizeof(pid) - 1, 0);
    pid[size > 0 ? strcspn(pid, "\n") : 0] = '\0';
    error_set(err, ERR_CONFLICT, "%s is running already%s%s", server->options.daemon,
              pid[0] ? ", as process " : "", pid);
    error_hint(err, "Stop it first: systemctl stop %s", server->options.daemon);
    return -ERR_CONFLICT;
}

/* The lock goes with the descriptor, so a killed daemon leaves none behind. The file stays: to
 * remove it would let two processes hold locks on two files of the same name. */
static int take_lock(struct ipc_server *server, struct error *err)
{
    const char *path = server->options.lock_path;
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640);
    if (fd < 0) {
        return error_set_errno(err, ERR_IO, errno, "Cannot open the lock file %s", path);
    }
    server->lock_fd = fd;
    if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
        return errno == EWOULDBLOCK ? error_running(server, fd, err)
                                    : error_set_errno(err, ERR_IO, errno, "Cannot lock %s", path);
    }
    char pid[24];
    int size = snprintf(pid, sizeof(pid), "%d\n", (int)getpid());
    if (ftruncate(fd, 0) < 0 || pwrite(fd, pid, (size_t)size, 0) != size) {
        return error_set_errno(err, ERR_IO, errno, "Cannot write the lock file %s", path);
    }
    return 0;
}

/* On an nng thread. */
static void on_lane(struct ipc_lane *lane)
{
    int result = nng_aio_result(lane->aio);
    if (lane->step == STEP_RECEIVE && result == 0) {
        lane->msg = nng_aio_get_msg(lane->aio);
        ipc_lane_post(lane);
        return;
    }
    if (lane->step == STEP_SEND && result != 0) {
        nng_msg_free(nng_aio_get_msg(lane->aio));
    }
    if (result != NNG_ECLOSED && result != NNG_ECANCELED) {
        receive(lane);
    }
}

static void receive(struct ipc_lane *lane)
{
    lane->step = STEP_RECEIVE;
    nng_aio_set_timeout(lane->aio, NNG_DURATION_INFINITE);
    nng_ctx_recv(lane->ctx, lane->aio);
}

void ipc_server_send(struct ipc_lane *lane, const void *data, size_t size)
{
    lane->step = STEP_SEND;
    nng_aio_set_msg(lane->aio, ipc_message_new(data, size));
    nng_aio_set_timeout(lane->aio, SEND_TIMEOUT_MS);
    nng_ctx_send(lane->ctx, lane->aio);
}

static void deliver(void *context, struct ipc_mail *mail)
{
    ipc_dispatch(context, ipc_lane_of(mail));
}

/* A request that is somewhat larger than its method's limit is read and refused in words; nng cuts
 * off what is larger still. */
static size_t largest_request(const struct ipc_server_options *options)
{
    size_t largest = IPC_MAX_REQUEST_BYTES;
    for (size_t i = 0; i < options->method_count; i++) {
        if (options->methods[i].max_request_bytes > largest) {
            largest = options->methods[i].max_request_bytes;
        }
    }
    return largest + largest / 4;
}

static int share_with_group(const struct ipc_server_options *options, struct error *err)
{
    gid_t gid = options->daemon_gid;
    if (gid == (gid_t)-1 || gid == getegid() || chown(options->path, (uid_t)-1, gid) == 0) {
        return 0;
    }
    return error_set_errno(err, ERR_IO, errno, "Cannot give %s to group %u", options->path,
                           (unsigned)gid);
}

static int open_port(struct ipc_server *server, struct error *err)
{
    const struct ipc_port_options options = {
        .open_socket = nng_rep0_open,
        .lane_count = IPC_MAX_OPEN,
        .max_message_bytes = largest_request(&server->options),
        .on_done = on_lane,
        .deliver = deliver,
        .context = server,
    };
    int code = ipc_port_open(server->base, &options, &server->port, err);
    if (code < 0) {
        return code;
    }
    for (size_t i = 0; i < IPC_MAX_OPEN; i++) {
        receive(ipc_port_lane(server->port, i));
    }
    code = ipc_port_listen(server->port, server->options.path, err);
    return code < 0 ? code : share_with_group(&server->options, err);
}

bool ipc_server_close(struct ipc_server *server)
{
    if (!server) {
        return true;
    }
    ipc_requests_detach(server);
    bool is_closed = ipc_port_close(server->port);
    if (server->lock_fd >= 0) {
        close(server->lock_fd);
    }
    ipc_peers_fini(&server->peers);
    free(server->method_counters);
    free(server);
    return is_closed;
}

struct ipc_server_stats ipc_server_stats(const struct ipc_server *server)
{
    return server->stats;
}

const struct ipc_method *ipc_server_methods(const struct ipc_server *server, size_t *ret_count)
{
    *ret_count = server->options.method_count;
    return server->options.methods;
}

struct ipc_counters ipc_server_method_counters(const struct ipc_server *server, size_t index)
{
    ASSERT(index < server->options.method_count);
    return server->method_counters[index];
}
