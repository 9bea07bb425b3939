/*
 * A secret: text that must not be printed, copied about or left in memory.
 *
 * There is no function that formats one; logs show "***" where a person expects something. Its
 * bytes are wiped when it ends.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct secret {
    char *data; /* NUL-terminated, owned; NULL if empty */
    size_t size;
};

#define SECRET_INIT ((struct secret){0})
#define SECRET_SHOWN "***"

/* Takes a copy of size bytes. */
void secret_set(struct secret *secret, const char *data, size_t size);

/* Wipes and frees; fine on an empty one. */
void secret_fini(struct secret *secret);

/* In time that depends on the lengths alone. */
bool secret_equal(const struct secret *a, const struct secret *b);

/* Overwrites memory in a way that the compiler keeps. */
void secret_wipe(void *data, size_t size);

#define AUTO_SECRET __attribute__((cleanup(secret_fini)))
