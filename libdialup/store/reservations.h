/*
 * The ledger: what is promised to whom. What an entity uses is the sum of its rows. Check
 * and insert belong into one transaction (libdialup/db/transaction.h).
 *
 * A row stands for an amount of one dimension, for one site and purpose; there is one row for each
 * such combination.
 */
#pragma once

#include <stdint.h>

#include "libdialup/base/error.h"
#include "libdialup/quota/quota.h"

struct db;

/* For as long as the site exists; while it may run; for its files. */
enum reservation_purpose { RESERVATION_SITE, RESERVATION_RUN, RESERVATION_STORAGE };

/* Whom a row is for. */
struct reservation_holder {
    enum quota_entity entity; /* QUOTA_USER or QUOTA_TEAM */
    int64_t entity_id;
    int64_t site_id;
    enum reservation_purpose purpose;
};

/* What is used, by dimension; the wholes are added up. The whole system's is kept by the database
 * (0005_reservation_sums.sql): it costs the same with one site as with thousands. */
int reservations_sum(struct db *db, enum quota_entity entity, int64_t entity_id,
                     struct quota_amounts *ret_used, struct error *err);
int reservations_sum_system(struct db *db, struct quota_amounts *ret_used, struct error *err);

/* What one site has, or has for one purpose: to be taken off when it is replaced. */
int reservations_sum_site(struct db *db, int64_t site_id, struct quota_amounts *ret_used,
                          struct error *err);
int reservations_sum_purpose(struct db *db, int64_t site_id, enum reservation_purpose purpose,
                             struct quota_amounts *ret_used, struct error *err);

/* Makes the holder's rows these amounts, one for each dimension that is not 0 and not a sum of
 * others; rows that the holder had are replaced. All or nothing. */
int reservations_put(struct db *db, const struct reservation_holder *holder,
                     const struct quota_amounts *amounts, int64_t now, struct error *err);

/* Rows that are not there are fine. */
int reservations_release(struct db *db, int64_t site_id, enum reservation_purpose purpose,
                         struct error *err);
int reservations_release_site(struct db *db, int64_t site_id, struct error *err);
