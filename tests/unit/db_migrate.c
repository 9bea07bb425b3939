/*
 * Migrations: forward, whole or not at all, also when the migrator dies.
 */
#include "libdialup/db/migrate.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/harness/check.h"
#include "tests/unit/db_fixture.h"

#define FIRST                                                                                      \
    {                                                                                              \
        1, "0001_first", "CREATE TABLE a (id INTEGER PRIMARY KEY) STRICT;"                         \
    }
#define SECOND                                                                                     \
    {                                                                                              \
        2, "0002_second", "CREATE TABLE b (id INTEGER PRIMARY KEY) STRICT;\n-- end\n"              \
    }
#define THIRD                                                                                      \
    {                                                                                              \
        3, "0003_third", "INSERT INTO a (id) VALUES (7);"                                          \
    }

static const struct db_migration steps[] = {FIRST, SECOND, THIRD};

/* The schema of a release that knows the first count steps. */
static struct db_schema release(size_t count)
{
    return (struct db_schema){.migrations = steps, .migration_count = count};
}

/* The one number that sql gives, -1 if it cannot be asked; schema tells the file's version. */
static int64_t ask(struct fixture *f, const struct db_schema *schema, const char *sql)
{
    AUTO_DB struct db *db = NULL;
    struct db_options options = {.schema = schema};
    struct db_statement row = {"ask", sql};
    struct db_statements one = {&row, 1};
    if (db_open(f->path, &options, &db, &f->err) < 0 || db_add_statements(db, &one, &f->err) < 0) {
        return -1;
    }
    AUTO_QUERY struct db_query q = db_query(db, &one, 0, &f->err);
    int64_t value = db_query_row(&q) > 0 ? db_column_i64(&q) : -1;
    return value;
}

static void case_good(void)
{
    AUTO_FIXTURE struct fixture f;
    fixture_init(&f);
    struct db_schema first = release(1);
    struct db_schema all = release(3);
    struct db_migrate_result result;
    CHECK_INT(db_migrate(f.path, &first, NULL, NULL, &result, &f.err), 0);
    CHECK_INT(result.from_version, 0);
    CHECK_INT(result.to_version, 1);
    CHECK_STR(result.copy_path, "");
    CHECK_INT(db_migrate(f.path, &all, NULL, NULL, &result, &f.err), 0);
    CHECK_INT(result.from_version, 1);
    CHECK_INT(result.to_version, 3);
    CHECK_CONTAINS(result.copy_path, "dialup.db.before-2");
    CHECK_INT(ask(&f, &all, "SELECT id FROM a"), 7);
    CHECK_INT(db_migrate(f.path, &all, NULL, NULL, &result, &f.err), 0);
    CHECK_INT(result.from_version, 3);
    CHECK_STR(result.copy_path, "");
}

/* SQLite tests a new CHECK with a PRAGMA of its own. */
static void case_new_column_with_check(void)
{
    AUTO_FIXTURE struct fixture f;
    fixture_init(&f);
    struct db_schema good = release(2);
    struct db_migration more[] = {FIRST,
                                  SECOND,
                                  {3, "column",
                                   "INSERT INTO a (id) VALUES (1); ALTER TABLE a ADD COLUMN n "
                                   "INTEGER NOT NULL DEFAULT 1 CHECK (n > 0)"}};
    struct db_schema schema = {.migrations = more, .migration_count = 3};
    CHECK_INT(fixture_migrate(&f, &good), 0);
    CHECK_INT(fixture_migrate(&f, &schema), 0);
    CHECK_INT(ask(&f, &schema, "SELECT count(n) FROM a"), 1);
}

