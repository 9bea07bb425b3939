/*
 * The rules that keep containers away from the host's own services, and from what a provider tells
 * the host. New connections that come in from our bridges are dropped in INPUT: every kind of
 * Docker network, internal ones too, reaches a service on 0.0.0.0 of the host without it. And TCP
 * to link-local addresses (169.254.0.0/16), where cloud machines are told their secrets, is
 * dropped, where the kernel has the table for it; not the name service.
 *
 * Runs iptables(8) (posix_spawn, no shell) and waits for it: some milliseconds, and five seconds a
 * call at most while another program holds the firewall. IPv6 is handled where ip6tables is there.
 */
#pragma once

#include <stdbool.h>

#include "libdialup/base/error.h"

/* The bridges of a suite, "dul-INSTANCE-p" and "dul-INSTANCE-d": with an instance of at most 8
 * characters they fit the 15 of a network interface. */
enum firewall_bridge { FIREWALL_PRODUCTION, FIREWALL_DEVELOPMENT, FIREWALL_BRIDGE_COUNT };
enum { FIREWALL_BRIDGE_SIZE = 16 };
void firewall_bridge_name(const char *instance, enum firewall_bridge bridge,
                          char ret_name[FIREWALL_BRIDGE_SIZE]);

/* Whether the rule in INPUT stands, as far as iptables tells. */
bool firewall_bridge_is_closed(const char *bridge);

/* Makes sure that the rules stand for this bridge. ERR_UNAVAILABLE if iptables is not there or
 * refuses. */
int firewall_close_bridge(const char *bridge, struct error *err);

/* Removes them again; fine if they are not there. */
int firewall_open_bridge(const char *bridge, struct error *err);
