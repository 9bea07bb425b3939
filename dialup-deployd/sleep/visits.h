/*
 * Who is visited: what the gate says of each site, asked now and then, and what those who read it
 * remember of a site from one look to the next.
 *
 * Nothing is lost if the gate does not answer: then nobody falls asleep, and nothing is scaled.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct deployd;
struct visits;

struct visited {
    struct visited *next;
    int64_t site_id;

    /* What the gate said last. */
    int64_t idle_ms;
    int64_t open_connections; /* and parked ones */
    int64_t requests;         /* its count; -1: not yet */
    double rate;              /* requests a minute, the average of the last one */
    double rate_now;          /* the same, since the look before */
    bool is_listed;

    /* The sleeper's. */
    int factor;             /* of its timeout; see idle_factor */
    int64_t sleep_at;       /* of its row, when this was looked at: */
    int64_t slept_since_ms; /* the same, monotonic */

    /* The scaler's. */
    int64_t calm_since_ms; /* monotonic; 0: the rate is not low */
    int64_t refused;       /* so many instances were refused already; 0: none were */
};

/* The gate was asked anew. */
typedef void visits_fn(struct deployd *deployd, int64_t now_ms);

/* Asks every deployd.idle_check_s. */
struct visits *visits_new(struct deployd *deployd, visits_fn *on_visits);
void visits_free(struct visits *visits);

/* NULL: the gate knows nothing of it. */
struct visited *visits_find(const struct visits *visits, int64_t site_id);

/* The same, begun if there was nothing. */
struct visited *visits_remember(struct visits *visits, int64_t site_id);
