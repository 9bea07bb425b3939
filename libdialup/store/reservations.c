/*
 * The reservations table, written by deployd.
 */
#include "libdialup/store/reservations.h"

#include "libdialup/db/transaction.h"
#include "libdialup/store/internal.h"

enum { SUM, SUM_SYSTEM, SUM_SITE, SUM_PURPOSE, INSERT, RELEASE, RELEASE_SITE };

/* The table could also hold what is promised for a while only, to a deployment; nothing asks for
 * that. Every row is committed. */
static const struct db_statement rows[] = {
    [SUM] = {"reservations_sum", "SELECT dimension, sum(amount) FROM reservations "
                                 "WHERE entity_kind = ?1 AND entity_id = ?2 GROUP BY dimension"},
    [SUM_SYSTEM] = {"reservations_sum_system", "SELECT dimension, amount FROM reservation_sums"},
    [SUM_SITE] = {"reservations_sum_site", "SELECT dimension, sum(amount) FROM reservations "
                                           "WHERE site_id = ?1 GROUP BY dimension"},
    [SUM_PURPOSE] = {"reservations_sum_purpose",
                     "SELECT dimension, sum(amount) FROM reservations "
                     "WHERE site_id = ?1 AND purpose = ?2 GROUP BY dimension"},
    [INSERT] = {"reservations_insert",
                "INSERT INTO reservations (entity_kind, entity_id, site_id, purpose, dimension, "
                "amount, state, created_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, 'committed', ?7)"},
    [RELEASE] = {"reservations_release",
                 "DELETE FROM reservations WHERE site_id = ?1 AND purpose = ?2"},
    [RELEASE_SITE] = {"reservations_release_site", "DELETE FROM reservations WHERE site_id = ?1"},
};

const struct db_statements reservations_statements = {rows, ARRAY_COUNT(rows)};

static const char *const purpose_names[] = {
    [RESERVATION_SITE] = "site",
    [RESERVATION_RUN] = "run",
    [RESERVATION_STORAGE] = "storage",
};

static int read_sums(struct db_query *q, struct quota_amounts *ret_used)
{
    struct quota_amounts used = {0};
    int r;
    while ((r = db_query_row(q)) > 0) {
        enum quota_dimension dimension;
        if (quota_dimension_parse(db_column_word(q), &dimension)) {
            used.of[dimension] = db_column_i64(q);
        }
    }
    if (r == 0) {
        quota_add_up(&used);
        *ret_used = used;
    }
    return r;
}

int reservations_sum(struct db *db, enum quota_entity entity, int64_t entity_id,
                     struct quota_amounts *ret_used, struct error *err)
{
    AUTO_QUERY struct db_query q = db_query(db, &reservations_statements, SUM, err);
    db_bind_text(&q, quota_entity_name(entity));
    db_bind_i64(&q, entity_id);
    return read_sums(&q, ret_used);
}

int reservations_sum_system(struct db *db, struct quota_amounts *ret_used, struct error *err)
{
    AUTO_QUERY struct db_query q = db_query(db, &reservations_statements, SUM_SYSTEM, err);
    return read_sums(&q, ret_used);
}

int reservations_sum_site(struct db *db, int64_t site_id, struct quota_amounts *ret_used,
                          struct error *err)
{
    AUTO_QUERY struct db_query q = db_query(db, &reservations_statements, SUM_SITE, err);
    db_bind_i64(&q, site_id);
    return read_sums(&q, ret_used);
}

int reservations_sum_purpose(struct db *db, int64_t site_id, enum reservation_purpose purpose,
                             struct quota_amounts *ret_used, struct error *err)
{
    AUTO_QUERY struct db_query q = db_query(db, &reservations_statements, SUM_PURPOSE, err);
    db_bind_i64(&q, site_id);
    db_bind_text(&q, purpose_names[purpose]);
    return read_sums(&q, ret_used);
}

static int insert(struct db *db, const struct reservation_holder *holder,
                  enum quota_dimension dimension, int64_t amount, int64_t now, struct error *err)
{
    AUTO_QUERY struct db_query q = db_query(db, &reservations_statements, INSERT, err);
    db_bind_text(&q, quota_entity_name(holder->entity));
    db_bind_i64(&q, holder->entity_id);
    db_bind_i64(&q, holder->site_id);
    db_bind_text(&q, purpose_names[holder->purpose]);
    db_bind_text(&q, quota_dimension_info(dimension)->name);
    db_bind_i64(&q, amount);
    db_bind_i64(&q, now);
    return db_query_run(&q);
}

int reservations_put(struct db *db, const struct reservation_holder *holder,
                     const struct quota_amounts *amounts, int64_t now, struct error *err)
{
    AUTO_TRANSACTION struct db_transaction transaction = {0};
    int r = db_transaction_begin(&transaction, db, err);
    if (r == 0) {
        r = reservations_release(db, holder->site_id, holder->purpose, err);
    }
    for (int i = 0; r == 0 && i < QUOTA_DIMENSION_COUNT; i++) {
        enum quota_dimension dimension = (enum quota_dimension)i;
        if (amounts->of[i] != 0 && !quota_dimension_is_sum(dimension)) {
            r = insert(db, holder, dimension, amounts->of[i], now, err);
        }
    }
    return r == 0 ? db_transaction_commit(&transaction, err) : r;
}

int reservations_release(struct db *db, int64_t site_id, enum reservation_purpose purpose,
                         struct error *err)
{
    AUTO_QUERY struct db_query q = db_query(db, &reservations_statements, RELEASE, err);
    db_bind_i64(&q, site_id);
    db_bind_text(&q, purpose_names[purpose]);
    return db_query_run(&q);
}

int reservations_release_site(struct db *db, int64_t site_id, struct error *err)
{
    AUTO_QUERY struct db_query q = db_query(db, &reservations_statements, RELEASE_SITE, err);
    db_bind_i64(&q, site_id);
    return db_query_run(&q);
}
