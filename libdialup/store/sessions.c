/*
 * The sessions table, written by admind.
 */
#include "libdialup/store/sessions.h"

#include "libdialup/store/internal.h"

enum { CREATE, FIND, TOUCH, DELETE, DELETE_OF_USER, EXPIRE };

static const struct db_statement rows[] = {
    [CREATE] = {"sessions_create",
                "INSERT INTO sessions (token_hash, user_id, created_at, last_seen_at, expires_at, "
                "address, user_agent) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)"},
    [FIND] = {"sessions_find",
              "SELECT s.token_hash, s.user_id, s.created_at, s.last_seen_at, s.expires_at, "
              "s.address, s.user_agent FROM sessions AS s JOIN users AS u ON u.id = s.user_id "
              "WHERE s.token_hash = ?1 AND s.expires_at > ?2 AND u.is_active"},
    [TOUCH] = {"sessions_touch", "UPDATE sessions SET last_seen_at = ?2, expires_at = ?3 "
                                 "WHERE token_hash = ?1 AND last_seen_at <= ?4"},
    [DELETE] = {"sessions_delete", "DELETE FROM sessions WHERE token_hash = ?1"},
    [DELETE_OF_USER] = {"sessions_delete_of_user", "DELETE FROM sessions WHERE user_id = ?1"},
    [EXPIRE] = {"sessions_expire", "DELETE FROM sessions WHERE expires_at <= ?1"},
};

const struct db_statements sessions_statements = {rows, ARRAY_COUNT(rows)};

int sessions_create(struct db *db, const struct session *session, struct error *err)
{
    AUTO_QUERY struct db_query q = db_query(db, &sessions_statements, CREATE, err);
    db_bind_blob(&q, session->token_hash, SESSION_HASH_SIZE);
    db_bind_i64(&q, session->user_id);
    db_bind_i64(&q, session->created_at);
    db_bind_i64(&q, session->last_seen_at);
    db_bind_i64(&q, session->expires_at);
    db_bind_text(&q, session->address);
    db_bind_text(&q, session->user_agent);
    return db_query_run(&q);
}

static void read_session(struct db_query *q, struct arena *arena, struct session *session)
{
    db_column_blob(q, session->token_hash, SESSION_HASH_SIZE);
    session->user_id = db_column_i64(q);
    session->created_at = db_column_i64(q);
    session->last_seen_at = db_column_i64(q);
    session->expires_at = db_column_i64(q);
    session->address = db_column_text(q, arena);
    session->user_agent = db_column_text(q, arena);
}

int sessions_find(struct db *db, struct arena *arena, const uint8_t token_hash[SESSION_HASH_SIZE],
                  int64_t now, struct session *ret_session, struct error *err)
{
    AUTO_QUERY struct db_query q = db_query(db, &sessions_statements, FIND, err);
    db_bind_blob(&q, token_hash, SESSION_HASH_SIZE);
    db_bind_i64(&q, now);
    int r = db_query_row(&q);
    if (r == 0) {
        return error_set(err, ERR_UNAUTHENTICATED, "Your session has ended, please log in again");
    }
    if (r < 0) {
        return r;
    }
    read_session(&q, arena, ret_session);
    return 0;
}

bool session_needs_touch(const struct session *session, int64_t now)
{
    return session->last_seen_at <= now - SESSION_TOUCH_INTERVAL_S;
}

int sessions_touch(struct db *db, const uint8_t token_hash[SESSION_HASH_SIZE], int64_t now,
                   int64_t expires_at, struct error *err)
{
    AUTO_QUERY struct db_query q = db_query(db, &sessions_statements, TOUCH, err);
    db_bind_blob(&q, token_hash, SESSION_HASH_SIZE);
    db_bind_i64(&q, now);
    db_bind_i64(&q, expires_at);
    db_bind_i64(&q, now - SESSION_TOUCH_INTERVAL_S);
    return db_query_run(&q);
}

int sessions_delete(struct db *db, const uint8_t token_hash[SESSION_HASH_SIZE], struct error *err)
{
    AUTO_QUERY struct db_query q = db_query(db, &sessions_statements, DELETE, err);
    db_bind_blob(&q, token_hash, SESSION_HASH_SIZE);
    return db_query_run(&q);
}

int sessions_delete_of_user(struct db *db, int64_t user_id, struct error *err)
{
    AUTO_QUERY struct db_query q = db_query(db, &sessions_statements, DELETE_OF_USER, err);
    db_bind_i64(&q, user_id);
    return db_query_run(&q);
}

int sessions_expire(struct db *db, int64_t now, int64_t *ret_removed, struct error *err)
{
    AUTO_QUERY struct db_query q = db_query(db, &sessions_statements, EXPIRE, err);
    db_bind_i64(&q, now);
    return db_query_change(&q, ret_removed);
}
