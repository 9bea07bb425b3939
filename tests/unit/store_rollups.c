/*
 * Roll-ups: whatever was sampled, and however far it is rolled up, the sums are the same.
 */
#include "libdialup/store/rollups.h"

#include "libdialup/store/reservations.h"
#include "libdialup/store/teams.h"
#include "libdialup/store/traffic.h"
#include "tests/harness/check.h"
#include "tests/harness/random.h"
#include "tests/unit/store_fixture.h"

enum {
    BEGIN = 1700006400 / ROLLUP_DAY * ROLLUP_DAY + 22 * ROLLUP_HOUR, /* two hours before midnight */
    CYCLE_S = 30,
    SITES = 4,
    NONE = -1,
};

/* Sites 1 and 2 are user 1's, 3 is user 2's, 4 is team 1's. */
static const struct scope scopes[] = {
    {.kind = SCOPE_SITE, .id = 1}, {.kind = SCOPE_SITE, .id = 2}, {.kind = SCOPE_SITE, .id = 3},
    {.kind = SCOPE_SITE, .id = 4}, {SCOPE_OWNER, QUOTA_USER, 1},  {SCOPE_OWNER, QUOTA_USER, 2},
    {SCOPE_OWNER, QUOTA_TEAM, 1},  {.kind = SCOPE_SYSTEM},
};

struct world {
    struct store_fixture s;
    struct usage_sums wanted[ARRAY_COUNT(scopes)];
};

static enum quota_entity owner_kind_of(int64_t site)
{
    return site == 4 ? QUOTA_TEAM : QUOTA_USER;
}

static int64_t owner_of(int64_t site)
{
    return site == 3 ? 2 : 1;
}

static bool is_in(const struct scope *scope, int64_t site)
{
    return scope->kind == SCOPE_SITE ? scope->id == site
           : scope->kind == SCOPE_OWNER
               ? scope->owner_kind == owner_kind_of(site) && scope->id == owner_of(site)
               : true;
}

static void add_sites(struct world *w)
{
    static const char *const domains[] = {"a.example.org", "b.example.org", "c.example.org",
                                          "d.example.org"};
    int64_t team = 0;
    add_user(&w->s, "ann@example.org");
    add_user(&w->s, "bob@example.org");
    CHECK_INT(teams_create(w->s.admind, "Team", 1, 1, &team, &w->s.f.err), 0);
    for (int64_t site = 1; site <= SITES; site++) {
        struct site row = {.owner_kind = owner_kind_of(site),
                           .owner_id = owner_of(site),
                           .domain = domains[site - 1],
                           .type = "node",
                           .strategy = "lazy"};
        int64_t id = 0;
        CHECK_INT(sites_create(w->s.deployd, &row, 1, &id, &w->s.f.err), 0);
        CHECK_INT(id, site);
    }
}

static void world_init(struct world *w)
{
    *w = (struct world){0};
    store_fixture_init(&w->s);
    add_sites(w);
    for (size_t i = 0; i < ARRAY_COUNT(scopes); i++) {
        w->wanted[i].reserved_memory_mib = USAGE_UNKNOWN;
        w->wanted[i].reserved_cpu_millicores = USAGE_UNKNOWN;
        w->wanted[i].storage_mib = USAGE_UNKNOWN;
    }
}

static void world_fini(struct world *w)
{
    store_fixture_fini(&w->s);
}

#define AUTO_WORLD __attribute__((cleanup(world_fini)))

