/*
 * The guard: one writer a table. SQLite asks it about everything that a statement would do, when
 * the statement is prepared. What it does not know it denies: DDL, ATTACH and PRAGMA among it, so
 * these are done before the guard stands (db.c, migrate.c). The pragmas that only tell a figure are
 * allowed: inspect.c asks them at any time.
 *
 * It is discipline, not a wall: another process can open the file without it.
 */

#include "libdialup/base/memory.h"
#include "libdialup/base/str.h"
#include "libdialup/db/internal.h"

static const struct db_table *find_table(const struct db_schema *schema, const char *name)
{
    for (size_t i = 0; i < schema->table_count; i++) {
        if (str_equal(schema->tables[i].name, name)) {
            return &schema->tables[i];
        }
    }
    return NULL;
}

static int judge_write(struct db *db, const char *name)
{
    const struct db_table *table = find_table(db->schema, name);
    if (table && str_equal(table->owner, db->owner)) {
        return SQLITE_OK;
    }
    /* NULL for a table that is not in the list: nobody may write that one. */
    db->refused_table = table;
    return SQLITE_DENY;
}

static int judge_pragma(const char *name, const char *value)
{
    static const char *const figures[] = {"page_size", "page_count", "freelist_count"};
    for (size_t i = 0; i < ARRAY_COUNT(figures) && !value; i++) {
        if (str_equal(name, figures[i])) {
            return SQLITE_OK;
        }
    }
    return SQLITE_DENY;
}

/* The arguments are those of sqlite3_set_authorizer(3): for a write the first is the table, for a
 * function the second is its name. */
static int judge(void *context, int action, const char *first, const char *second,
                 const char *schema_name, const char *trigger)
{
    switch (action) {
    case SQLITE_SELECT:
    case SQLITE_READ:
    case SQLITE_TRANSACTION:
    case SQLITE_SAVEPOINT:
    case SQLITE_RECURSIVE:
        return SQLITE_OK;
    case SQLITE_FUNCTION:
        return str_equal(second, "load_extension") ? SQLITE_DENY : SQLITE_OK;
    case SQLITE_INSERT:
    case SQLITE_UPDATE:
    case SQLITE_DELETE:
        return judge_write(context, first);
    case SQLITE_PRAGMA:
        return judge_pragma(first, second);
    default:
        return SQLITE_DENY;
    }
}

void db_guard(struct db *db)
{
    sqlite3_set_authorizer(db->handle, judge, db);
}
