/*
 * What the gate's process has besides the engine; shared by main.c and rpc.c.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "libdialup/ipc/server.h"
#include "proto/gate_rpc.h"

struct daemon_run;
struct event;
struct formers;
struct gate;
struct handover;
struct successor;
struct wanted;

struct gate_process {
    struct gate *gate;           /* owned */
    struct wanted *wanted;       /* owned */
    struct formers *formers;     /* owned: gates before us that carry still */
    struct successor *successor; /* owned: who took our place; NULL: nobody did */
    char *sites_dir;             /* owned: where the sockets stand */
    struct daemon_run *run;
    struct handover *handover; /* owned */
    struct event *quiet_check; /* owned: while it waits for the last connection */
    int64_t quit_at_us;
    int64_t counting_since_unix;
    int64_t max_connections;
    int64_t owner_kbit_per_s; /* as configured */
    size_t failed_routes;     /* that the database knows and that could not be made at start */
};

/* By gate_method; the methods that every daemon has are NULL. */
extern ipc_handler_fn *const gate_handlers[GATE_METHOD_COUNT];
