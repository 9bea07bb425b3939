/*
 * The rules of sleep, by table.
 */
#include "dialup-deployd/sleep/idle.h"

#include <math.h>
#include <stdio.h>

#include "libdialup/base/memory.h"
#include "tests/harness/check.h"

enum { MINUTE = 60 * 1000 };

static const struct idle_rules rules = {.freeze_after_ms = 5 * MINUTE, .frozen_ms = 25 * MINUTE};

static void case_judge(void)
{
    static const struct {
        const char *name;
        struct idle_site site;
        enum site_sleep wanted;
    } rows[] = {
        {"busy", {.may_sleep = true, .factor = 1, .idle_ms = 10}, SITE_AWAKE},
        {"nearly", {.may_sleep = true, .factor = 1, .idle_ms = 5 * MINUTE - 1}, SITE_AWAKE},
        {"idle", {.may_sleep = true, .factor = 1, .idle_ms = 5 * MINUTE}, SITE_FROZEN},
        {"an open WebSocket",
         {.may_sleep = true, .factor = 1, .idle_ms = 60 * MINUTE, .open_connections = 1},
         SITE_AWAKE},
        {"frozen",
         {.may_sleep = true, .factor = 1, .sleep = SITE_FROZEN, .slept_ms = 25 * MINUTE - 1},
         SITE_FROZEN},
        {"frozen for long",
         {.may_sleep = true, .factor = 1, .sleep = SITE_FROZEN, .slept_ms = 25 * MINUTE},
         SITE_ASLEEP},
        {"asleep",
         {.may_sleep = true, .factor = 1, .sleep = SITE_ASLEEP, .idle_ms = 1},
         SITE_ASLEEP},
        {"frozen, somebody waits",
         {.may_sleep = true,
          .factor = 1,
          .sleep = SITE_FROZEN,
          .slept_ms = 90 * MINUTE,
          .open_connections = 1},
         SITE_FROZEN},
        {"persistent", {.factor = 1, .idle_ms = 90 * MINUTE}, SITE_AWAKE},
        {"persistent now", {.factor = 1, .sleep = SITE_ASLEEP, .idle_ms = 90 * MINUTE}, SITE_AWAKE},
        {"stretched", {.may_sleep = true, .factor = 4, .idle_ms = 19 * MINUTE}, SITE_AWAKE},
        {"stretched, idle", {.may_sleep = true, .factor = 4, .idle_ms = 20 * MINUTE}, SITE_FROZEN},
    };
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        if (!CHECK_INT(idle_judge(&rows[i].site, &rules), rows[i].wanted)) {
            printf("# row \"%s\"\n", rows[i].name);
        }
    }
}

static void case_stopped_at_once(void)
{
    static const struct idle_rules no_freezing = {.freeze_after_ms = 1000};
    const struct idle_site site = {.may_sleep = true, .factor = 1, .idle_ms = 1000};
    CHECK_INT(idle_judge(&site, &no_freezing), SITE_ASLEEP);
}

static void case_owner_limit(void)
{
    static const struct {
        const char *name;
        int64_t idle_ms, most_ms;
        int factor;
        enum site_sleep wanted;
    } rows[] = {
        {"no limit", 9 * MINUTE, 0, 2, SITE_AWAKE},
        {"the limit is stricter", 4 * MINUTE, 3 * MINUTE, 1, SITE_FROZEN},
        {"not there yet", 2 * MINUTE, 3 * MINUTE, 1, SITE_AWAKE},
        {"it ends what is stretched", 6 * MINUTE, 6 * MINUTE, 8, SITE_FROZEN},
        {"the setting is stricter", 5 * MINUTE, 60 * MINUTE, 1, SITE_FROZEN},
    };
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        struct idle_rules bound = rules;
        bound.most_ms = rows[i].most_ms;
        const struct idle_site site = {
            .may_sleep = true, .factor = rows[i].factor, .idle_ms = rows[i].idle_ms};
        if (!CHECK_INT(idle_judge(&site, &bound), rows[i].wanted)) {
            printf("# row \"%s\"\n", rows[i].name);
        }
    }
}

static void case_flapping(void)
{
    CHECK_INT(idle_factor(1, 10, 5 * MINUTE, 8), 2);
    CHECK_INT(idle_factor(2, 10, 5 * MINUTE, 8), 4);
    CHECK_INT(idle_factor(1, 10, 5 * MINUTE, 1), 1);
    CHECK_INT(idle_factor(8, 10, 5 * MINUTE, 8), 8);
    CHECK_INT(idle_factor(4, 6 * MINUTE, 5 * MINUTE, 8), 4);
    CHECK_INT(idle_factor(4, 41 * MINUTE, 5 * MINUTE, 8), 1);
}

