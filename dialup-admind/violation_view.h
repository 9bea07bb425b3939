/*
 * A violation as the contracts show it, with the name of whose it is.
 */
#pragma once

#include "dialup-admind/admind.h"
#include "libdialup/store/violations.h"
#include "proto/admind_rpc.h"

/* Texts are in the arena, or the row's. */
struct admind_violation violation_view(const struct admind *admind, struct arena *arena,
                                       const struct violation *row);
