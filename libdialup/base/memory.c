/*
 * Allocation that does not fail; see the header for when that is right.
 */
#include "libdialup/base/memory.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "libdialup/base/log.h"

static void *check(void *memory)
{
    if (!memory) {
        log_panic("out of memory");
    }
    return memory;
}

void *xmalloc(size_t size)
{
    return check(malloc(size ? size : 1));
}

void *xcalloc(size_t count, size_t size)
{
    return check(calloc(count ? count : 1, size ? size : 1));
}

void *xrealloc(void *memory, size_t size)
{
    return check(realloc(memory, size ? size : 1));
}

void *xreallocarray(void *memory, size_t count, size_t size)
{
    return check(reallocarray(memory, count ? count : 1, size ? size : 1));
}

char *xstrdup(const char *text)
{
    return check(strdup(text));
}

char *xstrndup(const char *text, size_t len)
{
    /* Not strndup(3): with strict string checks the address sanitizer wants its text terminated. */
    size_t kept = strnlen(text, len);
    char *copy = xmalloc(kept + 1);
    memcpy(copy, text, kept);
    copy[kept] = '\0';
    return copy;
}

char *xasprintf(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    char *text = NULL;
    if (vasprintf(&text, format, args) < 0) {
        text = NULL;
    }
    va_end(args);
    return check(text);
}
