/*
 * Argon2id by libsodium; see the header for the parameters' reasons.
 */
#include "libdialup/crypto/password.h"

#include <sodium.h>
#include <stddef.h>
#include <string.h>

_Static_assert((int)PASSWORD_HASH_SIZE == crypto_pwhash_argon2id_STRBYTES, "room for the text");

static const size_t memory_size = (size_t)PASSWORD_MEMORY_MIB << 20;

/* Of a password that nobody knows, with today's parameters: what a missing user is checked
 * against. Made by password_hash of random bytes. */
static const char nobodys_hash[PASSWORD_HASH_SIZE] =
    "$argon2id$v=19$m=65536,t=2,p=1$Dfg2U+5jpFKIukBbtK35aQ$"
    "8UXnbfQBITUJuXNoqMi1zkfJV7X6P0iPiQXBxOyXNA4";

static size_t count_characters(const struct secret *password)
{
    size_t count = 0;
    for (size_t i = 0; i < password->size; i++) {
        count += ((unsigned char)password->data[i] & 0xC0) != 0x80;
    }
    return count;
}

int password_check(const struct secret *password, struct error *err)
{
    if (password->size > PASSWORD_MAX_SIZE) {
        return error_set_field(err, ERR_INVALID_ARGUMENT, "password",
                               "A password has at most %d bytes.", PASSWORD_MAX_SIZE);
    }
    if (count_characters(password) < PASSWORD_MIN_LEN) {
        error_set_field(err, ERR_INVALID_ARGUMENT, "password",
                        "A password needs at least %d characters.", PASSWORD_MIN_LEN);
        error_hint(err, "Three or four words that do not belong together are easy to remember.");
        return -ERR_INVALID_ARGUMENT;
    }
    return 0;
}

int password_hash(const struct secret *password, char ret_hash[PASSWORD_HASH_SIZE],
                  struct error *err)
{
    if (password->size == 0 || password->size > PASSWORD_MAX_SIZE) {
        return error_set_field(err, ERR_INVALID_ARGUMENT, "password",
                               "A password has 1 to %d bytes.", PASSWORD_MAX_SIZE);
    }
    char hash[PASSWORD_HASH_SIZE];
    if (crypto_pwhash_argon2id_str(hash, password->data, password->size, PASSWORD_PASSES,
                                   memory_size) != 0) {
        return error_set(err, ERR_BUSY, "The server has no memory for this right now.");
    }
    memcpy(ret_hash, hash, sizeof(hash));
    return 0;
}

bool password_verify(const struct secret *password, const char *hash)
{
    if (password->size == 0 || password->size > PASSWORD_MAX_SIZE) {
        return false;
    }
    bool matches = crypto_pwhash_argon2id_str_verify(hash ? hash : nobodys_hash, password->data,
                                                     password->size) == 0;
    return matches && hash;
}

bool password_needs_rehash(const char *hash)
{
    return crypto_pwhash_argon2id_str_needs_rehash(hash, PASSWORD_PASSES, memory_size) != 0;
}
