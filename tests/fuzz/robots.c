/* Any head of a request: an answer, and more bytes never take back one that was final. */
#include <stdint.h>
#include <string.h>

#include "dialup-deployd/gate/robots.h"
#include "libdialup/base/log.h"
#include "libdialup/base/memory.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    enum { MAX_SIZE = 4096 };
    struct robots robots;
    robots_init(&robots, "bot, curious agent", "/.env,/x");
    enum robots_verdict final = ROBOTS_UNDECIDED;
    size = size < MAX_SIZE ? size : MAX_SIZE;
    for (size_t part = 0; part <= size; part++) {
        char *head = xmalloc(part + 1);
        memcpy(head, data, part);
        enum robots_verdict verdict = robots_judge(&robots, head, part);
        ASSERT(final == ROBOTS_UNDECIDED || verdict == final);
        final = verdict;
        free(head);
    }
    robots_fini(&robots);
    AUTO_FREE char *list = xstrndup((const char *)data, size);
    robots_init(&robots, list, list);
    robots_judge(&robots, (const char *)data, size);
    robots_fini(&robots);
    return 0;
}
