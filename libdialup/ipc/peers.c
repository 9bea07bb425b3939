/*
 * The daemons' group, resolved to uids. Called by the server when it opens and for each request.
 */
#include "libdialup/ipc/peers.h"

#include <grp.h>
#include <pwd.h>
#include <stdbool.h>
#include <unistd.h>

#include "libdialup/base/memory.h"
#include "libdialup/ipc/method.h"

void ipc_peers_init(struct ipc_peers *peers, gid_t daemon_gid)
{
    *peers = (struct ipc_peers){.daemon_gid = daemon_gid};
    const struct group *group = daemon_gid == (gid_t)-1 ? NULL : getgrgid(daemon_gid);
    if (!group) {
        return;
    }
    size_t count = 0;
    while (group->gr_mem[count]) {
        count++;
    }
    peers->uids = xcalloc(count + 1, sizeof(*peers->uids));
    for (size_t i = 0; i < count; i++) {
        const struct passwd *user = getpwnam(group->gr_mem[i]);
        if (user) {
            peers->uids[peers->uid_count++] = user->pw_uid;
        }
    }
}

void ipc_peers_fini(struct ipc_peers *peers)
{
    free(peers->uids);
    *peers = (struct ipc_peers){0};
}

static bool is_daemon(const struct ipc_peers *peers, uid_t uid, gid_t gid)
{
    if (uid == geteuid() || (peers->daemon_gid != (gid_t)-1 && gid == peers->daemon_gid)) {
        return true;
    }
    for (size_t i = 0; i < peers->uid_count; i++) {
        if (peers->uids[i] == uid) {
            return true;
        }
    }
    return false;
}

unsigned ipc_peers_classify(const struct ipc_peers *peers, uid_t uid, gid_t gid)
{
    if (uid == (uid_t)-1) {
        return 0;
    }
    if (uid == 0) {
        return IPC_CALLER_ROOT | IPC_CALLER_DAEMON | IPC_CALLER_ANYONE;
    }
    return IPC_CALLER_ANYONE | (is_daemon(peers, uid, gid) ? IPC_CALLER_DAEMON : 0U);
}
