/*
 * The checks of deployd: Docker, the job programs, the gate, the sites, the firewall, and the
 * machine's disks and memory. For main.c's descriptor; each gets the struct deployd.
 */
#pragma once

#include "libdialup/daemon/health.h"

enum { DEPLOYD_CHECK_COUNT = 7 };

extern const struct health_check deployd_checks[DEPLOYD_CHECK_COUNT];
