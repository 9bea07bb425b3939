/*
 * The shapes of query parameters, with the ranges of proto/http.openapi.json; see the header. Used
 * by routes.c alone.
 */
#include "dialup-admind/queries.h"

#include <stddef.h>

#include "libdialup/base/memory.h"

#define MAX_INTEGER 9007199254740991 /* what a browser can count */

#define INTEGER(structure, member, least, most)                                                    \
    {                                                                                              \
        .name = #member, .type = JSON_FIELD_INTEGER, .offset = offsetof(struct structure, member), \
        .has_offset = offsetof(struct structure, has_##member), .min = (least), .max = (most)      \
    }

#define SHAPE(variable, structure, table)                                                          \
    const struct json_shape variable = {.name = #structure,                                        \
                                        .struct_size = sizeof(struct structure),                   \
                                        .fields = (table),                                         \
                                        .field_count = ARRAY_COUNT(table)}

static const struct json_field users_fields[] = {
    INTEGER(query_page, after, 0, MAX_INTEGER),
    INTEGER(query_page, limit, 1, 500),
    {.name = "search",
     .type = JSON_FIELD_STRING,
     .offset = offsetof(struct query_page, search),
     .min = 0,
     .max = 100},
};
SHAPE(query_users_shape, query_page, users_fields);

static const struct json_field sites_fields[] = {
    INTEGER(query_page, all, 0, 1),
    INTEGER(query_page, after, 0, MAX_INTEGER),
    INTEGER(query_page, limit, 1, 500),
};
SHAPE(query_sites_shape, query_page, sites_fields);

static const struct json_field deployments_fields[] = {
    INTEGER(query_page, limit, 1, 500),
};
SHAPE(query_deployments_shape, query_page, deployments_fields);

static const struct json_field logs_fields[] = {
    INTEGER(query_logs, tail, 1, 5000),
};
SHAPE(query_logs_shape, query_logs, logs_fields);

static const struct json_field part_fields[] = {
    INTEGER(query_part, offset, 0, MAX_INTEGER),
};
SHAPE(query_part_shape, query_part, part_fields);

static const struct json_field log_fields[] = {
    INTEGER(query_log, offset, 0, MAX_INTEGER),
    INTEGER(query_log, wait_ms, 0, 25000),
};
SHAPE(query_log_shape, query_log, log_fields);
