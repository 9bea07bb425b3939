/*
 * Says a prepared response on a connection and ends it so that the visitor never sees a reset.
 *
 * A reset would take the response with it, and comes when a socket is closed with unread bytes in
 * it. So the rest of the request is read and dropped until its sender has closed, at most
 * ANSWER_DRAIN_BYTES or ANSWER_DRAIN_MS; then the connection is closed whatever there is.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "libdialup/base/str.h"

enum { ANSWER_DRAIN_BYTES = 1024 * 1024, ANSWER_DRAIN_MS = 2000 };

struct event_base;
struct answers;

struct answers *answers_new(struct event_base *base);

/* Closes what is still being answered. NULL is fine. */
void answers_free(struct answers *answers);

/* Takes fd and the bytes of response, which may be empty: then it only ends politely. If nothing
 * was read from fd yet, has_request is false and the response waits for the request's first byte:
 * an HTTP client takes an answer before its question for a broken connection. */
void answers_start(struct answers *answers, int fd, struct strbuf *response, bool has_request);

/* How many are under way. */
size_t answers_count(const struct answers *answers);
