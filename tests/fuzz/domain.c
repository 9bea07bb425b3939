/* Any text: an accepted domain is a safe file name, and is accepted again as itself. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "libdialup/base/log.h"
#include "libdialup/base/memory.h"
#include "libdialup/base/str.h"
#include "libdialup/site/domain.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) {
        return 0;
    }
    struct domain_rules rules = {
        .suffix = data[0] & 1 ? "example.org" : NULL,
        .max_len = data[0] & 2 ? 60 : 0,
        .allow_punycode = data[0] & 4,
    };
    AUTO_FREE char *text = xstrndup((const char *)data + 1, size - 1);
    struct domain domain;
    struct domain again;
    struct error err;
    if (domain_parse_site(text, &rules, &domain, NULL, &err) < 0) {
        ASSERT(str_equal(err.field, "domain"));
        return 0;
    }
    ASSERT(!strchr(domain.name, '/') && strchr(domain.name, '.') && domain.name[0] != '.');
    ASSERT(domain_parse_site(domain.name, &rules, &again, NULL, &err) == 0);
    ASSERT(str_equal(domain.name, again.name));
    ASSERT(!domain_is_confusable(&domain, &again));
    return 0;
}
