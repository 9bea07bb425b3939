/*
 * What people and the admin ask of the usage that was rolled up, and what a cycle asks of limits,
 * with 500 users in 50 teams, 500 sites, a month of hours and a year of days. Prints rows
 * "what | measured | budget".
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "dialup-monitord/figures.h"
#include "dialup-monitord/violation_book.h"
#include "libdialup/db/transaction.h"
#include "libdialup/store/levels.h"
#include "libdialup/store/limits.h"
#include "libdialup/store/reservations.h"
#include "libdialup/store/rollups.h"
#include "libdialup/store/teams.h"
#include "libdialup/store/usage.h"
#include "tests/unit/store_fixture.h"

enum { USERS = 500, TEAMS = 50, MEMBERS = 10, HOURS = 31 * 24, DAYS = 365, TURNS = 21 };
enum { ENTITIES = USERS + TEAMS + USERS + 1 };

static const struct quota_machine machine = {65536, 16000, 1048576};
static const int64_t now = 1700000000;

struct bench {
    struct store_fixture s;
    struct usage_rollup rows[ENTITIES];
    double ms[TURNS];
};

static void must(struct bench *bench, int result)
{
    if (result < 0) {
        log_panic("usage_reads: %s", bench->s.f.err.message);
    }
}

static void add_people(struct bench *bench)
{
    struct error *err = &bench->s.f.err;
    AUTO_TRANSACTION struct db_transaction transaction = {0};
    must(bench, db_transaction_begin(&transaction, bench->s.admind, err));
    for (int64_t id = 1; id <= USERS; id++) {
        AUTO_FREE char *email = xasprintf("u%lld@example.org", (long long)id);
        ASSERT(add_user(&bench->s, email) == id);
        for (int i = 0; i < QUOTA_DIMENSION_COUNT; i++) {
            const struct quota_limit limit = {.hard = 1000, .soft_percent = 80};
            must(bench, limits_put(bench->s.admind, QUOTA_USER, id, (enum quota_dimension)i, &limit,
                                   1, err));
        }
    }
    for (int64_t id = 1; id <= TEAMS; id++) {
        AUTO_FREE char *name = xasprintf("Team %lld", (long long)id);
        int64_t team;
        int64_t lead = 1 + (id - 1) * MEMBERS;
        must(bench, teams_create(bench->s.admind, name, lead, 1, &team, err));
        for (int64_t i = 1; i < MEMBERS; i++) {
            must(bench, team_members_add(bench->s.admind, id, lead + i, TEAM_ROLE_MEMBER, 1, err));
        }
    }
    must(bench, db_transaction_commit(&transaction, err));
}

/* A site for each, with what is promised to it. */
static void add_sites(struct bench *bench)
{
    struct error *err = &bench->s.f.err;
    AUTO_TRANSACTION struct db_transaction transaction = {0};
    must(bench, db_transaction_begin(&transaction, bench->s.deployd, err));
    for (int64_t id = 1; id <= USERS; id++) {
        AUTO_FREE char *domain = xasprintf("s%lld.example.org", (long long)id);
        struct reservation_holder holder = {.entity = QUOTA_USER, .entity_id = id};
        struct quota_amounts amounts = {0};
        for (int i = 0; i < QUOTA_DIMENSION_COUNT; i++) {
            amounts.of[i] = quota_dimension_is_counted((enum quota_dimension)i) ? 100 : 0;
        }
        holder.site_id = add_site(&bench->s, id, domain);
        must(bench, reservations_put(bench->s.deployd, &holder, &amounts, 1, err));
    }
    must(bench, db_transaction_commit(&transaction, err));
}

static void set_entity(struct usage_rollup *row, const char *kind, int64_t id)
{
    *row = (struct usage_rollup){kind, id, {.runtime_ms = 3600000, .cpu_us = 1000000 * id}};
    row->sums.memory_kib_s = id << 20;
    row->sums.requests = 1000 - id;
    row->sums.storage_mib = 100;
}

static void add_rollups(struct bench *bench)
{
    size_t count = 0;
    for (int64_t id = 1; id <= USERS; id++) {
        set_entity(&bench->rows[count++], "user", id);
        set_entity(&bench->rows[count++], "site", id);
    }
    for (int64_t id = 1; id <= TEAMS; id++) {
        set_entity(&bench->rows[count++], "team", id);
    }
    set_entity(&bench->rows[count++], "system", 0);
    ASSERT(count == ENTITIES);
    for (int64_t i = 1; i <= HOURS; i++) {
        must(bench, rollups_put(bench->s.monitord, ROLLUP_HOUR, now - i * ROLLUP_HOUR, bench->rows,
                                count, &bench->s.f.err));
    }
    for (int64_t i = 1; i <= DAYS; i++) {
        must(bench, rollups_put(bench->s.monitord, ROLLUP_DAY, now - i * ROLLUP_DAY, bench->rows,
                                count, &bench->s.f.err));
    }
    must(bench, rollups_set_until(bench->s.monitord, now, &bench->s.f.err));
}

/* What is measured ------------------------------------------------------------------------- */

