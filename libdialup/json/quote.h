/*
 * Names that a peer chose, made fit to stand in a message: cut, and without control characters.
 */
#pragma once

#include <stddef.h>

enum { JSON_QUOTE_SIZE = 64 };

struct json_quoted {
    char text[JSON_QUOTE_SIZE];
};

struct json_quoted json_quote(const char *name);
