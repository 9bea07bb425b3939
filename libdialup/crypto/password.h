/*
 * Passwords: Argon2id (RFC 9106), stored as the usual "$argon2id$..." text with its own salt and
 * parameters.
 *
 * Each call takes 64 MiB for some 50 to 200 ms of one core and so must not be made on an event
 * loop: password_worker.h makes them one after the other on a thread. Any thread may call.
 *
 * Why 64 MiB and two passes: it is libsodium's "interactive" level and well above the 19 MiB and
 * two passes that OWASP asks for as a minimum. Since one worker hashes one at a time, a flood of
 * log-ins costs a 4 GB machine 64 MiB and one core at most, never more. The next level (256 MiB)
 * would be a sixteenth of the machine for each guess of a stranger.
 */
#pragma once

#include <stdbool.h>

#include "libdialup/base/error.h"
#include "libdialup/base/secret.h"

enum {
    PASSWORD_MEMORY_MIB = 64,
    PASSWORD_PASSES = 2,
    PASSWORD_HASH_SIZE = 128, /* of the text, with the NUL */
    PASSWORD_MIN_LEN = 10,    /* characters; for those who choose one */
    PASSWORD_MAX_SIZE = 512,  /* bytes; longer ones are refused, never cut */
};

/* Whether a person may choose this one: ERR_INVALID_ARGUMENT for field "password". Pure. */
int password_check(const struct secret *password, struct error *err);

/* ERR_BUSY if the memory is not there. */
int password_hash(const struct secret *password, char ret_hash[PASSWORD_HASH_SIZE],
                  struct error *err);

/* hash NULL (no such user) takes as long as a real one and is false, so that time does not tell
 * who has an account. */
bool password_verify(const struct secret *password, const char *hash);

/* Whether hash was made with other parameters than today's: after a good log-in, hash again. */
bool password_needs_rehash(const char *hash);
