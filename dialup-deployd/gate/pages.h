/*
 * The pages that the gate shows in a site's place, read once at start.
 *
 * A page is a file of HTML; each @HOST@ in it becomes the host, escaped, and each @RETRY_S@ the
 * time after which it is worth to try again, which is also in the field Retry-After. The answer
 * around it is a whole HTTP/1.1 response that no cache keeps and after which the connection ends.
 */
#pragma once

#include "libdialup/base/error.h"
#include "libdialup/base/str.h"

enum gate_page {
    GATE_PAGE_STOPPED,     /* stopped.html: its owner has switched it off */
    GATE_PAGE_FAILED,      /* failed.html: it does not start */
    GATE_PAGE_CROWDED,     /* crowded.html: it stepped aside until there is room */
    GATE_PAGE_SPENT,       /* spent.html: it has run for as long as it may today */
    GATE_PAGE_STARTING,    /* starting.html: it needed longer than the visitor's patience */
    GATE_PAGE_ASLEEP,      /* asleep.html: it sleeps, and is not woken for a robot */
    GATE_PAGE_UNREACHABLE, /* unavailable.html, 502: it takes no connection */
    GATE_PAGE_BUSY,        /* unavailable.html, 503: too many connections at once */
    GATE_PAGE_LIMITED,     /* limited.html, 429: too many requests in a short time */
    GATE_PAGE_COUNT
};

struct pages {
    char *html[GATE_PAGE_COUNT]; /* owned */
};

/* Reads the files of folder; blocks. On failure nothing is loaded and err names the file. */
int pages_load(struct pages *pages, const char *folder, struct error *err);

void pages_fini(struct pages *pages);

/* Appends the whole response for host. retry_after_s: when to try again; 0: as usual for the page.
 */
void pages_render(const struct pages *pages, enum gate_page page, const char *host,
                  int retry_after_s, struct strbuf *out);
