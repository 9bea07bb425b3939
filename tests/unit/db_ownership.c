/*
 * The guard: a program writes its own tables and nothing else.
 */
#include "libdialup/db/db.h"

#include "tests/harness/check.h"
#include "tests/unit/db_fixture.h"

static const struct db_migration migrations[] = {
    {1, "0001",
     "CREATE TABLE mine (id INTEGER PRIMARY KEY, name TEXT UNIQUE) STRICT;"
     "CREATE TABLE theirs (id INTEGER PRIMARY KEY, name TEXT UNIQUE) STRICT;"
     "CREATE TABLE child (id INTEGER PRIMARY KEY,"
     " mine_id INTEGER REFERENCES mine (id) ON DELETE CASCADE) STRICT;"
     "CREATE TABLE plain (id INTEGER PRIMARY KEY, name TEXT) STRICT;"
     "CREATE TABLE nobodys (id INTEGER PRIMARY KEY) STRICT;"
     "CREATE TABLE watched (id INTEGER PRIMARY KEY) STRICT;"
     "CREATE TRIGGER spread AFTER INSERT ON watched BEGIN INSERT INTO theirs (id) VALUES (new.id);"
     " END;"
     "CREATE VIEW window AS SELECT id FROM theirs;"
     "CREATE TRIGGER through INSTEAD OF INSERT ON window BEGIN"
     " INSERT INTO theirs (id) VALUES (new.id); END;"},
};
static const struct db_table tables[] = {
    {"mine", "me"},     {"plain", "me"},   {"watched", "me"},
    {"theirs", "them"}, {"child", "them"}, {"window", "me"},
};
static const struct db_schema schema = {tables, ARRAY_COUNT(tables), migrations, 1};

static int use(struct fixture *f, struct db *db, const char *sql)
{
    struct db_statement row = {"tried", sql};
    struct db_statements one = {&row, 1};
    AUTO_DB struct db *own = db;
    int r = db_add_statements(own, &one, &f->err);
    if (r < 0) {
        return r;
    }
    AUTO_QUERY struct db_query q = db_query(own, &one, 0, &f->err);
    return db_query_run(&q);
}

static void case_allowed(void)
{
    static const char *const allowed[] = {
        "INSERT INTO mine (name) VALUES ('a')",
        "UPDATE mine SET name = 'b' WHERE id IN (SELECT id FROM theirs)",
        "REPLACE INTO plain (id, name) VALUES (1, 'c')",
        "SELECT count(*) FROM theirs JOIN child USING (id)",
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION SELECT i + 1 FROM n LIMIT 3) SELECT i FROM n",
    };
    AUTO_FIXTURE struct fixture f;
    fixture_init(&f);
    for (size_t i = 0; i < ARRAY_COUNT(allowed); i++) {
        if (use(&f, fixture_open(&f, &schema, "me", NULL), allowed[i]) != 0) {
            printf("# %s: %s\n", allowed[i], f.err.message);
            CHECK(false);
        }
    }
}

static void case_other_owner(void)
{
    static const struct {
        const char *sql;
        const char *table;
    } refused[] = {
        {"INSERT INTO theirs (name) VALUES ('a')", "theirs"},
        {"UPDATE theirs SET name = 'b'", "theirs"},
        {"DELETE FROM theirs", "theirs"},
        {"REPLACE INTO theirs (id) VALUES (1)", "theirs"},
        {"INSERT INTO theirs (id) VALUES (1) ON CONFLICT DO UPDATE SET name = 'c'", "theirs"},
        {"WITH x AS (SELECT 1 AS i) INSERT INTO theirs (id) SELECT i FROM x", "theirs"},
        {"INSERT INTO watched (id) VALUES (1)", "theirs"},
        {"INSERT INTO window (id) VALUES (1)", "theirs"},
        {"DELETE FROM mine", "child"}, /* by a cascade, and so is the next */
        {"REPLACE INTO mine (id) VALUES (1)", "child"},
    };
    AUTO_FIXTURE struct fixture f;
    fixture_init(&f);
    for (size_t i = 0; i < ARRAY_COUNT(refused); i++) {
        char wanted[64];
        snprintf(wanted, sizeof(wanted), "\"%s\" belongs to them; me may", refused[i].table);
        f.err = (struct error){0};
        CHECK_INT(use(&f, fixture_open(&f, &schema, "me", NULL), refused[i].sql), -ERR_INTERNAL);
        CHECK_CONTAINS(f.err.message, wanted);
    }
}

static void case_never(void)
{
    static const char *const never[] = {
        "INSERT INTO nobodys (id) VALUES (1)",
        "CREATE TABLE more (id)",
        "CREATE TEMP TABLE more (id)",
        "CREATE TEMP TRIGGER t AFTER INSERT ON mine BEGIN SELECT 1; END",
        "DROP TABLE mine",
        "ALTER TABLE mine ADD COLUMN more TEXT",
        "CREATE INDEX i ON mine (name)",
        "ATTACH ':memory:' AS other",
        "PRAGMA user_version = 9",
        "PRAGMA foreign_keys = OFF",
        "ANALYZE",
        "VACUUM",
        "DELETE FROM sqlite_schema",
        "SELECT load_extension('x')",
    };
    AUTO_FIXTURE struct fixture f;
    fixture_init(&f);
    for (size_t i = 0; i < ARRAY_COUNT(never); i++) {
        if (use(&f, fixture_open(&f, &schema, "me", NULL), never[i]) != -ERR_INTERNAL) {
            printf("# allowed: %s\n", never[i]);
            CHECK(false);
        }
    }
}

static void case_no_guard(void)
{
    AUTO_FIXTURE struct fixture f;
    fixture_init(&f);
    CHECK_INT(use(&f, fixture_open(&f, &schema, NULL, NULL), "DELETE FROM theirs"), 0);
}

int main(void)
{
    static const struct check_case cases[] = {
        {"own tables and all reads", case_allowed},
        {"another program's tables", case_other_owner},
        {"what nobody may", case_never},
        {"without an owner there is no guard", case_no_guard},
    };
    return check_run(cases, ARRAY_COUNT(cases));
}
