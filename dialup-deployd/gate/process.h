/*
 * What the gate's process has besides the engine; shared by main.c and rpc.c.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "libdialup/ipc/server.h"
#include "proto/gate_rpc.h"

struct gate;
struct wanted;

struct gate_process {
    struct gate *gate;     /* owned */
    struct wanted *wanted; /* owned */
    char *sites_dir;       /* owned: where the sockets stand */
    int64_t max_connections;
    int64_t owner_kbit_per_s; /* as configured */
    size_t failed_routes;     /* that the database knows and that could not be made at start */
};

/* By gate_method; the methods that every daemon has are NULL. */
extern ipc_handler_fn *const gate_handlers[GATE_METHOD_COUNT];
