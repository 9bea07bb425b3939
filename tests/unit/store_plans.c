/*
 * No statement walks through all of a table that grows, unless it is named here with a reason.
 */
#include <sqlite3.h>

#include "libdialup/store/internal.h"
#include "libdialup/store/store.h"
#include "tests/harness/check.h"
#include "tests/unit/db_fixture.h"

static const struct db_statements *const tables[] = {
#define STATEMENTS(noun) &noun##_statements,
#include "libdialup/store/statements.def"
#undef STATEMENTS
};

static const struct {
    const char *statement;
    const char *reason;
} allowed[] = {
    {"users_count", "a few hundred people, asked by the panel"},
    {"profiles_list", "a handful, made by an admin"},
    {"reservations_sum_system", "a row for each dimension"},
    {"rollups_of_owners", "the whole ledger is added up, once in five minutes"},
    {"rollups_of_system", "the sums that the ledger keeps: a row for each dimension"},
};

static bool is_allowed(const char *name)
{
    for (size_t i = 0; i < ARRAY_COUNT(allowed); i++) {
        if (strcmp(allowed[i].statement, name) == 0) {
            return true;
        }
    }
    return false;
}

/* The line of the plan that reads a whole table, into out; "" if there is none. Reading the result
 * of an inner query is no such line. */
static void find_scan(sqlite3 *handle, const char *sql, char *out, size_t size)
{
    sqlite3_stmt *stmt = NULL;
    char *explain = sqlite3_mprintf("EXPLAIN QUERY PLAN %s", sql);
    out[0] = '\0';
    CHECK_INT(sqlite3_prepare_v2(handle, explain, -1, &stmt, NULL), SQLITE_OK);
    while (sqlite3_step(stmt) == SQLITE_ROW) {
        const char *line = (const char *)sqlite3_column_text(stmt, 3);
        if (strncmp(line, "SCAN ", 5) == 0 && strncmp(line, "SCAN (subquery", 14) != 0 &&
            strncmp(line, "SCAN CONSTANT", 13) != 0) {
            snprintf(out, size, "%s", line);
        }
    }
    sqlite3_finalize(stmt);
    sqlite3_free(explain);
}

static void check_table(sqlite3 *handle, const struct db_statements *statements)
{
    for (size_t i = 0; i < statements->count; i++) {
        const struct db_statement *row = &statements->rows[i];
        char scan[256];
        find_scan(handle, row->sql, scan, sizeof(scan));
        if ((scan[0] != '\0') != is_allowed(row->name)) {
            printf("# %s: %s\n", row->name, scan[0] ? scan : "is allowed to scan and does not");
            CHECK(false);
        }
    }
}

static void case_no_scans(void)
{
    AUTO_FIXTURE struct fixture f;
    fixture_init(&f);
    sqlite3 *handle = NULL;
    CHECK_INT(fixture_migrate(&f, &store_schema), 0);
    CHECK_INT(sqlite3_open(f.path, &handle), SQLITE_OK);
    for (size_t i = 0; i < ARRAY_COUNT(tables); i++) {
        check_table(handle, tables[i]);
    }
    sqlite3_close(handle);
}

/* Every table of the schema has a writer, and every writer's table is in the schema. */
static void case_all_tables_have_owners(void)
{
    AUTO_FIXTURE struct fixture f;
    fixture_init(&f);
    sqlite3 *handle = NULL;
    sqlite3_stmt *stmt = NULL;
    size_t count = 0;
    CHECK_INT(fixture_migrate(&f, &store_schema), 0);
    CHECK_INT(sqlite3_open(f.path, &handle), SQLITE_OK);
    CHECK_INT(sqlite3_prepare_v2(handle,
                                 "SELECT name FROM sqlite_schema WHERE type = 'table' "
                                 "AND name NOT LIKE 'sqlite_%'",
                                 -1, &stmt, NULL),
              SQLITE_OK);
    while (sqlite3_step(stmt) == SQLITE_ROW) {
        const char *name = (const char *)sqlite3_column_text(stmt, 0);
        bool is_owned = false;
        for (size_t i = 0; i < store_schema.table_count; i++) {
            is_owned = is_owned || strcmp(store_schema.tables[i].name, name) == 0;
        }
        if (!is_owned) {
            printf("# no owner: %s\n", name);
        }
        CHECK(is_owned);
        count++;
    }
    CHECK_INT(count, store_schema.table_count);
    sqlite3_finalize(stmt);
    sqlite3_close(handle);
}

int main(void)
{
    static const struct check_case cases[] = {
        {"no statement scans a table that grows", case_no_scans},
        {"each table has its writer", case_all_tables_have_owners},
    };
    return check_run(cases, ARRAY_COUNT(cases));
}
