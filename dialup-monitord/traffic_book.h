/*
 * The book of traffic: what each site's visitors did since the last cycle, from the gate's counters
 * and from the access log. No I/O.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "libdialup/base/arena.h"
#include "libdialup/store/traffic.h"
#include "proto/gate_rpc.h"

struct traffic_book;

struct traffic_book *traffic_book_new(void);

/* NULL is fine. */
void traffic_book_free(struct traffic_book *book);

/* The gate's counters as they are now; the differences to those before are booked. What the gate
 * counted before the first call is not. A gate with another started_at_unix began at 0. */
void traffic_book_gate(struct traffic_book *book, const struct gate_counters_result *counters);

/* One request of a static site. */
void traffic_book_request(struct traffic_book *book, int64_t site_id,
                          const struct traffic *traffic);

struct traffic_rows {
    struct traffic_sample *rows; /* in the arena */
    size_t count;
};

/* What was booked, as of the time at; the book begins anew. */
struct traffic_rows traffic_book_take(struct traffic_book *book, int64_t at, struct arena *arena);
