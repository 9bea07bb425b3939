/*
 * Log-ins of browsers. The cookie's value is not stored, only its hash.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "libdialup/base/arena.h"
#include "libdialup/base/error.h"

struct db;

enum { SESSION_HASH_SIZE = 32, SESSION_TOUCH_INTERVAL_S = 60 };

struct session {
    uint8_t token_hash[SESSION_HASH_SIZE];
    int64_t user_id;
    int64_t created_at;
    int64_t last_seen_at;
    int64_t expires_at;
    const char *address;
    const char *user_agent;
};

int sessions_create(struct db *db, const struct session *session, struct error *err);

/* A session that has not expired, of an active user; otherwise -ERR_UNAUTHENTICATED. */
int sessions_find(struct db *db, struct arena *arena, const uint8_t token_hash[SESSION_HASH_SIZE],
                  int64_t now, struct session *ret_session, struct error *err);

/* Whether sessions_touch is due: asking first keeps most requests free of writes. */
bool session_needs_touch(const struct session *session, int64_t now);

/* Notes that the session is in use and moves its end; nothing happens within a minute of the last
 * time. */
int sessions_touch(struct db *db, const uint8_t token_hash[SESSION_HASH_SIZE], int64_t now,
                   int64_t expires_at, struct error *err);

/* A session that is not there is fine. */
int sessions_delete(struct db *db, const uint8_t token_hash[SESSION_HASH_SIZE], struct error *err);
int sessions_delete_of_user(struct db *db, int64_t user_id, struct error *err);

/* Removes those that have ended. */
int sessions_expire(struct db *db, int64_t now, int64_t *ret_removed, struct error *err);
