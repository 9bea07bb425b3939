/*
 * Percent-decoding and query parameters. Pure; results live in the arena.
 *
 * What comes out never holds a NUL, another control character or invalid UTF-8.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "libdialup/base/arena.h"
#include "libdialup/base/error.h"
#include "libdialup/json/shape.h"

enum { HTTP_MAX_QUERY_PARAMS = 32 };

/* field names it in an error (ERR_INVALID_ARGUMENT). plus_is_space for queries. */
int http_percent_decode(struct arena *arena, const char *field, const char *text, size_t len,
                        bool plus_is_space, const char **ret_text, struct error *err);

/* A segment of a path: also refuses slashes, "." and "..". */
int http_decode_segment(struct arena *arena, const char *field, const char *text, size_t len,
                        const char **ret_text, struct error *err);

/* Decodes "a=1&b=x" (text may be NULL) by a shape of strings, integers, numbers and booleans
 * ("true", "false") into ret_struct. shape NULL takes no parameter at all. Errors as json_decode,
 * and ERR_INVALID_ARGUMENT for a parameter that comes twice. */
int http_query_decode(struct arena *arena, const char *text, const struct json_shape *shape,
                      void *ret_struct, struct error *err);
