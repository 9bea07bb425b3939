/*
 * One call after the other, for programs that have nothing else to do: the jobs. Blocks in the
 * loop.
 */
#pragma once

#include "dialup-deployd/engine/engine.h"

/* Runs the loop until one request is done. The request has no on_open, on_done, on_drop. *ret_body
 * may be NULL. */
int engine_wait(struct engine *engine, struct event_base *base,
                const struct engine_request *request, struct strbuf *ret_body, struct error *err);
