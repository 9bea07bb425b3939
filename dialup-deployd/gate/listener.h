/*
 * One unix socket for each host, <folder>/<host>.sock, mode 0660: Caddy dials it by name.
 *
 * A new socket is bound under another name and moved into place, so there is no moment without one.
 * Blocks for the short file system calls only.
 */
#pragma once

#include <stdbool.h>

#include "libdialup/base/error.h"

struct event_base;
struct listener;

/* Takes the accepted descriptor, which is non-blocking and closed on exec. */
typedef void listener_accept_fn(void *owner, int fd);

/* host must be a safe file name (route_host_is_valid). inherited_fd is a listening socket that
 * stands at the path already (from an earlier life of the process), or -1; it is taken on success.
 */
int listener_open(struct event_base *base, const char *folder, const char *host, int inherited_fd,
                  listener_accept_fn *on_accept, void *owner, struct listener **ret_listener,
                  struct error *err);

/* Stops accepting and removes the socket from the folder, if it is still this one. NULL is fine. */
void listener_close(struct listener *listener);

/* Stops accepting and leaves the socket in place, for a next life that inherits the descriptor. */
void listener_leave(struct listener *listener);

/* To be handed to a next life. Borrowed. */
int listener_fd(const struct listener *listener);

/* Removes sockets in folder that belong to no host for which is_known says true. Other kinds of
 * files are left alone. */
int listener_sweep(const char *folder, bool (*is_known)(void *arg, const char *host), void *arg,
                   struct error *err);
