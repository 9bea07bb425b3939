/*
 * What a job program reads on stdin: one JSON object of a known shape, bounded. Nobody waits for
 * the result of a job whose deployd is gone, so it ends with it.
 */
#pragma once

#include "libdialup/base/arena.h"
#include "libdialup/base/error.h"
#include "libdialup/json/shape.h"

enum { INPUT_MAX_BYTES = 8 << 20 };

/* Reads stdin to its end; texts live in the arena. From here on the death of whoever started the
 * job, however sudden, is a SIGTERM; ERR_UNAVAILABLE if it is dead already. */
int input_read(struct arena *arena, const struct json_shape *shape, void *ret_params,
               struct error *err);
