/*
 * What owners use, which figures count against their limits, and what of it is written down, once
 * an episode.
 */
#include "dialup-monitord/figures.h"
#include "dialup-monitord/uses.h"
#include "dialup-monitord/violation_book.h"
#include "libdialup/store/violations.h"
#include "tests/harness/check.h"
#include "tests/harness/random.h"
#include "tests/unit/store_fixture.h"

static void free_uses(struct uses **uses)
{
    uses_free(*uses);
}

#define AUTO_USES __attribute__((cleanup(free_uses)))

enum { MIB = 1024 * 1024 };

/* Uses -------------------------------------------------------------------------------------- */

static void tell_gate(struct uses *uses, int64_t started_at, int64_t at_s, int64_t bytes,
                      int64_t connections, int64_t refused)
{
    const struct gate_owner_counters owners[] = {
        {.owner = "user:5", .bytes = bytes, .open_connections = connections, .refused = refused},
        {.owner = "team:5", .bytes = 2 * bytes, .open_connections = 1},
        {.owner = "nobody", .bytes = bytes, .open_connections = 100},
        {.owner = "a very long name:5", .bytes = bytes, .open_connections = 100},
        {.owner = "user:x", .bytes = bytes, .open_connections = 100},
    };
    const struct gate_counters_result counters = {
        .started_at_unix = started_at, .owners = owners, .owners_count = ARRAY_COUNT(owners)};
    uses_gate(uses, &counters, at_s * 1000000);
}

static struct sample_rows some_samples(void)
{
    static struct usage_sample rows[] = {
        {.owner_kind = QUOTA_USER,
         .owner_id = 5,
         .interval_ms = 1000,
         .cpu_us = 250000,
         .memory_bytes = 10 * MIB},
        {.owner_kind = QUOTA_TEAM,
         .owner_id = 5,
         .interval_ms = 1000,
         .cpu_us = 100000,
         .memory_bytes = MIB},
        {.owner_kind = QUOTA_USER,
         .owner_id = 5,
         .interval_ms = 1000,
         .cpu_us = 50000,
         .memory_bytes = 20 * MIB,
         .kind = USAGE_DEVELOPMENT},
        {.owner_kind = QUOTA_USER,
         .owner_id = 9,
         .interval_ms = 0,
         .cpu_us = 50000,
         .memory_bytes = 5 * MIB,
         .kind = USAGE_BUILD},
    };
    return (struct sample_rows){.rows = rows, .count = ARRAY_COUNT(rows)};
}

static void case_uses(void)
{
    AUTO_USES struct uses *uses = uses_new();
    size_t count;
    CHECK_INT(uses_of(uses, QUOTA_SYSTEM, 0).containers, 0);
    const struct sample_rows samples = some_samples();
    uses_take(uses, &samples);
    struct owner_use ann = uses_of(uses, QUOTA_USER, 5);
    CHECK_INT(ann.containers, 2);
    CHECK_INT(ann.cpu_millicores[USAGE_PRODUCTION], 250);
    CHECK_INT(ann.cpu_millicores[USAGE_DEVELOPMENT], 50);
    CHECK_INT(ann.memory_bytes[USAGE_DEVELOPMENT], 20 * MIB);
    CHECK_INT(uses_of(uses, QUOTA_TEAM, 5).cpu_millicores[USAGE_PRODUCTION], 100);
    CHECK_INT(uses_of(uses, QUOTA_USER, 9).cpu_millicores[USAGE_BUILD], 0); /* its first sample */
    CHECK_INT(uses_of(uses, QUOTA_USER, 6).containers, 0);
    struct owner_use all = uses_of(uses, QUOTA_SYSTEM, 0);
    CHECK_INT(all.containers, 4);
    CHECK_INT(all.cpu_millicores[USAGE_PRODUCTION], 350);
    CHECK_INT(all.memory_bytes[USAGE_BUILD], 5 * MIB);
    CHECK_INT(uses_list(uses, &count)[0].owner_kind, QUOTA_SYSTEM);
    CHECK_INT(count, 4);
    uses_take(uses, &(const struct sample_rows){0});
    uses_list(uses, &count);
    CHECK_INT(count, 1);
}

