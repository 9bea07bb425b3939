/*
 * Result codes of SQLite as errors of ours. The words are ours too: what SQLite says names tables
 * and statements, which helps an operator (db_detail) and nobody else.
 */
#include <stdbool.h>
#include <stdio.h>

#include "libdialup/base/memory.h"
#include "libdialup/db/internal.h"

struct failure {
    int sqlite_code; /* an extended code, or a primary one that stands for all of its kind */
    enum error_code code;
    const char *message;
    const char *hint;
};

static const struct failure failures[] = {
    {SQLITE_CONSTRAINT_UNIQUE, ERR_ALREADY_EXISTS, "This exists already", ""},
    {SQLITE_CONSTRAINT_PRIMARYKEY, ERR_ALREADY_EXISTS, "This exists already", ""},
    {SQLITE_CONSTRAINT_ROWID, ERR_ALREADY_EXISTS, "This exists already", ""},
    {SQLITE_CONSTRAINT_FOREIGNKEY, ERR_CONFLICT,
     "Something that this needs is not there, or something else still needs this", ""},
    {SQLITE_CONSTRAINT, ERR_INVALID_ARGUMENT, "A value is outside what can be stored", ""},
    {SQLITE_MISMATCH, ERR_INVALID_ARGUMENT, "A value is outside what can be stored", ""},
    {SQLITE_TOOBIG, ERR_TOO_LARGE, "A value is too large to be stored", ""},
    {SQLITE_BUSY, ERR_BUSY, "The database is busy", "Please try again in a moment."},
    {SQLITE_LOCKED, ERR_BUSY, "The database is busy", "Please try again in a moment."},
    {SQLITE_FULL, ERR_NO_SPACE, "The server's disk is full, so nothing can be saved",
     "Free some space on the server and try again."},
    {SQLITE_READONLY, ERR_INTERNAL, "The database can only be read here", ""},
    {SQLITE_PERM, ERR_IO, "The database may not be opened by this program",
     "Check the owner and the mode of the database file and its folder."},
    {SQLITE_CANTOPEN, ERR_IO, "The database cannot be opened",
     "Check the path, and the owner and the mode of the file and its folder."},
    {SQLITE_IOERR, ERR_IO, "Reading or writing the database failed",
     "Look at the server's disk and its log."},
    {SQLITE_CORRUPT, ERR_IO, "The database file is damaged", "Restore the newest backup."},
    {SQLITE_NOTADB, ERR_IO, "The file is not a database", "Check the path of the database."},
};

static const struct failure *find(int sqlite_code)
{
    for (size_t i = 0; i < ARRAY_COUNT(failures); i++) {
        if (failures[i].sqlite_code == sqlite_code) {
            return &failures[i];
        }
    }
    return NULL;
}

int db_fail_code(int code, struct error *err)
{
    const struct failure *failure = find(code);
    if (!failure) {
        failure = find(code & 0xff);
    }
    if (!failure) {
        return error_set(err, ERR_INTERNAL, "The database refused a statement");
    }
    error_set(err, failure->code, "%s", failure->message);
    error_hint(err, "%s", failure->hint);
    return -(int)failure->code;
}

/* Failures of the file, not of one statement. */
static bool is_of_file(int code)
{
    static const int codes[] = {SQLITE_FULL,     SQLITE_IOERR,   SQLITE_READONLY, SQLITE_PERM,
                                SQLITE_CANTOPEN, SQLITE_CORRUPT, SQLITE_NOTADB};
    for (size_t i = 0; i < ARRAY_COUNT(codes); i++) {
        if (codes[i] == (code & 0xff)) {
            return true;
        }
    }
    return false;
}

static bool is_damage(int code)
{
    return (code & 0xff) == SQLITE_CORRUPT || (code & 0xff) == SQLITE_NOTADB;
}

void db_note_write(struct db *db)
{
    if (!is_damage(db->broken)) {
        db->broken = 0;
    }
}

int db_fail(struct db *db, int code, const char *doing, struct error *err)
{
    snprintf(db->detail, sizeof(db->detail), "%s: %s (%d)", doing, sqlite3_errmsg(db->handle),
             code);
    if (is_of_file(code) && !is_damage(db->broken)) {
        db->broken = code;
    }
    return db_fail_code(code, err);
}

int db_fail_owner(const struct db_table *table, const char *program, struct error *err)
{
    return error_set(err, ERR_INTERNAL, "The table \"%s\" belongs to %s; %s may only read it",
                     table->name, table->owner, program);
}

const char *db_detail(const struct db *db)
{
    return db->detail;
}

int db_fail_newer(int64_t found, int known, struct error *err)
{
    error_set(
        err, ERR_CONFLICT,
        "The database is of version %jd, from a newer release; this one knows versions up to %d",
        (intmax_t)found, known);
    error_hint(err,
               "Install the newer release again, or put the copy that was made before it "
               "(dialup.db.before-%d) in the database's place.",
               known + 1);
    return -ERR_CONFLICT;
}
