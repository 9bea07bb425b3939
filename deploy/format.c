/*
 * Numbers for people; see the header.
 */
#include "deploy/format.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "libdialup/base/memory.h"
#include "libdialup/base/str.h"

/* Without zeros behind the decimal point: "1.50" is "1.5", "2.00" is "2". */
static void trim_zeros(char *text)
{
    size_t len = strlen(text);
    if (!strchr(text, '.')) {
        return;
    }
    while (text[len - 1] == '0') {
        len--;
    }
    text[text[len - 1] == '.' ? len - 1 : len] = '\0';
}

struct text_size format_bytes(int64_t bytes)
{
    static const char *const units[] = {"B", "KB", "MB", "GB", "TB"};
    struct text_size out;
    double value = (double)bytes;
    int unit = 0;
    while (value >= 1024 && unit < 4) {
        value /= 1024;
        unit++;
    }
    snprintf(out.text, sizeof(out.text), unit && value < 100 ? "%.1f %s" : "%.0f %s", value,
             units[unit]);
    return out;
}

struct text_size format_mib(int64_t mib)
{
    struct text_size out;
    if (mib < 1024) {
        snprintf(out.text, sizeof(out.text), "%" PRId64 "MB", mib);
        return out;
    }
    char number[sizeof(out.text) - 2];
    snprintf(number, sizeof(number), "%.1f", (double)mib / 1024);
    trim_zeros(number);
    snprintf(out.text, sizeof(out.text), "%sGB", number);
    return out;
}

struct text_size format_cores(int64_t millicores)
{
    struct text_size out;
    snprintf(out.text, sizeof(out.text), "%.3f", (double)millicores / 1000);
    trim_zeros(out.text);
    return out;
}

struct text_size format_amount(int64_t amount, const char *unit)
{
    struct text_size out;
    if (str_equal(unit, "MiB")) {
        return format_mib(amount);
    }
    if (str_equal(unit, "millicores")) {
        return format_cores(amount);
    }
    snprintf(out.text, sizeof(out.text), "%" PRId64, amount);
    return out;
}

const char *format_unit(const char *unit)
{
    static const struct {
        const char *unit;
        const char *word;
    } words[] = {
        {"millicores", " cores"}, {"Mbit/s", " Mbit/s"}, {"hours", " h"}, {"minutes", " min"}};
    for (size_t i = 0; i < ARRAY_COUNT(words); i++) {
        if (str_equal(words[i].unit, unit)) {
            return words[i].word;
        }
    }
    return "";
}

struct text_size format_whole_amount(int64_t amount, const char *unit)
{
    struct text_size out;
    struct text_size number = format_amount(amount, unit);
    bool is_one_core = amount == 1000 && str_equal(unit, "millicores");
    snprintf(out.text, sizeof(out.text), "%.20s%s", number.text,
             is_one_core ? " core" : format_unit(unit));
    return out;
}

struct text_size format_duration_ms(int64_t duration)
{
    struct text_size out;
    if (duration < 60000) {
        snprintf(out.text, sizeof(out.text), "%.1f s", (double)duration / 1000);
    } else {
        snprintf(out.text, sizeof(out.text), "%" PRId64 " min %" PRId64 " s", duration / 60000,
                 duration / 1000 % 60);
    }
    return out;
}

struct text_size format_time(int64_t at_unix)
{
    struct text_size out = {"-"};
    time_t at = (time_t)at_unix;
    struct tm local;
    if (at_unix > 0 && localtime_r(&at, &local)) {
        strftime(out.text, sizeof(out.text), "%Y-%m-%d %H:%M", &local);
    }
    return out;
}

struct text_size format_since(int64_t at_unix, int64_t now_unix)
{
    struct text_size at = format_time(at_unix);
    struct text_size now = format_time(now_unix);
    const size_t day_len = sizeof("2024-05-31") - 1;
    struct text_size out = at;
    if (strlen(at.text) > day_len) {
        bool is_today = strncmp(at.text, now.text, day_len) == 0;
        snprintf(out.text, sizeof(out.text), "%.*s", (int)day_len,
                 is_today ? at.text + day_len + 1 : at.text);
    }
    return out;
}