static void case_broken_rolls_back(void)
{
    static const struct {
        const char *name;
        const char *sql;
        const char *words;
    } broken[] = {
        {"wrong", "INSERT INTO a (id) VALUES (1); SELECT nosuch FROM a;", "no such column"},
        {"commit", "INSERT INTO a (id) VALUES (1); COMMIT; CREATE TABLE x (y);", "must not"},
        {"begin", "INSERT INTO a (id) VALUES (1); BEGIN;", "must not contain"},
        {"rollback", "INSERT INTO a (id) VALUES (1); ROLLBACK;", "must not contain"},
        {"savepoint", "SAVEPOINT s; INSERT INTO a (id) VALUES (1);", "must not contain"},
        {"pragma", "INSERT INTO a (id) VALUES (1); PRAGMA user_version = 9;", "must not contain"},
        {"attach", "INSERT INTO a (id) VALUES (1); ATTACH ':memory:' AS o;", "must not contain"},
        {"foreign key",
         "CREATE TABLE c (a_id INTEGER REFERENCES a (id)); INSERT INTO c VALUES (5);",
         "1 rows would refer to nothing"},
    };
    for (size_t i = 0; i < ARRAY_COUNT(broken); i++) {
        AUTO_FIXTURE struct fixture f;
        fixture_init(&f);
        struct db_schema good = release(2);
        struct db_migration bad[] = {FIRST, SECOND, {3, broken[i].name, broken[i].sql}};
        struct db_schema schema = {.migrations = bad, .migration_count = 3};
        CHECK_INT(fixture_migrate(&f, &good), 0);
        CHECK_INT(fixture_migrate(&f, &schema), -ERR_INTERNAL);
        CHECK_CONTAINS(f.err.message, broken[i].words);
        CHECK_CONTAINS(f.err.message, "rolled back");
        CHECK_INT(ask(&f, &good, "SELECT count(*) FROM a"), 0);
        CHECK_INT(ask(&f, &good, "SELECT count(*) FROM sqlite_schema"), 2);
    }
}

/* What came before the broken one stays: each is a step of its own. */
static void case_earlier_steps_stay(void)
{
    AUTO_FIXTURE struct fixture f;
    fixture_init(&f);
    struct db_schema good = release(2);
    struct db_migration bad[] = {FIRST, SECOND, {3, "0003_bad", "nonsense"}};
    struct db_schema schema = {.migrations = bad, .migration_count = 3};
    CHECK_INT(fixture_migrate(&f, &schema), -ERR_INTERNAL);
    CHECK_INT(ask(&f, &good, "SELECT count(*) FROM b"), 0);
}

static void case_newer_database(void)
{
    AUTO_FIXTURE struct fixture f;
    fixture_init(&f);
    struct db_schema newer = release(3);
    struct db_schema older = release(2);
    CHECK_INT(fixture_migrate(&f, &newer), 0);
    CHECK_INT(fixture_migrate(&f, &older), -ERR_CONFLICT);
    CHECK_CONTAINS(f.err.message, "of version 3, from a newer release; this one knows versions up "
                                  "to 2");
    CHECK_CONTAINS(f.err.hint, "before-3");
}

static void case_foreign_database(void)
{
    static const struct db_migration strange[] = {FIRST};
    static const struct db_schema other = {NULL, 0, strange, 1};
    AUTO_FIXTURE struct fixture f;
    fixture_init(&f);
    AUTO_DB struct db *db = fixture_open(&f, &other, NULL, NULL);
    struct db_statement row = {"reset", "PRAGMA user_version = 0"};
    struct db_statements one = {&row, 1};
    CHECK_INT(db_add_statements(db, &one, &f.err), 0);
    AUTO_QUERY struct db_query q = db_query(db, &one, 0, &f.err);
    CHECK_INT(db_query_run(&q), 0);
    CHECK_INT(fixture_migrate(&f, &other), -ERR_CONFLICT);
    CHECK_CONTAINS(f.err.message, "another program");
}

