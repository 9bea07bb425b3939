/*
 * Numbers as people read them. Pure; results are small structs, so nothing is to be freed.
 */
#pragma once

#include <stdint.h>

struct text_size {
    char text[32];
};

struct text_size format_bytes(int64_t bytes);      /* "1.2 MB", of 1024 KB */
struct text_size format_mib(int64_t mib);          /* "384MB", "2GB", "1.5GB" */
struct text_size format_cores(int64_t millicores); /* "0.25" */

/* An amount in a unit of the API ("MiB", "millicores", "Mbit/s", "hours", ...), without its word if
 * another number follows: "384MB", "0.3", "24". The word: " cores", " h", "" where it is part of
 * the number. */
struct text_size format_amount(int64_t amount, const char *unit);
const char *format_unit(const char *unit);
/* Both: "384MB", "0.3 cores", "24 h". */
struct text_size format_whole_amount(int64_t amount, const char *unit);

struct text_size format_duration_ms(int64_t duration); /* "0.3 s", "2 min 5 s" */
/* Local time, "14:03"; of another day "2024-05-31". */
struct text_size format_since(int64_t at_unix, int64_t now_unix);
struct text_size format_time(int64_t at_unix); /* local time, "2024-05-31 14:03"; "-" for 0 */
