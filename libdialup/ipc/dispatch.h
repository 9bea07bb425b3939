/*
 * From a message to its handler. Private to this room.
 */
#pragma once

struct ipc_lane;
struct ipc_service;

/* Takes lane->msg, a request, and sees to its answer. On the loop's thread. */
void ipc_dispatch(struct ipc_service *service, struct ipc_lane *lane);
