/*
 * What deployd writes: sites, deployments and the ledger.
 */
#include "libdialup/store/sites.h"
#include "libdialup/store/storage.h"

#include "libdialup/db/transaction.h"
#include "libdialup/site/domain.h"
#include "libdialup/store/deployments.h"
#include "libdialup/store/reservations.h"
#include "tests/harness/check.h"
#include "tests/unit/store_fixture.h"

static void case_sites(void)
{
    AUTO_STORE struct store_fixture s;
    store_fixture_init(&s);
    struct site site;
    CHECK_INT(add_site(&s, 7, "a.example.org"), 1);
    CHECK_INT(sites_find_by_domain(s.admind, s.arena, "a.example.org", &site, &s.f.err), 0);
    CHECK_INT(site.owner_kind, QUOTA_USER);
    CHECK_INT(site.owner_id, 7);
    CHECK_INT(site.desired, SITE_WANT_RUNNING);
    CHECK_INT(site.state, SITE_NEW);
    CHECK_STR(site.state_reason, "");
    CHECK_INT(site.live_deployment, 0);
    int64_t id;
    CHECK_INT(sites_create(s.deployd, &site, 5, &id, &s.f.err), -ERR_ALREADY_EXISTS);
    CHECK_STR(s.f.err.field, "domain");
    CHECK_INT(sites_find_by_domain(s.admind, s.arena, "b.example.org", &site, &s.f.err),
              -ERR_NOT_FOUND);
    CHECK_CONTAINS(s.f.err.message, "no site at b.example.org");
}

static void case_site_changes(void)
{
    AUTO_STORE struct store_fixture s;
    store_fixture_init(&s);
    struct site site;
    int64_t id = add_site(&s, 7, "a.example.org");
    struct db *db = s.deployd;
    CHECK_INT(sites_set_desired(db, id, SITE_WANT_STOPPED, 1, &s.f.err), 0);
    CHECK_INT(sites_set_desired_deployment(db, id, 4, 2, &s.f.err), 0);
    CHECK_INT(sites_set_state(db, id, SITE_FAILED, "it crashed", 3, &s.f.err), 0);
    CHECK_INT(sites_set_state(db, id, SITE_FAILED, "it crashed", 9, &s.f.err), 0);
    CHECK_INT(sites_find(db, s.arena, id, &site, &s.f.err), 0);
    CHECK_INT(site.desired, SITE_WANT_STOPPED);
    CHECK_INT(site.desired_deployment, 4);
    CHECK_INT(site.state, SITE_FAILED);
    CHECK_STR(site.state_reason, "it crashed");
    CHECK_INT(site.updated_at, 3);
    site.memory_mib = 128;
    site.type = "node";
    CHECK_INT(sites_update(db, &site, 4, &s.f.err), 0);
    CHECK_INT(sites_restart(db, id, 5, &s.f.err), 0);
    CHECK_INT(sites_set_live_deployment(db, id, 3, 6, &s.f.err), 0);
    CHECK_INT(sites_set_storage(db, id, 4096, 2, 7, &s.f.err), 0);
    CHECK_INT(sites_find(db, s.arena, id, &site, &s.f.err), 0);
    CHECK_INT(site.desired, SITE_WANT_RUNNING);
    CHECK_INT(site.restart_generation, 1);
    CHECK_INT(site.live_deployment, 3);
    CHECK_INT(site.memory_mib, 128);
    CHECK_STR(site.type, "node");
    CHECK_INT(site.storage_bytes, 4096);
    CHECK_INT(site.sleep, SITE_AWAKE);
    CHECK_INT(site.instances, 1);
    CHECK_INT(sites_set_sleep(db, id, SITE_ASLEEP, 8, &s.f.err), 0);
    CHECK_INT(sites_set_sleep(db, id, SITE_ASLEEP, 9, &s.f.err), 0);
    CHECK_INT(sites_set_instances(db, id, 2, 8, &s.f.err), 0);
    CHECK(sites_set_instances(db, id, 3, 8, &s.f.err) < 0);
    CHECK_INT(sites_find(db, s.arena, id, &site, &s.f.err), 0);
    CHECK_INT(site.sleep, SITE_ASLEEP);
    CHECK_INT(site.sleep_at, 8);
    CHECK_INT(site.instances, 2);
    CHECK_INT(sites_set_desired(db, 99, SITE_WANT_RUNNING, 1, &s.f.err), -ERR_NOT_FOUND);
    CHECK_INT(sites_set_desired(s.admind, id, SITE_WANT_RUNNING, 1, &s.f.err), -ERR_INTERNAL);
}

