/*
 * A site of a person with 512 MiB, and deployments that take it over: for tests of rows and ledger.
 */
#pragma once

#include "dialup-deployd/handover.h"
#include "libdialup/base/memory.h"
#include "libdialup/store/deployments.h"
#include "libdialup/store/limits.h"
#include "libdialup/store/reservations.h"
#include "tests/harness/check.h"
#include "tests/unit/store_fixture.h"

enum { LIMIT_MIB = 512, NOW = 2000 };

struct rig {
    struct store_fixture store;
    struct quota_machine machine;
    struct admission admission;
    int64_t site_id;
    struct error err;
};

static inline void rig_limit(struct rig *rig, int64_t memory_mib)
{
    const struct quota_limit limit = {.hard = memory_mib, .soft_percent = 80};
    CHECK_INT(limits_put(rig->store.admind, QUOTA_USER, 1, QUOTA_MEMORY_PRODUCTION, &limit, NOW,
                         &rig->err),
              0);
}

static inline void rig_init(struct rig *rig)
{
    *rig = (struct rig){.machine = {4096, 2000, 50000}};
    store_fixture_init(&rig->store);
    int64_t user = add_user(&rig->store, "ann@example.org");
    rig->site_id = add_site(&rig->store, user, "a.example.org");
    rig->admission = (struct admission){.db = rig->store.deployd,
                                        .machine = &rig->machine,
                                        .reserve_percent = 20,
                                        .owner_kind = QUOTA_USER,
                                        .owner_id = user};
    rig_limit(rig, LIMIT_MIB);
}

static inline void rig_fini(struct rig *rig)
{
    store_fixture_fini(&rig->store);
}

#define AUTO_RIG __attribute__((cleanup(rig_fini)))

static inline struct site rig_site(struct rig *rig)
{
    struct site site;
    CHECK_INT(sites_find(rig->store.deployd, rig->store.arena, rig->site_id, &site, &rig->err), 0);
    return site;
}

/* What the ledger holds for the site. */
static inline struct quota_amounts rig_held(struct rig *rig)
{
    struct quota_amounts held = {0};
    reservations_sum_site(rig->store.deployd, rig->site_id, &held, &rig->err);
    return held;
}

static inline void rig_check_memory(struct rig *rig, int64_t declared_mib, int64_t held_mib)
{
    CHECK_INT(rig_site(rig).memory_mib, declared_mib);
    CHECK_INT(rig_held(rig).of[QUOTA_MEMORY_PRODUCTION], held_mib);
}

/* A deployment that begins to take over; its id, or the negative error. */
static inline int64_t rig_begin(struct rig *rig, const char *type, int64_t memory_mib)
{
    struct site site = rig_site(rig);
    const struct deployment row = {.site_id = rig->site_id,
                                   .source = "u",
                                   .commit_ref = "",
                                   .message = "",
                                   .created_by = "user:1"};
    const struct deployment_needs needs = {type, memory_mib, memory_mib};
    int64_t id = 0;
    CHECK_INT(deployments_create(rig->store.deployd, &row, NOW, &id, &rig->err), 0);
    int result = handover_begin(&rig->admission, rig->store.arena, &site, id, &needs,
                                "Cannot deploy", NOW, &rig->err);
    return result < 0 ? result : id;
}

static inline void rig_end(struct rig *rig, int64_t id)
{
    CHECK_INT(handover_done(&rig->admission, rig->store.arena, rig->site_id, id, NOW, &rig->err),
              0);
}
