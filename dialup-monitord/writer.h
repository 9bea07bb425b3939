/*
 * The writer: puts a cycle's rows into the database, at most 200 a transaction and one transaction
 * a turn of the loop.
 *
 * One batch at a time. While another program writes, a step is tried again; after some seconds the
 * rest of the batch is given up: measurements are not worth a queue that grows.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dialup-monitord/sampler.h"
#include "dialup-monitord/traffic_book.h"

struct db;
struct event_base;
struct writer;

/* The batch is over: result is 0 if all is on the disk; err is NULL then. */
typedef void writer_done_fn(void *context, int result, const struct error *err);

struct writer *writer_new(struct event_base *base, struct db *db, writer_done_fn *on_done,
                          void *context);

/* What is not written yet is dropped, without on_done. NULL is fine. */
void writer_free(struct writer *writer);

/* Takes the arena, which holds the rows. on_done is never called from within. */
void writer_start(struct writer *writer, struct arena *arena, const struct sample_rows *usage,
                  const struct traffic_rows *traffic);
