/*
 * Check and reserve: what one admission costs in the real database, synced to the disk, for one
 * client and for a hundred at once, whose changes share a transaction or do not.
 *
 * The ledger holds what a full server holds, accounts with SITES_EACH running sites: the budget's
 * 300 of them, and 1500, which shows what grows with the server. Every admission changes the site's
 * amounts, so that there is something to write. One client takes turns with a bare write and sync
 * beside the database: where that is slow, the disk is. Prints rows "what | measured | budget", as
 * the other benches do.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "libdialup/base/clock.h"
#include "libdialup/db/batch.h"
#include "libdialup/db/transaction.h"
#include "libdialup/quota/quota.h"
#include "libdialup/store/levels.h"
#include "libdialup/store/limits.h"
#include "libdialup/store/reservations.h"
#include "tests/unit/store_fixture.h"

enum { USERS = 100, USERS_MANY = 500, SITES_EACH = 3, CLIENTS = 100, ALONE = 2000, ROUNDS = 50 };

/* One admission: a site's running amounts, in place of those that it has. */
struct asking {
    struct bench *bench;
    int64_t user_id;
    int64_t site_id;
    int64_t memory_mib;
    int64_t asked_us;
};

struct bench {
    struct store_fixture store;
    struct db_batch *batch;
    struct asking askings[CLIENTS];
    int64_t took_us[CLIENTS * ROUNDS];
    int64_t synced_us[ALONE];
    size_t done;
    bool wants_run;
};

static struct quota_amounts amounts_of(const struct asking *asking)
{
    return (struct quota_amounts){.of = {[QUOTA_CONCURRENT_CONTAINERS] = 1,
                                         [QUOTA_MEMORY_PRODUCTION] = asking->memory_mib,
                                         [QUOTA_CPU_PRODUCTION] = 100}};
}

static int read_levels(struct db *db, int64_t user_id, struct arena *arena,
                       struct quota_level levels[2], struct error *err)
{
    static const struct quota_machine machine = {1 << 20, 1 << 20, 1 << 20};
    int result = levels_read_owner(db, arena, QUOTA_USER, user_id, &machine, &levels[0], err);
    return result < 0 ? result : levels_read_system(db, &machine, 20, &levels[1], err);
}

static int admit(struct db *db, void *context, struct error *err)
{
    const struct asking *asking = context;
    const struct quota_amounts running = amounts_of(asking);
    struct quota_level levels[2];
    struct quota_verdict verdict;
    AUTO_ARENA struct arena *arena = arena_new();
    int result = read_levels(db, asking->user_id, arena, levels, err);
    if (result < 0) {
        return result;
    }
    quota_admit(levels, ARRAY_COUNT(levels), &running, &verdict);
    if (!verdict.allowed) {
        return quota_refuse(&verdict, "Cannot deploy", err);
    }
    const struct reservation_holder holder = {
        .entity = QUOTA_USER,
        .entity_id = asking->user_id,
        .site_id = asking->site_id,
        .purpose = RESERVATION_RUN,
    };
    return reservations_put(db, &holder, &running, 1000, err);
}

static void note(struct bench *bench, const struct asking *asking)
{
    bench->took_us[bench->done++] = clock_monotonic_us() - asking->asked_us;
}

static void on_done(void *context, int result, const struct error *err)
{
    const struct asking *asking = context;
    if (result < 0) {
        log_panic("admission: %s", err->message);
    }
    note(asking->bench, asking);
}

static void on_needs_run(void *context, int delay_ms)
{
    struct bench *bench = context;
    bench->wants_run = true;
}

static void change_amounts(struct asking *asking)
{
    enum { ONE_MIB = 64, OTHER_MIB = 65 };
    asking->memory_mib = asking->memory_mib == ONE_MIB ? OTHER_MIB : ONE_MIB;
}

static void ask_batched(struct bench *bench, size_t clients)
{
    int64_t now = clock_monotonic_us();
    for (size_t i = 0; i < clients; i++) {
        bench->askings[i].asked_us = now;
        change_amounts(&bench->askings[i]);
        db_batch_add(bench->batch, admit, on_done, &bench->askings[i]);
    }
    while (bench->wants_run) {
        bench->wants_run = false;
        db_batch_run(bench->batch);
    }
}

/* The same without the batch: each client's transaction waits for those before it. */
static void ask_one_by_one(struct bench *bench, size_t clients)
{
    struct error err;
    int64_t now = clock_monotonic_us();
    for (size_t i = 0; i < clients; i++) {
        AUTO_TRANSACTION struct db_transaction transaction = {0};
        struct asking *asking = &bench->askings[i];
        asking->asked_us = now;
        change_amounts(asking);
        if (db_transaction_begin(&transaction, bench->store.deployd, &err) < 0 ||
            admit(bench->store.deployd, asking, &err) < 0 ||
            db_transaction_commit(&transaction, &err) < 0) {
            log_panic("admission: %s", err.message);
        }
        note(bench, asking);
    }
}

