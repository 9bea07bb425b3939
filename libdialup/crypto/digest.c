/*
 * BLAKE2b-256 by libsodium; see the header.
 */
#include "libdialup/crypto/digest.h"

#include <sodium.h>

_Static_assert(sizeof(struct digest) >= sizeof(crypto_generichash_state), "state does not fit");
_Static_assert(_Alignof(struct digest) >= _Alignof(crypto_generichash_state), "state alignment");
_Static_assert((int)DIGEST_SIZE == crypto_generichash_BYTES, "256 bits");

static crypto_generichash_state *state(struct digest *digest)
{
    return (crypto_generichash_state *)(void *)digest->state;
}

void digest_init(struct digest *digest)
{
    crypto_generichash_init(state(digest), NULL, 0, DIGEST_SIZE);
}

void digest_update(struct digest *digest, const void *data, size_t size)
{
    crypto_generichash_update(state(digest), data, size);
}

void digest_finish(struct digest *digest, unsigned char ret_digest[DIGEST_SIZE])
{
    crypto_generichash_final(state(digest), ret_digest, DIGEST_SIZE);
}

void digest_of(const void *data, size_t size, unsigned char ret_digest[DIGEST_SIZE])
{
    crypto_generichash(ret_digest, DIGEST_SIZE, data, size, NULL, 0);
}

void digest_hex(const unsigned char digest[DIGEST_SIZE], char ret_hex[DIGEST_HEX_SIZE])
{
    sodium_bin2hex(ret_hex, DIGEST_HEX_SIZE, digest, DIGEST_SIZE);
}
