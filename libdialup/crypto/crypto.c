/*
 * libsodium's start and its random bytes; see the header.
 */
#include "libdialup/crypto/crypto.h"

#include <sodium.h>

int crypto_init(struct error *err)
{
    if (sodium_init() < 0) {
        return error_set(err, ERR_INTERNAL, "The cryptography library did not start.");
    }
    return 0;
}

void crypto_random(void *out, size_t size)
{
    randombytes_buf(out, size);
}

bool crypto_equal(const void *a, const void *b, size_t size)
{
    return sodium_memcmp(a, b, size) == 0;
}

void crypto_random_id(char out[CRYPTO_ID_SIZE])
{
    /* RFC 4648's base32 in lower case: 32 letters, so five bits of a byte choose one evenly. */
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz234567";
    unsigned char bytes[CRYPTO_ID_SIZE - 1];
    crypto_random(bytes, sizeof(bytes));
    for (size_t i = 0; i < sizeof(bytes); i++) {
        out[i] = letters[bytes[i] & 31];
    }
    out[sizeof(bytes)] = '\0';
}
