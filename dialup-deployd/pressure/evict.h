/*
 * Evicting: after a measurement, containers that wrote too much are ended and begin anew, clean;
 * each with a row for its owner. Who must go is decided in writers.h; how, by the converger: as if
 * the app had crashed, so who does it again and again is given up.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dialup-deployd/engine/container.h"
#include "dialup-deployd/pressure/disk.h"

struct deployd;

/* What one container was found to have written to its own file system. */
struct evict_writer {
    int64_t site_id;
    char container_id[CONTAINER_ID_SIZE];
    int64_t size_bytes;
    int64_t inodes;
    bool has_grown; /* as in writers.h */
};

/* How many were told to go. The figures of the sites are in their rows already. */
size_t evict_writers(struct deployd *deployd, const struct disk_reading *disk,
                     const struct evict_writer *writers, size_t count);
