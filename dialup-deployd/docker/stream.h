/*
 * The two ways in which Docker cuts a stream into pieces. Pure; fed with bytes as they come.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "libdialup/base/str.h"

enum docker_stream { DOCKER_STDIN, DOCKER_STDOUT, DOCKER_STDERR };

typedef void docker_frame_fn(void *arg, enum docker_stream stream, const char *data, size_t size);

/* Output of a container without a terminal: an 8-byte header (stream, 3 zeros, length in network
 * order) before each piece. Start from a zeroed struct. */
struct docker_frames {
    unsigned char header[8];
    size_t header_size;
    uint32_t left; /* of the present piece */
};

/* Calls on_frame for what is there of each piece, whole or not. -ERR_PARSE if it is no such
 * stream. */
int docker_frames_feed(struct docker_frames *frames, const char *data, size_t size,
                       docker_frame_fn *on_frame, void *arg);

enum { DOCKER_LINE_MAX = 1024 * 1024 };

/* One JSON value a line: events, and the progress of a build. Start from a zeroed struct. */
struct docker_lines {
    struct strbuf rest;
};

void docker_lines_fini(struct docker_lines *lines);

/* Calls on_line for each whole line that is not empty, without its end. -ERR_TOO_LARGE for a line
 * above DOCKER_LINE_MAX. */
int docker_lines_feed(struct docker_lines *lines, const char *data, size_t size,
                      void (*on_line)(void *arg, const char *line, size_t size), void *arg);
