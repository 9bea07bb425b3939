/*
 * The texts of the kernel's cgroup files as numbers. Pure; each takes the whole file.
 * Formats: Documentation/admin-guide/cgroup-v1 and cgroup-v2.rst of the kernel.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum { CGROUP_NO_LIMIT = 0 };

/* One number alone: "123\n". "max", and v1's nearly-2^63 for "no limit", give CGROUP_NO_LIMIT.
 * False for anything else. */
bool cgroup_parse_number(const char *text, int64_t *ret_value);

/* The number after "key " at the start of a line (memory.stat, cpu.stat); false if there is none.
 */
bool cgroup_parse_key(const char *text, const char *key, int64_t *ret_value);

/* v2 cpu.max: "50000 100000" or "max 100000", as thousandths of a core. */
bool cgroup_parse_cpu_max(const char *text, int64_t *ret_millicores);

/* v2 io.stat: "8:0 rbytes=1 wbytes=2 rios=3 ..." summed over the devices. */
void cgroup_parse_io_stat(const char *text, int64_t *ret_read_bytes, int64_t *ret_write_bytes);

/* v1 blkio.throttle.io_service_bytes: "8:0 Read 1\n8:0 Write 2\n..." summed over the devices. */
void cgroup_parse_blkio(const char *text, int64_t *ret_read_bytes, int64_t *ret_write_bytes);

/* The path of a controller in /proc/PID/cgroup; controller "" is the v2 line "0::PATH". The text
 * is not changed; false if there is no such line or the path does not fit. */
bool cgroup_parse_membership(const char *text, const char *controller, char *out, unsigned size);
