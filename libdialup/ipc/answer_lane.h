/*
 * A lane of a server's port (port.h): it receives a request, is with the loop until that is
 * answered, sends the answer and receives the next one. Private to this room.
 */
#pragma once

#include <stddef.h>

#include "libdialup/ipc/port.h"

/* The lane function of the server's port: on a thread of nng's. */
void ipc_answer_lane_on_done(struct ipc_lane *lane);

/* Waits for a request; the lane is then posted to the loop with it. */
void ipc_answer_lane_receive(struct ipc_lane *lane);

/* Sends an answer; the lane then waits for its next request. */
void ipc_answer_lane_send(struct ipc_lane *lane, const void *data, size_t size);