static void case_gate(void)
{
    static const struct sample_rows none = {0};
    AUTO_USES struct uses *uses = uses_new();
    tell_gate(uses, 1000, 10, 1000000, 3, 50);
    uses_take(uses, &none);
    struct owner_use ann = uses_of(uses, QUOTA_USER, 5);
    CHECK_INT(ann.connections, 3);
    CHECK_INT(ann.kbit_per_s, 0); /* nothing to compare with */
    CHECK_INT(ann.refused, 0);
    tell_gate(uses, 1000, 12, 1500000, 4, 51); /* between two cycles */
    tell_gate(uses, 1000, 20, 2000000, 4, 53);
    uses_take(uses, &none);
    ann = uses_of(uses, QUOTA_USER, 5);
    CHECK_INT(ann.kbit_per_s, 800); /* a million bytes in ten seconds */
    CHECK_INT(ann.refused, 3);
    CHECK_INT(uses_of(uses, QUOTA_TEAM, 5).kbit_per_s, 1600);
    CHECK_INT(uses_of(uses, QUOTA_SYSTEM, 0).kbit_per_s, 2400);
    CHECK_INT(uses_of(uses, QUOTA_SYSTEM, 0).connections, 5);
    uses_take(uses, &none); /* it did not answer */
    CHECK_INT(uses_of(uses, QUOTA_USER, 5).connections, 0);
    tell_gate(uses, 2000, 40, 1000000, 1, 0); /* another life */
    uses_take(uses, &none);
    CHECK_INT(uses_of(uses, QUOTA_USER, 5).kbit_per_s, 400);
}

/* Figures ----------------------------------------------------------------------------------- */

static void case_figures(void)
{
    struct quota_level level;
    quota_level_init(&level, QUOTA_USER, "ann@example.org");
    for (int i = 0; i < QUOTA_DIMENSION_COUNT; i++) {
        level.limits[i].hard = 100;
        level.limits[i].burst_percent = 10;
    }
    level.used.of[QUOTA_SITES] = 105;
    level.used.of[QUOTA_MEMORY_PRODUCTION] = 110;
    level.used.of[QUOTA_MEMORY_DEVELOPMENT] = 111;
    level.used.of[QUOTA_STORAGE] = 85;
    const struct owner_use use = {
        .cpu_millicores = {[USAGE_PRODUCTION] = 90, [USAGE_BUILD] = 900},
        .memory_bytes = {[USAGE_PRODUCTION] = 50 * MIB, [USAGE_DEVELOPMENT] = 20 * MIB - 1},
        .connections = 100,
        .refused = 1,
        .kbit_per_s = 99600,
    };
    const struct figures figures = {
        .level = &level, .use = &use, .runtime_hours = 7, .temp_storage_mib = 3};
    static const struct {
        enum quota_dimension dimension;
        int64_t used, limit;
        const char *state, *action;
    } rows[] = {
        {QUOTA_SITES, 105, 110, "soft", ""}, /* lent */
        {QUOTA_MEMORY_PRODUCTION, 50, 100, "ok", ""},
        {QUOTA_MEMORY_DEVELOPMENT, 111, 100, "over",
         "no editor starts"}, /* the limit was lowered */
        {QUOTA_MEMORY, 70, 100, "ok", ""},
        {QUOTA_CPU_PRODUCTION, 90, 100, "soft", ""},
        {QUOTA_CPU, 90, 100, "soft", ""}, /* builds have limits of their own */
        {QUOTA_STORAGE, 85, 100, "soft", ""},
        {QUOTA_TEMP_STORAGE, 3, 100, "ok", ""},
        {QUOTA_BANDWIDTH, 100, 100, "hard", ""},
        {QUOTA_CONNECTIONS, 100, 100, "hard", "new connections are refused"},
        {QUOTA_RUNTIME_HOURS, 7, 100, "ok", ""},
    };
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        struct quota_limit limit = figures_limit(&figures, rows[i].dimension);
        int64_t used = figures_used(&figures, rows[i].dimension, &limit);
        enum quota_state state = quota_state(&limit, used);
        if (!CHECK_INT(used, rows[i].used) || !CHECK_INT(limit.hard, rows[i].limit) ||
            !CHECK_STR(quota_state_name(state), rows[i].state) ||
            !CHECK_STR(figures_action(&figures, rows[i].dimension, state), rows[i].action)) {
            printf("# %s\n", quota_dimension_info(rows[i].dimension)->name);
        }
        CHECK(figures_is_watched(rows[i].dimension));
    }
    CHECK(!figures_is_watched(QUOTA_IDLE_MINUTES));
}

/* The book ---------------------------------------------------------------------------------- */

struct rig {
    struct store_fixture s;
    struct violation_book *book;
    struct violations_list list;
};

static const struct quota_limit hundred = {100, 80, 0, 0};
static const struct quota_episode_rules at_once = {QUOTA_SOFT, 0, 0, 0};

static void open_book(struct rig *rig)
{
    violation_book_free(rig->book);
    rig->book = violation_book_new();
    CHECK_INT(violation_book_load(rig->book, rig->s.monitord, &rig->s.f.err), 0);
}

