/*
 * Check and reserve: what one admission costs in the real database, synced to the disk, for one
 * client and for a hundred at once, whose changes share a transaction or do not.
 *
 * The ledger holds what a full server holds: USERS accounts with SITES_EACH running sites. Prints
 * rows "what | measured | budget", as the other benches do.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "libdialup/base/clock.h"
#include "libdialup/db/batch.h"
#include "libdialup/db/transaction.h"
#include "libdialup/quota/quota.h"
#include "libdialup/store/limits.h"
#include "libdialup/store/reservations.h"
#include "tests/unit/store_fixture.h"

enum { USERS = 100, SITES_EACH = 3, CLIENTS = 100, ALONE = 2000, ROUNDS = 50 };

/* One admission: a site's running amounts, in place of those that it has. */
struct asking {
    struct bench *bench;
    int64_t user_id;
    int64_t site_id;
    int64_t asked_us;
};

struct bench {
    struct store_fixture store;
    struct db_batch *batch;
    struct asking askings[CLIENTS];
    int64_t took_us[ALONE + CLIENTS * ROUNDS];
    size_t done;
    bool wants_run;
};

static const struct quota_amounts running = {
    .of = {[QUOTA_CONTAINERS] = 1, [QUOTA_MEMORY_PRODUCTION] = 64, [QUOTA_CPU_PRODUCTION] = 100}};

static int read_levels(struct db *db, int64_t user_id, struct quota_level levels[2],
                       struct error *err)
{
    quota_level_init(&levels[0], QUOTA_USER, "ann@example.org");
    quota_level_init_system(&levels[1], 1 << 20, 1 << 20, 1 << 20, 20);
    int result = limits_read(db, QUOTA_USER, user_id, levels[0].limits, err);
    if (result == 0) {
        result = reservations_sum(db, QUOTA_USER, user_id, &levels[0].used, err);
    }
    if (result == 0) {
        result = limits_read(db, QUOTA_SYSTEM, 0, levels[1].limits, err);
    }
    return result < 0 ? result : reservations_sum_system(db, &levels[1].used, err);
}

static int admit(struct db *db, void *context, struct error *err)
{
    const struct asking *asking = context;
    struct quota_level levels[2];
    struct quota_verdict verdict;
    int result = read_levels(db, asking->user_id, levels, err);
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
    return reservations_put(db, &holder, &running, RESERVATION_COMMITTED, 1000, 0, err);
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

static void ask_batched(struct bench *bench, size_t clients)
{
    int64_t now = clock_monotonic_us();
    for (size_t i = 0; i < clients; i++) {
        bench->askings[i].asked_us = now;
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

static void measure(struct bench *bench, const char *what, size_t clients, size_t rounds,
                    void (*ask)(struct bench *bench, size_t clients), const char *budget)
{
    char measured[64];
    bench->done = 0;
    int64_t started_us = clock_monotonic_us();
    for (size_t i = 0; i < rounds; i++) {
        ask(bench, clients);
    }
    double seconds = (double)(clock_monotonic_us() - started_us) / 1e6;
    ASSERT(bench->done == clients * rounds);
    qsort(bench->took_us, bench->done, sizeof(bench->took_us[0]), by_value);
    int64_t p50_us = bench->took_us[bench->done / 2];
    int64_t p99_us = bench->took_us[bench->done * 99 / 100];
    snprintf(measured, sizeof(measured), "p50 %.2f p99 %.2f ms, %.0f/s", (double)p50_us / 1000,
             (double)p99_us / 1000, (double)bench->done / seconds);
    printf("%-52s | %-32s | %s\n", what, measured, budget);
}

static void fill(struct bench *bench)
{
    struct error err;
    for (int i = 0; i < USERS; i++) {
        char name[64];
        snprintf(name, sizeof(name), "user%d@example.org", i);
        int64_t user_id = add_user(&bench->store, name);
        const struct quota_profile *profile = quota_profile_find("power");
        ASSERT(limits_put_all(bench->store.admind, QUOTA_USER, user_id, profile->limits, 1000,
                              &err) == 0);
        for (int j = 0; j < SITES_EACH; j++) {
            snprintf(name, sizeof(name), "site%d-%d.example.org", i, j);
            bench->askings[i] = (struct asking){.bench = bench, .user_id = user_id};
            bench->askings[i].site_id = add_site(&bench->store, user_id, name);
            ASSERT(admit(bench->store.deployd, &bench->askings[i], &err) == 0);
        }
    }
}

int main(void)
{
    struct bench *bench = xcalloc(1, sizeof(*bench));
    store_fixture_init(&bench->store);
    fill(bench);
    bench->batch = db_batch_new(bench->store.deployd, on_needs_run, bench);
    measure(bench, "check and reserve, 1 client", 1, ALONE, ask_batched, "p99 1 ms");
    measure(bench, "check and reserve, 100 clients, one transaction", CLIENTS, ROUNDS, ask_batched,
            "p99 20 ms");
    measure(bench, "check and reserve, 100 clients, a transaction each", CLIENTS, ROUNDS,
            ask_one_by_one, "");
    db_batch_free(bench->batch);
    store_fixture_fini(&bench->store);
    free(bench);
    return 0;
}
