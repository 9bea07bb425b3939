/*
 * Strict UTF-8 (RFC 3629): no overlong forms, no surrogates, nothing above U+10FFFF. Pure.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* The length in bytes of the longest valid prefix of data. */
size_t utf8_valid_len(const char *data, size_t size);

/* Whether all of data is valid. */
bool utf8_is_valid(const char *data, size_t size);

/* The largest length not above size at which text can be cut without splitting a character.
 * Bytes that are not UTF-8 count as characters of their own. */
size_t utf8_prefix_len(const char *data, size_t size);