static void case_copies(void)
{
    struct db_migration many[6];
    struct db_schema schema = {.migrations = many};
    AUTO_FIXTURE struct fixture f;
    fixture_init(&f);
    for (int i = 0; i < 6; i++) {
        many[i] = (struct db_migration){i + 1, "step", "SELECT 1;"};
        schema.migration_count = (size_t)i + 1;
        CHECK_INT(fixture_migrate(&f, &schema), 0);
    }
    for (int version = 2; version <= 6; version++) {
        char path[128];
        struct stat info;
        snprintf(path, sizeof(path), "%s.before-%d", f.path, version);
        CHECK_INT(stat(path, &info) == 0, version > 3);
        if (version > 3) {
            CHECK_INT(info.st_mode & 0777, 0600);
        }
    }
    /* The newest copy is a whole database of the version before. */
    char copy[128];
    snprintf(copy, sizeof(copy), "%s.before-6", f.path);
    str_copy(f.path, sizeof(f.path), copy);
    schema.migration_count = 5;
    CHECK_INT(ask(&f, &schema, "SELECT 5"), 5);
}

static void die_before(void *context, const struct db_migration *migration)
{
    if (migration->version == *(const int *)context) {
        kill(getpid(), SIGKILL);
    }
}

/* The kernel ends the process in the middle of a write. */
static void die_while_writing(void *context, const struct db_migration *migration)
{
    const struct rlimit limit = {400 << 10, 400 << 10};
    const struct rlimit no_core = {0, 0};
    signal(SIGXFSZ, SIG_DFL);
    setrlimit(RLIMIT_CORE, &no_core);
    setrlimit(RLIMIT_FSIZE, &limit);
}

static int migrate_in_child(const char *path, const struct db_schema *schema,
                            db_migrate_progress_fn *progress, void *context)
{
    struct db_migrate_result result;
    int status = 0;
    pid_t child = fork();
    if (child == 0) {
        _exit(-db_migrate(path, schema, progress, context, &result, NULL));
    }
    waitpid(child, &status, 0);
    return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

static void case_killed_between_steps(void)
{
    AUTO_FIXTURE struct fixture f;
    fixture_init(&f);
    struct db_schema all = release(3);
    struct db_schema two = release(2);
    int version = 3;
    CHECK_INT(migrate_in_child(f.path, &all, die_before, &version), SIGKILL);
    CHECK_INT(ask(&f, &two, "SELECT count(*) FROM b"), 0);
    CHECK_INT(fixture_migrate(&f, &all), 0);
    CHECK_INT(ask(&f, &all, "SELECT count(*) FROM a"), 1);
}

static void case_killed_inside_a_step(void)
{
    AUTO_FIXTURE struct fixture f;
    fixture_init(&f);
    struct db_schema one = release(1);
    struct db_migration large[] = {
        FIRST,
        {2, "0002_large",
         "CREATE TABLE big (data BLOB);"
         "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000)"
         " INSERT INTO big SELECT randomblob(2000) FROM n;"}};
    struct db_schema schema = {.migrations = large, .migration_count = 2};
    CHECK_INT(fixture_migrate(&f, &one), 0);
    CHECK_INT(migrate_in_child(f.path, &schema, die_while_writing, NULL), SIGXFSZ);
    CHECK_INT(ask(&f, &one, "SELECT count(*) FROM sqlite_schema"), 1);
    CHECK_INT(fixture_migrate(&f, &schema), 0);
    CHECK_INT(ask(&f, &schema, "SELECT count(*) FROM big"), 5000);
}

int main(void)
{
    static const struct check_case cases[] = {
        {"forward from nothing and from before", case_good},
        {"a broken one is rolled back", case_broken_rolls_back},
        {"a new column with a CHECK", case_new_column_with_check},
        {"the steps before it stay", case_earlier_steps_stay},
        {"a newer database is refused", case_newer_database},
        {"a database of another program", case_foreign_database},
        {"the newest three copies are kept", case_copies},
        {"killed between two steps", case_killed_between_steps},
        {"killed inside a step", case_killed_inside_a_step},
    };
    return check_run(cases, ARRAY_COUNT(cases));
}
