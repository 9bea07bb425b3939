/*
 * Percent-escaping (RFC 3986, section 2). Used by client.c for every request.
 */
#include "dialup-deployd/docker/url.h"

#include <string.h>

static bool is_unreserved(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c && strchr("-._~", c));
}

static void append_escaped(struct strbuf *out, const char *text)
{
    for (; *text; text++) {
        if (is_unreserved(*text)) {
            strbuf_putc(out, *text);
        } else {
            strbuf_printf(out, "%%%02X", (unsigned char)*text);
        }
    }
}

/* "." and ".." cannot be escaped away: the other side would walk. An empty one would vanish. */
static bool is_walking(const char *segment)
{
    return strcmp(segment, "") == 0 || strcmp(segment, ".") == 0 || strcmp(segment, "..") == 0;
}

void docker_url_append_path(struct strbuf *out, const char *const *segments)
{
    for (; *segments; segments++) {
        strbuf_putc(out, '/');
        append_escaped(out, is_walking(*segments) ? "_" : *segments);
    }
}

void docker_url_append_query(struct strbuf *out, const struct docker_query *query)
{
    char separator = '?';
    for (; query && query->name; query++) {
        if (query->value) {
            strbuf_putc(out, separator);
            append_escaped(out, query->name);
            strbuf_putc(out, '=');
            append_escaped(out, query->value);
            separator = '&';
        }
    }
}
