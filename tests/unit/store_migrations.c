/*
 * Migrations of a database with rows in it: what a release before wrote means the same afterwards.
 */
#include <sqlite3.h>

#include "libdialup/store/store.h"
#include "tests/harness/check.h"
#include "tests/unit/db_fixture.h"

static void run(const struct fixture *f, const char *sql)
{
    sqlite3 *handle = NULL;
    char *message = NULL;
    CHECK_INT(sqlite3_open(f->path, &handle), SQLITE_OK);
    if (!CHECK_INT(sqlite3_exec(handle, sql, NULL, NULL, &message), SQLITE_OK)) {
        printf("# %s\n", message);
    }
    sqlite3_free(message);
    sqlite3_close(handle);
}

static int64_t number(const struct fixture *f, const char *sql)
{
    sqlite3 *handle = NULL;
    sqlite3_stmt *stmt = NULL;
    CHECK_INT(sqlite3_open(f->path, &handle), SQLITE_OK);
    CHECK_INT(sqlite3_prepare_v2(handle, sql, -1, &stmt, NULL), SQLITE_OK);
    CHECK_INT(sqlite3_step(stmt), SQLITE_ROW);
    int64_t value = sqlite3_column_int64(stmt, 0);
    sqlite3_finalize(stmt);
    sqlite3_close(handle);
    return value;
}

static void migrate_to(struct fixture *f, size_t count)
{
    struct db_schema before = store_schema;
    before.migration_count = count;
    CHECK_INT(fixture_migrate(f, &before), 0);
}

/* What ran is "concurrent_containers" now; "containers" are those that exist. */
static void case_containers(void)
{
    AUTO_FIXTURE struct fixture f;
    fixture_init(&f);
    migrate_to(&f, 8);
    run(&f, "INSERT INTO sites (id, owner_kind, owner_id, domain, type, memory_mib, "
            "cpu_millicores, live_deployment, instances, created_at, updated_at) VALUES "
            "(1, 'user', 7, 'awake.example.org', 'node', 256, 250, 1, 2, 1, 1), "
            "(2, 'user', 7, 'asleep.example.org', 'node', 256, 250, 2, 1, 1, 1), "
            "(3, 'user', 7, 'files.example.org', 'static', 0, 0, 3, 1, 1, 1), "
            "(4, 'user', 7, 'new.example.org', 'node', 256, 250, NULL, 1, 1, 1);"
            "INSERT INTO reservations (entity_kind, entity_id, site_id, purpose, dimension, "
            "amount, state, created_at) VALUES ('user', 7, 1, 'site', 'sites', 1, 'committed', 1), "
            "('user', 7, 1, 'run', 'containers', 2, 'committed', 1);"
            "INSERT INTO limits (entity_kind, entity_id, dimension, hard, soft_percent, "
            "burst_percent, updated_at) VALUES ('user', 7, 'containers', 6, 70, 5, 1), "
            "('user', 7, 'sites', 3, 80, 0, 1)");
    migrate_to(&f, store_schema.migration_count);
    CHECK_INT(number(&f, "SELECT count(*) FROM limits"), 2);
    CHECK_INT(number(&f, "SELECT hard FROM limits WHERE dimension = 'concurrent_containers' "
                         "AND soft_percent = 70 AND burst_percent = 5 AND percent = 0"),
              6);
    CHECK_INT(number(&f, "SELECT amount FROM reservations WHERE purpose = 'run' "
                         "AND dimension = 'concurrent_containers'"),
              2);
    CHECK_INT(number(&f, "SELECT sum(amount) FROM reservations WHERE purpose = 'site' "
                         "AND dimension = 'containers' AND site_id IN (1, 2)"),
              3);
    CHECK_INT(number(&f, "SELECT count(*) FROM reservations WHERE dimension = 'containers'"), 2);
    CHECK_INT(number(&f, "SELECT amount FROM reservation_sums WHERE dimension = 'containers'"), 3);
    CHECK_INT(number(&f, "SELECT amount FROM reservation_sums "
                         "WHERE dimension = 'concurrent_containers'"),
              2);
}

int main(void)
{
    static const struct check_case cases[] = {
        {"containers that run and that exist", case_containers},
    };
    return check_run(cases, ARRAY_COUNT(cases));
}
