/*
 * Logging: one line, or one journald entry, for each thing that happened.
 *
 * Library code does not log; the first function that knows what a failure means does, once. The
 * context (request, user, site) is set by whoever dispatches work and goes into each entry as
 * structured fields, so one match on REQUEST_ID tells one story across the daemons. Secrets never
 * reach these functions: `struct secret` has no text to format.
 *
 * The default sink writes "<N>LEVEL program: message KEY=value" to stderr, where N is the
 * syslog priority that systemd reads (sd-daemon(3)). Not thread-safe: call on the loop's thread.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

/* Borrowed strings; NULL where unknown. */
struct log_context {
    const char *request_id;
    const char *user; /* the actor: "7 ann@example.org" or a program's name */
    const char *site; /* domain */
};

struct log_entry {
    enum log_level level;
    const char *program;
    const char *file;
    int line;
    const char *message; /* one line: control characters are replaced by spaces */
    const struct log_context *context;
};

typedef void log_sink_fn(const struct log_entry *entry);

/* Call once at start. program is borrowed for ever. */
void log_init(const char *program, enum log_level level);

/* Replaces the stderr sink; NULL puts it back. */
void log_set_sink(log_sink_fn *sink);

void log_set_level(enum log_level level);
enum log_level log_get_level(void);

/* "error", "warning", "info", "debug"; false if name is none of them. */
bool log_level_parse(const char *name, enum log_level *ret_level);
const char *log_level_name(enum log_level level);

/* Makes context (borrowed, may be NULL) the present one and returns the one before, to be put
 * back by the caller at the end of its work. */
const struct log_context *log_context_swap(const struct log_context *context);
const struct log_context *log_context_get(void);

void log_write(enum log_level level, const char *file, int line, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

#define log_error(...) log_write(LOG_LEVEL_ERROR, __FILE__, __LINE__, __VA_ARGS__)
#define log_warning(...) log_write(LOG_LEVEL_WARNING, __FILE__, __LINE__, __VA_ARGS__)
#define log_info(...) log_write(LOG_LEVEL_INFO, __FILE__, __LINE__, __VA_ARGS__)
#define log_debug(...) log_write(LOG_LEVEL_DEBUG, __FILE__, __LINE__, __VA_ARGS__)

/* For "we are wrong": logs and aborts. Stays on in release builds. */
void log_panic_at(const char *file, int line, const char *format, ...)
    __attribute__((noreturn, format(printf, 3, 4)));

#define log_panic(...) log_panic_at(__FILE__, __LINE__, __VA_ARGS__)
#define ASSERT(condition)                                                                          \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            log_panic("assertion failed: %s", #condition);                                         \
        }                                                                                          \
    } while (0)
