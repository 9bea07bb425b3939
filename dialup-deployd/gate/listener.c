/*
 * Listening sockets of the sites. Used by gate.c.
 *
 * When the process runs out of descriptors accept(2) fails at once, again and again, while the
 * connection waits on; the listener then rests for a moment instead of spinning.
 */
#include "dialup-deployd/gate/listener.h"

#include <dirent.h>
#include <errno.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "libdialup/base/clock.h"
#include "libdialup/base/memory.h"
#include "libdialup/base/str.h"

/* The kernel cuts the backlog to net.core.somaxconn; a full one makes Caddy's dial fail. */
enum { BACKLOG = 4096, ACCEPTS_PER_TURN = 64, REST_MS = 100 };

static const char socket_suffix[] = ".sock";
static const char new_prefix[] = ".new-";

struct listener {
    struct event event;
    struct event rest;
    int fd;
    ino_t inode;
    char path[sizeof(((struct sockaddr_un *)NULL)->sun_path)];
    listener_accept_fn *on_accept;
    void *owner;
};

static void on_ready(evutil_socket_t fd, short what, void *arg);
static void on_rested(evutil_socket_t fd, short what, void *arg);

static int format_path(char *out, size_t size, const char *folder, const char *prefix,
                       const char *host, struct error *err)
{
    int len = snprintf(out, size, "%s/%s%s%s", folder, prefix, host, socket_suffix);
    if (len < 0 || (size_t)len >= size) {
        error_set_field(err, ERR_INVALID_ARGUMENT, "host",
                        "The name %s is too long for a socket in %s", host, folder);
        error_hint(err, "Choose a shorter name, or a shorter run_dir in the configuration.");
        return -ERR_INVALID_ARGUMENT;
    }
    return 0;
}

static int bind_and_listen(int fd, const struct sockaddr_un *address)
{
    unlink(address->sun_path);
    if (bind(fd, (const struct sockaddr *)address, sizeof(*address)) < 0 ||
        chmod(address->sun_path, 0660) < 0 || listen(fd, BACKLOG) < 0) {
        return -1;
    }
    return 0;
}

/* Returns a listening descriptor that stands at path. */
static int make_socket(const char *folder, const char *path, struct error *err)
{
    /* Its own name for each process; within one the name is free again after the rename. */
    char unique[24];
    snprintf(unique, sizeof(unique), "%d", (int)getpid());
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int rc =
        format_path(address.sun_path, sizeof(address.sun_path), folder, new_prefix, unique, err);
    if (rc < 0) {
        return rc;
    }
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return error_set_errno(err, ERR_IO, errno, "Cannot make a socket");
    }
    if (bind_and_listen(fd, &address) < 0 || rename(address.sun_path, path) < 0) {
        rc = error_set_errno(err, ERR_IO, errno, "Cannot listen at %s", path);
        unlink(address.sun_path);
        close(fd);
        return rc;
    }
    return fd;
}

int listener_open(struct event_base *base, const char *folder, const char *host, int inherited_fd,
                  listener_accept_fn *on_accept, void *owner, struct listener **ret_listener,
                  struct error *err)
{
    struct listener *listener = xcalloc(1, sizeof(*listener));
    int rc = format_path(listener->path, sizeof(listener->path), folder, "", host, err);
    if (rc == 0) {
        rc = inherited_fd >= 0 ? inherited_fd : make_socket(folder, listener->path, err);
    }
    if (rc < 0) {
        free(listener);
        return rc;
    }
    listener->fd = rc;
    struct stat status;
    listener->inode = stat(listener->path, &status) == 0 ? status.st_ino : 0;
    listener->on_accept = on_accept;
    listener->owner = owner;
    event_assign(&listener->event, base, listener->fd, EV_READ | EV_PERSIST, on_ready, listener);
    evtimer_assign(&listener->rest, base, on_rested, listener);
    event_add(&listener->event, NULL);
    *ret_listener = listener;
    return 0;
}

void listener_close(struct listener *listener)
{
    if (!listener) {
        return;
    }
    struct stat status;
    if (stat(listener->path, &status) == 0 && status.st_ino == listener->inode) {
        unlink(listener->path);
    }
    listener_leave(listener);
}

void listener_leave(struct listener *listener)
{
    if (!listener) {
        return;
    }
    event_del(&listener->event);
    event_del(&listener->rest);
    close(listener->fd);
    free(listener);
}

int listener_fd(const struct listener *listener)
{
    return listener->fd;
}

static void rest(struct listener *listener)
{
    const struct timeval a_moment = clock_timeval_of_ms(REST_MS);
    event_del(&listener->event);
    event_add(&listener->rest, &a_moment);
}

static void on_ready(evutil_socket_t fd, short what, void *arg)
{
    struct listener *listener = arg;
    for (int i = 0; i < ACCEPTS_PER_TURN; i++) {
        int accepted = accept4((int)fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (accepted >= 0) {
            listener->on_accept(listener->owner, accepted);
        } else if (errno == EAGAIN) {
            return;
        } else if (errno != EINTR && errno != ECONNABORTED) {
            rest(listener);
            return;
        }
    }
}

static void on_rested(evutil_socket_t fd, short what, void *arg)
{
    struct listener *listener = arg;
    event_add(&listener->event, NULL);
}

static bool is_stale(const char *name, bool (*is_known)(void *arg, const char *host), void *arg)
{
    if (!str_ends_with(name, socket_suffix)) {
        return false;
    }
    if (str_starts_with(name, new_prefix)) {
        return true;
    }
    AUTO_FREE char *host = xstrndup(name, strlen(name) - strlen(socket_suffix));
    return !is_known(arg, host);
}

int listener_sweep(const char *folder, bool (*is_known)(void *arg, const char *host), void *arg,
                   struct error *err)
{
    DIR *dir = opendir(folder);
    if (!dir) {
        return error_set_errno(err, ERR_IO, errno, "Cannot read the folder %s", folder);
    }
    struct dirent *entry;
    while ((entry = readdir(dir))) {
        struct stat status;
        if (is_stale(entry->d_name, is_known, arg) &&
            fstatat(dirfd(dir), entry->d_name, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
            S_ISSOCK(status.st_mode)) {
            unlinkat(dirfd(dir), entry->d_name, 0);
        }
    }
    closedir(dir);
    return 0;
}
