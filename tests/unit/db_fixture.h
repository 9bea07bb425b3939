/*
 * A folder that lives as long as a case, and a database in it. For the tests of the db and store
 * rooms.
 */
#pragma once

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libdialup/base/error.h"
#include "libdialup/base/fs.h"
#include "libdialup/base/log.h"
#include "libdialup/base/memory.h"
#include "libdialup/base/str.h"
#include "libdialup/db/db.h"
#include "libdialup/db/migrate.h"

struct fixture {
    char folder[64];
    char path[96];
    struct error err;
};

static inline void fixture_init(struct fixture *fixture)
{
    *fixture = (struct fixture){.folder = "/tmp/dialup-test-XXXXXX"};
    ASSERT(mkdtemp(fixture->folder));
    snprintf(fixture->path, sizeof(fixture->path), "%s/dialup.db", fixture->folder);
}

static inline void fixture_fini(struct fixture *fixture)
{
    fs_remove_tree(fixture->folder, NULL);
}

#define AUTO_FIXTURE __attribute__((cleanup(fixture_fini)))

static inline void cleanup_db(struct db **db)
{
    db_close(*db);
}

#define AUTO_DB __attribute__((cleanup(cleanup_db)))

static inline int fixture_migrate(struct fixture *fixture, const struct db_schema *schema)
{
    struct db_migrate_result result;
    return db_migrate(fixture->path, schema, NULL, NULL, &result, &fixture->err);
}

/* A migrated database, opened by owner (NULL: no guard) with its statements; panics if not. */
static inline struct db *fixture_open(struct fixture *fixture, const struct db_schema *schema,
                                      const char *owner, const struct db_statements *statements)
{
    struct db *db = NULL;
    struct db_options options = {.schema = schema, .owner = owner};
    if (fixture_migrate(fixture, schema) < 0 ||
        db_open(fixture->path, &options, &db, &fixture->err) < 0 ||
        (statements && db_add_statements(db, statements, &fixture->err) < 0)) {
        log_panic("fixture: %s", fixture->err.message);
    }
    return db;
}
