/*
 * The containers of one route: which of them take new connections, and how many are open to each.
 *
 * Pure bookkeeping. A target that the route no longer names is kept until the last connection to it
 * is over, so that one that comes back is judged by what it still carries.
 */
#pragma once

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

enum { TARGETS_MAX = 4 };

struct target {
    TAILQ_ENTRY(target) link;
    struct sockaddr_in address;
    uint32_t open;
    uint64_t chosen_at; /* a count of choices, for taking turns */
    bool is_current;
};

struct targets {
    TAILQ_HEAD(, target) list; /* in the order of their naming */
    uint64_t choices;
};

void targets_init(struct targets *targets);
void targets_fini(struct targets *targets);

/* The ones that count from now on. */
void targets_set(struct targets *targets, const struct sockaddr_in *addresses, size_t count);

/* Addresses that did not take a connection. */
struct targets_tried {
    struct sockaddr_in addresses[TARGETS_MAX];
    size_t count;
};

/* The current one with the fewest open connections, among equals the one that has waited longest;
 * NULL if there is none but those that were tried. It counts as tried from then on. */
struct target *targets_choose(struct targets *targets, struct targets_tried *tried);

/* One connection more, or less; the target may be gone afterwards. */
void targets_enter(struct target *target);
void targets_leave(struct targets *targets, struct target *target);

bool targets_has_current(const struct targets *targets, const struct sockaddr_in *address);

bool target_address_equal(const struct sockaddr_in *a, const struct sockaddr_in *b);
