/*
 * The converger: makes Docker and the routes match the rows, one site at a time.
 *
 * Level-triggered: each pass reads what should be, asks Docker what is, lets plan_next() decide,
 * carries out one action, and begins again (site_loop.h). Whoever changes a row kicks the site; a
 * slow pass over all sites finds what nobody told us (a reboot, a container removed by hand).
 * Containers with our label that belong to no site are removed, and named in the log first.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dialup-deployd/converge/instances.h"
#include "libdialup/base/arena.h"
#include "libdialup/base/error.h"
#include "libdialup/quota/quota.h"

struct converger;
struct deployd;

struct converger *converger_new(struct deployd *deployd);
void converger_free(struct converger *converger);

/* A site's rows or containers may have changed. */
void converger_kick(struct converger *converger, int64_t site_id);

/* Somebody wants a site; what it needs was reserved already. If we thought that visitors are led to
 * it, the gate is told again. */
void converger_wake(struct converger *converger, int64_t site_id);

/* Since when visitors are led to its container, monotonic; 0: they are not, as far as we know. */
int64_t converger_led_since_ms(const struct converger *converger, int64_t site_id);

/* All sites of an owner; QUOTA_SYSTEM, here and below: of everybody. What the kernel has in force
 * of their limits is read back before. */
void converger_kick_owner(struct converger *converger, enum quota_entity owner_kind,
                          int64_t owner_id);

/* Calls on_settled once no site of the owner has anything left to do, or after timeout_ms. */
typedef void converger_settled_fn(void *context);
void converger_when_settled(struct converger *converger, enum quota_entity owner_kind,
                            int64_t owner_id, int64_t timeout_ms, converger_settled_fn *on_settled,
                            void *context);

/* A container ends at once, as if it had crashed; why is what its owner reads. False if it is not
 * known, or must go already. */
bool converger_evict(struct converger *converger, int64_t site_id, const char *container_id,
                     const struct error *why);

/* Those that serve now or are about to; in the arena. site_id 0: of all sites. */
const struct running_container *converger_running(const struct converger *converger,
                                                  struct arena *arena, int64_t site_id,
                                                  size_t *ret_count);

/* Whose log is the site's: the container that visitors are led to, else the one that sleeps.
 * Borrowed until the loop turns; NULL if there is none. */
const char *converger_log_source(const struct converger *converger, int64_t site_id);

/* For health: when Docker last answered (monotonic), 0 never; and why it does not. */
int64_t converger_docker_seen_ms(const struct converger *converger);
const char *converger_docker_error(const struct converger *converger);

/* Why our networks cannot be made, though Docker answers; empty if they can. */
const char *converger_network_error(const struct converger *converger);

/* Where Docker keeps its data; NULL until it has told. */
const char *converger_docker_folder(const struct converger *converger);

/* For health: after a start, every site came to rest once; or some take too long to wait for. */
bool converger_is_caught_up(const struct converger *converger);
