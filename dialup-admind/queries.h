/*
 * What may stand behind the question mark of an address, as structs and their shapes.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "libdialup/json/shape.h"

struct query_page {
    int64_t after;
    bool has_after;
    int64_t limit;
    bool has_limit;
    const char *search; /* of users */
    int64_t all;        /* of sites */
    bool has_all;
};
extern const struct json_shape query_users_shape;
extern const struct json_shape query_sites_shape;
extern const struct json_shape query_deployments_shape;

struct query_logs {
    int64_t tail;
    bool has_tail;
};
extern const struct json_shape query_logs_shape;

struct query_part {
    int64_t offset;
    bool has_offset;
};
extern const struct json_shape query_part_shape;

struct query_log {
    int64_t offset;
    bool has_offset;
    int64_t wait_ms;
    bool has_wait_ms;
};
extern const struct json_shape query_log_shape;
