/*
 * What stands around deployd in the model: Docker, the gate, probes, control groups, the loop's
 * clock. They take the names of the real ones. What they are asked takes effect at once, and the
 * answer waits until it is delivered; one that is lost by a crash has had its effect nonetheless.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "libdialup/base/error.h"

struct docker_watch_hooks;
struct ipc_method;

struct ipc_request;

/* Delivers one answer that is drawn; false if there is none. */
bool stand_ins_deliver_one(void);

/* No answer comes any more. */
void stand_ins_drop_all(void);

/* Who is told of containers that die; NULL before the converger stands. */
const struct docker_watch_hooks *stand_ins_docker_hooks(void);

/* A request as the server hands it to a handler; how it ended. */
struct ipc_request *stand_ins_request_new(const struct ipc_method *method);
int stand_ins_request_end(struct ipc_request *request, struct error *err);
