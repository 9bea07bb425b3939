/*
 * Tells people what monitord and deployd did or found: limits that were reached (violations) and
 * who gave way (enforcements). Both are read from their tables every few seconds; what is told once
 * stays told, over a restart as well, because each notice names its source.
 */
#pragma once

struct admind;
struct notice_watch;

/* Looks at once, and then by a timer of its own. */
struct notice_watch *notice_watch_new(struct admind *admind);

/* NULL is fine. */
void notice_watch_free(struct notice_watch *watch);
