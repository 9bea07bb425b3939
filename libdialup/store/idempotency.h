/*
 * What was answered to a request that may be sent twice: nng repeats requests by itself, and so do
 * people. The answer is written in the same transaction as the change.
 */
#pragma once

#include <stdint.h>

#include "libdialup/base/arena.h"
#include "libdialup/base/error.h"

struct db;

/* The answer that was given, or NULL if the key is new. -ERR_CONFLICT if the key was used for
 * another method. */
int idempotency_get(struct db *db, struct arena *arena, const char *key, const char *method,
                    const char **ret_response, struct error *err);

/* response is the JSON result. */
int idempotency_put(struct db *db, const char *key, const char *method, const char *response,
                    int64_t now, struct error *err);

/* Forgets answers older than before. */
int idempotency_expire(struct db *db, int64_t before, int64_t *ret_removed, struct error *err);
