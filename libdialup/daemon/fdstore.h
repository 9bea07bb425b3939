/*
 * Sockets that outlive the process: kept by systemd (FileDescriptorStoreMax) under a name, handed
 * to the next start. Without systemd nothing is kept, and nothing of this fails.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* Whether somebody keeps them. */
bool fdstore_is_there(void);

/* The name: without colons and control characters, at most 255 bytes. fd is borrowed. */
void fdstore_keep(const char *name, int fd);
void fdstore_forget(const char *name);

/* Calls visit for each descriptor that was kept; it is the callee's, closed on exec. Once, at
 * start. */
void fdstore_take(void (*visit)(void *arg, const char *name, int fd), void *arg);