static void case_site_deleted(void)
{
    AUTO_STORE struct store_fixture s;
    store_fixture_init(&s);
    struct site site;
    struct sites_list list;
    struct sites_page all = {0};
    int64_t id = add_site(&s, 7, "a.example.org");
    add_site(&s, 7, "b.example.org");
    add_site(&s, 8, "c.example.org");
    CHECK_INT(sites_list_by_owner(s.admind, s.arena, QUOTA_USER, 7, &list, &s.f.err), 0);
    CHECK_INT(list.count, 2);
    CHECK_INT(sites_set_deleted(s.deployd, id, 50, &s.f.err), 0);
    CHECK_INT(sites_set_deleted(s.deployd, id, 60, &s.f.err), -ERR_NOT_FOUND);
    CHECK_INT(sites_list_by_owner(s.admind, s.arena, QUOTA_USER, 7, &list, &s.f.err), 0);
    CHECK_INT(list.count, 1);
    CHECK_INT(sites_list(s.admind, s.arena, &all, &list, &s.f.err), 0);
    CHECK_INT(list.count, 2);
    struct sites_page page = {.after_id = 2, .limit = 1, .search = "C.EX"};
    CHECK_INT(sites_list(s.admind, s.arena, &page, &list, &s.f.err), 0);
    CHECK_INT(list.count, 1);
    CHECK_INT(sites_find(s.admind, s.arena, id, &site, &s.f.err), 0);
    CHECK_INT(site.deleted_at, 50);
    CHECK_INT(add_site(&s, 8, "a.example.org"), 4); /* the name is free again */
}

/* The database works out what a name looks like; domain_skeleton() has to agree. */
static void case_look_alikes(void)
{
    static const char *const labels[] = {"corn",  "com", "c0m",   "vvvv", "ww",   "vwv", "wvv",
                                         "rnrn",  "rrn", "il1",   "lll",  "0-o",  "oo",  "r-n",
                                         "a-v-v", "awv", "rnvv1", "mwl",  "rvvn", "rwn", "n"};
    AUTO_STORE struct store_fixture s;
    store_fixture_init(&s);
    struct domain domains[ARRAY_COUNT(labels)] = {0};
    char looks[ARRAY_COUNT(labels)][DOMAIN_NAME_SIZE];
    for (size_t i = 0; i < ARRAY_COUNT(labels); i++) {
        snprintf(domains[i].name, sizeof(domains[i].name), "%s.example.org", labels[i]);
        domain_skeleton(&domains[i], looks[i]);
        add_site(&s, 7, domains[i].name);
    }
    for (size_t i = 0; i < ARRAY_COUNT(labels); i++) {
        struct sites_list list;
        size_t alike = 0;
        for (size_t j = 0; j < ARRAY_COUNT(labels); j++) {
            alike += str_equal(looks[i], looks[j]);
        }
        CHECK_INT(sites_list_by_look(s.deployd, s.arena, looks[i], &list, &s.f.err), 0);
        if (!CHECK_INT(list.count, alike)) {
            printf("# %s\n", domains[i].name);
        }
        for (size_t j = 0; j < list.count; j++) {
            struct domain found;
            char look[DOMAIN_NAME_SIZE];
            str_copy(found.name, sizeof(found.name), list.rows[j].domain);
            domain_skeleton(&found, look);
            CHECK_STR(look, looks[i]);
        }
    }
}

static int64_t deploy(struct store_fixture *s, int64_t site_id)
{
    struct deployment deployment = {.site_id = site_id,
                                    .kind = DEPLOYMENT_UPLOAD,
                                    .source = "abc",
                                    .commit_ref = "",
                                    .message = "m",
                                    .created_by = "user:7",
                                    .request_id = "956334eb4a66e00d"};
    int64_t id = 0;
    CHECK_INT(deployments_create(s->deployd, &deployment, 100, &id, &s->f.err), 0);
    return id;
}

