/*
 * Which kinds of caller (IPC_CALLER_ of method.h) a peer is, from what the kernel says of it.
 *
 * The members of the daemons' group are looked up once, at the start: a daemon's user that is
 * added later is known after a restart.
 */
#pragma once

#include <stddef.h>
#include <sys/types.h>

struct ipc_peers {
    gid_t daemon_gid; /* (gid_t)-1: no such group */
    uid_t *uids;      /* owned: the group's members */
    size_t uid_count;
};

/* Reads the user database: may block. */
void ipc_peers_init(struct ipc_peers *peers, gid_t daemon_gid);
void ipc_peers_fini(struct ipc_peers *peers);

/* The set of IPC_CALLER_ bits. Root, this process's own user and members of the daemons' group
 * count as daemons. (uid_t)-1, a peer that is gone, is nobody: 0. */
unsigned ipc_peers_classify(const struct ipc_peers *peers, uid_t uid, gid_t gid);
