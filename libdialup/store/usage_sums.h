/*
 * What the files of the store that add up usage share: the columns of a struct usage_sums, in SQL
 * and in C. Nobody else includes it.
 *
 * Each part of a union has all columns of SUMS_COLUMNS by position; what it knows nothing of is 0,
 * or USAGE_UNKNOWN for the ledger's.
 */
#pragma once

#include "libdialup/db/db.h"
#include "libdialup/store/usage.h"

#define SUMS_NAMES                                                                                 \
    "runtime_ms, container_ms, cpu_us, cpu_millicores_peak, memory_kib_s, memory_bytes_peak, "     \
    "containers_peak, rx_bytes, tx_bytes, read_bytes, write_bytes, requests, status_5xx, "         \
    "bytes_in, bytes_out, duration_us, reserved_memory_mib, reserved_cpu_millicores, storage_mib"

/* Of rows that have those names. */
#define SUMS_OF_ROWS                                                                               \
    "sum(runtime_ms) AS runtime_ms, sum(container_ms) AS container_ms, sum(cpu_us) AS cpu_us, "    \
    "max(cpu_millicores_peak) AS cpu_millicores_peak, sum(memory_kib_s) AS memory_kib_s, "         \
    "max(memory_bytes_peak) AS memory_bytes_peak, max(containers_peak) AS containers_peak, "       \
    "sum(rx_bytes) AS rx_bytes, sum(tx_bytes) AS tx_bytes, sum(read_bytes) AS read_bytes, "        \
    "sum(write_bytes) AS write_bytes, sum(requests) AS requests, sum(status_5xx) AS status_5xx, "  \
    "sum(bytes_in) AS bytes_in, sum(bytes_out) AS bytes_out, sum(duration_us) AS duration_us, "    \
    "max(reserved_memory_mib) AS reserved_memory_mib, "                                            \
    "max(reserved_cpu_millicores) AS reserved_cpu_millicores, max(storage_mib) AS storage_mib "

/* Cycles of usage_samples from ?1 to before ?2: one row for each time, and for each of the keys,
 * which are columns with a comma behind; `rest` begins with AND or GROUP BY. */
#define SUMS_CYCLES(keys, rest)                                                                    \
    "(SELECT " keys "at, count(*) AS n, max(interval_ms) AS ran, sum(interval_ms) AS ms, "         \
    "sum(cpu_us) AS cpu, sum(cpu_us / max(interval_ms, 1)) AS millicores, "                        \
    "sum(memory_bytes / 1024 * interval_ms / 1000) AS kib_s, sum(memory_bytes) AS memory, "        \
    "sum(rx_bytes) AS rx, sum(tx_bytes) AS tx, sum(read_bytes) AS rd, sum(write_bytes) AS wr "     \
    "FROM usage_samples WHERE at >= ?1 AND at < ?2 " rest ") "

/* The columns of such cycles, added up. */
#define SUMS_OF_CYCLES                                                                             \
    "sum(ran) AS runtime_ms, sum(ms) AS container_ms, sum(cpu) AS cpu_us, "                        \
    "max(millicores) AS cpu_millicores_peak, sum(kib_s) AS memory_kib_s, "                         \
    "max(memory) AS memory_bytes_peak, max(n) AS containers_peak, sum(rx) AS rx_bytes, "           \
    "sum(tx) AS tx_bytes, sum(rd) AS read_bytes, sum(wr) AS write_bytes, 0 AS requests, "          \
    "0 AS status_5xx, 0 AS bytes_in, 0 AS bytes_out, 0 AS duration_us, "                           \
    "-1 AS reserved_memory_mib, -1 AS reserved_cpu_millicores, -1 AS storage_mib "

/* Of traffic_samples. */
#define SUMS_OF_TRAFFIC                                                                            \
    "0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, sum(requests), sum(status_5xx), sum(bytes_in), "             \
    "sum(bytes_out), sum(duration_us), -1, -1, -1 "

/* Of the ledger: reservations, or reservation_sums. */
#define SUMS_OF_LEDGER                                                                             \
    "0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, "                                             \
    "coalesce(sum(amount) FILTER (WHERE dimension IN "                                             \
    "('memory_production', 'memory_development')), 0), "                                           \
    "coalesce(sum(amount) FILTER (WHERE dimension IN ('cpu_production', 'cpu_development')), 0), " \
    "coalesce(sum(amount) FILTER (WHERE dimension IN "                                             \
    "('storage_production', 'storage_development')), 0) "

/* Reads the columns in their order, and binds them. */
void store_read_sums(struct db_query *query, struct usage_sums *sums);
void store_bind_sums(struct db_query *query, const struct usage_sums *sums);

/* sums and more, which follows it in time. */
void store_add_sums(struct usage_sums *sums, const struct usage_sums *more);
