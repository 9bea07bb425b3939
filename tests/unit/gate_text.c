/*
 * The gate's two pure parts: pages, and the class of an answer's status.
 */
#include "dialup-deployd/gate/pages.h"

#include <stdlib.h>

#include "dialup-deployd/gate/status_line.h"
#include "libdialup/base/memory.h"
#include "tests/harness/check.h"

static void case_status_lines(void)
{
    static const struct {
        const char *bytes;
        int wanted; /* -1: not known yet */
    } rows[] = {
        {"HTTP/1.1 200 OK\r\n", 2},
        {"HTTP/1.0 301 Moved\r\n", 3},
        {"HTTP/1.1 404", 4},
        {"HTTP/1.1 500 x", 5},
        {"HTTP/1.1 101 Switching Protocols\r\n", 1},
        {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 413 Too large\r\n", 4},
        {"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\r\n\r\nHTTP/1.1 200 OK\r\n", 2},
        {"HTTP/1.1 103 Early\r\nLink: x\r\n\r\nHTTP/1.1 102 P\r\n\r\nHTTP/1.1 204 N\r\n", 2},
        {"HTTP/1.1 100 Continue\r\n\r\n", -1},
        {"HTTP/1.1 20", -1},
        {"", -1},
        {"HTTP/1.1 999 x", 0},
        {"HTTP/1.1 2x0 x", 0},
        {"SSH-2.0-OpenSSH", 0},
    };
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        struct status_line whole = {0}, split = {0};
        status_line_feed(&whole, rows[i].bytes, strlen(rows[i].bytes));
        for (const char *at = rows[i].bytes; *at; at++) {
            status_line_feed(&split, at, 1);
        }
        if (!CHECK_INT(whole.is_known ? whole.status_class : -1, rows[i].wanted) ||
            !CHECK_INT(split.is_known ? split.status_class : -1, rows[i].wanted)) {
            printf("# row %zu\n", i);
        }
    }
}

static void case_pages_escape_and_measure(void)
{
    char html[] = "<h1>@HOST@</h1><p>@HOST@ &c @HOS@</p>";
    struct pages pages = {.html = {[GATE_PAGE_BUSY] = html}};
    AUTO_STRBUF struct strbuf out = STRBUF_INIT;
    pages_render(&pages, GATE_PAGE_BUSY, "<a&\"b'>", 7, &out);
    const char *body = strstr(strbuf_text(&out), "\r\n\r\n") + 4;
    CHECK_STR(body, "<h1>&lt;a&amp;&quot;b&#39;&gt;</h1>"
                    "<p>&lt;a&amp;&quot;b&#39;&gt; &c @HOS@</p>");
    AUTO_FREE char *header = xasprintf("\r\nContent-Length: %zu\r\n", strlen(body));
    CHECK_CONTAINS(strbuf_text(&out), header);
}

static void case_pages_missing(void)
{
    struct pages pages;
    struct error err;
    CHECK(pages_load(&pages, "/nonexistent", &err) < 0);
    CHECK_CONTAINS(err.message, "stopped.html");
    CHECK_CONTAINS(err.hint, "/nonexistent");
}

int main(void)
{
    static const struct check_case cases[] = {
        {"status lines, whole and byte by byte", case_status_lines},
        {"pages escape the host and know their length", case_pages_escape_and_measure},
        {"a missing page is named", case_pages_missing},
    };
    return check_run(cases, ARRAY_COUNT(cases));
}