static int64_t larger(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* What the rows of one cycle are to a scope. */
static void expect_cycle(struct usage_sums *sums, const struct scope *scope,
                         const struct usage_sample *rows, size_t count)
{
    int64_t ran = 0;
    int64_t millicores = 0;
    int64_t memory = 0;
    int64_t containers = 0;
    for (size_t i = 0; i < count; i++) {
        if (is_in(scope, rows[i].site_id)) {
            ran = larger(ran, rows[i].interval_ms);
            millicores += rows[i].cpu_us / rows[i].interval_ms;
            memory += rows[i].memory_bytes;
            containers++;
            sums->container_ms += rows[i].interval_ms;
            sums->cpu_us += rows[i].cpu_us;
            sums->memory_kib_s += rows[i].memory_bytes / 1024 * rows[i].interval_ms / 1000;
            sums->tx_bytes += rows[i].tx_bytes;
        }
    }
    sums->runtime_ms += ran;
    sums->cpu_millicores_peak = larger(sums->cpu_millicores_peak, millicores);
    sums->memory_bytes_peak = larger(sums->memory_bytes_peak, memory);
    sums->containers_peak = larger(sums->containers_peak, containers);
}

static void add_cycle(struct world *w, struct random *random, int64_t at)
{
    struct usage_sample rows[SITES * 2];
    size_t count = 0;
    for (int64_t site = 1; site <= SITES; site++) {
        for (int64_t n = random_below(random, 3); n > 0; n--) {
            rows[count++] = (struct usage_sample){
                .at = at,
                .site_id = site,
                .container_id = n == 1 ? "one" : "two",
                .owner_kind = owner_kind_of(site),
                .owner_id = owner_of(site),
                .interval_ms = 1 + random_below(random, CYCLE_S * 1000),
                .cpu_us = random_below(random, 40000000),
                .memory_bytes = random_below(random, (int64_t)64 << 30),
                .tx_bytes = random_below(random, 1000000),
            };
        }
    }
    CHECK_INT(usage_add(w->s.monitord, rows, count, &w->s.f.err), 0);
    struct traffic_sample visit = {1 + random_below(random, SITES),
                                   {.at = at, .requests = random_below(random, 100)}};
    CHECK_INT(traffic_add(w->s.monitord, &visit, 1, &w->s.f.err), 0);
    for (size_t i = 0; i < ARRAY_COUNT(scopes); i++) {
        expect_cycle(&w->wanted[i], &scopes[i], rows, count);
        w->wanted[i].requests += is_in(&scopes[i], visit.site_id) ? visit.traffic.requests : 0;
    }
}

static void put(struct world *w, int64_t step_s, int64_t at, const struct usage_rollups_list *list)
{
    CHECK_INT(rollups_put(w->s.monitord, step_s, at, list->rows, list->count, &w->s.f.err), 0);
}

/* One bucket with its hour and day. */
static void roll_up(struct world *w, int64_t at, bool with_ledger)
{
    struct usage_rollups_list list;
    for (enum rollup_part part = ROLLUP_SITES; part < ROLLUP_PART_COUNT; part++) {
        CHECK_INT(rollups_sum_samples(w->s.monitord, w->s.arena, part, at, with_ledger, &list,
                                      &w->s.f.err),
                  0);
        put(w, ROLLUP_5_MINUTES, at, &list);
    }
    CHECK_INT(rollups_sum(w->s.monitord, w->s.arena, ROLLUP_HOUR, at, &list, &w->s.f.err), 0);
    put(w, ROLLUP_HOUR, at, &list);
    CHECK_INT(rollups_sum(w->s.monitord, w->s.arena, ROLLUP_DAY, at, &list, &w->s.f.err), 0);
    put(w, ROLLUP_DAY, at, &list);
    CHECK_INT(rollups_set_until(w->s.monitord, at + ROLLUP_5_MINUTES, &w->s.f.err), 0);
}

static int64_t next_due(struct world *w, int64_t cycle_at)
{
    int64_t at = 0;
    CHECK_INT(rollups_next(w->s.monitord, cycle_at, &at, &w->s.f.err), 0);
    return at;
}

static bool is_same(const struct usage_sums *a, const struct usage_sums *b)
{
    return a->runtime_ms == b->runtime_ms && a->container_ms == b->container_ms &&
           a->cpu_us == b->cpu_us && a->cpu_millicores_peak == b->cpu_millicores_peak &&
           a->memory_kib_s == b->memory_kib_s && a->memory_bytes_peak == b->memory_bytes_peak &&
           a->containers_peak == b->containers_peak && a->tx_bytes == b->tx_bytes &&
           a->requests == b->requests;
}

static void check_sums(struct world *w, int64_t now)
{
    struct usage_summary summary;
    for (size_t i = 0; i < ARRAY_COUNT(scopes); i++) {
        CHECK_INT(usage_summarize(w->s.admind, &scopes[i], now, now, &summary, &w->s.f.err), 0);
        if (!CHECK(is_same(&summary.ever, &w->wanted[i])) ||
            !CHECK(is_same(&summary.day, &w->wanted[i]))) {
            printf("# scope %zu, %d s after the begin\n", i, (int)(now - BEGIN));
        }
    }
}

/* Over midnight; looked at now and then, with what is not rolled up yet. Rolling up a bucket twice
 * changes nothing. */
static void case_sums_are_kept(void)
{
    enum { CYCLES = 4 * ROLLUP_HOUR / CYCLE_S };
    AUTO_WORLD struct world w;
    struct random random = random_start();
    world_init(&w);
    for (int64_t at = BEGIN; at < BEGIN + CYCLES * CYCLE_S; at += CYCLE_S) {
        add_cycle(&w, &random, at);
        for (int64_t due; (due = next_due(&w, at)) >= 0;) {
            if (random_below(&random, 4) == 0) {
                roll_up(&w, due, false);
            }
            roll_up(&w, due, false);
        }
        if (random_below(&random, 40) == 0) {
            check_sums(&w, at);
        }
    }
    check_sums(&w, BEGIN + (CYCLES - 1) * CYCLE_S);
}

/* Averages are those of the time in which something ran. */
static void case_figures(void)
{
    const struct usage_sums sums = {.runtime_ms = 7200000,
                                    .container_ms = 14400000,
                                    .cpu_us = 3600000000,
                                    .memory_kib_s = (int64_t)7200 << 20};
    CHECK_INT(usage_mean_millicores(&sums), 500);
    CHECK_INT(usage_mean_memory_bytes(&sums) >> 20, 1024);
    CHECK_INT((int64_t)(usage_runtime_hours(&sums) * 1000), 2000);
    CHECK_INT((int64_t)(usage_container_hours(&sums) * 1000), 4000);
    CHECK_INT((int64_t)(usage_core_hours(&sums) * 1000), 1000);
    CHECK_INT((int64_t)(usage_gib_hours(&sums) * 1000), 2000);
    CHECK_INT(usage_mean_millicores(&(const struct usage_sums){0}), 0);
    CHECK_INT(usage_mean_memory_bytes(&(const struct usage_sums){0}), 0);
}

/* A history has the sums of what it shows, in whatever steps. */
static void case_series(void)
{
    static const struct {
        const char *name;
        int64_t from, to, step_s;
    } rows[] = {
        {"the last hour, in minutes", 5 * ROLLUP_HOUR, 6 * ROLLUP_HOUR, 60},
        {"six hours", 0, 6 * ROLLUP_HOUR, 300},
        {"two days", -42 * ROLLUP_HOUR, 6 * ROLLUP_HOUR, 900},
        {"a week", -6 * ROLLUP_DAY, 6 * ROLLUP_HOUR, 1800},
        {"two weeks", -14 * ROLLUP_DAY, 6 * ROLLUP_HOUR, 3600},
        {"a month", -30 * ROLLUP_DAY, 6 * ROLLUP_HOUR, 7200},
        {"two months", -60 * ROLLUP_DAY, 6 * ROLLUP_HOUR, 14400},
        {"a year", -365 * ROLLUP_DAY, 6 * ROLLUP_HOUR, 86400},
        {"all, and the future", -5000 * ROLLUP_DAY, 100 * ROLLUP_DAY, 604800},
        {"an hour of a time long ago", -50 * ROLLUP_DAY, -50 * ROLLUP_DAY + 3600, 3600},
    };
    AUTO_WORLD struct world w;
    struct random random = random_start();
    struct usage_series series;
    const int64_t now = BEGIN + 6 * ROLLUP_HOUR - CYCLE_S;
    world_init(&w);
    for (int64_t at = BEGIN; at <= now; at += 2 * CYCLE_S) {
        add_cycle(&w, &random, at);
        for (int64_t due; (due = next_due(&w, at)) >= 0;) {
            roll_up(&w, due, false);
        }
    }
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        for (size_t scope = 0; scope < ARRAY_COUNT(scopes); scope++) {
            CHECK_INT(usage_series_read(w.s.admind, w.s.arena, &scopes[scope], BEGIN + rows[i].from,
                                        BEGIN + rows[i].to, now, &series, &w.s.f.err),
                      0);
            int64_t cpu_us = 0;
            bool in_order = true;
            for (size_t step = 0; step < series.count; step++) {
                cpu_us += series.rows[step].sums.cpu_us;
                in_order =
                    in_order && (step == 0 || series.rows[step].at > series.rows[step - 1].at);
            }
            bool is_all = rows[i].from <= 0 && rows[i].to > 0;
            if (!CHECK_INT(series.step_s, rows[i].step_s) || !CHECK(in_order) ||
                !CHECK(series.count <= USAGE_POINTS_MAX) ||
                (is_all && !CHECK_INT(cpu_us, w.wanted[scope].cpu_us))) {
                printf("# %s\n", rows[i].name);
            }
        }
    }
    CHECK_INT(
        usage_series_read(w.s.admind, w.s.arena, &scopes[0], now, now, now, &series, &w.s.f.err),
        -ERR_INVALID_ARGUMENT);
}