static int by_value(const void *a, const void *b)
{
    int64_t left = *(const int64_t *)a;
    int64_t right = *(const int64_t *)b;
    return (left > right) - (left < right);
}

static void print_row(const char *what, int64_t *took_us, size_t count, const char *more,
                      const char *budget)
{
    char measured[64];
    qsort(took_us, count, sizeof(took_us[0]), by_value);
    int64_t p50_us = took_us[count / 2];
    int64_t p99_us = took_us[count * 99 / 100];
    snprintf(measured, sizeof(measured), "p50 %.2f p99 %.2f ms%s", (double)p50_us / 1000,
             (double)p99_us / 1000, more);
    printf("%-52s | %-32s | %s\n", what, measured, budget);
}

static int64_t sync_block(int fd)
{
    static const char block[4096];
    int64_t begin_us = clock_monotonic_us();
    ASSERT(write(fd, block, sizeof(block)) == (ssize_t)sizeof(block) && fdatasync(fd) == 0);
    return clock_monotonic_us() - begin_us;
}

static void measure_alone(struct bench *bench, const char *what, const char *budget)
{
    char ratio[32];
    AUTO_FREE char *path = xasprintf("%s/block", bench->store.f.folder);
    int fd = open(path, O_CREAT | O_WRONLY | O_APPEND | O_CLOEXEC, 0600);
    ASSERT(fd >= 0);
    bench->done = 0;
    for (size_t i = 0; i < ALONE; i++) {
        ask_batched(bench, 1);
        bench->synced_us[i] = sync_block(fd);
    }
    close(fd);
    print_row(what, bench->took_us, ALONE, "", budget);
    print_row("... a bare write and sync of 4 KiB, in turn", bench->synced_us, ALONE, "", "");
    snprintf(ratio, sizeof(ratio), "%.1f",
             (double)bench->took_us[ALONE / 2] / (double)bench->synced_us[ALONE / 2]);
    printf("%-52s | %-32s | %s\n", "... the ratio of their p50", ratio, "");
}

static void measure(struct bench *bench, const char *what,
                    void (*ask)(struct bench *bench, size_t clients), const char *budget)
{
    char more[32];
    bench->done = 0;
    int64_t started_us = clock_monotonic_us();
    for (size_t i = 0; i < ROUNDS; i++) {
        ask(bench, CLIENTS);
    }
    double seconds = (double)(clock_monotonic_us() - started_us) / 1e6;
    snprintf(more, sizeof(more), ", %.0f/s", (double)bench->done / seconds);
    print_row(what, bench->took_us, bench->done, more, budget);
}

static void fill(struct bench *bench, int users)
{
    struct error err;
    for (int i = 0; i < users; i++) {
        char name[64];
        snprintf(name, sizeof(name), "user%d@example.org", i);
        int64_t user_id = add_user(&bench->store, name);
        const struct quota_profile *profile = quota_profile_find("power");
        ASSERT(limits_put_all(bench->store.admind, QUOTA_USER, user_id, profile->limits, 1000,
                              &err) == 0);
        for (int j = 0; j < SITES_EACH; j++) {
            struct asking asking = {.bench = bench, .user_id = user_id};
            snprintf(name, sizeof(name), "site%d-%d.example.org", i, j);
            asking.site_id = add_site(&bench->store, user_id, name);
            change_amounts(&asking);
            ASSERT(admit(bench->store.deployd, &asking, &err) == 0);
            bench->askings[i % CLIENTS] = asking;
        }
    }
}

static void measure_server(struct bench *bench, int users, bool has_budget)
{
    char what[80];
    store_fixture_init(&bench->store);
    fill(bench, users);
    bench->batch = db_batch_new(bench->store.deployd, on_needs_run, bench);
    snprintf(what, sizeof(what), "check and reserve, %d sites, 1 client", users * SITES_EACH);
    measure_alone(bench, what, has_budget ? "p99 1 ms" : "");
    measure(bench, "... 100 clients, one transaction", ask_batched, has_budget ? "p99 20 ms" : "");
    measure(bench, "... 100 clients, a transaction each", ask_one_by_one, "");
    db_batch_free(bench->batch);
    store_fixture_fini(&bench->store);
}

int main(void)
{
    struct bench *bench = xcalloc(1, sizeof(*bench));
    measure_server(bench, USERS, true);
    measure_server(bench, USERS_MANY, false);
    free(bench);
    return 0;
}
