/*
 * Last words: what a container wrote before it ended or was given up, kept beside the logs of its
 * site's deployments, because the container goes. One file a site; the next failure replaces it.
 *
 * A convenience for the owner: what cannot be written or read is not there, and nobody is told.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "libdialup/base/str.h"

struct deployd;

enum { LAST_WORDS_LINES = 1000, LAST_WORDS_BYTES = 64 << 10 };

/* The last of text, as much as there is room for, with what happened above it. */
void last_words_keep(const struct deployd *deployd, int64_t site_id, const char *what_happened,
                     const char *text, size_t size);

/* Another release serves: what the one before said is of no use any more. */
void last_words_forget(const struct deployd *deployd, int64_t site_id);

/* Appends them to out; nothing, if there are none. */
void last_words_read(const struct deployd *deployd, int64_t site_id, struct strbuf *out);

/* What helps against a failure that such words tell of; NULL if none that is known. Pure. */
const char *last_words_advice(const char *text, size_t size);

/* Where the last so many lines of a text begin. Pure. */
const char *last_words_lines(const char *text, size_t size, int64_t lines);
