/*
 * The groups that the settings name: who may talk to the daemons, who may read static sites. Looks
 * into the system's group database, which may block: done at start, or where blocking is no harm.
 */
#pragma once

#include <sys/types.h>

#include "libdialup/base/error.h"
#include "libdialup/daemon/config.h"

/* The group that the setting key names; our own if it is empty. ERR_INVALID_ARGUMENT if the machine
 * does not know it. */
int group_find(const struct config *config, enum config_key key, gid_t *ret_gid, struct error *err);
