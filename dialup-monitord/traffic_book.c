/*
 * Booking traffic by site; see the header. Called by the cycle and for each line of the access log.
 */
#include "dialup-monitord/traffic_book.h"

#include <stdbool.h>
#include <string.h>

#include "dialup-monitord/delta.h"
#include "libdialup/base/memory.h"

struct entry {
    int64_t site_id;
    struct traffic booked;
    struct traffic gate_before;
    struct traffic gate_now; /* while counters are read: a site may have more than one route */
    bool is_routed;
};

struct traffic_book {
    struct entry *entries; /* owned, by site_id */
    size_t count;
    size_t capacity;
    int64_t gate_started_at_unix; /* 0: never heard of it */
};

struct traffic_book *traffic_book_new(void)
{
    return xcalloc(1, sizeof(struct traffic_book));
}

void traffic_book_free(struct traffic_book *book)
{
    if (book) {
        free(book->entries);
        free(book);
    }
}

/* Where site_id stands, or would stand. */
static size_t position(const struct traffic_book *book, int64_t site_id)
{
    size_t low = 0;
    size_t high = book->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (book->entries[middle].site_id < site_id) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static struct entry *find_or_add(struct traffic_book *book, int64_t site_id)
{
    enum { FIRST_ENTRIES = 32 };
    size_t at = position(book, site_id);
    if (at < book->count && book->entries[at].site_id == site_id) {
        return &book->entries[at];
    }
    if (book->count == book->capacity) {
        book->capacity = book->capacity ? 2 * book->capacity : FIRST_ENTRIES;
        book->entries = xreallocarray(book->entries, book->capacity, sizeof(*book->entries));
    }
    memmove(&book->entries[at + 1], &book->entries[at],
            (book->count - at) * sizeof(*book->entries));
    book->count++;
    book->entries[at] = (struct entry){.site_id = site_id};
    return &book->entries[at];
}

static struct traffic from_gate(const struct gate_site_counters *counters)
{
    return (struct traffic){
        .requests = counters->requests,
        .bytes_in = counters->bytes_in,
        .bytes_out = counters->bytes_out,
        .duration_us = counters->duration_us,
        .status_2xx = counters->status_2xx,
        .status_3xx = counters->status_3xx,
        .status_4xx = counters->status_4xx,
        .status_5xx = counters->status_5xx,
    };
}

static void book_difference(struct entry *entry, bool is_first_time)
{
    struct traffic difference = delta_traffic(&entry->gate_before, &entry->gate_now);
    if (!is_first_time) {
        traffic_accumulate(&entry->booked, &difference);
    }
    entry->gate_before = entry->gate_now;
}

void traffic_book_gate(struct traffic_book *book, const struct gate_counters_result *counters)
{
    bool is_first_time = book->gate_started_at_unix == 0;
    bool began_anew = book->gate_started_at_unix != counters->started_at_unix;
    for (size_t i = 0; i < book->count; i++) {
        struct entry *entry = &book->entries[i];
        entry->gate_now = (struct traffic){0};
        entry->is_routed = false;
        if (began_anew) {
            entry->gate_before = (struct traffic){0};
        }
    }
    for (size_t i = 0; i < counters->sites_count; i++) {
        struct entry *entry = find_or_add(book, counters->sites[i].site_id);
        struct traffic now = from_gate(&counters->sites[i]);
        traffic_accumulate(&entry->gate_now, &now);
        entry->is_routed = true;
    }
    for (size_t i = 0; i < book->count; i++) {
        book_difference(&book->entries[i], is_first_time);
    }
    book->gate_started_at_unix = counters->started_at_unix;
}

void traffic_book_request(struct traffic_book *book, int64_t site_id, const struct traffic *traffic)
{
    traffic_accumulate(&find_or_add(book, site_id)->booked, traffic);
}

/* Refused connections count as requests, so a row without requests has nothing that matters but
 * the bytes of a long one. */
static bool is_worth_a_row(const struct traffic *traffic)
{
    return traffic->requests > 0 || traffic->bytes_in > 0 || traffic->bytes_out > 0 ||
           traffic->duration_us > 0;
}

struct traffic_rows traffic_book_take(struct traffic_book *book, int64_t at, struct arena *arena)
{
    struct traffic_rows taken = {
        .rows = arena_calloc(arena, book->count + 1, sizeof(struct traffic_sample))};
    size_t kept = 0;
    for (size_t i = 0; i < book->count; i++) {
        struct entry entry = book->entries[i];
        if (is_worth_a_row(&entry.booked)) {
            taken.rows[taken.count] =
                (struct traffic_sample){.site_id = entry.site_id, .traffic = entry.booked};
            taken.rows[taken.count++].traffic.at = at;
        }
        entry.booked = (struct traffic){0};
        if (entry.is_routed) {
            book->entries[kept++] = entry;
        }
    }
    book->count = kept;
    return taken;
}
