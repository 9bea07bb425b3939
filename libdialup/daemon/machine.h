/*
 * What this machine has for sites: as the settings deployd.memory_mib and deployd.cpu_millicores
 * say, else as the kernel does; the disk is that of the state directory. What cannot be asked for
 * is 0.
 */
#pragma once

#include "libdialup/daemon/config.h"
#include "libdialup/quota/limits.h"

struct quota_machine machine_of_settings(const struct config *config);
