/*
 * Opening, statements, transactions, and each error that SQLite can give.
 */
#include "libdialup/db/db.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sqlite3.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "libdialup/db/transaction.h"
#include "tests/harness/check.h"
#include "tests/unit/db_fixture.h"

enum { INSERT, FIND, LIST, COUNT, ADD_CHILD, DELETE };

static const struct db_statement rows[] = {
    [INSERT] = {"insert", "INSERT INTO things (name, size, mark) VALUES (?1, ?2, ?3)"},
    [FIND] = {"find", "SELECT id, name, size, mark FROM things WHERE id = ?1"},
    [LIST] = {"list", "SELECT name FROM things ORDER BY id"},
    [COUNT] = {"count", "SELECT count(*) FROM things"},
    [ADD_CHILD] = {"add_child", "INSERT INTO children (thing_id) VALUES (?1)"},
    [DELETE] = {"delete", "DELETE FROM things WHERE id = ?1"},
};
static const struct db_statements statements = {rows, ARRAY_COUNT(rows)};

static const struct db_migration migrations[] = {
    {1, "0001_things",
     "CREATE TABLE things (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE,"
     " size INTEGER CHECK (size < 1000), mark BLOB) STRICT;"
     "CREATE TABLE children (thing_id INTEGER NOT NULL REFERENCES things (id)) STRICT;"},
};
static const struct db_table tables[] = {{"things", "maker"}, {"children", "maker"}};
static const struct db_schema schema = {tables, 2, migrations, 1};

/* The disk's faults: SQLite's writes come here. */
static int write_errno;

ssize_t pwrite64(int fd, const void *data, size_t size, off64_t offset);
ssize_t pwrite64(int fd, const void *data, size_t size, off64_t offset)
{
    if (write_errno) {
        errno = write_errno;
        return -1;
    }
    return syscall(SYS_pwrite64, fd, data, size, offset);
}

static int insert(struct db *db, const char *name, int64_t size, struct error *err)
{
    AUTO_QUERY struct db_query q = db_query(db, &statements, INSERT, err);
    db_bind_text(&q, name);
    db_bind_i64(&q, size);
    db_bind_blob(&q, "\1\0\2", 3);
    return db_query_run(&q);
}

static int64_t count(struct db *db)
{
    AUTO_QUERY struct db_query q = db_query(db, &statements, COUNT, NULL);
    return db_query_row(&q) > 0 ? db_column_i64(&q) : -1;
}

static int run_with(struct db *db, size_t index, int64_t value, struct error *err)
{
    AUTO_QUERY struct db_query q = db_query(db, &statements, index, err);
    db_bind_i64(&q, value);
    return db_query_run(&q);
}

static void case_rows_and_columns(void)
{
    AUTO_FIXTURE struct fixture f;
    fixture_init(&f);
    AUTO_DB struct db *db = fixture_open(&f, &schema, "maker", &statements);
    AUTO_ARENA struct arena *arena = arena_new();
    char mark[3];
    CHECK_INT(insert(db, "a", 7, &f.err), 0);
    CHECK_INT(insert(db, "b", 8, &f.err), 0);
    AUTO_QUERY struct db_query q = db_query(db, &statements, FIND, &f.err);
    db_bind_i64(&q, 2);
    CHECK_INT(db_query_row(&q), 1);
    CHECK_INT(db_column_i64(&q), 2);
    CHECK_STR(db_column_text(&q, arena), "b");
    CHECK_INT(db_column_i64(&q), 8);
    db_column_blob(&q, mark, sizeof(mark));
    CHECK(memcmp(mark, "\1\0\2", 3) == 0);
    CHECK_INT(db_query_row(&q), 0);
}

