/*
 * The rule that keeps containers away from the host's own services: new connections that come in
 * from our bridges are dropped in INPUT. Every kind of Docker network, internal ones too, reaches
 * a service on 0.0.0.0 of the host without it.
 *
 * Runs iptables(8) (posix_spawn, no shell) and waits for it: some milliseconds, at start and when
 * the converger finds a rule missing. IPv6 is handled where ip6tables is there.
 */
#pragma once

#include <stdbool.h>

#include "libdialup/base/error.h"

/* Makes sure that the rule stands for this bridge. ERR_UNAVAILABLE if iptables is not there or
 * refuses. */
int firewall_close_bridge(const char *bridge, struct error *err);

/* Removes it again; fine if it is not there. */
int firewall_open_bridge(const char *bridge, struct error *err);
