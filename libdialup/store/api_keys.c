/*
 * The api_keys table, written by admind.
 */
#include "libdialup/store/api_keys.h"

#include "libdialup/store/internal.h"

#define COLUMNS "k.id, k.user_id, k.name, k.prefix, k.created_at, k.last_used_at, k.revoked_at "

enum { CREATE, FIND, LIST, REVOKE, TOUCH };

static const struct db_statement rows[] = {
    [CREATE] = {"api_keys_create", "INSERT INTO api_keys (user_id, name, prefix, token_hash, "
                                   "created_at) VALUES (?1, ?2, ?3, ?4, ?5)"},
    [FIND] = {"api_keys_find",
              "SELECT " COLUMNS "FROM api_keys AS k JOIN users AS u ON u.id = k.user_id "
              "WHERE k.token_hash = ?1 AND k.revoked_at IS NULL AND u.is_active"},
    [LIST] = {"api_keys_list", "SELECT " COLUMNS "FROM api_keys AS k WHERE k.user_id = ?1 "
                               "AND k.revoked_at IS NULL ORDER BY k.id"},
    [REVOKE] = {"api_keys_revoke", "UPDATE api_keys SET revoked_at = ?3 WHERE id = ?2 "
                                   "AND user_id = ?1 AND revoked_at IS NULL"},
    [TOUCH] = {"api_keys_touch", "UPDATE api_keys SET last_used_at = ?2 WHERE id = ?1 "
                                 "AND (last_used_at IS NULL OR last_used_at <= ?3)"},
};

const struct db_statements api_keys_statements = {rows, ARRAY_COUNT(rows)};

static void read_key(struct db_query *q, struct arena *arena, struct api_key *key)
{
    key->id = db_column_i64(q);
    key->user_id = db_column_i64(q);
    key->name = db_column_text(q, arena);
    key->prefix = db_column_text(q, arena);
    key->created_at = db_column_i64(q);
    key->last_used_at = db_column_i64(q);
    key->revoked_at = db_column_i64(q);
}

int api_keys_create(struct db *db, const struct api_key *key,
                    const uint8_t token_hash[API_KEY_HASH_SIZE], int64_t *ret_id, struct error *err)
{
    AUTO_QUERY struct db_query q = db_query(db, &api_keys_statements, CREATE, err);
    db_bind_i64(&q, key->user_id);
    db_bind_text(&q, key->name);
    db_bind_text(&q, key->prefix);
    db_bind_blob(&q, token_hash, API_KEY_HASH_SIZE);
    db_bind_i64(&q, key->created_at);
    return db_query_insert(&q, ret_id);
}

int api_keys_find(struct db *db, struct arena *arena, const uint8_t token_hash[API_KEY_HASH_SIZE],
                  struct api_key *ret_key, struct error *err)
{
    AUTO_QUERY struct db_query q = db_query(db, &api_keys_statements, FIND, err);
    db_bind_blob(&q, token_hash, API_KEY_HASH_SIZE);
    int r = db_query_row(&q);
    if (r == 0) {
        error_set(err, ERR_UNAUTHENTICATED, "This API key is not known, or was revoked");
        error_hint(err, "Make a new one: deploy login");
        return -ERR_UNAUTHENTICATED;
    }
    if (r < 0) {
        return r;
    }
    read_key(&q, arena, ret_key);
    return 0;
}

int api_keys_list(struct db *db, struct arena *arena, int64_t user_id,
                  struct api_keys_list *ret_list, struct error *err)
{
    AUTO_QUERY struct db_query q = db_query(db, &api_keys_statements, LIST, err);
    struct api_keys_list list = {0};
    db_bind_i64(&q, user_id);
    int r;
    while ((r = db_query_row(&q)) > 0) {
        list.rows = store_grow(arena, list.rows, list.count, sizeof(*list.rows));
        read_key(&q, arena, &list.rows[list.count++]);
    }
    if (r == 0) {
        *ret_list = list;
    }
    return r;
}

int api_keys_revoke(struct db *db, int64_t user_id, int64_t id, int64_t now, struct error *err)
{
    AUTO_QUERY struct db_query q = db_query(db, &api_keys_statements, REVOKE, err);
    db_bind_i64(&q, user_id);
    db_bind_i64(&q, id);
    db_bind_i64(&q, now);
    return store_change(&q, "API key");
}

bool api_key_needs_touch(const struct api_key *key, int64_t now)
{
    return key->last_used_at <= now - API_KEY_TOUCH_INTERVAL_S;
}

int api_keys_touch(struct db *db, int64_t id, int64_t now, struct error *err)
{
    AUTO_QUERY struct db_query q = db_query(db, &api_keys_statements, TOUCH, err);
    db_bind_i64(&q, id);
    db_bind_i64(&q, now);
    db_bind_i64(&q, now - API_KEY_TOUCH_INTERVAL_S);
    return db_query_run(&q);
}
