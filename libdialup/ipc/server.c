/*
 * The server as a whole: its lock, its socket, the service behind it. What a message means is
 * dispatch.c's, how it comes and goes answer_lane.c's.
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
#include "libdialup/ipc/answer_lane.h"
#include "libdialup/ipc/dispatch.h"
#include "libdialup/ipc/request_internal.h"

struct ipc_server {
    struct ipc_service service;
    struct ipc_server_options options;
    struct ipc_port *port;
    int lock_fd;
};

static int take_lock(struct ipc_server *server, struct error *err);
static int open_port(struct ipc_server *server, struct error *err);

static void service_init(struct ipc_service *service, struct event_base *base,
                         const struct ipc_server_options *options)
{
    for (size_t i = 0; i < options->method_count; i++) {
        ASSERT(options->handlers[i]);
    }
    service->base = base;
    service->daemon = options->daemon;
    service->methods = options->methods;
    service->method_count = options->method_count;
    service->handlers = options->handlers;
    service->context = options->context;
    service->method_counters =
        xcalloc(options->method_count + 1, sizeof(*service->method_counters));
    ipc_peers_init(&service->peers, options->daemon_gid);
}

int ipc_server_open(struct event_base *base, const struct ipc_server_options *options,
                    struct ipc_server **ret_server, struct error *err)
{
    struct ipc_server *server = xcalloc(1, sizeof(*server));
    server->options = *options;
    server->lock_fd = -1;
    service_init(&server->service, base, options);
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

static void deliver(void *context, struct ipc_mail *mail)
{
    struct ipc_server *server = context;
    ipc_dispatch(&server->service, ipc_lane_of(mail));
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
        .on_done = ipc_answer_lane_on_done,
        .deliver = deliver,
        .context = server,
    };
    int code = ipc_port_open(server->service.base, &options, &server->port, err);
    if (code < 0) {
        return code;
    }
    for (size_t i = 0; i < IPC_MAX_OPEN; i++) {
        ipc_answer_lane_receive(ipc_port_lane(server->port, i));
    }
    code = ipc_port_listen(server->port, server->options.path, err);
    return code < 0 ? code : share_with_group(&server->options, err);
}

bool ipc_server_close(struct ipc_server *server)
{
    if (!server) {
        return true;
    }
    ipc_requests_detach(&server->service);
    bool is_closed = ipc_port_close(server->port);
    if (server->lock_fd >= 0) {
        close(server->lock_fd);
    }
    ipc_peers_fini(&server->service.peers);
    free(server->service.method_counters);
    free(server);
    return is_closed;
}

struct ipc_server_stats ipc_server_stats(const struct ipc_server *server)
{
    return server->service.stats;
}

const struct ipc_method *ipc_server_methods(const struct ipc_server *server, size_t *ret_count)
{
    *ret_count = server->service.method_count;
    return server->service.methods;
}

struct ipc_counters ipc_server_method_counters(const struct ipc_server *server, size_t index)
{
    ASSERT(index < server->service.method_count);
    return server->service.method_counters[index];
}

const char *ipc_server_path(const struct ipc_server *server)
{
    return server->options.path;
}

uint64_t ipc_server_connections_ended(const struct ipc_server *server)
{
    return ipc_port_pipes(server->port).removed;
}
