/*
 * The house's own database in a folder of its own, opened by each of the three writers.
 */
#pragma once

#include "libdialup/base/arena.h"
#include "libdialup/store/sites.h"
#include "libdialup/store/store.h"
#include "libdialup/store/users.h"
#include "tests/unit/db_fixture.h"

struct store_fixture {
    struct fixture f;
    struct arena *arena;
    struct db *admind;
    struct db *deployd;
    struct db *monitord;
};

static inline struct db *store_fixture_open(struct store_fixture *store, const char *owner)
{
    struct db *db = NULL;
    if (store_open(store->f.path, owner, &db, &store->f.err) < 0) {
        log_panic("fixture: %s", store->f.err.message);
    }
    return db;
}

static inline void store_fixture_init(struct store_fixture *store)
{
    *store = (struct store_fixture){.arena = arena_new()};
    fixture_init(&store->f);
    if (fixture_migrate(&store->f, &store_schema) < 0) {
        log_panic("fixture: %s", store->f.err.message);
    }
    store->admind = store_fixture_open(store, "admind");
    store->deployd = store_fixture_open(store, "deployd");
    store->monitord = store_fixture_open(store, "monitord");
}

static inline void store_fixture_fini(struct store_fixture *store)
{
    db_close(store->admind);
    db_close(store->deployd);
    db_close(store->monitord);
    arena_free(store->arena);
    fixture_fini(&store->f);
}

#define AUTO_STORE __attribute__((cleanup(store_fixture_fini)))

/* The new row's id. */
static inline int64_t add_user(struct store_fixture *store, const char *email)
{
    struct user user = {.email = email,
                        .name = "A name",
                        .profile = "standard",
                        .can_create_sites = true,
                        .is_active = true};
    int64_t id = 0;
    ASSERT(users_create(store->admind, &user, 1000, &id, &store->f.err) == 0);
    return id;
}

static inline int64_t add_site(struct store_fixture *store, int64_t owner_id, const char *domain)
{
    struct site site = {.owner_kind = QUOTA_USER,
                        .owner_id = owner_id,
                        .domain = domain,
                        .type = "static",
                        .strategy = "lazy",
                        .memory_mib = 64,
                        .cpu_millicores = 100};
    int64_t id = 0;
    ASSERT(sites_create(store->deployd, &site, 1000, &id, &store->f.err) == 0);
    return id;
}
