/*
 * What each owner uses now: the containers of a cycle, and what the gate carries for them, added
 * up by owner, and for the system. No I/O.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "dialup-monitord/sampler.h"
#include "proto/gate_rpc.h"

struct owner_use {
    enum quota_entity owner_kind; /* QUOTA_SYSTEM: everybody together, and owner_id 0 */
    int64_t owner_id;
    int64_t containers;
    int64_t cpu_millicores[USAGE_KIND_COUNT]; /* by enum usage_kind */
    int64_t memory_bytes[USAGE_KIND_COUNT];
    int64_t connections; /* open at the gate */
    int64_t kbit_per_s;  /* through the gate, both ways, since the cycle before */
    int64_t refused;     /* connections over the owner's limit, since the cycle before */
    int64_t waits;       /* how often one waited for bandwidth, since the cycle before */
};

struct uses;

struct uses *uses_new(void);

/* NULL is fine. */
void uses_free(struct uses *uses);

/* The gate's counters as they are at now_us (clock_monotonic_us). */
void uses_gate(struct uses *uses, const struct gate_counters_result *counters, int64_t now_us);

/* The rows of a cycle: all is added up anew. */
void uses_take(struct uses *uses, const struct sample_rows *samples);

/* Those who use something, by kind and id, the system always. Borrowed until the next take. */
const struct owner_use *uses_list(const struct uses *uses, size_t *ret_count);

/* All 0 if they use nothing. */
struct owner_use uses_of(const struct uses *uses, enum quota_entity owner_kind, int64_t owner_id);
