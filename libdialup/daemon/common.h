/*
 * The methods that every daemon answers: health, version, methods, stats, log_level. Their
 * contract is proto/common.openrpc.json.
 */
#pragma once

#include "libdialup/daemon/daemon.h"
#include "proto/common_rpc.h"

/* A daemon's handlers with the common ones filled in, by method index; freed by the caller. Each
 * handler is called with the daemon_run as context; wrappers hand the daemon its own state. */
ipc_handler_fn **common_handlers(const struct daemon_run *run);

/* What the method health answers, for a daemon that shows its own health in other ways too. Texts
 * in the arena. */
struct common_health common_health_of(const struct daemon_run *run, struct arena *arena);