static void case_choose(void)
{
    const struct idle_site sites[] = {
        {.site_id = 1, .owner_kind = QUOTA_USER, .owner_id = 7, .may_sleep = true, .idle_ms = 9000},
        {.site_id = 2,
         .owner_kind = QUOTA_USER,
         .owner_id = 7,
         .may_sleep = true,
         .idle_ms = 99000},
        {.site_id = 3, .owner_kind = QUOTA_USER, .owner_id = 7, .idle_ms = 999000},
        {.site_id = 4,
         .owner_kind = QUOTA_USER,
         .owner_id = 8,
         .may_sleep = true,
         .sleep = SITE_FROZEN,
         .idle_ms = 50000},
        {.site_id = 5,
         .owner_kind = QUOTA_USER,
         .owner_id = 8,
         .may_sleep = true,
         .idle_ms = 999000},
        {.site_id = 6,
         .owner_kind = QUOTA_USER,
         .owner_id = 7,
         .may_sleep = true,
         .idle_ms = 999000,
         .open_connections = 1},
        {.site_id = 7,
         .owner_kind = QUOTA_USER,
         .owner_id = 7,
         .may_sleep = true,
         .sleep = SITE_FROZEN,
         .idle_ms = 8000},
    };
    const struct {
        size_t count;
        int64_t owner, waking, wanted; /* 0: none */
    } rows[] = {
        {7, 7, 9, 7},  /* the own frozen one before the own idle ones */
        {6, 7, 9, 2},  /* the longest idle of the own; never one that is visited or may not sleep */
        {6, 7, 2, 1},  /* not the one that wakes */
        {5, 9, 9, 4},  /* others' only if they are frozen */
        {3, 9, 10, 0}, /* nobody */
    };
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        const struct idle_site *chosen =
            idle_choose(sites, rows[i].count, QUOTA_USER, rows[i].owner, rows[i].waking);
        CHECK_INT(chosen ? chosen->site_id : 0, rows[i].wanted);
    }
    const struct idle_site visited = {
        .site_id = 1, .owner_kind = QUOTA_USER, .owner_id = 7, .may_sleep = true, .idle_ms = 10};
    CHECK(idle_choose(&visited, 1, QUOTA_USER, 7, 9) == NULL);
}

static void case_rate(void)
{
    double rate = 0;
    for (int i = 0; i < 60; i++) {
        rate = idle_rate(rate, 20, 10000); /* two a second */
    }
    CHECK(fabs(rate - 120) < 1);
    rate = idle_rate(rate, 0, 10000);
    CHECK(rate > 90 && rate < 110);
    CHECK(fabs(idle_rate(5, 300, 2 * MINUTE) - 150) < 1e-9);
    CHECK(idle_rate(5, 300, 0) == 5);
}

static void case_instances(void)
{
    CHECK_INT(idle_instances(1, 2, 49, 50, false), 1);
    CHECK_INT(idle_instances(1, 2, 51, 50, false), 2);
    CHECK_INT(idle_instances(2, 2, 500, 50, false), 2);
    CHECK_INT(idle_instances(2, 2, 10, 50, false), 2);
    CHECK_INT(idle_instances(2, 2, 10, 50, true), 1);
    CHECK_INT(idle_instances(2, 1, 500, 50, false), 1);
    CHECK_INT(idle_instances(1, 1, 500, 50, false), 1);
}

static void case_unused(void)
{
    static const struct idle_site sites[] = {
        {.site_id = 1, .idle_ms = IDLE_UNVISITED_MS - 1},
        {.site_id = 2, .idle_ms = IDLE_UNVISITED_MS},
        {.site_id = 3, .idle_ms = IDLE_UNVISITED_MS, .open_connections = 1},
    };
    const struct site awake = {.sleep = SITE_AWAKE};
    const struct site frozen = {.sleep = SITE_FROZEN};
    CHECK(idle_find(sites, ARRAY_COUNT(sites), 4) == NULL);
    CHECK(!idle_is_unused(&awake, NULL));
    CHECK(!idle_is_unused(&awake, idle_find(sites, ARRAY_COUNT(sites), 1)));
    CHECK(idle_is_unused(&awake, idle_find(sites, ARRAY_COUNT(sites), 2)));
    CHECK(!idle_is_unused(&awake, idle_find(sites, ARRAY_COUNT(sites), 3)));
    CHECK(idle_is_unused(&frozen, NULL));
}

int main(void)
{
    static const struct check_case cases[] = {
        {"an owner's limit of idle time", case_owner_limit},
        {"how deep a site sleeps", case_judge},
        {"without freezing, stopped at once", case_stopped_at_once},
        {"a site that is woken too soon sleeps later", case_flapping},
        {"who gives way", case_choose},
        {"whom nobody misses", case_unused},
        {"requests a minute", case_rate},
        {"a second instance comes and goes", case_instances},
    };
    return check_run(cases, ARRAY_COUNT(cases));
}
