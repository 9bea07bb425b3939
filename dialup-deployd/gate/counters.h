/*
 * What the gate counts for each route, as plain numbers that only grow (except the gauges).
 *
 * A snapshot is a copy of the struct; whoever collects it takes differences. Everything starts at
 * zero when the route is made, so a smaller number than last time means that the gate or the route
 * began anew. One connection is one request: Caddy keeps no connection towards the gate alive.
 */
#pragma once

#include <stdint.h>

/* status_class: answers by the first digit of their status; [0] for bytes that are no HTTP. */
enum { GATE_STATUS_CLASSES = 6 };

struct gate_counters {
    uint64_t requests;    /* connections accepted, whatever became of them */
    uint64_t refused;     /* ...over a limit: shown a page, or closed when even that is too much */
    uint64_t limited;     /* ...of these, over a limit of its site or its owner */
    uint64_t pages;       /* ...answered by one of our pages, for whatever reason */
    uint64_t held;        /* ...parked until the site was there */
    uint64_t expired;     /* ...parked longer than their patience */
    uint64_t unreachable; /* ...for which the site took no connection, or gave no byte */
    uint64_t finished;    /* carried to the site and over, well or badly */
    uint64_t aborted;     /* of those: one of the two ends vanished in the middle */

    uint64_t bytes_in;  /* visitor to site */
    uint64_t bytes_out; /* site to visitor; our pages are not in it */
    uint64_t status_class[GATE_STATUS_CLASSES];

    uint64_t answered;      /* requests that got a first byte from the site */
    uint64_t first_byte_us; /* sum over `answered`, from accept, time held included */
    uint64_t first_byte_us_max;
    uint64_t total_us; /* sum over `finished`, from accept to the end */

    uint32_t open; /* now: parked or carried */
    uint32_t open_max;
    uint32_t upgraded; /* now: answered 101, a WebSocket most likely */
};

/* The gate as a whole. */
struct gate_totals {
    uint32_t routes;
    uint32_t open;      /* parked or carried, all routes */
    uint32_t answering; /* connections that are being shown a page */
    uint64_t dropped;   /* closed without a word: far above every limit */
};
