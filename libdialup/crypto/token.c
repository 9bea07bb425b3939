/*
 * Tokens by libsodium; see the header.
 */
#include "libdialup/crypto/token.h"

#include <sodium.h>
#include <string.h>

#include "libdialup/base/log.h"
#include "libdialup/base/str.h"
#include "libdialup/crypto/digest.h"

enum { RANDOM_SIZE = 32, PREFIX_MAX_LEN = 16 };

_Static_assert((int)TOKEN_HASH_SIZE == (int)DIGEST_HEX_SIZE, "the hash is a digest in hex");
_Static_assert(sodium_base64_ENCODED_LEN(RANDOM_SIZE, sodium_base64_VARIANT_URLSAFE_NO_PADDING) ==
                   TOKEN_RANDOM_LEN + 1,
               "256 bits in base64url");

static void to_base64url(const unsigned char *data, size_t size, char *out, size_t out_size)
{
    sodium_bin2base64(out, out_size, data, size, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
}

void token_make(const char *prefix, struct secret *ret_token)
{
    size_t prefix_len = strlen(prefix);
    ASSERT(prefix_len <= PREFIX_MAX_LEN);
    unsigned char bytes[RANDOM_SIZE];
    randombytes_buf(bytes, sizeof(bytes));

    char text[PREFIX_MAX_LEN + TOKEN_RANDOM_LEN + 1];
    str_copy(text, sizeof(text), prefix);
    to_base64url(bytes, sizeof(bytes), text + prefix_len, TOKEN_RANDOM_LEN + 1);
    secret_set(ret_token, text, prefix_len + TOKEN_RANDOM_LEN);
    secret_wipe(bytes, sizeof(bytes));
    secret_wipe(text, sizeof(text));
}

static bool is_base64url(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_';
}

bool token_is_well_formed(const char *prefix, const char *text, size_t len)
{
    size_t prefix_len = strlen(prefix);
    if (len != prefix_len + TOKEN_RANDOM_LEN || memcmp(text, prefix, prefix_len) != 0) {
        return false;
    }
    for (size_t i = prefix_len; i < len; i++) {
        if (!is_base64url(text[i])) {
            return false;
        }
    }
    return true;
}

void token_hash(const char *token, size_t size, char ret_hash[TOKEN_HASH_SIZE])
{
    unsigned char digest[DIGEST_SIZE];
    digest_of(token, size, digest);
    digest_hex(digest, ret_hash);
}

void token_csrf(const char *session, size_t size, char ret_csrf[TOKEN_CSRF_SIZE])
{
    static const char purpose[] = "dialup csrf 1";
    ASSERT(size >= crypto_generichash_KEYBYTES_MIN && size <= crypto_generichash_KEYBYTES_MAX);
    unsigned char mac[DIGEST_SIZE];
    crypto_generichash(mac, sizeof(mac), (const unsigned char *)purpose, sizeof(purpose) - 1,
                       (const unsigned char *)session, size);
    to_base64url(mac, sizeof(mac), ret_csrf, TOKEN_CSRF_SIZE);
}

bool token_csrf_matches(const char *session, size_t size, const char *csrf)
{
    char expected[TOKEN_CSRF_SIZE];
    token_csrf(session, size, expected);
    return strlen(csrf) == TOKEN_CSRF_SIZE - 1 &&
           sodium_memcmp(expected, csrf, TOKEN_CSRF_SIZE - 1) == 0;
}
