/*
 * Differences of counters, and the book of traffic that is made of them.
 */
#include "dialup-monitord/delta.h"

#include "dialup-monitord/traffic_book.h"
#include "libdialup/base/memory.h"
#include "tests/harness/check.h"

static void case_counter(void)
{
    static const struct {
        int64_t before, now, wanted;
    } rows[] = {{0, 0, 0}, {5, 5, 0}, {5, 9, 4}, {9, 5, 5}, {9, 0, 0}, {0, INT64_MAX, INT64_MAX}};
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        CHECK_INT(delta_counter(rows[i].before, rows[i].now), rows[i].wanted);
    }
}

static void case_usage(void)
{
    const struct usage_counters before = {100, 200, 300, 400, 500};
    const struct usage_counters now = {150, 20, 300, 401, 700};
    struct usage_counters used = delta_usage(&before, &now);
    CHECK_INT(used.cpu_us, 50);
    CHECK_INT(used.rx_bytes, 20); /* a new interface */
    CHECK_INT(used.tx_bytes, 0);
    CHECK_INT(used.read_bytes, 1);
    CHECK_INT(used.write_bytes, 200);
}

static void case_traffic(void)
{
    const struct traffic before = {.requests = 10, .bytes_in = 100, .status_2xx = 9};
    const struct traffic more = {.requests = 12, .bytes_in = 150, .status_2xx = 10, .at = 5};
    const struct traffic anew = {.requests = 3, .bytes_in = 900, .status_2xx = 3};
    struct traffic change = delta_traffic(&before, &more);
    CHECK_INT(change.requests, 2);
    CHECK_INT(change.bytes_in, 50);
    CHECK_INT(change.status_2xx, 1);
    CHECK_INT(change.at, 0);
    change = delta_traffic(&before, &anew);
    CHECK_INT(change.requests, 3);
    CHECK_INT(change.bytes_in, 900); /* not 800: the row began anew as a whole */
}

/* What stands in the book for a site, and empties it. */
static struct traffic take(struct traffic_book *book, int64_t site_id, size_t *ret_rows)
{
    AUTO_ARENA struct arena *arena = arena_new();
    struct traffic_rows rows = traffic_book_take(book, 1234, arena);
    struct traffic found = {0};
    for (size_t i = 0; i < rows.count; i++) {
        CHECK_INT(rows.rows[i].traffic.at, 1234);
        if (rows.rows[i].site_id == site_id) {
            found = rows.rows[i].traffic;
        }
    }
    *ret_rows = rows.count;
    return found;
}

static void hear(struct traffic_book *book, int64_t started_at,
                 const struct gate_site_counters *rows, size_t count)
{
    const struct gate_counters_result counters = {
        .started_at_unix = started_at, .sites = rows, .sites_count = count};
    traffic_book_gate(book, &counters);
}

static void case_gate(void)
{
    struct traffic_book *book = traffic_book_new();
    size_t rows;
    hear(book, 50, (struct gate_site_counters[]){{.site_id = 1, .requests = 100}}, 1);
    CHECK_INT(take(book, 1, &rows).requests, 0);
    CHECK_INT(rows, 0);
    hear(book, 50,
         (struct gate_site_counters[]){{.site_id = 2, .requests = 7},
                                       {.site_id = 1, .requests = 104, .status_4xx = 1}},
         2);
    hear(book, 50,
         (struct gate_site_counters[]){{.site_id = 2, .requests = 8},
                                       {.site_id = 1, .requests = 105, .status_4xx = 2}},
         2);
    struct traffic one = take(book, 1, &rows);
    CHECK_INT(one.requests, 5);
    CHECK_INT(one.status_4xx, 2);
    CHECK_INT(rows, 2);
    CHECK_INT(take(book, 1, &rows).requests, 0);
    CHECK_INT(rows, 0);
    traffic_book_free(book);
}

static void case_gate_restarted(void)
{
    struct traffic_book *book = traffic_book_new();
    size_t rows;
    hear(book, 50, (struct gate_site_counters[]){{.site_id = 1, .requests = 10}}, 1);
    hear(book, 60, (struct gate_site_counters[]){{.site_id = 1, .requests = 25}}, 1);
    CHECK_INT(take(book, 1, &rows).requests, 25);
    traffic_book_free(book);
}

static void case_route_removed(void)
{
    struct traffic_book *book = traffic_book_new();
    size_t rows;
    hear(book, 50, (struct gate_site_counters[]){{.site_id = 1, .requests = 10}}, 1);
    hear(book, 50, NULL, 0);
    CHECK_INT(take(book, 1, &rows).requests, 0);
    hear(book, 50, (struct gate_site_counters[]){{.site_id = 1, .requests = 12}}, 1);
    CHECK_INT(take(book, 1, &rows).requests, 12); /* the new route began at 0 */
    traffic_book_free(book);
}

static void case_two_routes(void)
{
    struct traffic_book *book = traffic_book_new();
    size_t rows;
    const struct gate_site_counters before[] = {{.site_id = 1, .requests = 10},
                                                {.site_id = 1, .requests = 5}};
    const struct gate_site_counters now[] = {{.site_id = 1, .requests = 11},
                                             {.site_id = 1, .requests = 7}};
    hear(book, 50, before, 2);
    hear(book, 50, now, 2);
    CHECK_INT(take(book, 1, &rows).requests, 3);
    CHECK_INT(rows, 1);
    traffic_book_free(book);
}

static void case_requests(void)
{
    struct traffic_book *book = traffic_book_new();
    const struct traffic request = {.requests = 1, .bytes_out = 10, .status_2xx = 1};
    size_t rows;
    for (int64_t site_id = 100; site_id > 0; site_id--) {
        traffic_book_request(book, site_id, &request);
        traffic_book_request(book, 50, &request);
    }
    struct traffic sum = take(book, 50, &rows);
    CHECK_INT(sum.requests, 101);
    CHECK_INT(sum.bytes_out, 1010);
    CHECK_INT(rows, 100);
    take(book, 50, &rows);
    CHECK_INT(rows, 0);
    traffic_book_free(book);
}

int main(void)
{
    static const struct check_case cases[] = {
        {"a counter that shrank began anew", case_counter},
        {"usage, counter by counter", case_usage},
        {"traffic, as a whole row", case_traffic},
        {"the book: what the gate counted before is not booked", case_gate},
        {"the book: a gate that began anew", case_gate_restarted},
        {"the book: a route that went and came back", case_route_removed},
        {"the book: two routes of one site", case_two_routes},
        {"the book: requests of static sites", case_requests},
    };
    return check_run(cases, ARRAY_COUNT(cases));
}
