/*
 * Caddy's access log, received as datagrams on loopback. UDP, because it is the only way that
 * cannot hold up a site while nobody reads.
 */
#pragma once

#include <stdint.h>

#include "dialup-monitord/parse_access_log.h"
#include "libdialup/base/error.h"

struct event_base;
struct access_log;

typedef void access_line_fn(void *context, const struct access_line *line);

/* Listens on 127.0.0.1. ERR_ALREADY_EXISTS if somebody else has the port. */
int access_log_open(struct event_base *base, int port, access_line_fn *on_line, void *context,
                    struct access_log **ret_log, struct error *err);

/* NULL is fine. */
void access_log_close(struct access_log *log);
