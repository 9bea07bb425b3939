/*
 * One log entry: formatted, cleaned of control characters, handed to the sink.
 */
#include "libdialup/base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libdialup/base/memory.h"

enum { MESSAGE_SIZE = 2048 };

static const struct {
    const char *name;
    int syslog_priority; /* syslog(3) */
} levels[] = {
    [LOG_LEVEL_ERROR] = {"error", 3},
    [LOG_LEVEL_WARNING] = {"warning", 4},
    [LOG_LEVEL_INFO] = {"info", 6},
    [LOG_LEVEL_DEBUG] = {"debug", 7},
};

static log_sink_fn write_to_stderr;

static const struct log_context no_context;
static const struct log_context *current_context = &no_context;
static const char *program_name = "dialup";
static enum log_level threshold = LOG_LEVEL_INFO;
static log_sink_fn *current_sink = write_to_stderr;

static int append_field(char *out, size_t size, const char *key, const char *value)
{
    if (!value) {
        return 0;
    }
    int used = snprintf(out, size, " %s=%s", key, value);
    return used < (int)size ? used : (int)size - 1;
}

/* One write(2) a line, so that lines of several processes do not mix. */
static void write_to_stderr(const struct log_entry *entry)
{
    char line[MESSAGE_SIZE + 512];
    size_t size = sizeof(line) - 1;
    int used = snprintf(line, size, "<%d>%s %s: %s", levels[entry->level].syslog_priority,
                        levels[entry->level].name, entry->program, entry->message);
    if (used >= (int)size) {
        used = (int)size - 1;
    }
    const struct log_context *context = entry->context;
    used += append_field(line + used, size - (size_t)used, "REQUEST_ID", context->request_id);
    used += append_field(line + used, size - (size_t)used, "USER", context->user);
    used += append_field(line + used, size - (size_t)used, "SITE", context->site);
    line[used++] = '\n';
    fwrite(line, 1, (size_t)used, stderr);
}

static void replace_control_characters(char *text)
{
    for (char *at = text; *at; at++) {
        if ((unsigned char)*at < 0x20 || *at == 0x7F) {
            *at = ' ';
        }
    }
}

static void emit(enum log_level level, const char *file, int line, const char *format, va_list args)
{
    char message[MESSAGE_SIZE];
    vsnprintf(message, sizeof(message), format, args);
    replace_control_characters(message);
    const struct log_entry entry = {
        .level = level,
        .program = program_name,
        .file = file,
        .line = line,
        .message = message,
        .context = current_context,
    };
    current_sink(&entry);
}

void log_init(const char *program, enum log_level level)
{
    program_name = program;
    threshold = level;
}

void log_set_sink(log_sink_fn *sink)
{
    current_sink = sink ? sink : write_to_stderr;
}

void log_set_level(enum log_level level)
{
    threshold = level;
}

enum log_level log_get_level(void)
{
    return threshold;
}

bool log_level_parse(const char *name, enum log_level *ret_level)
{
    for (size_t i = 0; i < ARRAY_COUNT(levels); i++) {
        if (strcmp(levels[i].name, name) == 0) {
            *ret_level = (enum log_level)i;
            return true;
        }
    }
    return false;
}

const char *log_level_name(enum log_level level)
{
    return levels[level].name;
}

const struct log_context *log_context_swap(const struct log_context *context)
{
    const struct log_context *before = current_context;
    current_context = context ? context : &no_context;
    return before;
}

const struct log_context *log_context_get(void)
{
    return current_context;
}

void log_write(enum log_level level, const char *file, int line, const char *format, ...)
{
    if (level > threshold) {
        return;
    }
    va_list args;
    va_start(args, format);
    emit(level, file, line, format, args);
    va_end(args);
}

void log_panic_at(const char *file, int line, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    emit(LOG_LEVEL_ERROR, file, line, format, args);
    va_end(args);
    abort();
}
