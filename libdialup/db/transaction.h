/*
 * Transactions: short, immediate, rolled back at the end of the scope unless committed.
 *
 *     AUTO_TRANSACTION struct db_transaction t = {0};
 *     int r = db_transaction_begin(&t, db, err);
 *     ...
 *     return db_transaction_commit(&t, err);
 *
 * Inside another transaction (or a batch's) it is a savepoint, so a function that needs one need
 * not know who calls. Never keep one open across a return to the loop or a call to another program.
 */
#pragma once

#include <stdbool.h>

#include "libdialup/base/error.h"

struct db;

struct db_transaction {
    struct db *db; /* NULL unless open */
    unsigned depth;
};

/* -ERR_BUSY if another program writes for longer than the busy timeout. */
int db_transaction_begin(struct db_transaction *transaction, struct db *db, struct error *err);

/* Closed afterwards, rolled back if it failed. */
int db_transaction_commit(struct db_transaction *transaction, struct error *err);

/* Rolls back if still open. */
void db_transaction_end(struct db_transaction *transaction);

#define AUTO_TRANSACTION __attribute__((cleanup(db_transaction_end)))

/* Whether a transaction is open. A full disk or an I/O error makes SQLite roll back by itself. */
bool db_in_transaction(const struct db *db);
