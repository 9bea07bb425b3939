/*
 * Batches: order, one sync, and a failure that stays alone.
 */
#include "libdialup/db/batch.h"

#include <errno.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "libdialup/db/transaction.h"
#include "tests/harness/check.h"
#include "tests/unit/db_fixture.h"

enum { INSERT, COUNT };

static const struct db_statement rows[] = {
    [INSERT] = {"insert", "INSERT INTO things (name) VALUES (?1)"},
    [COUNT] = {"count", "SELECT count(*) FROM things"},
};
static const struct db_statements statements = {rows, ARRAY_COUNT(rows)};
static const struct db_migration migrations[] = {
    {1, "0001", "CREATE TABLE things (id INTEGER PRIMARY KEY, name TEXT UNIQUE) STRICT;"}};
static const struct db_table tables[] = {{"things", "me"}};
static const struct db_schema schema = {tables, 1, migrations, 1};

/* SQLite's syncs and writes come here. */
static int sync_count;
static int write_errno;

int fdatasync(int fd)
{
    sync_count++;
    return (int)syscall(SYS_fdatasync, fd);
}

int fsync(int fd)
{
    sync_count++;
    return (int)syscall(SYS_fsync, fd);
}

ssize_t pwrite64(int fd, const void *data, size_t size, off64_t offset);
ssize_t pwrite64(int fd, const void *data, size_t size, off64_t offset)
{
    if (write_errno) {
        errno = write_errno;
        return -1;
    }
    return syscall(SYS_pwrite64, fd, data, size, offset);
}

struct world {
    struct fixture f;
    struct db *db;
    struct db_batch *batch;
    int asked;
    int last_delay_ms;
    char done[4096]; /* the names of the items that ended, in order; "!" before a failed one */
    enum error_code last_error;
};

struct job {
    struct world *world;
    const char *name;
    int result; /* what the work says after its insert */
    struct job *then;
};

static void on_needs_run(void *context, int delay_ms)
{
    struct world *world = context;
    world->asked++;
    world->last_delay_ms = delay_ms;
}

static int work(struct db *db, void *context, struct error *err)
{
    const struct job *job = context;
    AUTO_QUERY struct db_query q = db_query(db, &statements, INSERT, err);
    db_bind_text(&q, job->name);
    int r = db_query_run(&q);
    return r == 0 && job->result ? error_set(err, ERR_CONFLICT, "no") : r;
}

static void on_done(void *context, int result, const struct error *err)
{
    struct job *job = context;
    struct world *world = job->world;
    size_t len = strlen(world->done);
    snprintf(world->done + len, sizeof(world->done) - len, "%s%s ", result ? "!" : "", job->name);
    CHECK_INT(err != NULL, result != 0);
    CHECK(!db_in_transaction(world->db));
    if (err) {
        CHECK_INT(-(int)err->code, result);
        world->last_error = err->code;
    }
    if (job->then) {
        db_batch_add(world->batch, work, on_done, job->then);
    }
}

static void world_init(struct world *world)
{
    *world = (struct world){0};
    fixture_init(&world->f);
    world->db = fixture_open(&world->f, &schema, "me", &statements);
    world->batch = db_batch_new(world->db, on_needs_run, world);
}

static void world_fini(struct world *world)
{
    db_batch_free(world->batch);
    db_close(world->db);
    fixture_fini(&world->f);
}

#define AUTO_WORLD __attribute__((cleanup(world_fini)))

static int64_t count(struct db *db)
{
    AUTO_QUERY struct db_query q = db_query(db, &statements, COUNT, NULL);
    int64_t value = db_query_row(&q) > 0 ? db_column_i64(&q) : -1;
    return value;
}

static void case_one_sync(void)
{
    AUTO_WORLD struct world w;
    world_init(&w);
    struct job jobs[] = {{&w, "a"}, {&w, "b"}, {&w, "c"}, {&w, "d"}};
    struct job warm = {&w, "warm"};
    db_batch_add(w.batch, work, on_done, &warm); /* the first write also syncs the new WAL header */
    db_batch_run(w.batch);
    sync_count = 0;
    for (size_t i = 0; i < ARRAY_COUNT(jobs); i++) {
        db_batch_add(w.batch, work, on_done, &jobs[i]);
    }
    CHECK_INT(w.asked, 2);
    CHECK_INT(w.last_delay_ms, 0);
    CHECK_INT(db_batch_queued(w.batch), 4);
    db_batch_run(w.batch);
    CHECK_INT(sync_count, 1);
    CHECK_STR(w.done, "warm a b c d ");
    CHECK_INT(count(w.db), 5);
    CHECK_INT(w.asked, 2);
}