static void case_null_and_ids(void)
{
    AUTO_FIXTURE struct fixture f;
    fixture_init(&f);
    AUTO_DB struct db *db = fixture_open(&f, &schema, "maker", &statements);
    AUTO_ARENA struct arena *arena = arena_new();
    int64_t id = 0;
    int64_t changed = 0;
    AUTO_QUERY struct db_query q = db_query(db, &statements, INSERT, &f.err);
    db_bind_text(&q, "a");
    db_bind_i64_or_null(&q, 0);
    db_bind_blob(&q, NULL, 0);
    CHECK_INT(db_query_insert(&q, &id), 0);
    CHECK_INT(id, 1);
    AUTO_QUERY struct db_query find = db_query(db, &statements, FIND, &f.err);
    db_bind_i64(&find, id);
    CHECK_INT(db_query_row(&find), 1);
    db_column_i64(&find);
    db_column_i64(&find);
    CHECK(db_column_text(&find, arena) == NULL);
    db_query_end(&find);
    AUTO_QUERY struct db_query gone = db_query(db, &statements, DELETE, &f.err);
    db_bind_i64(&gone, id);
    CHECK_INT(db_query_change(&gone, &changed), 0);
    CHECK_INT(changed, 1);
}

static void case_constraints(void)
{
    AUTO_FIXTURE struct fixture f;
    fixture_init(&f);
    AUTO_DB struct db *db = fixture_open(&f, &schema, "maker", &statements);
    CHECK_INT(insert(db, "a", 1, &f.err), 0);
    CHECK_INT(insert(db, "a", 1, &f.err), -ERR_ALREADY_EXISTS);
    CHECK_STR(f.err.message, "This exists already");
    CHECK_CONTAINS(db_detail(db), "things.name");
    CHECK_INT(insert(db, "b", 5000, &f.err), -ERR_INVALID_ARGUMENT);
    CHECK_INT(insert(db, NULL, 1, &f.err), -ERR_INVALID_ARGUMENT);
    CHECK(!strstr(f.err.message, "things"));
    CHECK_INT(run_with(db, ADD_CHILD, 99, &f.err), -ERR_CONFLICT);
    CHECK_INT(run_with(db, ADD_CHILD, 1, &f.err), 0);
    CHECK_INT(run_with(db, DELETE, 1, &f.err), -ERR_CONFLICT);
}

static void *close_soon(void *holder)
{
    const struct timespec moment = {.tv_nsec = 300000000};
    nanosleep(&moment, NULL);
    sqlite3_close(holder);
    return NULL;
}

/* As long as one repairs what a crash has left, nobody else gets in. */
static void case_open_waits(void)
{
    AUTO_FIXTURE struct fixture f;
    fixture_init(&f);
    CHECK_INT(fixture_migrate(&f, &schema), 0);
    sqlite3 *holder = NULL;
    CHECK_INT(sqlite3_open(f.path, &holder), SQLITE_OK);
    CHECK_INT(
        sqlite3_exec(holder, "PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE", NULL, NULL, NULL),
        SQLITE_OK);
    pthread_t thread;
    CHECK_INT(pthread_create(&thread, NULL, close_soon, holder), 0);
    const struct db_options options = {.schema = &schema, .owner = "maker"};
    AUTO_DB struct db *db = NULL;
    CHECK_INT(db_open(f.path, &options, &db, &f.err), 0);
    pthread_join(thread, NULL);
}

static void case_busy(void)
{
    AUTO_FIXTURE struct fixture f;
    fixture_init(&f);
    AUTO_DB struct db *db = fixture_open(&f, &schema, "maker", &statements);
    AUTO_DB struct db *other = fixture_open(&f, &schema, "maker", &statements);
    AUTO_TRANSACTION struct db_transaction first = {0};
    AUTO_TRANSACTION struct db_transaction second = {0};
    CHECK_INT(db_transaction_begin(&first, other, &f.err), 0);
    CHECK_INT(insert(db, "a", 1, &f.err), -ERR_BUSY);
    CHECK_STR(f.err.message, "The database is busy");
    CHECK_INT(db_transaction_begin(&second, db, &f.err), -ERR_BUSY);
    CHECK_INT(count(db), 0); /* readers do not wait */
    db_transaction_end(&first);
    CHECK_INT(insert(db, "a", 1, &f.err), 0);
}

