/*
 * A file's digest and size, as manifests have them. Reads the file from where it stands.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "libdialup/base/error.h"
#include "libdialup/crypto/digest.h"
#include "libdialup/site/manifest.h"

/* ERR_IO. */
int sum_file(int fd, unsigned char ret_digest[DIGEST_SIZE], int64_t *ret_size_bytes,
             struct error *err);

/* Whether it is what the entry describes. ERR_IO. */
int sum_compare(int fd, const struct manifest_entry *entry, bool *ret_is_same, struct error *err);
