/*
 * Caddy's access log, a line at a time; see the header. Called for each datagram.
 */
#include "dialup-monitord/parse_access_log.h"

#include <string.h>

#include "libdialup/base/str.h"
#include "libdialup/json/json.h"

enum { STATUS_MIN = 100, STATUS_MAX = 599, US_PER_S = 1000000 };

/* Beyond these a line is nonsense, and sums would be at its mercy. */
static const int64_t max_bytes = INT64_C(1) << 40;
static const double max_duration_s = 7 * 24 * 3600;

static bool read_host(const char *text, struct domain *ret_host)
{
    const struct domain_rules rules = {.allow_punycode = true};
    char host[DOMAIN_NAME_SIZE];
    size_t len = text ? strcspn(text, ":") : 0;
    if (len == 0 || len >= sizeof(host)) {
        return false;
    }
    memcpy(host, text, len);
    host[len] = '\0';
    return domain_parse(host, &rules, ret_host, NULL) == 0;
}

static bool read_duration_us(const struct json_value *value, int64_t *ret_us)
{
    if (!value || value->type != JSON_NUMBER || value->number < 0 ||
        value->number > max_duration_s) {
        return false;
    }
    *ret_us = (int64_t)(value->number * US_PER_S);
    return true;
}

static void count_status(struct traffic *traffic, int64_t status)
{
    int64_t *const classes[] = {NULL,
                                NULL,
                                &traffic->status_2xx,
                                &traffic->status_3xx,
                                &traffic->status_4xx,
                                &traffic->status_5xx};
    if (classes[status / 100]) {
        *classes[status / 100] = 1;
    }
}

bool parse_access_log(struct arena *arena, const char *line, size_t size,
                      struct access_line *ret_line)
{
    const struct json_value *value;
    struct access_line parsed = {.traffic.requests = 1};
    if (size > ACCESS_LINE_MAX_BYTES || json_parse(arena, line, size, &value, NULL) < 0) {
        return false;
    }
    int64_t status = json_find_integer(value, "status", 0);
    parsed.traffic.bytes_out = json_find_integer(value, "size", -1);
    parsed.traffic.bytes_in = json_find_integer(value, "bytes_read", 0);
    if (status < STATUS_MIN || status > STATUS_MAX || parsed.traffic.bytes_out < 0 ||
        parsed.traffic.bytes_out > max_bytes || parsed.traffic.bytes_in < 0 ||
        parsed.traffic.bytes_in > max_bytes ||
        !read_duration_us(json_find(value, "duration"), &parsed.traffic.duration_us) ||
        !read_host(json_find_text(json_find(value, "request"), "host", NULL), &parsed.host)) {
        return false;
    }
    count_status(&parsed.traffic, status);
    *ret_line = parsed;
    return true;
}