static void case_deployments(void)
{
    AUTO_STORE struct store_fixture s;
    store_fixture_init(&s);
    struct deployment d;
    struct deployments_list list;
    struct db *db = s.deployd;
    int64_t site = add_site(&s, 7, "a.example.org");
    int64_t other = add_site(&s, 7, "b.example.org");
    int64_t first = deploy(&s, site);
    int64_t second = deploy(&s, site);
    deploy(&s, other);
    CHECK_INT(deployments_list_unfinished(db, s.arena, &list, &s.f.err), 0);
    CHECK_INT(list.count, 3);
    CHECK_INT(list.rows[1].number, 2);
    CHECK_INT(list.rows[2].number, 1);
    CHECK_STR(list.rows[2].request_id, "956334eb4a66e00d");

    CHECK_INT(deployments_set_state(db, first, DEPLOYMENT_BUILDING, "npm", 110, &s.f.err), 0);
    CHECK_INT(deployments_set_state(db, first, DEPLOYMENT_STARTING, "start", 120, &s.f.err), 0);
    CHECK_INT(deployments_set_step(db, first, "check", &s.f.err), 0);
    CHECK_INT(deployments_set_release(db, first, "{}", 3, 4096, 99, &s.f.err), 0);
    CHECK_INT(deployments_find(s.admind, s.arena, first, &d, &s.f.err), 0);
    CHECK_INT(d.started_at, 110);
    CHECK_STR(d.step, "check");
    CHECK_INT(d.files, 3);
    CHECK(!deployment_state_is_final(d.state));
    CHECK_INT(deployments_finish(db, first, NULL, 130, &s.f.err), 0);
    CHECK_INT(deployments_finish(db, second, NULL, 140, &s.f.err), 0);
    CHECK_INT(deployments_find(db, s.arena, first, &d, &s.f.err), 0);
    CHECK_INT(d.state, DEPLOYMENT_SUPERSEDED);
    CHECK_INT(d.duration_ms, 20000);

    struct error why = {0};
    error_set(&why, ERR_BUILD_FAILED, "npm says no");
    error_hint(&why, "Look at the log.");
    why.checks_json = "[{}]";
    int64_t third = deploy(&s, site);
    CHECK_INT(deployments_finish(db, third, &why, 150, &s.f.err), 0);
    CHECK_INT(deployments_find_by_number(db, s.arena, site, 3, &d, &s.f.err), 0);
    CHECK_INT(d.state, DEPLOYMENT_FAILED);
    CHECK_STR(d.error_name, "build_failed");
    CHECK_STR(d.error_hint, "Look at the log.");
    CHECK_STR(d.error_checks, "[{}]");
    CHECK_INT(deployments_find(db, s.arena, second, &d, &s.f.err), 0);
    CHECK_INT(d.state, DEPLOYMENT_LIVE); /* a failure leaves it alone */
    CHECK_INT(deployments_find_good_before(db, s.arena, site, 2, &d, &s.f.err), 0);
    CHECK_INT(d.number, 1);
    CHECK_INT(deployments_find_good_before(db, s.arena, site, 4, &d, &s.f.err), 0);
    CHECK_INT(d.number, 2);
    CHECK_INT(deployments_find_good_before(db, s.arena, site, 1, &d, &s.f.err), -ERR_NOT_FOUND);
    CHECK_INT(deployments_list(db, s.arena, site, 3, 10, &list, &s.f.err), 0);
    CHECK_INT(list.count, 2);
    CHECK_INT(list.rows[0].number, 2);
}

static struct reservation_holder holder(int64_t user_id, int64_t site_id,
                                        enum reservation_purpose purpose)
{
    return (struct reservation_holder){
        .entity = QUOTA_USER, .entity_id = user_id, .site_id = site_id, .purpose = purpose};
}

static void put(struct store_fixture *s, struct reservation_holder who, int64_t memory_mib)
{
    struct quota_amounts amounts = {.of = {[QUOTA_MEMORY_PRODUCTION] = memory_mib,
                                           [QUOTA_CONTAINERS] = 1,
                                           [QUOTA_MEMORY] = memory_mib}};
    CHECK_INT(reservations_put(s->deployd, &who, &amounts, 10, &s->f.err), 0);
}

static int64_t memory_of(struct store_fixture *s, int64_t user_id)
{
    struct quota_amounts used;
    CHECK_INT(reservations_sum(s->admind, QUOTA_USER, user_id, &used, &s->f.err), 0);
    CHECK_INT(used.of[QUOTA_MEMORY], used.of[QUOTA_MEMORY_PRODUCTION]);
    return used.of[QUOTA_MEMORY];
}

