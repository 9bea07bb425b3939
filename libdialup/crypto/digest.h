/*
 * BLAKE2b-256 (RFC 7693), piece by piece: fingerprints of files and uploads.
 *
 * A struct digest lives on the caller's memory and owns nothing: it needs no end. Never blocks,
 * never fails.
 */
#pragma once

#include <stddef.h>

enum {
    DIGEST_SIZE = 32,
    DIGEST_HEX_SIZE = 2 * DIGEST_SIZE + 1, /* with the NUL */
};

struct digest {
    _Alignas(64) unsigned char state[384];
};

void digest_init(struct digest *digest);
void digest_update(struct digest *digest, const void *data, size_t size);

/* Afterwards only digest_init may be called. */
void digest_finish(struct digest *digest, unsigned char ret_digest[DIGEST_SIZE]);

/* The same in one step. */
void digest_of(const void *data, size_t size, unsigned char ret_digest[DIGEST_SIZE]);

/* Lower case. */
void digest_hex(const unsigned char digest[DIGEST_SIZE], char ret_hex[DIGEST_HEX_SIZE]);
