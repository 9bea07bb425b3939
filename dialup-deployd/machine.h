/*
 * What this machine has: memory, cores, disk. The settings may say otherwise (a container, a part
 * of a larger machine).
 */
#pragma once

#include <stdint.h>

#include "libdialup/base/error.h"

struct machine {
    int64_t memory_mib;
    int64_t cpu_millicores;
    int64_t storage_mib; /* of the file system of the state directory */
};

/* Asks the kernel. */
int machine_measure(const char *state_dir, struct machine *ret_machine, struct error *err);
