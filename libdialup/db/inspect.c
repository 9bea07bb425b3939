/*
 * Looks at a database from all sides that cost nothing; see the header. Called by the daemons'
 * health check.
 */
#include "libdialup/db/inspect.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "libdialup/base/memory.h"
#include "libdialup/db/internal.h"
#include "libdialup/db/transaction.h"

/* sqlite.org/fileformat2.html 4.1: big-endian words, and a sum over the first six in the order of
 * bytes that the last bit of the magic number tells. */
enum { HEAD_WORDS = 8, SUMMED_WORDS = 6, HEAD_BYTES = HEAD_WORDS * 4 };
#define WAL_MAGIC 0x377f0682U
#define WAL_FORMAT 3007000U

static uint32_t word_at(const unsigned char *bytes, size_t word, bool is_big_endian)
{
    const unsigned char *at = bytes + word * 4;
    uint32_t first = is_big_endian ? at[0] : at[3];
    uint32_t second = is_big_endian ? at[1] : at[2];
    uint32_t third = is_big_endian ? at[2] : at[1];
    uint32_t fourth = is_big_endian ? at[3] : at[0];
    return first << 24 | second << 16 | third << 8 | fourth;
}

static bool does_head_add_up(const unsigned char *head)
{
    uint32_t magic = word_at(head, 0, true);
    if ((magic & ~1U) != WAL_MAGIC || word_at(head, 1, true) != WAL_FORMAT) {
        return false;
    }
    uint32_t sums[2] = {0, 0};
    for (size_t i = 0; i < SUMMED_WORDS; i += 2) {
        sums[0] += word_at(head, i, magic & 1) + sums[1];
        sums[1] += word_at(head, i + 1, magic & 1) + sums[0];
    }
    return sums[0] == word_at(head, SUMMED_WORDS, true) &&
           sums[1] == word_at(head, SUMMED_WORDS + 1, true);
}

/* One that is being made has no whole head yet: SQLite takes it for empty, and so do we. */
static void look_at_log(const char *path, struct db_state *state)
{
    AUTO_FREE char *log_path = xasprintf("%s-wal", path);
    unsigned char head[HEAD_BYTES];
    struct stat status;
    state->is_log_sound = true;
    int fd = open(log_path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return;
    }
    if (fstat(fd, &status) == 0) {
        state->log_bytes = status.st_size;
    }
    if (pread(fd, head, sizeof(head), 0) == sizeof(head)) {
        state->is_log_sound = does_head_add_up(head);
    }
    close(fd);
}

/* SQLite makes files beside the database, so the folder has to be writable too. */
static void look_at_modes(const char *path, struct db_state *state)
{
    AUTO_FREE char *folder = xstrdup(path);
    char *slash = strrchr(folder, '/');
    if (slash && slash != folder) {
        *slash = '\0';
    }
    const char *const needed[] = {path, folder};
    for (size_t i = 0; i < ARRAY_COUNT(needed) && !state->problem.code; i++) {
        if (faccessat(AT_FDCWD, needed[i], W_OK, AT_EACCESS) < 0) {
            error_set_errno(&state->problem, ERR_IO, errno, "%s cannot be written", needed[i]);
            error_hint(&state->problem,
                       "Check its owner and mode, and that its disk is mounted for writing.");
        }
    }
}

/* One page that says what it said before. The guard would refuse the pragma. */
static int rewrite_version(struct db *db, struct error *err)
{
    char sql[64];
    snprintf(sql, sizeof(sql), "PRAGMA user_version = %d", db_schema_version(db->schema));
    sqlite3_set_authorizer(db->handle, NULL, NULL);
    int code = db_exec(db->handle, sql);
    if (db->owner) {
        db_guard(db);
    }
    return code == SQLITE_OK ? 0 : db_fail(db, code, sql, err);
}

/* Takes the writer's place and gives it back. After a failure something is written: a program that
 * has nothing to write would otherwise not learn that it is over. */
static void try_to_write(struct db *db, struct db_state *state)
{
    struct error err = {0};
    if (db_in_transaction(db)) {
        return;
    }
    AUTO_TRANSACTION struct db_transaction transaction = {0};
    int r = db_transaction_begin(&transaction, db, &err);
    if (r == 0 && db->broken) {
        r = rewrite_version(db, &err);
        if (r == 0) {
            r = db_transaction_commit(&transaction, &err);
        }
    }
    state->is_locked = r == -ERR_BUSY;
    if (r < 0 && !state->is_locked) {
        state->problem = err;
    }
}

static int count_pages(struct db *db, struct db_state *state, struct error *err)
{
    const struct {
        const char *sql;
        int64_t *value;
    } figures[] = {
        {"PRAGMA page_size", &state->page_bytes},
        {"PRAGMA page_count", &state->pages},
        {"PRAGMA freelist_count", &state->free_pages},
    };
    for (size_t i = 0; i < ARRAY_COUNT(figures); i++) {
        int code = db_read_i64(db->handle, figures[i].sql, figures[i].value);
        if (code != SQLITE_OK) {
            return db_fail(db, code, figures[i].sql, err);
        }
    }
    return 0;
}

int db_inspect(struct db *db, struct db_state *ret_state, struct error *err)
{
    const char *path = sqlite3_db_filename(db->handle, "main");
    *ret_state = (struct db_state){0};
    int r = count_pages(db, ret_state, err);
    if (r < 0) {
        return r;
    }
    look_at_log(path, ret_state);
    look_at_modes(path, ret_state);
    if (!ret_state->problem.code && sqlite3_db_readonly(db->handle, "main") == 1) {
        error_set(&ret_state->problem, ERR_IO, "%s is open for reading only", path);
        error_hint(&ret_state->problem, "Check its owner and mode, then restart this program.");
    }
    if (!ret_state->problem.code) {
        try_to_write(db, ret_state);
    }
    if (!ret_state->problem.code && db->broken) {
        db_fail_code(db->broken, &ret_state->problem);
    }
    return 0;
}
