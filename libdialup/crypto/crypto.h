/*
 * The start of libsodium, and the random bytes everything else is made of.
 *
 * Call crypto_init once at start, before any thread exists; it may block for a moment on a machine
 * that has just booted and has no entropy yet. The rest never blocks and never fails.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "libdialup/base/error.h"

/* ERR_INTERNAL if libsodium does not start. Again is fine. */
int crypto_init(struct error *err);

void crypto_random(void *out, size_t size);

/* In time that depends on size alone. */
bool crypto_equal(const void *a, const void *b, size_t size);

/* 26 random letters and digits (130 bits), for names that must not be guessed or repeated. */
enum { CRYPTO_ID_SIZE = 27 };
void crypto_random_id(char out[CRYPTO_ID_SIZE]);
