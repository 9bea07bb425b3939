/*
 * See the header. Called for the values of options.
 */
#include "deploy/amount.h"

#include <string.h>
#include <strings.h>

enum { DIGITS_MAX = 10, THOUSANDTHS_DIGITS = 3, MIB_PER_GIB = 1024, PER_CORE = 1000 };

static int64_t read_digits(const char *text, size_t len)
{
    int64_t value = 0;
    for (size_t i = 0; i < len; i++) {
        value = value * 10 + (text[i] - '0');
    }
    return value;
}

bool amount_parse_mib(const char *text, int64_t *ret_mib)
{
    size_t len = strspn(text, "0123456789");
    const char *unit = text + len;
    bool is_gib = strcasecmp(unit, "GB") == 0;
    bool is_known = is_gib || unit[0] == '\0' || strcasecmp(unit, "MB") == 0;
    if (len == 0 || len > DIGITS_MAX || !is_known) {
        return false;
    }
    *ret_mib = read_digits(text, len) * (is_gib ? MIB_PER_GIB : 1);
    return true;
}

bool amount_parse_cores(const char *text, int64_t *ret_millicores)
{
    size_t len = strspn(text, "0123456789");
    bool has_point = text[len] == '.';
    const char *fraction = text + len + (has_point ? 1 : 0);
    size_t fraction_len = strspn(fraction, "0123456789");
    bool is_empty = len == 0 || (has_point && fraction_len == 0);
    if (is_empty || len > DIGITS_MAX || fraction_len > THOUSANDTHS_DIGITS ||
        fraction[fraction_len] != '\0') {
        return false;
    }
    int64_t parts = read_digits(fraction, fraction_len);
    for (size_t i = fraction_len; i < THOUSANDTHS_DIGITS; i++) {
        parts *= 10;
    }
    *ret_millicores = read_digits(text, len) * PER_CORE + parts;
    return true;
}
