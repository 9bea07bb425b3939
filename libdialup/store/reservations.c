/*
 * The reservations table, written by deployd.
 */
#include "libdialup/store/reservations.h"

#include "libdialup/db/transaction.h"
#include "libdialup/store/internal.h"

#define COLUMNS                                                                                    \
    "id, entity_kind, entity_id, site_id, deployment_id, purpose, dimension, amount, state, "      \
    "created_at, expires_at "

enum {
    SUM,
    SUM_SYSTEM,
    SUM_SITE,
    INSERT,
    RELEASE,
    RELEASE_SITE,
    EXPIRE,
    LIST_BY_SITE,
    LIST_BY_ENTITY
};

static const struct db_statement rows[] = {
    [SUM] = {"reservations_sum", "SELECT dimension, sum(amount) FROM reservations "
                                 "WHERE entity_kind = ?1 AND entity_id = ?2 GROUP BY dimension"},
    [SUM_SYSTEM] = {"reservations_sum_system", "SELECT dimension, amount FROM reservation_sums"},
    [SUM_SITE] = {"reservations_sum_site", "SELECT dimension, sum(amount) FROM reservations "
                                           "WHERE site_id = ?1 GROUP BY dimension"},
    [INSERT] = {"reservations_insert",
                "INSERT INTO reservations (entity_kind, entity_id, site_id, deployment_id, "
                "purpose, dimension, amount, state, created_at, expires_at) "
                "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)"},
    [RELEASE] = {"reservations_release",
                 "DELETE FROM reservations "
                 "WHERE site_id = ?1 AND purpose = ?2 AND ifnull(deployment_id, 0) = ?3"},
    [RELEASE_SITE] = {"reservations_release_site", "DELETE FROM reservations WHERE site_id = ?1"},
    [EXPIRE] = {"reservations_expire",
                "DELETE FROM reservations WHERE state = 'reserved' AND expires_at <= ?1"},
    [LIST_BY_SITE] = {"reservations_list_by_site",
                      "SELECT " COLUMNS "FROM reservations WHERE site_id = ?1 ORDER BY id"},
    [LIST_BY_ENTITY] = {"reservations_list_by_entity",
                        "SELECT " COLUMNS "FROM reservations WHERE entity_kind = ?1 "
                        "AND entity_id = ?2 ORDER BY id"},
};

const struct db_statements reservations_statements = {rows, ARRAY_COUNT(rows)};

static const char *const purpose_names[] = {
    [RESERVATION_SITE] = "site",
    [RESERVATION_RUN] = "run",
    [RESERVATION_STORAGE] = "storage",
    [RESERVATION_DEPLOY] = "deploy",
};

static const char *const state_names[] = {
    [RESERVATION_RESERVED] = "reserved",
    [RESERVATION_COMMITTED] = "committed",
};

const char *reservation_purpose_name(enum reservation_purpose purpose)
{
    return purpose_names[purpose];
}

const char *reservation_state_name(enum reservation_state state)
{
    return state_names[state];
}

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

static int insert(struct db *db, const struct reservation_holder *holder,
                  const struct reservation *row, struct error *err)
{
    AUTO_QUERY struct db_query q = db_query(db, &reservations_statements, INSERT, err);
    db_bind_text(&q, quota_entity_name(holder->entity));
    db_bind_i64(&q, holder->entity_id);
    db_bind_i64(&q, holder->site_id);
    db_bind_i64_or_null(&q, holder->deployment_id);
    db_bind_text(&q, reservation_purpose_name(holder->purpose));
    db_bind_text(&q, row->dimension);
    db_bind_i64(&q, row->amount);
    db_bind_text(&q, reservation_state_name(row->state));
    db_bind_i64(&q, row->created_at);
    db_bind_i64_or_null(&q, row->expires_at);
    return db_query_run(&q);
}

int reservations_put(struct db *db, const struct reservation_holder *holder,
                     const struct quota_amounts *amounts, enum reservation_state state, int64_t now,
                     int64_t expires_at, struct error *err)
{
    AUTO_TRANSACTION struct db_transaction transaction = {0};
    struct reservation row = {.state = state, .created_at = now, .expires_at = expires_at};
    int r = db_transaction_begin(&transaction, db, err);
    if (r == 0) {
        r = reservations_release(db, holder, err);
    }
    for (int i = 0; r == 0 && i < QUOTA_DIMENSION_COUNT; i++) {
        row.dimension = quota_dimension_info((enum quota_dimension)i)->name;
        row.amount = amounts->of[i];
        if (row.amount != 0 && !quota_dimension_is_sum((enum quota_dimension)i)) {
            r = insert(db, holder, &row, err);
        }
    }
    return r == 0 ? db_transaction_commit(&transaction, err) : r;
}

int reservations_release(struct db *db, const struct reservation_holder *holder, struct error *err)
{
    AUTO_QUERY struct db_query q = db_query(db, &reservations_statements, RELEASE, err);
    db_bind_i64(&q, holder->site_id);
    db_bind_text(&q, reservation_purpose_name(holder->purpose));
    db_bind_i64(&q, holder->deployment_id);
    return db_query_run(&q);
}

int reservations_release_site(struct db *db, int64_t site_id, struct error *err)
{
    AUTO_QUERY struct db_query q = db_query(db, &reservations_statements, RELEASE_SITE, err);
    db_bind_i64(&q, site_id);
    return db_query_run(&q);
}

int reservations_expire(struct db *db, int64_t now, int64_t *ret_removed, struct error *err)
{
    AUTO_QUERY struct db_query q = db_query(db, &reservations_statements, EXPIRE, err);
    db_bind_i64(&q, now);
    return db_query_change(&q, ret_removed);
}

static void read_reservation(struct db_query *q, struct arena *arena, struct reservation *row)
{
    row->id = db_column_i64(q);
    row->holder.entity = store_column_entity(q);
    row->holder.entity_id = db_column_i64(q);
    row->holder.site_id = db_column_i64(q);
    row->holder.deployment_id = db_column_i64(q);
    row->holder.purpose =
        (enum reservation_purpose)store_column_enum(q, purpose_names, ARRAY_COUNT(purpose_names));
    row->dimension = db_column_text(q, arena);
    row->amount = db_column_i64(q);
    row->state =
        (enum reservation_state)store_column_enum(q, state_names, ARRAY_COUNT(state_names));
    row->created_at = db_column_i64(q);
    row->expires_at = db_column_i64(q);
}

static int read_list(struct db_query *q, struct arena *arena, struct reservations_list *ret_list)
{
    struct reservations_list list = {0};
    int r;
    while ((r = db_query_row(q)) > 0) {
        list.rows = store_grow(arena, list.rows, list.count, sizeof(*list.rows));
        read_reservation(q, arena, &list.rows[list.count++]);
    }
    if (r == 0) {
        *ret_list = list;
    }
    return r;
}

int reservations_list_by_site(struct db *db, struct arena *arena, int64_t site_id,
                              struct reservations_list *ret_list, struct error *err)
{
    AUTO_QUERY struct db_query q = db_query(db, &reservations_statements, LIST_BY_SITE, err);
    db_bind_i64(&q, site_id);
    return read_list(&q, arena, ret_list);
}

int reservations_list_by_entity(struct db *db, struct arena *arena, enum quota_entity entity,
                                int64_t entity_id, struct reservations_list *ret_list,
                                struct error *err)
{
    AUTO_QUERY struct db_query q = db_query(db, &reservations_statements, LIST_BY_ENTITY, err);
    db_bind_text(&q, quota_entity_name(entity));
    db_bind_i64(&q, entity_id);
    return read_list(&q, arena, ret_list);
}
