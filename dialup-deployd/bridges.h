/*
 * Keeps containers away from the host's own services: our bridges are closed before anything is
 * started behind them, and stay closed, whoever resets the machine's firewall meanwhile.
 */
#pragma once

#include <stdbool.h>

struct bridges;
struct deployd;

struct bridges *bridges_new(struct deployd *deployd);
void bridges_free(struct bridges *bridges);

/* The bridges are there. Waits for iptables (some milliseconds) until it has worked once; later
 * calls let a job look, every deployd.firewall_s seconds. Nothing happens if the settings leave it
 * to the admin. */
void bridges_close(struct bridges *bridges);

/* Whether both were closed when that was last looked at, or it is left to the admin. */
bool bridges_are_closed(const struct bridges *bridges);
