/*
 * Looks over the first bytes of an answer for the class of its status: "HTTP/1.1 200" -> 2.
 *
 * Pure. Interim answers (100, 102, 103) are skipped to the end of their head, so that the class is
 * that of the final answer; 101 is final.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

enum { STATUS_LINE_PREFIX = 12 };

struct status_line {
    char prefix[STATUS_LINE_PREFIX];
    unsigned char prefix_len;
    unsigned char end_len; /* of CR LF CR LF, as far as it has passed, of a head that is skipped */
    bool is_skipping;
    bool is_known;
    unsigned char status_class; /* valid if is_known; 0: not HTTP */
};

/* Start from a zeroed struct; feed the answer's bytes in order until is_known. */
void status_line_feed(struct status_line *line, const char *data, size_t size);