static void rig_init(struct rig *rig)
{
    *rig = (struct rig){0};
    store_fixture_init(&rig->s);
    open_book(rig);
}

static void rig_fini(struct rig *rig)
{
    violation_book_free(rig->book);
    store_fixture_fini(&rig->s);
}

#define AUTO_RIG __attribute__((cleanup(rig_fini)))

/* A look at user 5's memory; below 0: there is none. */
static void round_at(struct rig *rig, int64_t at, int64_t used, const char *action)
{
    violation_book_begin(rig->book, at);
    if (used >= 0) {
        violation_book_look(rig->book, QUOTA_USER, 5, QUOTA_MEMORY, &at_once, &hundred, used,
                            action);
    }
    violation_book_end(rig->book, 0);
}

static void flush(struct rig *rig)
{
    CHECK_INT(violation_book_flush(rig->book, rig->s.monitord, &rig->s.f.err), 0);
    const struct violations_filter all = {.limit = 1000};
    CHECK_INT(violations_list(rig->s.admind, rig->s.arena, &all, &rig->list, &rig->s.f.err), 0);
}

static void check_row(const struct rig *rig, size_t count, const char *kind, int64_t began_at,
                      int64_t peak, int64_t ended_at, const char *action)
{
    if (CHECK_INT(rig->list.count, count) && count > 0) {
        const struct violation *row = &rig->list.rows[0];
        CHECK_STR(violation_kind_name(row->kind), kind);
        CHECK_INT(row->began_at, began_at);
        CHECK_INT(row->peak, peak);
        CHECK_INT(row->ended_at, ended_at);
        CHECK_STR(row->action, action);
    }
}

static void case_episode(void)
{
    AUTO_RIG struct rig rig;
    rig_init(&rig);
    round_at(&rig, 10, 79, "");
    flush(&rig);
    check_row(&rig, 0, "", 0, 0, 0, "");
    round_at(&rig, 20, 85, "");
    flush(&rig);
    check_row(&rig, 1, "soft", 20, 85, 0, "");
    round_at(&rig, 30, 105, "nothing more starts");
    flush(&rig);
    check_row(&rig, 1, "over", 20, 105, 0, "nothing more starts");
    open_book(&rig); /* monitord is started anew */
    CHECK_INT(violation_book_count(rig.book), 1);
    round_at(&rig, 40, 90, "");
    flush(&rig);
    check_row(&rig, 1, "over", 20, 105, 0, "nothing more starts");
    round_at(&rig, 50, 10, "");
    flush(&rig);
    check_row(&rig, 1, "over", 20, 105, 50, "nothing more starts");
    CHECK_INT(violation_book_count(rig.book), 0);
    round_at(&rig, 60, 100, "");
    flush(&rig);
    check_row(&rig, 2, "hard", 60, 100, 0, "");
    round_at(&rig, 70, -1, ""); /* the limit, or the owner, is gone */
    flush(&rig);
    check_row(&rig, 2, "hard", 60, 100, 70, "");
}

/* What was passed stands in the row, and not what ended it. */
static void case_raised(void)
{
    AUTO_RIG struct rig rig;
    const struct quota_limit thousand = {.hard = 1000, .soft_percent = QUOTA_SOFT_PERCENT};
    rig_init(&rig);
    round_at(&rig, 10, 105, "");
    flush(&rig);
    violation_book_begin(rig.book, 20);
    violation_book_look(rig.book, QUOTA_USER, 5, QUOTA_MEMORY, &at_once, &thousand, 105, "");
    violation_book_end(rig.book, 0);
    flush(&rig);
    check_row(&rig, 1, "over", 10, 105, 20, "");
    CHECK_INT(rig.list.rows[0].limit, 100);
}

/* What another program did stands instead of what the look says. */
static void case_action(void)
{
    AUTO_RIG struct rig rig;
    struct violation_ongoing ongoing;
    rig_init(&rig);
    round_at(&rig, 10, 105, "nothing more starts");
    CHECK(violation_book_get(rig.book, 0, &ongoing) && !violation_book_get(rig.book, 1, &ongoing));
    CHECK_INT(ongoing.entity_id, 5);
    CHECK_INT(ongoing.dimension, QUOTA_MEMORY);
    CHECK_INT(ongoing.began_at, 10);
    violation_book_act(rig.book, 0, "a.example.org sleeps");
    flush(&rig);
    check_row(&rig, 1, "over", 10, 105, 0, "a.example.org sleeps");
    round_at(&rig, 20, 106, "nothing more starts");
    flush(&rig);
    check_row(&rig, 1, "over", 10, 106, 0, "a.example.org sleeps");
    violation_book_act(rig.book, 7, "nobody");
}

