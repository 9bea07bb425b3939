/*
 * A line of Caddy's access log as traffic. Pure.
 *
 * {"ts":...,"duration":SECONDS,"size":BYTES,"status":200,"request":{"host":"a.example.org:8080"...}}
 * Anybody on this machine can send such a line, so it is checked like any other input.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "libdialup/base/arena.h"
#include "libdialup/site/domain.h"
#include "libdialup/store/traffic.h"

enum { ACCESS_LINE_MAX_BYTES = 64 * 1024 };

struct access_line {
    struct domain host;     /* without the port, lower case */
    struct traffic traffic; /* of this one request; at is 0 */
};

/* False for what is no such line. The arena is for the parser and can be reset afterwards. */
bool parse_access_log(struct arena *arena, const char *line, size_t size,
                      struct access_line *ret_line);