static void case_failure_stays_alone(void)
{
    AUTO_WORLD struct world w;
    world_init(&w);
    struct job jobs[] = {{&w, "a"}, {&w, "b", .result = 1}, {&w, "a"}, {&w, "c"}};
    for (size_t i = 0; i < ARRAY_COUNT(jobs); i++) {
        db_batch_add(w.batch, work, on_done, &jobs[i]);
    }
    db_batch_run(w.batch);
    CHECK_STR(w.done, "a !b !a c ");
    CHECK_INT(w.last_error, ERR_ALREADY_EXISTS);
    CHECK_INT(count(w.db), 2);
}

static void case_done_may_add(void)
{
    AUTO_WORLD struct world w;
    world_init(&w);
    struct job second = {&w, "b"};
    struct job first = {&w, "a", .then = &second};
    db_batch_add(w.batch, work, on_done, &first);
    db_batch_run(w.batch);
    CHECK_STR(w.done, "a ");
    CHECK_INT(w.asked, 2);
    db_batch_run(w.batch);
    CHECK_STR(w.done, "a b ");
    db_batch_run(w.batch); /* nothing to do */
    CHECK_INT(w.asked, 2);
}

static void case_large_batches_are_cut(void)
{
    AUTO_WORLD struct world w;
    world_init(&w);
    static char names[450][8];
    static struct job jobs[450];
    for (size_t i = 0; i < ARRAY_COUNT(jobs); i++) {
        snprintf(names[i], sizeof(names[i]), "%zu", i);
        jobs[i] = (struct job){&w, names[i]};
        db_batch_add(w.batch, work, on_done, &jobs[i]);
    }
    db_batch_run(w.batch);
    CHECK_INT(db_batch_queued(w.batch), 250);
    CHECK_INT(w.asked, 2);
    db_batch_run(w.batch);
    db_batch_run(w.batch);
    CHECK_INT(count(w.db), 450);
}

static void case_busy_then_free(void)
{
    AUTO_WORLD struct world w;
    world_init(&w);
    AUTO_DB struct db *other = fixture_open(&w.f, &schema, "me", &statements);
    struct job job = {&w, "a"};
    AUTO_TRANSACTION struct db_transaction held = {0};
    CHECK_INT(db_transaction_begin(&held, other, NULL), 0);
    db_batch_add(w.batch, work, on_done, &job);
    db_batch_run(w.batch);
    CHECK_STR(w.done, "");
    CHECK_INT(w.asked, 2);
    CHECK(w.last_delay_ms > 0);
    db_transaction_end(&held);
    db_batch_run(w.batch);
    CHECK_STR(w.done, "a ");
}

static void case_busy_for_good(void)
{
    AUTO_WORLD struct world w;
    world_init(&w);
    AUTO_DB struct db *other = fixture_open(&w.f, &schema, "me", &statements);
    struct job job = {&w, "a"};
    AUTO_TRANSACTION struct db_transaction held = {0};
    CHECK_INT(db_transaction_begin(&held, other, NULL), 0);
    db_batch_add(w.batch, work, on_done, &job);
    int runs = 0;
    while (db_batch_queued(w.batch) > 0 && runs < 100) {
        db_batch_run(w.batch);
        runs++;
    }
    CHECK_INT(runs, 20);
    CHECK_STR(w.done, "!a ");
    CHECK_INT(w.last_error, ERR_BUSY);
}

static void case_commit_fails(void)
{
    AUTO_WORLD struct world w;
    world_init(&w);
    struct job jobs[] = {{&w, "a"}, {&w, "b", .result = 1}, {&w, "c"}};
    for (size_t i = 0; i < ARRAY_COUNT(jobs); i++) {
        db_batch_add(w.batch, work, on_done, &jobs[i]);
    }
    write_errno = ENOSPC;
    db_batch_run(w.batch);
    write_errno = 0;
    CHECK_STR(w.done, "!a !b !c ");
    CHECK_INT(w.last_error, ERR_NO_SPACE);
    CHECK_INT(count(w.db), 0);
}

static void case_free_ends_all(void)
{
    struct world w;
    world_init(&w);
    struct job second = {&w, "b"};
    struct job first = {&w, "a", .then = &second};
    db_batch_add(w.batch, work, on_done, &first);
    db_batch_free(w.batch);
    w.batch = NULL;
    CHECK_STR(w.done, "!a !b ");
    CHECK_INT(w.last_error, ERR_UNAVAILABLE);
    world_fini(&w);
}

int main(void)
{
    static const struct check_case cases[] = {
        {"in order, with one sync", case_one_sync},
        {"a failing item harms no other", case_failure_stays_alone},
        {"a callback may add", case_done_may_add},
        {"large batches are cut", case_large_batches_are_cut},
        {"busy for a while", case_busy_then_free},
        {"busy for good", case_busy_for_good},
        {"a commit that fails fails all", case_commit_fails},
        {"what is queued at the end", case_free_ends_all},
    };
    return check_run(cases, ARRAY_COUNT(cases));
}
