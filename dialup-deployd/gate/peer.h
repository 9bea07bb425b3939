/*
 * One question about a socket that read(2) cannot answer.
 */
#pragma once

#include <poll.h>
#include <stdbool.h>

/* Whether the other end is closed in both directions: a half-closed one still reads, and an end
 * of file looks the same for both. Exact for unix sockets. Does not block. */
static inline bool peer_is_gone(int fd)
{
    struct pollfd pollfd = {.fd = fd};
    return poll(&pollfd, 1, 0) == 1 && (pollfd.revents & (POLLHUP | POLLERR));
}
