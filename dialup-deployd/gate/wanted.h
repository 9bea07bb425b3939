/*
 * Who waits to hear which sleeping sites are wanted: the long polls of the method `wanted`.
 *
 * The engine knows the numbers (route->wanted); here are only the ones who ask. An answer is made
 * from the routes as they are, never from a message that could be lost: whoever asks again with the
 * last answer's number misses nothing, and with another epoch hears of all.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "dialup-deployd/gate/routes.h"
#include "libdialup/ipc/server.h"
#include "proto/gate_rpc.h"

enum { WANTED_WAIT_MS = 25000, WANTED_ASKERS_MAX = 8 };

struct gate;
struct wanted;

/* epoch: another number in each life of the gate. */
struct wanted *wanted_open(struct event_base *base, int64_t epoch);

/* Before the first ask; borrowed. */
void wanted_set_gate(struct wanted *wanted, const struct gate *gate);

/* Those who still wait get an error. NULL is fine. */
void wanted_close(struct wanted *wanted);

/* As a handler of the method: fills the answer, or keeps the request (IPC_LATER). Beyond
 * WANTED_ASKERS_MAX the one who has waited longest is answered: most likely it has gone. */
int wanted_ask(struct wanted *wanted, struct ipc_request *request,
               const struct gate_wanted_params *params, struct gate_wanted_result *result);

/* For gate_config.on_wanted. */
void wanted_on_route(void *wanted, const struct route *route);
