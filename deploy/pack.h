/*
 * What is sent: a tar.gz with the manifest as its first member and the files that the server does
 * not have. The only file that includes libarchive.
 */
#pragma once

#include <stdint.h>

#include "deploy/folder.h"
#include "deploy/terminal.h"
#include "libdialup/base/error.h"
#include "libdialup/site/manifest.h"

/* Writes the archive to a nameless temporary file and returns its descriptor, at the start.
 * Files whose entry in diff->sources is set are left out. What takes long shows its progress.
 * ERR_IO also after Ctrl-C, ERR_CONFLICT if a file changed since it was hashed. */
int pack_make(const struct folder *folder, const struct manifest *manifest,
              const struct manifest_diff *diff, struct terminal *terminal, int64_t *ret_size_bytes,
              struct error *err);
