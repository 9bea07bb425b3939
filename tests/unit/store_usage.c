/*
 * What monitord writes: containers' use and visitors' traffic.
 */
#include "libdialup/store/usage.h"

#include "libdialup/store/traffic.h"
#include "tests/harness/check.h"
#include "tests/unit/store_fixture.h"

static const struct scope site_1 = {.kind = SCOPE_SITE, .id = 1};
static const struct scope owner_7 = {SCOPE_OWNER, QUOTA_USER, 7};
static const struct scope owner_8 = {SCOPE_OWNER, QUOTA_USER, 8};
static const struct scope everything = {.kind = SCOPE_SYSTEM};

/* Site 1 and 2 are 7's, site 3 is 8's; 30 s a cycle; cpu in thousandths of a core. */
static void sample(struct store_fixture *s, int64_t at, int64_t site_id, const char *container,
                   int64_t millicores, int64_t memory)
{
    struct usage_sample row = {.at = at,
                               .site_id = site_id,
                               .container_id = container,
                               .owner_kind = QUOTA_USER,
                               .owner_id = site_id == 3 ? 8 : 7,
                               .kind = USAGE_PRODUCTION,
                               .interval_ms = 30000,
                               .cpu_us = millicores * 30000,
                               .memory_bytes = memory,
                               .memory_limit_bytes = 1000,
                               .pids = 2,
                               .rx_bytes = 5,
                               .tx_bytes = 6};
    CHECK_INT(usage_add(s->monitord, &row, 1, &s->f.err), 0);
}

static void fill(struct store_fixture *s)
{
    sample(s, 1000, 1, "a", 100, 10);
    sample(s, 1000, 2, "b", 300, 20);
    sample(s, 1030, 1, "a", 200, 40);
    sample(s, 1030, 3, "c", 50, 500);
    sample(s, 1060, 1, "a", 0, 30);
    sample(s, 1060, 1, "a2", 10, 5);
}

static void case_now(void)
{
    static const struct {
        const struct scope *scope;
        int64_t containers, millicores, memory;
    } wanted[] = {
        {&site_1, 2, 10, 35}, {&owner_7, 2, 10, 35}, {&owner_8, 0, 0, 0}, {&everything, 2, 10, 35}};
    AUTO_STORE struct store_fixture s;
    store_fixture_init(&s);
    fill(&s);
    for (size_t i = 0; i < ARRAY_COUNT(wanted); i++) {
        struct usage_now now;
        CHECK_INT(usage_now(s.admind, wanted[i].scope, 1060, &now, &s.f.err), 0);
        CHECK_INT(now.containers, wanted[i].containers);
        CHECK_INT(now.cpu_millicores, wanted[i].millicores);
        CHECK_INT(now.memory_bytes, wanted[i].memory);
        CHECK_INT(now.at, wanted[i].containers ? 1060 : 0);
        CHECK_INT(usage_now(s.admind, wanted[i].scope, 1061, &now, &s.f.err), 0);
        CHECK_INT(now.containers, 0);
    }
}

static void case_usage_expires_in_slices(void)
{
    AUTO_STORE struct store_fixture s;
    store_fixture_init(&s);
    int64_t removed;
    CHECK_INT(usage_expire(s.monitord, 5000, &removed, &s.f.err), 0);
    CHECK_INT(removed, 0);
    for (int64_t at = 1000; at < 3000; at += 100) {
        sample(&s, at, 1, "a", 1, 1);
    }
    CHECK_INT(usage_expire(s.monitord, 2000, &removed, &s.f.err), 0);
    CHECK_INT(removed, 6);
    CHECK_INT(usage_expire(s.monitord, 2000, &removed, &s.f.err), 0);
    CHECK_INT(removed, 4);
    CHECK_INT(usage_expire(s.monitord, 2000, &removed, &s.f.err), 0);
    CHECK_INT(removed, 0);
}

static void case_samples_all_or_none(void)
{
    AUTO_STORE struct store_fixture s;
    store_fixture_init(&s);
    struct usage_sample samples[] = {
        {.at = 1, .site_id = 1, .container_id = "a", .owner_kind = QUOTA_USER},
        {.at = 1, .site_id = 1, .container_id = NULL, .owner_kind = QUOTA_USER}};
    struct usage_now now;
    CHECK(usage_add(s.monitord, samples, 2, &s.f.err) < 0);
    CHECK_INT(usage_now(s.monitord, &everything, 0, &now, &s.f.err), 0);
    CHECK_INT(now.containers, 0);
    CHECK_INT(usage_add(s.deployd, samples, 1, &s.f.err), -ERR_INTERNAL);
}

/* As after the clock was set back. */
static void case_the_same_second_again(void)
{
    AUTO_STORE struct store_fixture s;
    store_fixture_init(&s);
    sample(&s, 1000, 1, "a", 100, 10);
    sample(&s, 1000, 1, "a", 300, 20);
    struct usage_now now;
    CHECK_INT(usage_now(s.admind, &site_1, 1000, &now, &s.f.err), 0);
    CHECK_INT(now.containers, 1);
    CHECK_INT(now.cpu_millicores, 200);
    CHECK_INT(now.memory_bytes, 20);
}

static void visit(struct store_fixture *s, int64_t at, int64_t site_id, int64_t requests)
{
    struct traffic_sample row = {site_id, {.at = at, .requests = requests, .status_2xx = requests}};
    CHECK_INT(traffic_add(s->monitord, &row, 1, &s->f.err), 0);
}

static void case_traffic(void)
{
    AUTO_STORE struct store_fixture s;
    store_fixture_init(&s);
    struct traffic sum;
    struct traffic_history h;
    int64_t removed;
    add_site(&s, 7, "a.example.org");
    add_site(&s, 7, "b.example.org");
    add_site(&s, 8, "c.example.org");
    visit(&s, 1000, 1, 10);
    visit(&s, 1000, 1, 5); /* the other source of the same cycle */
    visit(&s, 1030, 2, 3);
    visit(&s, 1030, 3, 100);
    static const struct {
        const struct scope *scope;
        int64_t requests;
    } wanted[] = {{&site_1, 15}, {&owner_7, 18}, {&owner_8, 100}, {&everything, 118}};
    for (size_t i = 0; i < ARRAY_COUNT(wanted); i++) {
        CHECK_INT(traffic_sum(s.admind, wanted[i].scope, 0, 2000, &sum, &s.f.err), 0);
        CHECK_INT(sum.requests, wanted[i].requests);
        CHECK_INT(sum.status_2xx, wanted[i].requests);
        CHECK_INT(traffic_history(s.admind, s.arena, wanted[i].scope, 0, 2000, 3600, &h, &s.f.err),
                  0);
        CHECK_INT(h.count, 1);
        CHECK_INT(h.rows[0].requests, wanted[i].requests);
    }
    CHECK_INT(traffic_sum(s.admind, &site_1, 1001, 2000, &sum, &s.f.err), 0);
    CHECK_INT(sum.requests, 0);
    CHECK_INT(traffic_expire(s.monitord, 1030, &removed, &s.f.err), 0);
    CHECK_INT(removed, 1);
}

int main(void)
{
    static const struct check_case cases[] = {
        {"the newest cycle", case_now},
        {"samples go in slices", case_usage_expires_in_slices},
        {"samples come all or none", case_samples_all_or_none},
        {"samples: a second that happens twice", case_the_same_second_again},
        {"traffic", case_traffic},
    };
    return check_run(cases, ARRAY_COUNT(cases));
}
