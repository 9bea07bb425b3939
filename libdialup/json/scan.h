/*
 * Questions to the raw text of a JSON document, for the parser alone. Pure.
 */
#pragma once

#include <stddef.h>

/* Looks for what yajl lets pass or turns into something else: text that is not UTF-8, a NUL in any
 * spelling, lone surrogates, white space that JSON does not know, comments. NULL if there is
 * nothing of that kind, or what is wrong, in words, and where. */
const char *json_scan(const char *data, size_t size, size_t *ret_offset);

/* Where the token begins that ends right before end. */
size_t json_scan_token_start(const char *data, size_t end);

/* The line and the column (in characters) of an offset, both from 1. */
void json_scan_position(const char *data, size_t offset, size_t *ret_line, size_t *ret_column);
