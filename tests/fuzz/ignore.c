/* Any patterns (up to a NUL) against any path (behind it): an answer, and always the same. */
#include <stdint.h>
#include <string.h>

#include "libdialup/base/log.h"
#include "libdialup/base/memory.h"
#include "libdialup/site/ignore.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *separator = size > 0 ? memchr(data, '\0', size) : NULL;
    size_t patterns_size = separator ? (size_t)(separator - data) : size;
    AUTO_FREE char *path = separator
                               ? xstrndup((const char *)separator + 1, size - patterns_size - 1)
                               : xstrdup("a/b");
    struct ignore *ignore = ignore_new();
    ignore_add(ignore, "", (const char *)data, patterns_size, NULL);
    ignore_add(ignore, "a", (const char *)data, patterns_size, NULL);
    bool as_file = ignore_match(ignore, path, false);
    bool as_folder = ignore_match(ignore, path, true);
    ASSERT(as_file == ignore_match(ignore, path, false));
    ASSERT(as_folder == ignore_match(ignore, path, true));
    ignore_free(ignore);
    return 0;
}
