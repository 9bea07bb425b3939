/*
 * The schema as one value, opening, and the few helpers that all nouns share.
 */
#include "libdialup/store/store.h"

#include <string.h>

#include "libdialup/base/log.h"
#include "libdialup/base/str.h"
#include "libdialup/store/internal.h"
#include "migrations.inc"

static const struct db_table tables[] = {
#define TABLE(table, owner) {#table, #owner},
#include "libdialup/store/tables.def"
#undef TABLE
};

static const struct db_statements *const statement_tables[] = {
#define STATEMENTS(noun) &noun##_statements,
#include "libdialup/store/statements.def"
#undef STATEMENTS
};

const struct db_schema store_schema = {
    .tables = tables,
    .table_count = ARRAY_COUNT(tables),
    .migrations = migrations,
    .migration_count = ARRAY_COUNT(migrations),
};

int store_open(const char *path, const char *owner, struct db **ret_db, struct error *err)
{
    struct db_options options = {.schema = &store_schema, .owner = owner, .read_only = !owner};
    struct db *db = NULL;
    int r = db_open(path, &options, &db, err);
    for (size_t i = 0; r == 0 && i < ARRAY_COUNT(statement_tables); i++) {
        r = db_add_statements(db, statement_tables[i], err);
    }
    if (r < 0) {
        db_close(db);
        return r;
    }
    *ret_db = db;
    return 0;
}

static int fail_missing(struct db_query *query, const char *noun)
{
    return error_set(query->err, ERR_NOT_FOUND, "There is no such %s", noun);
}

int store_row(struct db_query *query, const char *noun)
{
    int r = db_query_row(query);
    if (r == 0) {
        return fail_missing(query, noun);
    }
    return r < 0 ? r : 0;
}

int store_change(struct db_query *query, const char *noun)
{
    int64_t changed = 0;
    int r = db_query_change(query, &changed);
    return r == 0 && changed == 0 ? fail_missing(query, noun) : r;
}

int store_column_enum(struct db_query *query, const char *const *names, size_t count)
{
    const char *word = db_column_word(query);
    ASSERT(word);
    for (size_t i = 0; i < count; i++) {
        if (str_equal(names[i], word)) {
            return (int)i;
        }
    }
    log_panic("the database holds an unknown word, \"%s\"", word);
}

enum quota_entity store_column_entity(struct db_query *query)
{
    const char *const names[] = {
        [QUOTA_SYSTEM] = quota_entity_name(QUOTA_SYSTEM),
        [QUOTA_TEAM] = quota_entity_name(QUOTA_TEAM),
        [QUOTA_USER] = quota_entity_name(QUOTA_USER),
    };
    return (enum quota_entity)store_column_enum(query, names, ARRAY_COUNT(names));
}

void *store_grow(struct arena *arena, void *rows, size_t count, size_t row_size)
{
    /* Full when empty, and at each power of two from 8 on. */
    if (count > 0 && (count < 8 || (count & (count - 1)) != 0)) {
        return rows;
    }
    void *larger = arena_calloc(arena, count ? count * 2 : 8, row_size);
    if (count > 0) {
        memcpy(larger, rows, count * row_size);
    }
    return larger;
}
