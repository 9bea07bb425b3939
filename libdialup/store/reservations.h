/*
 * The ledger: what is promised to whom. What an entity uses is the sum of its rows, reserved or
 * committed. Check and insert belong into one transaction (libdialup/db/transaction.h).
 *
 * A row stands for an amount of one dimension, for one site and purpose, and, while a deployment
 * needs something extra, for that deployment. There is one row for each such combination.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "libdialup/base/arena.h"
#include "libdialup/base/error.h"
#include "libdialup/quota/quota.h"

struct db;

/* For as long as the site exists; while it is awake; for its files; while it is deployed. */
enum reservation_purpose {
    RESERVATION_SITE,
    RESERVATION_RUN,
    RESERVATION_STORAGE,
    RESERVATION_DEPLOY
};
enum reservation_state { RESERVATION_RESERVED, RESERVATION_COMMITTED };

const char *reservation_purpose_name(enum reservation_purpose purpose);
const char *reservation_state_name(enum reservation_state state);

/* Whom a row is for. */
struct reservation_holder {
    enum quota_entity entity; /* QUOTA_USER or QUOTA_TEAM */
    int64_t entity_id;
    int64_t site_id;
    int64_t deployment_id; /* 0: the site itself */
    enum reservation_purpose purpose;
};

struct reservation {
    int64_t id;
    struct reservation_holder holder;
    const char *dimension;
    int64_t amount;
    enum reservation_state state;
    int64_t created_at;
    int64_t expires_at; /* 0: never */
};

struct reservations_list {
    struct reservation *rows;
    size_t count;
};

/* What is used, by dimension; the wholes are added up. The whole system's is kept by the database
 * (0005_reservation_sums.sql): it costs the same with one site as with thousands. */
int reservations_sum(struct db *db, enum quota_entity entity, int64_t entity_id,
                     struct quota_amounts *ret_used, struct error *err);
int reservations_sum_system(struct db *db, struct quota_amounts *ret_used, struct error *err);

/* What one site has: to be taken off when it is replaced. */
int reservations_sum_site(struct db *db, int64_t site_id, struct quota_amounts *ret_used,
                          struct error *err);

/* Makes the holder's rows these amounts, one for each dimension that is not 0 and not a sum of
 * others; rows that the holder had are replaced. expires_at 0: never. All or nothing. */
int reservations_put(struct db *db, const struct reservation_holder *holder,
                     const struct quota_amounts *amounts, enum reservation_state state, int64_t now,
                     int64_t expires_at, struct error *err);

/* Rows that are not there are fine. Entity fields of the holder are not looked at. */
int reservations_release(struct db *db, const struct reservation_holder *holder, struct error *err);
int reservations_release_site(struct db *db, int64_t site_id, struct error *err);

/* Removes reserved rows whose end has come. */
int reservations_expire(struct db *db, int64_t now, int64_t *ret_removed, struct error *err);

int reservations_list_by_site(struct db *db, struct arena *arena, int64_t site_id,
                              struct reservations_list *ret_list, struct error *err);
int reservations_list_by_entity(struct db *db, struct arena *arena, enum quota_entity entity,
                                int64_t entity_id, struct reservations_list *ret_list,
                                struct error *err);
