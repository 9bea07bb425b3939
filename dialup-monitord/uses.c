/*
 * Adding up by owner; see the header. Filled by the cycle.
 */
#include "dialup-monitord/uses.h"

#include <stdlib.h>
#include <string.h>

#include "dialup-monitord/delta.h"
#include "libdialup/base/memory.h"

enum { US_PER_MS = 1000, BITS_PER_BYTE = 8 };

/* An owner's counters at the gate. */
struct at_gate {
    enum quota_entity kind;
    int64_t id;
    int64_t connections;
    int64_t bytes;
    int64_t refused;
    int64_t waits;
};

struct reading {
    struct at_gate *owners; /* owned, by kind and id */
    size_t count;
    int64_t at_us; /* 0: none */
    int64_t gate_started_at;
};

struct uses {
    struct reading before; /* as of the last take */
    struct reading now;
    struct owner_use *list; /* owned */
    size_t count;
};

struct uses *uses_new(void)
{
    struct uses *uses = xcalloc(1, sizeof(*uses));
    uses_take(uses, &(const struct sample_rows){0});
    return uses;
}

void uses_free(struct uses *uses)
{
    if (uses) {
        free(uses->before.owners);
        free(uses->now.owners);
        free(uses->list);
        free(uses);
    }
}

static int compare(enum quota_entity kind, int64_t id, enum quota_entity other_kind,
                   int64_t other_id)
{
    return kind != other_kind ? (kind > other_kind) - (kind < other_kind)
                              : (id > other_id) - (id < other_id);
}

/* The gate -------------------------------------------------------------------------------- */

static int compare_at_gate(const void *a, const void *b)
{
    const struct at_gate *left = a;
    const struct at_gate *right = b;
    return compare(left->kind, left->id, right->kind, right->id);
}

/* "user:5", as deployd names owners to the gate. False for what is no owner. */
static bool parse_owner(const char *name, struct at_gate *owner)
{
    const char *colon = strchr(name, ':');
    char kind[8] = "";
    if (!colon || (size_t)(colon - name) >= sizeof(kind)) {
        return false;
    }
    memcpy(kind, name, (size_t)(colon - name));
    owner->id = strtoll(colon + 1, NULL, 10);
    return quota_entity_parse(kind, &owner->kind) && owner->id > 0;
}

void uses_gate(struct uses *uses, const struct gate_counters_result *counters, int64_t now_us)
{
    struct reading *now = &uses->now;
    free(now->owners);
    *now = (struct reading){
        .owners = xcalloc(counters->owners_count + 1, sizeof(*now->owners)),
        .at_us = now_us,
        .gate_started_at = counters->started_at_unix,
    };
    for (size_t i = 0; i < counters->owners_count; i++) {
        struct at_gate *owner = &now->owners[now->count];
        owner->connections = counters->owners[i].open_connections;
        owner->bytes = counters->owners[i].bytes;
        owner->refused = counters->owners[i].refused;
        owner->waits = counters->owners[i].waits;
        now->count += parse_owner(counters->owners[i].owner, owner);
    }
    qsort(now->owners, now->count, sizeof(*now->owners), compare_at_gate);
}

/* Zeros for one that was not there, or not in this life of the gate. */
static struct at_gate find_before(const struct uses *uses, const struct at_gate *owner)
{
    const struct reading *before = &uses->before;
    const struct at_gate *found =
        before->count > 0 && before->gate_started_at == uses->now.gate_started_at
            ? bsearch(owner, before->owners, before->count, sizeof(*owner), compare_at_gate)
            : NULL;
    return found ? *found : (struct at_gate){0};
}

/* Without a reading before there is nothing to compare with. */
static void add_gate(struct uses *uses)
{
    int64_t ms = (uses->now.at_us - uses->before.at_us) / US_PER_MS;
    bool can_compare = uses->before.at_us > 0 && ms > 0;
    for (size_t i = 0; i < uses->now.count; i++) {
        const struct at_gate *owner = &uses->now.owners[i];
        struct owner_use *use = &uses->list[uses->count++];
        *use = (struct owner_use){
            .owner_kind = owner->kind, .owner_id = owner->id, .connections = owner->connections};
        if (can_compare) {
            struct at_gate before = find_before(uses, owner);
            use->kbit_per_s = delta_counter(before.bytes, owner->bytes) * BITS_PER_BYTE / ms;
            use->refused = delta_counter(before.refused, owner->refused);
            use->waits = delta_counter(before.waits, owner->waits);
        }
    }
}

/* What is newest becomes what is compared with. If the gate did not answer since, nothing is known
 * of its rates. */
static void turn(struct uses *uses)
{
    if (uses->now.at_us > 0) {
        free(uses->before.owners);
        uses->before = uses->now;
        uses->now = (struct reading){0};
    }
}

/* Adding up ------------------------------------------------------------------------------- */

static int compare_uses(const void *a, const void *b)
{
    const struct owner_use *left = a;
    const struct owner_use *right = b;
    return compare(left->owner_kind, left->owner_id, right->owner_kind, right->owner_id);
}

static void add_samples(struct uses *uses, const struct sample_rows *samples)
{
    for (size_t i = 0; i < samples->count; i++) {
        const struct usage_sample *row = &samples->rows[i];
        struct owner_use *use = &uses->list[uses->count++];
        *use = (struct owner_use){
            .owner_kind = row->owner_kind, .owner_id = row->owner_id, .containers = 1};
        use->cpu_millicores[row->kind] = row->interval_ms > 0 ? row->cpu_us / row->interval_ms : 0;
        use->memory_bytes[row->kind] = row->memory_bytes;
    }
}

static void add(struct owner_use *sum, const struct owner_use *more)
{
    for (int kind = 0; kind < USAGE_KIND_COUNT; kind++) {
        sum->cpu_millicores[kind] += more->cpu_millicores[kind];
        sum->memory_bytes[kind] += more->memory_bytes[kind];
    }
    sum->containers += more->containers;
    sum->connections += more->connections;
    sum->kbit_per_s += more->kbit_per_s;
    sum->refused += more->refused;
    sum->waits += more->waits;
}

/* The first is the system, which sorts before all. */
static void merge(struct uses *uses)
{
    size_t last = 0;
    qsort(uses->list, uses->count, sizeof(*uses->list), compare_uses);
    for (size_t i = 1; i < uses->count; i++) {
        const struct owner_use use = uses->list[i];
        add(&uses->list[0], &use);
        if (last > 0 && compare_uses(&uses->list[last], &use) == 0) {
            add(&uses->list[last], &use);
        } else {
            uses->list[++last] = use;
        }
    }
    uses->count = last + 1;
}

void uses_take(struct uses *uses, const struct sample_rows *samples)
{
    free(uses->list);
    uses->list = xcalloc(samples->count + uses->now.count + 1, sizeof(*uses->list));
    uses->count = 1; /* the system */
    uses->list[0] = (struct owner_use){.owner_kind = QUOTA_SYSTEM};
    add_samples(uses, samples);
    add_gate(uses);
    turn(uses);
    merge(uses);
}

const struct owner_use *uses_list(const struct uses *uses, size_t *ret_count)
{
    *ret_count = uses->count;
    return uses->list;
}

struct owner_use uses_of(const struct uses *uses, enum quota_entity owner_kind, int64_t owner_id)
{
    const struct owner_use wanted = {.owner_kind = owner_kind, .owner_id = owner_id};
    const struct owner_use *found =
        bsearch(&wanted, uses->list, uses->count, sizeof(wanted), compare_uses);
    return found ? *found : wanted;
}
