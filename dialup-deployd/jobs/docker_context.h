/*
 * The build context of an image: a release's folder as a tar, made while it is sent.
 *
 * .dockerignore is honoured (its patterns count from the top, as Docker's do); .git and
 * node_modules never go along. Owners are left out. Blocks on the disk only.
 */
#pragma once

#include <stddef.h>
#include <sys/types.h>

#include "libdialup/base/error.h"

struct docker_context;

/* dir_fd is borrowed for the reading of .dockerignore only. */
int docker_context_open(const char *folder, int dir_fd, struct docker_context **ret_context,
                        struct error *err);
void docker_context_close(struct docker_context *context);

/* An engine_read_fn: up to size bytes of the tar, 0 at its end, negative on failure. */
ssize_t docker_context_read(void *context, char *out, size_t size);
