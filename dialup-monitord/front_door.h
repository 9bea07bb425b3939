/*
 * Whether Caddy listens, without which no visitor gets in and everything else is well.
 */
#pragma once

#include "libdialup/daemon/config.h"
#include "libdialup/daemon/health.h"

/* Dials Caddy's own port on loopback, where an answer is a matter of microseconds. Well if Caddy is
 * not the suite's: without the environment that dialup-caddy.service is started with. */
struct health_finding front_door_check(const struct config *config);