static void case_disk_faults(void)
{
    static const struct {
        int disk_errno;
        enum error_code wanted;
    } faults[] = {{ENOSPC, ERR_NO_SPACE}, {EIO, ERR_IO}};
    for (size_t i = 0; i < ARRAY_COUNT(faults); i++) {
        AUTO_FIXTURE struct fixture f;
        fixture_init(&f);
        AUTO_DB struct db *db = fixture_open(&f, &schema, "maker", &statements);
        write_errno = faults[i].disk_errno;
        CHECK_INT(insert(db, "a", 1, &f.err), -(int)faults[i].wanted);
        write_errno = 0;
        CHECK_INT(insert(db, "a", 1, &f.err), 0);
        CHECK_INT(count(db), 1);
    }
}

static void case_too_large(void)
{
    AUTO_FIXTURE struct fixture f;
    fixture_init(&f);
    AUTO_DB struct db *db = fixture_open(&f, &schema, "maker", &statements);
    AUTO_QUERY struct db_query q = db_query(db, &statements, INSERT, &f.err);
    db_bind_text(&q, "a");
    db_bind_i64(&q, 1);
    db_bind_blob(&q, "", (size_t)2 << 30);
    CHECK_INT(db_query_run(&q), -ERR_TOO_LARGE);
}

static void case_read_only(void)
{
    AUTO_FIXTURE struct fixture f;
    fixture_init(&f);
    AUTO_DB struct db *db = fixture_open(&f, &schema, "maker", &statements);
    AUTO_DB struct db *reader = NULL;
    struct db_options options = {.schema = &schema, .read_only = true};
    CHECK_INT(insert(db, "a", 1, &f.err), 0);
    CHECK_INT(db_open(f.path, &options, &reader, &f.err), 0);
    CHECK_INT(db_add_statements(reader, &statements, &f.err), 0);
    CHECK_INT(count(reader), 1);
    CHECK_INT(insert(reader, "b", 1, &f.err), -ERR_INTERNAL);
    CHECK_STR(f.err.message, "The database can only be read here");
}

static void case_typo_fails_at_start(void)
{
    static const struct db_statement bad[] = {{"bad_one", "SELECT nosuch FROM things"},
                                              {"bad_two", "SELECT * FROM things WHERE name = "
                                                          "\"text\""}};
    for (size_t i = 0; i < ARRAY_COUNT(bad); i++) {
        AUTO_FIXTURE struct fixture f;
        fixture_init(&f);
        AUTO_DB struct db *db = fixture_open(&f, &schema, "maker", NULL);
        struct db_statements one = {&bad[i], 1};
        CHECK_INT(db_add_statements(db, &one, &f.err), -ERR_INTERNAL);
        CHECK_CONTAINS(f.err.message, bad[i].name);
        CHECK_CONTAINS(db_detail(db), "no such column");
    }
}

static void write_file(const char *path, const char *text)
{
    ASSERT(fs_write_file(path, text, strlen(text), 0600, NULL) == 0);
}

static void case_open_refusals(void)
{
    AUTO_FIXTURE struct fixture f;
    fixture_init(&f);
    struct db *db = NULL;
    struct db_options options = {.schema = &schema};
    CHECK_INT(db_open(f.path, &options, &db, &f.err), -ERR_NOT_FOUND);
    CHECK_CONTAINS(f.err.hint, "dialupctl migrate");
    write_file(f.path, "");
    CHECK_INT(db_open(f.path, &options, &db, &f.err), -ERR_UNAVAILABLE);
    CHECK_CONTAINS(f.err.hint, "dialupctl migrate");
    write_file(f.path, "this is a letter, not a database; it is long enough to be looked at as "
                       "one, since the header of a database has a hundred bytes");
    CHECK_INT(db_open(f.path, &options, &db, &f.err), -ERR_IO);
    CHECK_STR(f.err.message, "The file is not a database");
    CHECK_INT(db_open(f.folder, &options, &db, &f.err), -ERR_IO);
    CHECK_STR(f.err.message, "The database cannot be opened");
    CHECK(db == NULL);
}

