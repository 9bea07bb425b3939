/*
 * The error table and the few functions that fill a struct error. Called by everything; knows
 * nothing. Text that does not fit is cut at a whole UTF-8 character.
 */
#include "libdialup/base/error.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "libdialup/base/log.h"
#include "libdialup/base/utf8.h"

#undef error_set
#undef error_set_field
#undef error_set_errno

static const struct error_info table[ERR_COUNT] = {
    [ERR_OK] = {"ok", "All is well", 0, 200, 0},
#define ERROR(code, name, sentence, rpc, http, exit)                                               \
    [ERR_##code] = {name, sentence, rpc, http, exit},
#include "libdialup/base/errors.def"
#undef ERROR
};

static void cut_to_whole_characters(char *text)
{
    text[utf8_prefix_len(text, strlen(text))] = '\0';
}

static void format_into(char *out, size_t size, const char *format, va_list args)
{
    vsnprintf(out, size, format, args);
    cut_to_whole_characters(out);
}

static int set(struct error *err, enum error_code code, const char *field, const char *format,
               va_list args)
{
    ASSERT(code > ERR_OK && code < ERR_COUNT);
    if (err) {
        err->code = code;
        snprintf(err->field, sizeof(err->field), "%s", field);
        cut_to_whole_characters(err->field);
        format_into(err->message, sizeof(err->message), format, args);
        err->hint[0] = '\0';
        err->checks_json = NULL;
    }
    return -(int)code;
}

const struct error_info *error_info(enum error_code code)
{
    return code < ERR_COUNT ? &table[code] : &table[ERR_INTERNAL];
}

bool error_is_passing(enum error_code code)
{
    return code == ERR_BUSY || code == ERR_UNAVAILABLE || code == ERR_TIMEOUT || code == ERR_IO ||
           code == ERR_NO_SPACE;
}

enum error_code error_by_name(const char *name)
{
    for (int i = 1; i < ERR_COUNT; i++) {
        if (strcmp(table[i].name, name) == 0) {
            return (enum error_code)i;
        }
    }
    return ERR_OK;
}

int error_set(struct error *err, enum error_code code, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int result = set(err, code, "", format, args);
    va_end(args);
    return result;
}

int error_set_field(struct error *err, enum error_code code, const char *field, const char *format,
                    ...)
{
    va_list args;
    va_start(args, format);
    int result = set(err, code, field, format, args);
    va_end(args);
    return result;
}

int error_set_errno(struct error *err, enum error_code code, int errno_value, const char *format,
                    ...)
{
    if (errno_value == ENOSPC || errno_value == EDQUOT) {
        code = ERR_NO_SPACE;
    }
    va_list args;
    va_start(args, format);
    int result = set(err, code, "", format, args);
    va_end(args);
    if (err) {
        size_t used = strlen(err->message);
        snprintf(err->message + used, sizeof(err->message) - used, ": %s", strerror(errno_value));
    }
    return result;
}

void error_hint(struct error *err, const char *format, ...)
{
    if (!err) {
        return;
    }
    va_list args;
    va_start(args, format);
    format_into(err->hint, sizeof(err->hint), format, args);
    va_end(args);
}

void error_prefix_field(struct error *err, const char *prefix)
{
    if (!err) {
        return;
    }
    char path[sizeof(err->field)];
    const char *separator = err->field[0] == '\0' || err->field[0] == '[' ? "" : ".";
    int needed = snprintf(path, sizeof(path), "%s%s%s", prefix, separator, err->field);
    if (needed < (int)sizeof(path)) {
        memcpy(err->field, path, (size_t)needed + 1);
    }
}
