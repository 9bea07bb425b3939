/*
 * See the header. Called by source.c and release_base.c.
 */
#include "dialup-deployd/jobs/sum.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "libdialup/base/memory.h"

enum { BLOCK_BYTES = 128 << 10 };

int sum_file(int fd, unsigned char ret_digest[DIGEST_SIZE], int64_t *ret_size_bytes,
             struct error *err)
{
    AUTO_FREE char *block = xmalloc(BLOCK_BYTES);
    struct digest digest;
    digest_init(&digest);
    *ret_size_bytes = 0;
    ssize_t got;
    while ((got = read(fd, block, BLOCK_BYTES)) > 0) {
        digest_update(&digest, block, (size_t)got);
        *ret_size_bytes += got;
    }
    if (got < 0) {
        return error_set_errno(err, ERR_IO, errno, "Cannot read a file of the site");
    }
    digest_finish(&digest, ret_digest);
    return 0;
}

int sum_compare(int fd, const struct manifest_entry *entry, bool *ret_is_same, struct error *err)
{
    unsigned char digest[DIGEST_SIZE];
    int64_t size_bytes;
    int result = sum_file(fd, digest, &size_bytes, err);
    *ret_is_same = result == 0 && size_bytes == entry->size_bytes &&
                   memcmp(digest, entry->digest, DIGEST_SIZE) == 0;
    return result;
}
