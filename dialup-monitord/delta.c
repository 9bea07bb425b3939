/*
 * Differences; see the header. Used by the sampler and by the book of traffic.
 */
#include "dialup-monitord/delta.h"

int64_t delta_counter(int64_t before, int64_t now)
{
    return now >= before ? now - before : now;
}

struct usage_counters delta_usage(const struct usage_counters *before,
                                  const struct usage_counters *now)
{
    return (struct usage_counters){
        .cpu_us = delta_counter(before->cpu_us, now->cpu_us),
        .rx_bytes = delta_counter(before->rx_bytes, now->rx_bytes),
        .tx_bytes = delta_counter(before->tx_bytes, now->tx_bytes),
        .read_bytes = delta_counter(before->read_bytes, now->read_bytes),
        .write_bytes = delta_counter(before->write_bytes, now->write_bytes),
    };
}

struct traffic delta_traffic(const struct traffic *before, const struct traffic *now)
{
    static const struct traffic nothing;
    const struct traffic *from = now->requests >= before->requests ? before : &nothing;
    return (struct traffic){
        .requests = delta_counter(from->requests, now->requests),
        .bytes_in = delta_counter(from->bytes_in, now->bytes_in),
        .bytes_out = delta_counter(from->bytes_out, now->bytes_out),
        .duration_us = delta_counter(from->duration_us, now->duration_us),
        .status_2xx = delta_counter(from->status_2xx, now->status_2xx),
        .status_3xx = delta_counter(from->status_3xx, now->status_3xx),
        .status_4xx = delta_counter(from->status_4xx, now->status_4xx),
        .status_5xx = delta_counter(from->status_5xx, now->status_5xx),
    };
}

void traffic_accumulate(struct traffic *sum, const struct traffic *more)
{
    sum->requests += more->requests;
    sum->bytes_in += more->bytes_in;
    sum->bytes_out += more->bytes_out;
    sum->duration_us += more->duration_us;
    sum->status_2xx += more->status_2xx;
    sum->status_3xx += more->status_3xx;
    sum->status_4xx += more->status_4xx;
    sum->status_5xx += more->status_5xx;
}
