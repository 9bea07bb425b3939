/*
 * Secrets; see the header. explicit_bzero(3) is glibc's.
 */
#include "libdialup/base/secret.h"

#include <string.h>

#include "libdialup/base/memory.h"

void secret_set(struct secret *secret, const char *data, size_t size)
{
    secret_fini(secret);
    secret->data = xmalloc(size + 1);
    memcpy(secret->data, data, size);
    secret->data[size] = '\0';
    secret->size = size;
}

void secret_fini(struct secret *secret)
{
    if (secret->data) {
        explicit_bzero(secret->data, secret->size);
        free(secret->data);
    }
    *secret = SECRET_INIT;
}

bool secret_equal(const struct secret *a, const struct secret *b)
{
    if (a->size != b->size) {
        return false;
    }
    unsigned char difference = 0;
    for (size_t i = 0; i < a->size; i++) {
        difference |= (unsigned char)(a->data[i] ^ b->data[i]);
    }
    return difference == 0;
}

void secret_wipe(void *data, size_t size)
{
    explicit_bzero(data, size);
}
