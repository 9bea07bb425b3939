/*
 * How many files and folders a container made, changed or removed: the entries in the answer to
 * GET /containers/ID/changes, counted as it comes. Docker's size of a container knows no files that
 * are empty. Pure; its memory does not grow with the answer.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Begin with all 0. */
struct changes {
    int64_t count;
    bool is_in_text;
    bool is_escaped;
};

/* The next piece; context is the struct. Always true: an engine_data_fn. */
bool changes_take(void *context, const char *data, size_t size);
