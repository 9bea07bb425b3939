/*
 * The folders of a site, below sites/ID, and who may use them. The folder is the wall: what is
 * inside may be readable for everybody, because containers of other users read it through their
 * mounts.
 */
#pragma once

#include <stdint.h>

#include "libdialup/base/error.h"

struct deployd;

/* Makes what is missing and sets modes and groups anew. */
int site_folders_make(const struct deployd *deployd, int64_t site_id, struct error *err);