static void read_history(struct bench *bench, struct arena *arena)
{
    const struct scope scope = {SCOPE_OWNER, QUOTA_USER, 250};
    struct usage_series series;
    must(bench, usage_series_read(bench->s.admind, arena, &scope, now - 30 * ROLLUP_DAY, now, now,
                                  &series, &bench->s.f.err));
    ASSERT(series.count >= 360);
}

static void read_summary(struct bench *bench, struct arena *arena)
{
    const struct scope scope = {SCOPE_OWNER, QUOTA_USER, 250};
    struct usage_summary summary;
    must(bench, usage_summarize(bench->s.admind, &scope, now, now - 90, &summary, &bench->s.f.err));
    ASSERT(summary.ever.cpu_us > 0);
}

static void list_consumers(struct bench *bench, struct arena *arena, int64_t days)
{
    struct usage_consumers consumers;
    for (enum usage_entity entity = USAGE_OF_SITE; entity <= USAGE_OF_TEAM; entity++) {
        must(bench, usage_consumers_list(bench->s.admind, arena, entity, now - days * ROLLUP_DAY,
                                         now, USAGE_BY_CPU, 1000, &consumers, &bench->s.f.err));
        ASSERT(consumers.count == (entity == USAGE_OF_TEAM ? TEAMS : USERS));
    }
}

static void report_month(struct bench *bench, struct arena *arena)
{
    list_consumers(bench, arena, 30);
}

static void report_days(struct bench *bench, struct arena *arena)
{
    list_consumers(bench, arena, 3);
}

static void read_team(struct bench *bench, struct arena *arena)
{
    struct quota_team team;
    must(bench, teams_read_quota(bench->s.admind, arena, 7, &machine, &team, &bench->s.f.err));
    ASSERT(team.count == MEMBERS);
}

static void read_levels(struct bench *bench, struct arena *arena)
{
    struct owner_levels levels;
    must(bench, levels_list(bench->s.monitord, arena, LEVELS_OF_USERS, 0, &machine, &levels,
                            &bench->s.f.err));
    ASSERT(levels.count == USERS);
    must(bench, levels_list(bench->s.monitord, arena, LEVELS_OF_TEAMS, 0, &machine, &levels,
                            &bench->s.f.err));
    ASSERT(levels.count == TEAMS);
}

static struct owner_levels watched; /* read once, as the watch does */
static struct violation_book *book;

static void look_at_limits(struct bench *bench, struct arena *arena)
{
    const struct owner_use use = {.connections = 1};
    violation_book_begin(book, now);
    for (size_t i = 0; i < watched.count; i++) {
        const struct figures figures = {.level = &watched.rows[i].level, .use = &use};
        for (int d = 0; d < QUOTA_DIMENSION_COUNT; d++) {
            enum quota_dimension dimension = (enum quota_dimension)d;
            struct quota_limit limit = figures_limit(&figures, dimension);
            const struct quota_episode_rules rules = figures_rules(dimension, 60);
            int64_t used = figures_used(&figures, dimension, &limit);
            violation_book_look(book, QUOTA_USER, watched.rows[i].id, dimension, &rules, &limit,
                                used, "");
        }
    }
    violation_book_end(book, 60);
}

/* Measuring -------------------------------------------------------------------------------- */

static int by_value(const void *a, const void *b)
{
    double left = *(const double *)a;
    double right = *(const double *)b;
    return (left > right) - (left < right);
}

static double cpu_ms(void)
{
    struct timespec at;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &at);
    return (double)at.tv_sec * 1000 + (double)at.tv_nsec / 1e6;
}

static void measure(struct bench *bench, const char *what, const char *budget,
                    void (*run)(struct bench *bench, struct arena *arena))
{
    for (int i = 0; i < TURNS; i++) {
        AUTO_ARENA struct arena *arena = arena_new();
        double begin_ms = cpu_ms();
        run(bench, arena);
        bench->ms[i] = cpu_ms() - begin_ms;
    }
    qsort(bench->ms, TURNS, sizeof(bench->ms[0]), by_value);
    char measured[64];
    snprintf(measured, sizeof(measured), "%.2f ms CPU, worst %.2f", bench->ms[TURNS / 2],
             bench->ms[TURNS - 1]);
    printf("%-52s | %-32s | %s\n", what, measured, budget);
}

int main(void)
{
    struct bench *bench = xcalloc(1, sizeof(*bench));
    store_fixture_init(&bench->s);
    add_people(bench);
    add_sites(bench);
    add_rollups(bench);
    must(bench, levels_list(bench->s.monitord, bench->s.arena, LEVELS_OF_USERS, 0, &machine,
                            &watched, &bench->s.f.err));
    book = violation_book_new();
    measure(bench, "history of a user, 30 days", "20 ms", read_history);
    measure(bench, "a user's page: now, a day, ever", "20 ms", read_summary);
    measure(bench, "report: 500 users, 500 sites, 50 teams, 30 days", "200 ms", report_month);
    measure(bench, "... 3 days, in hours", "200 ms", report_days);
    measure(bench, "a team of ten, with all its members may have", "-", read_team);
    measure(bench, "limits and ledger of 500 users and 50 teams", "40 ms", read_levels);
    measure(bench, "a look at the limits of 500 users", "40 ms", look_at_limits);
    violation_book_free(book);
    store_fixture_fini(&bench->s);
    free(bench);
    return 0;
}