static void case_version_refusals(void)
{
    static const struct db_migration more[] = {{1, "0001", "CREATE TABLE a (b)"},
                                               {2, "0002", "CREATE TABLE c (d)"}};
    static const struct db_schema newer = {NULL, 0, more, 2};
    AUTO_FIXTURE struct fixture f;
    fixture_init(&f);
    struct db *db = NULL;
    struct db_options old_program = {.schema = &schema};
    struct db_options new_program = {.schema = &newer};
    CHECK_INT(fixture_migrate(&f, &schema), 0);
    CHECK_INT(db_open(f.path, &new_program, &db, &f.err), -ERR_UNAVAILABLE);
    CHECK_CONTAINS(f.err.message, "version 1 and this program needs 2");
    CHECK_INT(fixture_migrate(&f, &newer), 0);
    CHECK_INT(db_open(f.path, &old_program, &db, &f.err), -ERR_CONFLICT);
    CHECK_CONTAINS(f.err.message, "newer release");
    CHECK(db == NULL);
}

static void case_transactions(void)
{
    AUTO_FIXTURE struct fixture f;
    fixture_init(&f);
    AUTO_DB struct db *db = fixture_open(&f, &schema, "maker", &statements);
    {
        AUTO_TRANSACTION struct db_transaction t = {0};
        CHECK_INT(db_transaction_begin(&t, db, &f.err), 0);
        CHECK_INT(insert(db, "lost", 1, &f.err), 0);
    }
    CHECK_INT(count(db), 0);
    AUTO_TRANSACTION struct db_transaction outer = {0};
    CHECK_INT(db_transaction_begin(&outer, db, &f.err), 0);
    CHECK_INT(insert(db, "outer", 1, &f.err), 0);
    {
        AUTO_TRANSACTION struct db_transaction inner = {0};
        CHECK_INT(db_transaction_begin(&inner, db, &f.err), 0);
        CHECK_INT(insert(db, "inner", 1, &f.err), 0);
    }
    AUTO_TRANSACTION struct db_transaction kept = {0};
    CHECK_INT(db_transaction_begin(&kept, db, &f.err), 0);
    CHECK_INT(insert(db, "kept", 1, &f.err), 0);
    CHECK_INT(db_transaction_commit(&kept, &f.err), 0);
    CHECK_INT(db_transaction_commit(&outer, &f.err), 0);
    CHECK(!db_in_transaction(db));
    CHECK_INT(count(db), 2);
}

/* A full disk makes SQLite roll back on its own: what follows must not stand alone. */
static void case_transaction_lost(void)
{
    AUTO_FIXTURE struct fixture f;
    fixture_init(&f);
    AUTO_DB struct db *db = fixture_open(&f, &schema, "maker", &statements);
    AUTO_TRANSACTION struct db_transaction t = {0};
    CHECK_INT(db_transaction_begin(&t, db, &f.err), 0);
    CHECK_INT(insert(db, "a", 1, &f.err), 0);
    write_errno = ENOSPC;
    CHECK_INT(db_transaction_commit(&t, &f.err), -ERR_NO_SPACE);
    write_errno = 0;
    CHECK(!db_in_transaction(db));
    CHECK_INT(count(db), 0);
}

int main(void)
{
    static const struct check_case cases[] = {
        {"rows and columns", case_rows_and_columns},
        {"null, ids, changes", case_null_and_ids},
        {"constraints become our errors", case_constraints},
        {"another writer: busy", case_busy},
        {"opening waits for who repairs", case_open_waits},
        {"disk full, disk broken", case_disk_faults},
        {"too large a value", case_too_large},
        {"reading only", case_read_only},
        {"a typo fails at start", case_typo_fails_at_start},
        {"files that are no database", case_open_refusals},
        {"other versions", case_version_refusals},
        {"transactions nest and roll back", case_transactions},
        {"a commit that fails", case_transaction_lost},
    };
    return check_run(cases, ARRAY_COUNT(cases));
}
