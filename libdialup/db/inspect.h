/*
 * How a database is: for the health check of every daemon.
 */
#pragma once

#include "libdialup/db/db.h"

struct db_state {
    int64_t page_bytes;
    int64_t pages;
    int64_t free_pages; /* of them: left by rows that went; used again before the file grows */
    int64_t log_bytes;  /* of the write-ahead log beside it; it grows while a reader holds it */
    bool is_log_sound;  /* its head adds up; true where there is none */
    bool is_locked;     /* another program kept us from writing */

    /* Why nothing can be written, or what failed in the file and still does: 0 or
     * an error code with its words. */
    struct error problem;
};

/* Writes nothing, but after a failed write: then one page as it was, to learn whether that works
 * again. Waits for another program's write as any write does, at most some 50 ms. */
int db_inspect(struct db *db, struct db_state *ret_state, struct error *err);