/* The database keeps the sums of all; they are what adding up would give. */
static void check_sums(struct store_fixture *s)
{
    struct quota_amounts kept;
    struct quota_amounts used[2];
    CHECK_INT(reservations_sum(s->admind, QUOTA_USER, 7, &used[0], &s->f.err), 0);
    CHECK_INT(reservations_sum(s->admind, QUOTA_USER, 8, &used[1], &s->f.err), 0);
    CHECK_INT(reservations_sum_system(s->admind, &kept, &s->f.err), 0);
    for (int i = 0; i < QUOTA_DIMENSION_COUNT; i++) {
        CHECK_INT(kept.of[i], used[0].of[i] + used[1].of[i]);
    }
}

static void case_storage(void)
{
    AUTO_STORE struct store_fixture s;
    store_fixture_init(&s);
    const struct storage_parts parts = {1000, 200, 30, 4};
    struct storage_parts found;
    struct site site;
    int64_t a = add_site(&s, 7, "a.example.org");
    int64_t b = add_site(&s, 7, "b.example.org");
    int64_t other = add_site(&s, 8, "c.example.org");
    CHECK_INT(storage_find(s.admind, a, &found, &s.f.err), 0);
    CHECK_INT(storage_total(&found), 0);
    CHECK_INT(storage_put(s.deployd, a, &(struct storage_parts){9, 9, 9, 9}, 1, 1, &s.f.err), 0);
    CHECK_INT(storage_put(s.deployd, a, &parts, 5, 2, &s.f.err), 0); /* replaces */
    CHECK_INT(storage_put(s.deployd, b, &parts, 5, 2, &s.f.err), 0);
    CHECK_INT(storage_put(s.deployd, other, &parts, 5, 2, &s.f.err), 0);
    CHECK_INT(storage_put(s.deployd, 99, &parts, 5, 2, &s.f.err), -ERR_NOT_FOUND);
    CHECK_INT(storage_find(s.admind, a, &found, &s.f.err), 0);
    CHECK_INT(found.logs_bytes, 4);
    CHECK_INT(sites_find(s.admind, s.arena, a, &site, &s.f.err), 0);
    CHECK_INT(site.storage_bytes, 1234);
    CHECK_INT(site.storage_inodes, 5);
    CHECK_INT(storage_sum(s.admind, QUOTA_USER, 7, &found, &s.f.err), 0);
    CHECK_INT(found.releases_bytes, 2000);
    CHECK_INT(storage_total(&found), 2468);
    CHECK_INT(sites_set_deleted(s.deployd, b, 3, &s.f.err), 0);
    CHECK_INT(storage_sum(s.admind, QUOTA_USER, 7, &found, &s.f.err), 0);
    CHECK_INT(storage_total(&found), 1234);
}

static void case_ledger(void)
{
    AUTO_STORE struct store_fixture s;
    store_fixture_init(&s);
    struct quota_amounts used;
    int64_t a = add_site(&s, 7, "a.example.org");
    int64_t b = add_site(&s, 8, "b.example.org");
    put(&s, holder(7, a, RESERVATION_RUN), 100);
    put(&s, holder(7, a, RESERVATION_SITE), 50);
    put(&s, holder(8, b, RESERVATION_RUN), 30);
    CHECK_INT(memory_of(&s, 7), 150);
    put(&s, holder(7, a, RESERVATION_RUN), 70); /* replaces */
    CHECK_INT(memory_of(&s, 7), 120);
    CHECK_INT(memory_of(&s, 9), 0);
    check_sums(&s);
    CHECK_INT(reservations_sum_system(s.admind, &used, &s.f.err), 0);
    CHECK_INT(used.of[QUOTA_MEMORY], 150);
    CHECK_INT(used.of[QUOTA_CONTAINERS], 3);
    CHECK_INT(reservations_sum_site(s.admind, a, &used, &s.f.err), 0);
    CHECK_INT(used.of[QUOTA_MEMORY], 120);

    CHECK_INT(reservations_release_site(s.deployd, a, &s.f.err), 0);
    CHECK_INT(memory_of(&s, 7), 0);
    CHECK_INT(memory_of(&s, 8), 30);
    check_sums(&s);
}

