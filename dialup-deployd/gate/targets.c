/*
 * A route's containers. Used by routes.c, which names them, and by pump.c, which connects.
 */
#include "dialup-deployd/gate/targets.h"

#include <stdlib.h>

#include "libdialup/base/log.h"
#include "libdialup/base/memory.h"

static struct target *find(const struct targets *targets, const struct sockaddr_in *address)
{
    struct target *target;
    TAILQ_FOREACH(target, &targets->list, link)
    {
        if (target_address_equal(&target->address, address)) {
            return target;
        }
    }
    return NULL;
}

static void forget(struct targets *targets, struct target *target)
{
    TAILQ_REMOVE(&targets->list, target, link);
    free(target);
}

void targets_init(struct targets *targets)
{
    *targets = (struct targets){0};
    TAILQ_INIT(&targets->list);
}

void targets_fini(struct targets *targets)
{
    struct target *target;
    while ((target = TAILQ_FIRST(&targets->list))) {
        forget(targets, target);
    }
}

void targets_set(struct targets *targets, const struct sockaddr_in *addresses, size_t count)
{
    struct target *target, *next;
    TAILQ_FOREACH(target, &targets->list, link)
    {
        target->is_current = false;
    }
    for (size_t i = 0; i < count; i++) {
        target = find(targets, &addresses[i]);
        if (target) {
            TAILQ_REMOVE(&targets->list, target, link);
        } else {
            target = xcalloc(1, sizeof(*target));
            target->address = addresses[i];
        }
        target->is_current = true;
        TAILQ_INSERT_TAIL(&targets->list, target, link);
    }
    for (target = TAILQ_FIRST(&targets->list); target; target = next) {
        next = TAILQ_NEXT(target, link);
        if (!target->is_current && target->open == 0) {
            forget(targets, target);
        }
    }
}

static bool is_better(const struct target *target, const struct target *best)
{
    return !best || target->open < best->open ||
           (target->open == best->open && target->chosen_at < best->chosen_at);
}

static bool was_tried(const struct target *target, const struct targets_tried *tried)
{
    for (size_t i = 0; i < tried->count; i++) {
        if (target_address_equal(&target->address, &tried->addresses[i])) {
            return true;
        }
    }
    return false;
}

struct target *targets_choose(struct targets *targets, struct targets_tried *tried)
{
    struct target *target, *best = NULL;
    TAILQ_FOREACH(target, &targets->list, link)
    {
        if (target->is_current && !was_tried(target, tried) && is_better(target, best)) {
            best = target;
        }
    }
    if (!best || tried->count == TARGETS_MAX) {
        return NULL;
    }
    best->chosen_at = ++targets->choices;
    tried->addresses[tried->count++] = best->address;
    return best;
}

void targets_enter(struct target *target)
{
    target->open++;
}

void targets_leave(struct targets *targets, struct target *target)
{
    ASSERT(target->open > 0);
    target->open--;
    if (target->open == 0 && !target->is_current) {
        forget(targets, target);
    }
}

bool targets_has_current(const struct targets *targets, const struct sockaddr_in *address)
{
    const struct target *target = find(targets, address);
    return target && target->is_current;
}

bool target_address_equal(const struct sockaddr_in *a, const struct sockaddr_in *b)
{
    return a->sin_addr.s_addr == b->sin_addr.s_addr && a->sin_port == b->sin_port;
}
