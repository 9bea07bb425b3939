/*
 * How much of the machine's memory is in use: what the kernel says, and whether its processes stand
 * still for want of it. One small file, two where the kernel tells of pressure (Linux 4.20).
 */
#pragma once

#include <stdint.h>

#include "libdialup/base/error.h"

/* From here on memory that is nearly full counts as full: work waits for so much of the time. */
enum { MEMORY_STALL_PERMILLE = 100 };

struct memory_reading {
    int64_t total_mib;
    int64_t used_mib;       /* without what can be taken back at once: total - MemAvailable */
    int64_t stall_permille; /* of the last 10 s in which all work waited for memory; 0: unknown */
};

/* From the text of /proc/meminfo. ERR_INVALID_ARGUMENT without MemTotal or MemAvailable. Pure. */
int memory_parse(const char *meminfo, struct memory_reading *ret_reading, struct error *err);

/* The permille of "full avg10=1.25 ..." in the text of /proc/pressure/memory; 0 if it is not there.
 * Pure. */
int64_t memory_parse_stall(const char *pressure);

/* What counts as used, for the plan of an emergency: more than is, if everything waits. Pure. */
int64_t memory_counted_mib(const struct memory_reading *reading);

/* Reads both. Blocks for the kernel's pseudo-files only. */
int memory_read(const char *meminfo_path, const char *pressure_path,
                struct memory_reading *ret_reading, struct error *err);
