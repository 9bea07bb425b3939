/*
 * Amounts as people type them; format.h writes them. Pure.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* "256", "256MB", "2GB": a whole number, in MiB. */
bool amount_parse_mib(const char *text, int64_t *ret_mib);

/* "0.25", "2": cores, in thousandths. */
bool amount_parse_cores(const char *text, int64_t *ret_millicores);
