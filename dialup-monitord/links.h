/*
 * Byte counters of this machine's network interfaces: one netlink dump (RTM_GETSTATS) gives all of
 * them, 0.2 us each, where /proc/PID/net/dev costs 3 to 9 us a container.
 *
 * A container's interface is one end of a pair whose other end is here; what comes in here went out
 * there. Asking the kernel does not wait for anything.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "libdialup/base/error.h"

struct links;

int links_open(struct links **ret_links, struct error *err);

/* NULL is fine. */
void links_close(struct links *links);

/* Reads all counters. On failure the ones of the last time stay. */
int links_refresh(struct links *links, struct error *err);

struct link_bytes {
    int64_t rx_bytes;
    int64_t tx_bytes;
};

/* False if there is no such interface (any more). */
bool links_find(const struct links *links, uint32_t index, struct link_bytes *ret_bytes);

/* The index, here, of the other end of the process's eth0; 0 if it has none, shares this
 * machine's network, or cannot be looked at. Needs no privilege. */
uint32_t links_peer_of_process(struct links *links, pid_t pid);

/* To be called before a round of links_peer_of_process: which interfaces there are is remembered
 * between calls. */
void links_forget_peers(struct links *links);

/* Pure: the index of a device in a table as /proc/PID/net/igmp; 0 if it is not there. */
uint32_t links_parse_index(const char *table, const char *device);

/* Pure: the messages of one datagram, added to the list. 1: there are more datagrams; 0: that was
 * the last; -ERR_IO: the kernel refused. */
int links_parse(struct links *links, const void *data, size_t size, struct error *err);

/* A list alone, for links_parse. */
struct links *links_new(void);

/* Makes the parsed list the present one. */
void links_finish(struct links *links);
