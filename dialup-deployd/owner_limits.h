/*
 * What the gate enforces for an owner: bandwidth and connections of all their sites together. The
 * gate remembers it and forgets it when it ends, so it is told anew whenever a new gate answers,
 * when limits changed, when somebody has a first site, and now and then.
 *
 * Never blocks and never fails: a gate that does not answer now is told when it does again.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "libdialup/quota/quota.h"
#include "proto/gate_rpc.h"

struct deployd;
struct owner_limits;

struct owner_limits *owner_limits_new(struct deployd *deployd);

/* After the client of the gate was closed. NULL is fine. */
void owner_limits_free(struct owner_limits *owner_limits);

/* Reads the limits of one owner, or of all who have sites, and tells the gate. An owner that is not
 * there any more is passed over. */
void owner_limits_tell(struct owner_limits *owner_limits, enum quota_entity kind, int64_t id);
void owner_limits_tell_all(struct owner_limits *owner_limits);

/* Pure: the strictest of the levels in the gate's units. Where nothing binds, the gate's own
 * setting counts. To the gate 0 is no limit, so a limit of nothing becomes the least it knows.
 * owner is borrowed. */
struct gate_owner_limit_set_params
owner_limits_describe(const char *owner, const struct quota_level *levels, size_t count);
