/*
 * The person in front of the screen: what they can see, what is said to them, what they are asked.
 *
 * Nothing that comes from a server reaches a terminal unfiltered: control characters and escape
 * sequences are taken out. Functions that ask block until there is an answer.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "libdialup/base/error.h"
#include "libdialup/base/secret.h"
#include "libdialup/base/str.h"

struct terminal {
    bool is_utf8;      /* the locale's characters */
    bool is_live;      /* stdout is a terminal: bars may move */
    bool has_color;    /* a terminal, and NO_COLOR is not set */
    bool is_quiet;     /* --json: only documents are printed */
    bool has_line;     /* a progress line stands on the screen */
    int64_t shown_us;  /* when the progress line was last drawn */
    int shown_percent; /* last percentage said in plain lines */
};

enum style { STYLE_PLAIN, STYLE_BOLD, STYLE_GOOD, STYLE_BAD, STYLE_DIM };

/* Takes the locale's characters from the environment, and nothing else of it. */
void terminal_init(struct terminal *terminal, bool is_quiet);

/* Escape sequence that begins a style (STYLE_PLAIN: ends it); "" without colours. */
const char *terminal_style(const struct terminal *terminal, enum style style);

/* A line for people on stdout; nothing if quiet. */
void terminal_say(struct terminal *terminal, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Text from elsewhere, as it comes, filtered; nothing if quiet. */
void terminal_write(struct terminal *terminal, const char *text, size_t size);

/* What went wrong and what to do, on stderr. */
void terminal_error(struct terminal *terminal, const struct error *err);

/* A remark on stderr that is no error. */
void terminal_note(struct terminal *terminal, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* "Sending [####....] 45 %": redrawn on a terminal, else a line at each quarter. */
void terminal_progress(struct terminal *terminal, const char *what, int64_t done, int64_t total);
void terminal_progress_end(struct terminal *terminal);

/* Asks on stderr and reads a line from stdin, without its end. ERR_INVALID_ARGUMENT if there is
 * none. */
int terminal_ask(struct terminal *terminal, const char *question, struct strbuf *answer,
                 struct error *err);

/* As terminal_ask, and what is typed does not appear on the screen. */
int terminal_ask_secret(struct terminal *terminal, const char *question, struct secret *answer,
                        struct error *err);

/* Appends text without control characters (new line and tab may stay) and escape sequences. */
void terminal_filter(const char *text, size_t size, struct strbuf *out);
