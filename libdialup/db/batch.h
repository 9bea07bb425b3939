/*
 * A batch: the writes that queue up during one turn of the loop share one transaction and one
 * sync to the disk. Each has its own savepoint, so one that fails harms no other.
 *
 * The batch knows no loop. It asks to be run by calling needs_run, once, and the owner arms a
 * timer that calls db_batch_run. An item's work runs inside the transaction and must not call
 * db_batch_*; its done is called after the commit, with the work's own error or the commit's, and
 * may do anything except free the batch.
 */
#pragma once

#include <stddef.h>

#include "libdialup/base/error.h"

struct db;
struct db_batch;

/* Returns 0 or a negative error, and then fills err. */
typedef int db_work_fn(struct db *db, void *context, struct error *err);

/* result is 0 only if the change is on the disk; err is NULL then. */
typedef void db_done_fn(void *context, int result, const struct error *err);

typedef void db_needs_run_fn(void *context, int delay_ms);

struct db_batch *db_batch_new(struct db *db, db_needs_run_fn *needs_run, void *context);

/* Items that were not run end with -ERR_UNAVAILABLE. NULL is fine. */
void db_batch_free(struct db_batch *batch);

/* Order is kept. done may be NULL. context is borrowed until done. */
void db_batch_add(struct db_batch *batch, db_work_fn *work, db_done_fn *done, void *context);

/* Runs what is queued, at most 200 items, and asks to be run again if there is more. While another
 * program writes it keeps the items and asks again; after some twenty tries they end with
 * -ERR_BUSY. */
void db_batch_run(struct db_batch *batch);

size_t db_batch_queued(const struct db_batch *batch);
