/*
 * UTF-8 by the table of RFC 3629, section 4 ("Syntax of UTF-8 Byte Sequences").
 */
#include "libdialup/base/utf8.h"

#include <stdint.h>

static bool is_continuation(unsigned char byte)
{
    return (byte & 0xC0) == 0x80;
}

/* The size in bytes of the valid character at data, 0 if there is none. */
static size_t character_size(const unsigned char *data, size_t size)
{
    unsigned char lead = data[0];
    if (lead < 0x80) {
        return 1;
    }
    size_t needed = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
    if (lead < 0xC2 || lead > 0xF4 || size < needed) {
        return 0;
    }
    unsigned char low = 0x80;
    unsigned char high = 0xBF;
    if (lead == 0xE0) {
        low = 0xA0;
    } else if (lead == 0xED) {
        high = 0x9F;
    } else if (lead == 0xF0) {
        low = 0x90;
    } else if (lead == 0xF4) {
        high = 0x8F;
    }
    if (data[1] < low || data[1] > high) {
        return 0;
    }
    for (size_t i = 2; i < needed; i++) {
        if (!is_continuation(data[i])) {
            return 0;
        }
    }
    return needed;
}

size_t utf8_valid_len(const char *data, size_t size)
{
    const unsigned char *bytes = (const unsigned char *)data;
    size_t at = 0;
    while (at < size) {
        size_t step = character_size(bytes + at, size - at);
        if (step == 0) {
            break;
        }
        at += step;
    }
    return at;
}

bool utf8_is_valid(const char *data, size_t size)
{
    return utf8_valid_len(data, size) == size;
}

size_t utf8_prefix_len(const char *data, size_t size)
{
    const unsigned char *bytes = (const unsigned char *)data;
    for (size_t back = 1; back <= 4 && back <= size; back++) {
        unsigned char byte = bytes[size - back];
        if (is_continuation(byte)) {
            continue;
        }
        size_t needed = byte >= 0xF0 ? 4 : byte >= 0xE0 ? 3 : byte >= 0xC0 ? 2 : 1;
        return needed > back ? size - back : size;
    }
    return size;
}
