/*
 * The record of who gave way, and the running time by day.
 */
#include "libdialup/store/enforcements.h"

#include "libdialup/store/runtime.h"
#include "tests/harness/check.h"
#include "tests/unit/store_fixture.h"

enum { ANN = 7, BOB = 8, DAY = 20000 };

static void add(struct store_fixture *s, int64_t owner_id, int64_t site_id, int64_t ended_at)
{
    const struct enforcement row = {
        .at = 100 + site_id,
        .cause = ENFORCED_BY_MEMORY,
        .step = "stop_site",
        .owner_kind = QUOTA_USER,
        .owner_id = owner_id,
        .site_id = site_id,
        .memory_mib = 64,
        .reason = "the server is short of memory",
        .ended_at = ended_at,
    };
    CHECK_INT(enforcements_add(s->deployd, &row, &s->f.err), 0);
}

static void case_lasting(void)
{
    AUTO_STORE struct store_fixture s;
    store_fixture_init(&s);
    struct enforcements_list list;
    add(&s, ANN, 1, 0);
    add(&s, ANN, 2, 102);
    add(&s, BOB, 3, 0);
    CHECK_INT(enforcements_list_lasting(s.admind, s.arena, &list, &s.f.err), 0);
    CHECK_INT(list.count, 2);
    CHECK_INT(list.rows[0].site_id, 1);
    CHECK_STR(list.rows[0].step, "stop_site");
    CHECK_STR(enforcement_cause_name(list.rows[0].cause), "memory");
    CHECK_INT(list.rows[0].memory_mib, 64);
    CHECK_INT(enforcements_end(s.deployd, 1, 0, 150, &s.f.err), 0);
    CHECK_INT(enforcements_end(s.deployd, 1, 9, 160, &s.f.err), 0);
    CHECK_INT(
        enforcements_list_by_owner(s.admind, s.arena, QUOTA_USER, ANN, 0, 10, &list, &s.f.err), 0);
    CHECK_INT(list.count, 2);
    CHECK_INT(list.rows[0].ended_at, 150);
    CHECK_INT(enforcements_list_after(s.monitord, s.arena, 1, 1, &list, &s.f.err), 0);
    CHECK_INT(list.count, 1);
    CHECK_INT(list.rows[0].id, 2);
    CHECK_INT(enforcements_expire(s.deployd, 1000, &s.f.err), 0);
    CHECK_INT(enforcements_list_after(s.monitord, s.arena, 0, 10, &list, &s.f.err), 0);
    CHECK_INT(list.count, 1); /* what lasts is not forgotten */
    CHECK_INT(list.rows[0].owner_id, BOB);
}

static void case_runtime(void)
{
    AUTO_STORE struct store_fixture s;
    store_fixture_init(&s);
    int64_t awake_s = -1;
    CHECK_INT(runtime_day((int64_t)DAY * RUNTIME_DAY_S + RUNTIME_DAY_S - 1), DAY);
    CHECK_INT(runtime_read(s.admind, QUOTA_USER, ANN, DAY, &awake_s, &s.f.err), 0);
    CHECK_INT(awake_s, 0);
    CHECK_INT(runtime_add(s.deployd, QUOTA_USER, ANN, DAY, 60, &s.f.err), 0);
    CHECK_INT(runtime_add(s.deployd, QUOTA_USER, ANN, DAY, 30, &s.f.err), 0);
    CHECK_INT(runtime_add(s.deployd, QUOTA_USER, ANN, DAY + 1, 5, &s.f.err), 0);
    CHECK_INT(runtime_add(s.deployd, QUOTA_TEAM, ANN, DAY, 1, &s.f.err), 0);
    CHECK_INT(runtime_read(s.admind, QUOTA_USER, ANN, DAY, &awake_s, &s.f.err), 0);
    CHECK_INT(awake_s, 90);
    struct runtime_list list;
    CHECK_INT(runtime_list(s.deployd, s.arena, DAY + 1, &list, &s.f.err), 0);
    CHECK_INT(list.count, 1);
    CHECK_INT(list.rows[0].owner_kind, QUOTA_USER);
    CHECK_INT(list.rows[0].owner_id, ANN);
    CHECK_INT(list.rows[0].awake_s, 5);
    CHECK_INT(runtime_list(s.deployd, s.arena, DAY, &list, &s.f.err), 0);
    CHECK_INT(list.count, 2);
    CHECK_INT(runtime_expire(s.deployd, DAY + 1, &s.f.err), 0);
    CHECK_INT(runtime_read(s.admind, QUOTA_USER, ANN, DAY, &awake_s, &s.f.err), 0);
    CHECK_INT(awake_s, 0);
    CHECK_INT(runtime_read(s.admind, QUOTA_USER, ANN, DAY + 1, &awake_s, &s.f.err), 0);
    CHECK_INT(awake_s, 5);
}

static void case_hold(void)
{
    AUTO_STORE struct store_fixture s;
    store_fixture_init(&s);
    struct site site;
    int64_t id = add_site(&s, ANN, "a.example.org");
    CHECK_INT(sites_find(s.deployd, s.arena, id, &site, &s.f.err), 0);
    CHECK_INT(site.hold, SITE_FREE);
    CHECK_INT(sites_set_hold(s.deployd, id, SITE_HELD_BY_RUNTIME, 5, &s.f.err), 0);
    CHECK_INT(sites_find(s.deployd, s.arena, id, &site, &s.f.err), 0);
    CHECK_INT(site.hold, SITE_HELD_BY_RUNTIME);
    CHECK_STR(site_hold_name(site.hold), "runtime");
}

int main(void)
{
    static const struct check_case cases[] = {
        {"what lasts, and its end", case_lasting},
        {"running time by day", case_runtime},
        {"a site that is held", case_hold},
    };
    return check_run(cases, ARRAY_COUNT(cases));
}
