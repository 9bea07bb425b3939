/*
 * The gate's own pages. Loaded by gate.c at start, rendered for each connection that has no site
 * to go to.
 */
#include "dialup-deployd/gate/pages.h"

#include <stdlib.h>
#include <string.h>

#include "libdialup/base/fs.h"
#include "libdialup/base/memory.h"

enum { PAGE_SIZE_MAX = 256 * 1024 };

static const char *const placeholders[] = {"@HOST@", "@RETRY_S@"};

static const struct {
    const char *file;
    const char *status;
    int retry_after_s;
} kinds[GATE_PAGE_COUNT] = {
    [GATE_PAGE_STOPPED] = {"stopped.html", "503 Service Unavailable", 300},
    [GATE_PAGE_FAILED] = {"failed.html", "503 Service Unavailable", 60},
    [GATE_PAGE_CROWDED] = {"crowded.html", "503 Service Unavailable", 60},
    [GATE_PAGE_SPENT] = {"spent.html", "503 Service Unavailable", 3600},
    [GATE_PAGE_STARTING] = {"starting.html", "503 Service Unavailable", 2},
    [GATE_PAGE_ASLEEP] = {"asleep.html", "503 Service Unavailable", 3600},
    [GATE_PAGE_UNREACHABLE] = {"unavailable.html", "502 Bad Gateway", 5},
    [GATE_PAGE_LIMITED] = {"limited.html", "429 Too Many Requests", 2},
    [GATE_PAGE_BUSY] = {"unavailable.html", "503 Service Unavailable", 5},
};

static int load(const char *folder, const char *file, char **ret_html, struct error *err)
{
    AUTO_FREE char *path = xasprintf("%s/%s", folder, file);
    AUTO_STRBUF struct strbuf text = STRBUF_INIT;
    int rc = fs_read_file(path, PAGE_SIZE_MAX, &text, err);
    if (rc < 0) {
        error_hint(err,
                   "The gate needs its pages in %s (gate.pages_dir): is the installation complete?",
                   folder);
        return rc;
    }
    *ret_html = strbuf_take(&text);
    return 0;
}

int pages_load(struct pages *pages, const char *folder, struct error *err)
{
    *pages = (struct pages){0};
    for (int i = 0; i < GATE_PAGE_COUNT; i++) {
        int rc = load(folder, kinds[i].file, &pages->html[i], err);
        if (rc < 0) {
            pages_fini(pages);
            return rc;
        }
    }
    return 0;
}

void pages_fini(struct pages *pages)
{
    for (int i = 0; i < GATE_PAGE_COUNT; i++) {
        free(pages->html[i]);
        pages->html[i] = NULL;
    }
}

static void append_escaped(struct strbuf *out, const char *text)
{
    static const char special[] = "&<>\"'";
    static const char *const entities[] = {"&amp;", "&lt;", "&gt;", "&quot;", "&#39;"};
    for (; *text; text++) {
        const char *found = strchr(special, *text);
        if (found) {
            strbuf_puts(out, entities[found - special]);
        } else {
            strbuf_putc(out, *text);
        }
    }
}

static void append_value(struct strbuf *out, size_t placeholder, const char *host,
                         int retry_after_s)
{
    if (placeholder == 0) {
        append_escaped(out, host);
    } else {
        strbuf_printf(out, "%d", retry_after_s);
    }
}

static void append_filled(struct strbuf *out, const char *html, const char *host, int retry_after_s)
{
    for (const char *at; (at = strchr(html, '@')); html = at) {
        strbuf_append(out, html, (size_t)(at - html));
        size_t i = 0;
        while (i < ARRAY_COUNT(placeholders) && !str_starts_with(at, placeholders[i])) {
            i++;
        }
        if (i < ARRAY_COUNT(placeholders)) {
            append_value(out, i, host, retry_after_s);
            at += strlen(placeholders[i]);
        } else {
            strbuf_putc(out, *at++);
        }
    }
    strbuf_puts(out, html);
}

void pages_render(const struct pages *pages, enum gate_page page, const char *host,
                  int retry_after_s, struct strbuf *out)
{
    AUTO_STRBUF struct strbuf body = STRBUF_INIT;
    retry_after_s = retry_after_s > 0 ? retry_after_s : kinds[page].retry_after_s;
    append_filled(&body, pages->html[page], host, retry_after_s);
    strbuf_printf(out,
                  "HTTP/1.1 %s\r\n"
                  "Content-Type: text/html; charset=utf-8\r\n"
                  "Content-Length: %zu\r\n"
                  "Cache-Control: no-store\r\n"
                  "Retry-After: %d\r\n"
                  "Connection: close\r\n"
                  "\r\n",
                  kinds[page].status, body.size, retry_after_s);
    strbuf_append(out, body.data, body.size);
}
