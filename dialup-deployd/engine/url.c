/*
 * Versions and escapes. Called by engine.c, and by all who write the path of a call.
 */
#include "dialup-deployd/engine/url.h"

#include <ctype.h>
#include <string.h>

int engine_choose_version(const char *api_version, int *ret_minor, struct error *err)
{
    int64_t minor;
    if (!str_starts_with(api_version, "1.") || !str_parse_i64(api_version + 2, 0, 1000, &minor) ||
        minor < ENGINE_API_OLDEST) {
        int result = error_set(err, ERR_UNSUPPORTED,
                               "This Docker Engine speaks API \"%s\"; at least 1.%d is needed",
                               api_version, ENGINE_API_OLDEST);
        error_hint(err, "Install Docker 20.10 or newer");
        return result;
    }
    *ret_minor = minor < ENGINE_API_NEWEST ? (int)minor : ENGINE_API_NEWEST;
    return 0;
}

void engine_escape(struct strbuf *out, const char *text)
{
    for (const unsigned char *at = (const unsigned char *)text; *at; at++) {
        if (isalnum(*at) || strchr("-_.~", *at)) {
            strbuf_putc(out, (char)*at);
        } else {
            strbuf_printf(out, "%%%02X", *at);
        }
    }
}