static void reserve(struct world *w, int64_t site, int64_t memory_mib, int64_t storage_mib)
{
    const struct reservation_holder holder = {.entity = owner_kind_of(site),
                                              .entity_id = owner_of(site),
                                              .site_id = site,
                                              .purpose = RESERVATION_RUN};
    struct quota_amounts amounts = {0};
    amounts.of[QUOTA_MEMORY_PRODUCTION] = memory_mib;
    amounts.of[QUOTA_MEMORY_DEVELOPMENT] = 1;
    amounts.of[QUOTA_STORAGE_PRODUCTION] = storage_mib;
    CHECK_INT(reservations_put(w->s.deployd, &holder, &amounts, 1, &w->s.f.err), 0);
}

static struct usage_sums last_sums(struct world *w, size_t scope, int64_t now)
{
    struct usage_series series;
    CHECK_INT(usage_series_read(w->s.admind, w->s.arena, &scopes[scope], BEGIN - 4 * ROLLUP_HOUR,
                                now, now, &series, &w->s.f.err),
              0);
    return CHECK(series.count > 0) ? series.rows[series.count - 1].sums : (struct usage_sums){0};
}

/* The ledger is looked at even if nothing runs, and stands with owners and the system. */
static void case_ledger(void)
{
    AUTO_WORLD struct world w;
    world_init(&w);
    reserve(&w, 1, 100, 1000);
    reserve(&w, 2, 200, 500);
    reserve(&w, 4, 50, 10);
    CHECK_INT(next_due(&w, BEGIN + 310), BEGIN);
    roll_up(&w, BEGIN, true);
    CHECK_INT(next_due(&w, BEGIN + 320), NONE);
    CHECK_INT(last_sums(&w, 4, BEGIN + 320).reserved_memory_mib, 302);
    CHECK_INT(last_sums(&w, 4, BEGIN + 320).storage_mib, 1500);
    CHECK_INT(last_sums(&w, 6, BEGIN + 320).storage_mib, 10);
    CHECK_INT(last_sums(&w, 7, BEGIN + 320).storage_mib, 1510);
    CHECK_INT(last_sums(&w, 7, BEGIN + 320).reserved_memory_mib, 353);
    CHECK_INT(last_sums(&w, 7, BEGIN + 320).reserved_cpu_millicores, 0);
    struct random random = random_start();
    add_cycle(&w, &random, BEGIN + 300);
    roll_up(&w, BEGIN + 300, false);
    CHECK_INT(last_sums(&w, 7, BEGIN + 620).storage_mib, USAGE_UNKNOWN);
}

