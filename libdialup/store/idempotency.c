/*
 * The idempotency table, written by deployd.
 */
#include "libdialup/store/idempotency.h"

#include "libdialup/base/str.h"
#include "libdialup/store/internal.h"

enum { GET, PUT, EXPIRE };

static const struct db_statement rows[] = {
    [GET] = {"idempotency_get", "SELECT method, response FROM idempotency WHERE key = ?1"},
    [PUT] = {"idempotency_put", "INSERT INTO idempotency (key, method, response, created_at) "
                                "VALUES (?1, ?2, ?3, ?4)"},
    [EXPIRE] = {"idempotency_expire", "DELETE FROM idempotency WHERE created_at < ?1"},
};

const struct db_statements idempotency_statements = {rows, ARRAY_COUNT(rows)};

int idempotency_get(struct db *db, struct arena *arena, const char *key, const char *method,
                    const char **ret_response, struct error *err)
{
    AUTO_QUERY struct db_query q = db_query(db, &idempotency_statements, GET, err);
    db_bind_text(&q, key);
    int r = db_query_row(&q);
    if (r < 0) {
        return r;
    }
    if (r > 0 && !str_equal(db_column_word(&q), method)) {
        return error_set_field(err, ERR_CONFLICT, "idempotency_key",
                               "This key was used for another request");
    }
    *ret_response = r > 0 ? db_column_text(&q, arena) : NULL;
    return 0;
}

int idempotency_put(struct db *db, const char *key, const char *method, const char *response,
                    int64_t now, struct error *err)
{
    AUTO_QUERY struct db_query q = db_query(db, &idempotency_statements, PUT, err);
    db_bind_text(&q, key);
    db_bind_text(&q, method);
    db_bind_text(&q, response);
    db_bind_i64(&q, now);
    return db_query_run(&q);
}

int idempotency_expire(struct db *db, int64_t before, int64_t *ret_removed, struct error *err)
{
    AUTO_QUERY struct db_query q = db_query(db, &idempotency_statements, EXPIRE, err);
    db_bind_i64(&q, before);
    return db_query_change(&q, ret_removed);
}
