/*
 * BEGIN IMMEDIATE on the outside, savepoints inside. Called by the store room and the batch.
 */
#include "libdialup/db/transaction.h"

#include "libdialup/base/log.h"
#include "libdialup/db/internal.h"

static int run_control(struct db *db, enum db_control control)
{
    int code = sqlite3_step(db->control[control]);
    int reset_code = sqlite3_reset(db->control[control]);
    return code == SQLITE_DONE ? reset_code : code;
}

bool db_in_transaction(const struct db *db)
{
    return !sqlite3_get_autocommit(db->handle);
}

int db_transaction_begin(struct db_transaction *transaction, struct db *db, struct error *err)
{
    ASSERT(!transaction->db);
    /* The outer transaction may have been rolled back by SQLite under us: then nothing more may be
     * written, or it would stand on its own. */
    if (db->depth > 0 && !db_in_transaction(db)) {
        return error_set(err, ERR_IO, "The change could not be saved as a whole");
    }
    int code = run_control(db, db->depth > 0 ? DB_SAVEPOINT : DB_BEGIN);
    if (code != SQLITE_OK) {
        return db_fail(db, code, "begin", err);
    }
    transaction->db = db;
    transaction->depth = ++db->depth;
    return 0;
}

static void roll_back(struct db *db, unsigned depth)
{
    if (!db_in_transaction(db)) {
        return;
    }
    if (depth == 1) {
        run_control(db, DB_ROLLBACK);
    } else {
        run_control(db, DB_ROLLBACK_TO);
        run_control(db, DB_RELEASE);
    }
}

static struct db *close_transaction(struct db_transaction *transaction)
{
    struct db *db = transaction->db;
    ASSERT(db && db->depth == transaction->depth);
    db->depth--;
    transaction->db = NULL;
    return db;
}

int db_transaction_commit(struct db_transaction *transaction, struct error *err)
{
    unsigned depth = transaction->depth;
    struct db *db = close_transaction(transaction);
    if (!db_in_transaction(db)) {
        return error_set(err, ERR_IO, "The change could not be saved as a whole");
    }
    int code = run_control(db, depth == 1 ? DB_COMMIT : DB_RELEASE);
    if (code == SQLITE_OK) {
        if (depth == 1) {
            db_note_write(db);
        }
        return 0;
    }
    int r = db_fail(db, code, "commit", err);
    roll_back(db, depth);
    return r;
}

void db_transaction_end(struct db_transaction *transaction)
{
    if (transaction->db) {
        unsigned depth = transaction->depth;
        roll_back(close_transaction(transaction), depth);
    }
}
