/*
 * What a job program reads on stdin: one JSON object of a known shape, bounded.
 */
#pragma once

#include "libdialup/base/arena.h"
#include "libdialup/base/error.h"
#include "libdialup/json/shape.h"

enum { INPUT_MAX_BYTES = 8 << 20 };

/* Reads stdin to its end; texts live in the arena. */
int input_read(struct arena *arena, const struct json_shape *shape, void *ret_params,
               struct error *err);
