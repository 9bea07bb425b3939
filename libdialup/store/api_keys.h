/*
 * Keys for programs. The key itself is shown once and not stored, only its hash.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "libdialup/base/arena.h"
#include "libdialup/base/error.h"

struct db;

enum { API_KEY_HASH_SIZE = 32, API_KEY_TOUCH_INTERVAL_S = 60 };

struct api_key {
    int64_t id;
    int64_t user_id;
    const char *name;
    const char *prefix; /* first characters, to recognise it by */
    int64_t created_at;
    int64_t last_used_at; /* 0: never */
    int64_t revoked_at;   /* 0: it is good */
};

struct api_keys_list {
    struct api_key *rows;
    size_t count;
};

/* user_id, name, prefix and created_at are taken from key. */
int api_keys_create(struct db *db, const struct api_key *key,
                    const uint8_t token_hash[API_KEY_HASH_SIZE], int64_t *ret_id,
                    struct error *err);

/* A key that is not revoked, of an active user; otherwise -ERR_UNAUTHENTICATED. */
int api_keys_find(struct db *db, struct arena *arena, const uint8_t token_hash[API_KEY_HASH_SIZE],
                  struct api_key *ret_key, struct error *err);

/* The good ones of a user, oldest first. */
int api_keys_list(struct db *db, struct arena *arena, int64_t user_id,
                  struct api_keys_list *ret_list, struct error *err);

/* -ERR_NOT_FOUND unless it is this user's and still good. */
int api_keys_revoke(struct db *db, int64_t user_id, int64_t id, int64_t now, struct error *err);

/* As with sessions: ask before, at most one write a minute. */
bool api_key_needs_touch(const struct api_key *key, int64_t now);
int api_keys_touch(struct db *db, int64_t id, int64_t now, struct error *err);
