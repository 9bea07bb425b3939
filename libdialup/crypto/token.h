/*
 * Session ids and API keys: random text that is shown once and stored as a hash.
 *
 * A token is a prefix and 43 letters of base64url: 256 random bits. Whoever reads the database
 * cannot log in with what it holds; a plain fast hash is enough, because nobody guesses 256 bits.
 * Pure apart from the randomness: never blocks, never fails.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "libdialup/base/secret.h"

#define TOKEN_KEY_PREFIX "dud_" /* of API keys; a session's token has none */

enum {
    TOKEN_RANDOM_LEN = 43,
    TOKEN_HASH_SIZE = 65, /* hex of BLAKE2b-256, with the NUL: what is stored */
    TOKEN_CSRF_SIZE = 44, /* base64url, with the NUL */
    TOKEN_HINT_LEN = 8,   /* random letters that may be shown later, so that a person knows it */
};

/* Replaces what ret_token held. */
void token_make(const char *prefix, struct secret *ret_token);

/* Whether text (len bytes) is prefix and 43 letters of base64url, so worth looking up. */
bool token_is_well_formed(const char *prefix, const char *text, size_t len);

void token_hash(const char *token, size_t size, char ret_hash[TOKEN_HASH_SIZE]);

/* The token that a page must send with every change. It is made from the session's own token
 * (BLAKE2b-256 with that as the key), so nothing is stored, it ends with the session, it outlives
 * a restart, and it tells nobody the session's token. size at most 64. */
void token_csrf(const char *session, size_t size, char ret_csrf[TOKEN_CSRF_SIZE]);

/* In time that does not tell how much was right. */
bool token_csrf_matches(const char *session, size_t size, const char *csrf);