/* What could not be written is written with the next flush, even if it is over by then. */
static void case_late_flush(void)
{
    AUTO_RIG struct rig rig;
    rig_init(&rig);
    round_at(&rig, 10, 90, "");
    CHECK_INT(violation_book_flush(rig.book, rig.s.deployd, &rig.s.f.err), -ERR_INTERNAL);
    round_at(&rig, 20, 101, "");
    round_at(&rig, 30, 0, "");
    round_at(&rig, 40, 99, ""); /* waits for the flush */
    flush(&rig);
    check_row(&rig, 1, "over", 10, 101, 30, "");
    round_at(&rig, 50, 99, "");
    flush(&rig);
    check_row(&rig, 2, "soft", 50, 99, 0, "");
}

static void case_in_force(void)
{
    AUTO_RIG struct rig rig;
    rig_init(&rig);
    for (int64_t at = 0; at <= 60; at += 30) {
        violation_book_begin(rig.book, 100 + at);
        violation_book_differs(rig.book, QUOTA_TEAM, 2, QUOTA_MEMORY, 256, 512 - at, 60,
                               "a.example.org: 512MB in force, 256MB declared");
        violation_book_end(rig.book, 60);
        flush(&rig);
        CHECK_INT(rig.list.count, at == 60);
    }
    check_row(&rig, 1, "in_force", 100, 452, 0, "a.example.org: 512MB in force, 256MB declared");
    CHECK_INT(rig.list.rows[0].limit, 256);
    open_book(&rig);
    /* The same entity and dimension may be over its limit at the same time. */
    violation_book_begin(rig.book, 200);
    violation_book_look(rig.book, QUOTA_TEAM, 2, QUOTA_MEMORY, &at_once, &hundred, 101, "");
    violation_book_end(rig.book, 60);
    flush(&rig);
    CHECK_INT(rig.list.count, 2);
    violation_book_begin(rig.book, 260);
    violation_book_look(rig.book, QUOTA_TEAM, 2, QUOTA_MEMORY, &at_once, &hundred, 101, "");
    violation_book_end(rig.book, 60);
    flush(&rig);
    CHECK_INT(rig.list.rows[0].ended_at, 0);
    CHECK_INT(rig.list.rows[1].ended_at, 260);
}

/* However often monitord is started anew, the rows are those of one that never ended. */
static void case_restarts(void)
{
    enum { ROUNDS = 400, OWNERS = 5 };
    AUTO_RIG struct rig rig;
    struct random random = random_start();
    struct quota_episode wanted[OWNERS] = {0};
    size_t begun = 0;
    size_t ended = 0;
    int64_t peaks = 0;
    rig_init(&rig);
    for (int64_t at = 1; at <= ROUNDS; at++) {
        violation_book_begin(rig.book, at);
        for (int64_t owner = 0; owner < OWNERS; owner++) {
            int64_t used = 60 + random_below(&random, 50);
            enum quota_episode_event event =
                quota_episode_look(&wanted[owner], &at_once, &hundred, used, at);
            violation_book_look(rig.book, QUOTA_USER, 1 + owner, QUOTA_CPU, &at_once, &hundred,
                                used, "");
            begun += event == QUOTA_EPISODE_BEGAN;
            ended += event == QUOTA_EPISODE_ENDED;
            peaks += event == QUOTA_EPISODE_ENDED ? wanted[owner].peak : 0;
        }
        violation_book_end(rig.book, 0);
        CHECK_INT(violation_book_flush(rig.book, rig.s.monitord, &rig.s.f.err), 0);
        if (random_below(&random, 5) == 0) {
            open_book(&rig);
        }
        CHECK_INT(violation_book_count(rig.book), begun - ended);
    }
    flush(&rig);
    CHECK_INT(rig.list.count, begun);
    for (size_t i = 0; i < rig.list.count; i++) {
        ended -= rig.list.rows[i].ended_at > 0;
        peaks -= rig.list.rows[i].ended_at > 0 ? rig.list.rows[i].peak : 0;
    }
    CHECK_INT(ended, 0);
    CHECK_INT(peaks, 0);
}

int main(void)
{
    static const struct check_case cases[] = {
        {"what owners use", case_uses},
        {"what the gate carries for them", case_gate},
        {"which figures count", case_figures},
        {"an episode is one row", case_episode},
        {"a limit that is raised", case_raised},
        {"what was done about it", case_action},
        {"a flush that comes late", case_late_flush},
        {"declared and in force", case_in_force},
        {"restarts", case_restarts},
    };
    return check_run(cases, ARRAY_COUNT(cases));
}