static void case_ledger_purposes(void)
{
    AUTO_STORE struct store_fixture s;
    store_fixture_init(&s);
    struct quota_amounts used;
    int64_t a = add_site(&s, 7, "a.example.org");
    put(&s, holder(7, a, RESERVATION_RUN), 100);
    put(&s, holder(7, a, RESERVATION_STORAGE), 20);
    CHECK_INT(reservations_sum_purpose(s.admind, a, RESERVATION_RUN, &used, &s.f.err), 0);
    CHECK_INT(used.of[QUOTA_MEMORY_PRODUCTION], 100);
    CHECK_INT(used.of[QUOTA_MEMORY], 100); /* sums are made, not kept */
    CHECK_INT(reservations_sum_purpose(s.admind, a, RESERVATION_SITE, &used, &s.f.err), 0);
    CHECK_INT(used.of[QUOTA_MEMORY], 0);
    CHECK_INT(reservations_release(s.deployd, a, RESERVATION_RUN, &s.f.err), 0);
    CHECK_INT(reservations_release(s.deployd, a, RESERVATION_RUN, &s.f.err), 0);
    CHECK_INT(memory_of(&s, 7), 20);
    check_sums(&s);
}

/* Check and reserve in one transaction: what is refused leaves nothing behind. */
static void case_ledger_all_or_nothing(void)
{
    AUTO_STORE struct store_fixture s;
    store_fixture_init(&s);
    int64_t a = add_site(&s, 7, "a.example.org");
    struct reservation_holder run = holder(7, a, RESERVATION_RUN);
    put(&s, run, 100);
    struct quota_amounts bad = {.of = {[QUOTA_CONTAINERS] = 1, [QUOTA_MEMORY_PRODUCTION] = -5}};
    CHECK_INT(reservations_put(s.deployd, &run, &bad, 1, &s.f.err), -ERR_INVALID_ARGUMENT);
    CHECK_INT(memory_of(&s, 7), 100);
    check_sums(&s);
    run.site_id = 99;
    put(&s, holder(7, a, RESERVATION_RUN), 100);
    struct quota_amounts good = {.of = {[QUOTA_CONTAINERS] = 1}};
    CHECK_INT(reservations_put(s.deployd, &run, &good, 1, &s.f.err), -ERR_CONFLICT);
    check_sums(&s);
}

static void case_runs(void)
{
    static const struct site runs = {.memory_mib = 64,
                                     .desired = SITE_WANT_RUNNING,
                                     .state = SITE_RUNNING,
                                     .desired_deployment = 5,
                                     .live_deployment = 5};
    static const struct {
        const char *name;
        struct site site;
        bool has_containers;
    } rows[] = {
        {"files", {.desired_deployment = 5, .live_deployment = 5, .state = SITE_RUNNING}, false},
        {"never live", {.memory_mib = 64, .state = SITE_RUNNING}, false},
        {"a release is on its way",
         {.memory_mib = 64, .desired_deployment = 6, .live_deployment = 5, .state = SITE_RUNNING},
         false},
        {"stopped by its owner",
         {.memory_mib = 64,
          .desired = SITE_WANT_STOPPED,
          .desired_deployment = 5,
          .live_deployment = 5},
         false},
        {"held",
         {.memory_mib = 64,
          .state = SITE_RUNNING,
          .desired_deployment = 5,
          .live_deployment = 5,
          .hold = SITE_HELD_BY_LIMITS},
         true},
        {"failed",
         {.memory_mib = 64, .state = SITE_FAILED, .desired_deployment = 5, .live_deployment = 5},
         true},
    };
    CHECK(site_has_live_containers(&runs));
    CHECK(site_is_free_to_run(&runs));
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        if (!CHECK_INT(site_has_live_containers(&rows[i].site), rows[i].has_containers) ||
            !CHECK(!site_is_free_to_run(&rows[i].site))) {
            printf("# %s\n", rows[i].name);
        }
    }
}

int main(void)
{
    static const struct check_case cases[] = {
        {"sites are found and unique", case_sites},
        {"site changes", case_site_changes},
        {"a deleted site", case_site_deleted},
        {"names that look alike", case_look_alikes},
        {"whether it runs in containers", case_runs},
        {"deployments", case_deployments},
        {"what sites occupy", case_storage},
        {"the ledger adds up", case_ledger},
        {"the ledger keeps purposes apart", case_ledger_purposes},
        {"the ledger: all or nothing", case_ledger_all_or_nothing},
    };
    return check_run(cases, ARRAY_COUNT(cases));
}
