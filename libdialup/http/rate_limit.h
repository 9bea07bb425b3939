/*
 * How often one address may ask for one thing: token buckets in a table of fixed size. Pure; the
 * caller brings the time.
 *
 * An address is an IPv4 address or an IPv6 network of 64 bits, since a home has that many
 * addresses. When the table is full the oldest bucket of a few makes room, so a flood of
 * addresses can make the limiter forget, but never grow.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct rate_limiter;

struct rate_limiter *rate_limiter_new(void);
void rate_limiter_free(struct rate_limiter *limiter);

/* Counts one request. id tells apart what is limited; a_minute is also how many may come at once.
 * If it is too many: false, and after how many seconds to come again. */
bool rate_limiter_take(struct rate_limiter *limiter, uint32_t id, const char *address,
                       unsigned a_minute, int64_t now_us, int *ret_retry_s);