/* Storage that grows evenly: when it is full. */
static void case_trend(void)
{
    AUTO_WORLD struct world w;
    struct usage_series series;
    const int64_t now = BEGIN + 20 * ROLLUP_DAY;
    world_init(&w);
    for (int64_t day = 0; day <= 20; day++) {
        reserve(&w, 1, 1, 1000 + 50 * day);
        roll_up(&w, BEGIN + day * ROLLUP_DAY, true);
    }
    CHECK_INT(usage_series_read(w.s.admind, w.s.arena, &scopes[4], BEGIN, now + 1, now, &series,
                                &w.s.f.err),
              0);
    struct quota_trend trend = usage_trend(&series, USAGE_MEASURE_STORAGE);
    CHECK_INT(trend.count, 21);
    CHECK_INT((int64_t)(trend.per_day + 0.5), 50);
    int64_t full_at = quota_trend_reaches(&trend, 3000);
    CHECK_INT((full_at - now + ROLLUP_HOUR) / ROLLUP_DAY, 20);
    CHECK_INT(usage_trend(&series, USAGE_MEASURE_RESERVED_MEMORY).per_day == 0, 1);
}

static void case_consumers(void)
{
    AUTO_WORLD struct world w;
    struct usage_consumers found;
    world_init(&w);
    struct usage_sample rows[] = {
        {.at = BEGIN, .site_id = 1, .owner_id = 1, .cpu_us = 500, .memory_bytes = 1 << 20},
        {.at = BEGIN, .site_id = 3, .owner_id = 2, .cpu_us = 900, .memory_bytes = 5 << 20},
        {.at = BEGIN, .site_id = 2, .owner_id = 1, .cpu_us = 700, .memory_bytes = 1 << 20},
        {.at = BEGIN, .site_id = 4, .owner_id = 1, .cpu_us = 10, .memory_bytes = 1 << 20},
    };
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        rows[i].container_id = "c";
        rows[i].interval_ms = 30000;
        rows[i].owner_kind = owner_kind_of(rows[i].site_id);
    }
    CHECK_INT(usage_add(w.s.monitord, rows, ARRAY_COUNT(rows), &w.s.f.err), 0);
    roll_up(&w, BEGIN, false);
    static const struct {
        enum usage_entity entity;
        enum usage_order order;
        int64_t limit;
        size_t count;
        int64_t first;
        const char *name, *owner;
    } wanted[] = {
        {USAGE_OF_SITE, USAGE_BY_CPU, 10, 4, 3, "c.example.org", "bob@example.org"},
        {USAGE_OF_SITE, USAGE_BY_CPU, 2, 2, 3, "c.example.org", "bob@example.org"},
        {USAGE_OF_USER, USAGE_BY_CPU, 10, 2, 1, "ann@example.org", ""},
        {USAGE_OF_USER, USAGE_BY_MEMORY, 10, 2, 2, "bob@example.org", ""},
        {USAGE_OF_USER, USAGE_BY_RUNTIME, 10, 2, 1, "ann@example.org", ""},
        {USAGE_OF_TEAM, USAGE_BY_STORAGE, 10, 1, 1, "Team", ""},
    };
    for (size_t i = 0; i < ARRAY_COUNT(wanted); i++) {
        for (int64_t days = 0; days < 30; days += 29) { /* by hours, and by days */
            CHECK_INT(usage_consumers_list(w.s.admind, w.s.arena, wanted[i].entity,
                                           BEGIN - days * ROLLUP_DAY, BEGIN + 100, wanted[i].order,
                                           wanted[i].limit, &found, &w.s.f.err),
                      0);
            if (CHECK_INT(found.count, wanted[i].count) && found.count > 0) {
                CHECK_INT(found.rows[0].id, wanted[i].first);
                CHECK_STR(found.rows[0].name, wanted[i].name);
                CHECK_STR(found.rows[0].owner, wanted[i].owner);
            }
        }
    }
    CHECK_INT(usage_consumers_list(w.s.admind, w.s.arena, USAGE_OF_USER, BEGIN + ROLLUP_DAY,
                                   BEGIN + 2 * ROLLUP_DAY, USAGE_BY_CPU, 10, &found, &w.s.f.err),
              0);
    CHECK_INT(found.count, 0);
}

