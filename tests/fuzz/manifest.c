/* Any text: what is accepted prints as something that is accepted and prints the same. */
#include <stdint.h>

#include "libdialup/base/log.h"
#include "libdialup/base/str.h"
#include "libdialup/site/manifest.h"
#include "libdialup/site/path.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO_MANIFEST struct manifest manifest;
    struct error err;
    manifest_init(&manifest);
    if (manifest_parse(&manifest, (const char *)data, size, &err) < 0) {
        return 0;
    }
    AUTO_STRBUF struct strbuf text = STRBUF_INIT;
    AUTO_STRBUF struct strbuf text_again = STRBUF_INIT;
    AUTO_MANIFEST struct manifest again;
    manifest_print(&manifest, &text);
    manifest_init(&again);
    ASSERT(manifest_parse(&again, text.data, text.size, &err) == 0);
    manifest_print(&again, &text_again);
    ASSERT(str_equal(text.data, text_again.data));

    AUTO_MANIFEST_DIFF struct manifest_diff diff;
    manifest_diff_init(&diff, &again, &manifest);
    ASSERT(diff.send_count == 0 && diff.gone_count == 0);
    for (size_t i = 0; i < manifest.count; i++) {
        ASSERT(site_path_check(manifest.entries[i].path, NULL) == 0);
        ASSERT(str_equal(diff.sources[i]->path, manifest.entries[i].path));
    }
    return 0;
}
