/*
 * The descriptor store of systemd, sd_pid_notify_with_fds(3) and sd_listen_fds(3). Used by daemons
 * whose sockets must not go with them.
 */
#include "libdialup/daemon/fdstore.h"

#include <fcntl.h>
#include <stdlib.h>
#include <systemd/sd-daemon.h>

#include "libdialup/base/memory.h"

bool fdstore_is_there(void)
{
    return getenv("NOTIFY_SOCKET") != NULL;
}

void fdstore_keep(const char *name, int fd)
{
    /* A listening socket looks broken to nobody; without FDPOLL=0 it could be dropped for that. */
    AUTO_FREE char *state = xasprintf("FDSTORE=1\nFDPOLL=0\nFDNAME=%s", name);
    sd_pid_notify_with_fds(0, 0, state, &fd, 1);
}

void fdstore_forget(const char *name)
{
    sd_notifyf(0, "FDSTOREREMOVE=1\nFDNAME=%s", name);
}

void fdstore_take(void (*visit)(void *arg, const char *name, int fd), void *arg)
{
    char **names = NULL;
    int count = sd_listen_fds_with_names(1, &names);
    for (int i = 0; i < count; i++) {
        int fd = SD_LISTEN_FDS_START + i;
        fcntl(fd, F_SETFD, FD_CLOEXEC);
        visit(arg, names[i], fd);
        free(names[i]);
    }
    free(names);
}