/* Which bucket comes next. */
static void case_next(void)
{
    AUTO_WORLD struct world w;
    struct random random = random_start();
    world_init(&w);
    CHECK_INT(next_due(&w, BEGIN + 30), BEGIN - 300);
    add_cycle(&w, &random, BEGIN - 1000);
    CHECK_INT(next_due(&w, BEGIN + 30), BEGIN - 1200);
    CHECK_INT(rollups_set_until(w.s.monitord, BEGIN - 600, &w.s.f.err), 0);
    CHECK_INT(next_due(&w, BEGIN + 30), BEGIN - 300); /* nothing was measured before */
    CHECK_INT(rollups_set_until(w.s.monitord, BEGIN, &w.s.f.err), 0);
    CHECK_INT(next_due(&w, BEGIN + 299), NONE);
    CHECK_INT(next_due(&w, BEGIN + 300), BEGIN);
    CHECK_INT(rollups_set_until(w.s.monitord, BEGIN + 86400, &w.s.f.err), 0);
    CHECK_INT(next_due(&w, BEGIN + 310), BEGIN); /* the clock was set back */
}

static void case_expiry(void)
{
    AUTO_WORLD struct world w;
    int64_t removed = 0;
    int64_t all = 0;
    world_init(&w);
    reserve(&w, 1, 100, 1000);
    for (int64_t at = BEGIN; at < BEGIN + 3 * ROLLUP_HOUR; at += 300) {
        roll_up(&w, at, true);
    }
    const int64_t now = BEGIN + rollups_keep_s(ROLLUP_5_MINUTES) + 2 * ROLLUP_HOUR;
    do {
        CHECK_INT(rollups_expire(w.s.monitord, ROLLUP_5_MINUTES, now, &removed, &w.s.f.err), 0);
        all += removed;
    } while (removed > 0);
    CHECK_INT(all, 2 * 24);
    struct usage_rollups_list left;
    CHECK_INT(rollups_sum(w.s.monitord, w.s.arena, ROLLUP_HOUR, BEGIN, &left, &w.s.f.err), 0);
    CHECK_INT(left.count, 0);
    CHECK_INT(rollups_expire(w.s.monitord, ROLLUP_DAY, now, &removed, &w.s.f.err), 0);
    CHECK_INT(removed, 0);
}

int main(void)
{
    static const struct check_case cases[] = {
        {"sums are kept, however far it is rolled up", case_sums_are_kept},
        {"averages and hours", case_figures},
        {"a history in steps", case_series},
        {"what is promised", case_ledger},
        {"when the storage is full", case_trend},
        {"who used most", case_consumers},
        {"which five minutes come next", case_next},
        {"roll-ups go in slices", case_expiry},
    };
    return check_run(cases, ARRAY_COUNT(cases));
}
