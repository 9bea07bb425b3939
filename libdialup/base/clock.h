/*
 * The two clocks. Pure code never calls these: it is handed the time.
 */
#pragma once

#include <stdint.h>
#include <sys/time.h>

/* Wall clock: seconds and milliseconds since 1970, may be stepped by an admin. For records. */
int64_t clock_unix(void);
int64_t clock_unix_ms(void);

/* Never goes back; for durations and deadlines. */
int64_t clock_monotonic_us(void);

static inline int64_t clock_monotonic_ms(void)
{
    return clock_monotonic_us() / 1000;
}

/* Milliseconds, as the timers of the event loop take them. */
static inline struct timeval clock_timeval_of_ms(int64_t ms)
{
    return (struct timeval){.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};
}
