/*
 * Manifests: the list of a release's files, so that only what changed is sent.
 *
 * As text, one line each, in ASCII:
 *     dialup-manifest 1 DEPLOYMENT
 *     HASH MODE SIZE PATH
 * HASH is the file's BLAKE2b-256 in 64 lower-case hex digits, MODE its permissions in octal, SIZE
 * its bytes, PATH percent-escaped (letters, digits and _.-~/ stand for themselves; the printer
 * escapes everything else). DEPLOYMENT: in a manifest that describes a release, the id of the
 * deployment that made it; in one that is sent with an archive, the id of the deployment whose
 * files are taken where the archive has none, 0 if the archive is complete.
 *
 * The text comes from a peer: parsing is strict and bounded. Pure; memory is the manifest's own.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "libdialup/base/arena.h"
#include "libdialup/base/error.h"
#include "libdialup/base/str.h"

enum {
    MANIFEST_MAX_ENTRIES = 200000,
    MANIFEST_DIGEST_SIZE = 32,
    MANIFEST_MODE_DEFAULT = 0644,
};

/* What a caller should read at most as the text of a manifest. */
#define MANIFEST_MAX_BYTES ((size_t)64 * 1024 * 1024)

/* No file is larger, so that sums of sizes fit. */
#define MANIFEST_MAX_FILE_BYTES ((int64_t)1 << 40)

struct manifest_entry {
    const char *path; /* unescaped, checked by site_path_check */
    int64_t size_bytes;
    unsigned mode; /* at most 0777 */
    unsigned char digest[MANIFEST_DIGEST_SIZE];
};

struct manifest {
    int64_t deployment_id; /* 0 if none */
    struct manifest_entry *entries;
    size_t count;
    size_t capacity;
    struct arena *arena; /* of the paths */
};

void manifest_init(struct manifest *manifest);

/* Fine on one that was only initialized. */
void manifest_fini(struct manifest *manifest);

#define AUTO_MANIFEST __attribute__((cleanup(manifest_fini)))

/* Adds a file; path is copied. Order is restored by manifest_sort. ERR_INVALID_ARGUMENT,
 * ERR_TOO_LARGE. */
int manifest_add(struct manifest *manifest, const char *path, unsigned mode, int64_t size_bytes,
                 const unsigned char digest[MANIFEST_DIGEST_SIZE], struct error *err);

/* Sorts by path, with '/' before any other character. ERR_INVALID_ARGUMENT if a path is there
 * twice, or as a file and as a folder. */
int manifest_sort(struct manifest *manifest, struct error *err);

/* Fills an initialized, empty manifest, sorted. ERR_INVALID_ARGUMENT with the line's number,
 * ERR_TOO_LARGE; the manifest must be finished in any case. */
int manifest_parse(struct manifest *manifest, const char *text, size_t size, struct error *err);

/* Appends the text. */
void manifest_print(const struct manifest *manifest, struct strbuf *out);

/* In a sorted manifest; NULL if there is no such file. */
const struct manifest_entry *manifest_find(const struct manifest *manifest, const char *path);

/* All bytes of all files. */
int64_t manifest_size_bytes(const struct manifest *manifest);

/* What it takes to get from one manifest to another. Entries are borrowed from the two. */
struct manifest_diff {
    /* For each entry of the wanted manifest: the base's file with the same bytes and mode, which
     * can be hard-linked (at the same path if possible, else anywhere); NULL if it must be sent. */
    const struct manifest_entry **sources;
    size_t send_count;
    int64_t send_bytes;
    const struct manifest_entry **gone; /* in the base, no more wanted */
    size_t gone_count;
};

/* Both sorted. */
void manifest_diff_init(struct manifest_diff *diff, const struct manifest *base,
                        const struct manifest *wanted);
void manifest_diff_fini(struct manifest_diff *diff);

#define AUTO_MANIFEST_DIFF __attribute__((cleanup(manifest_diff_fini)))
