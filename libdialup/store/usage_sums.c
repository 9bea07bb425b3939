/*
 * Sums: out of rows, into rows, and the figures that people know.
 */
#include "libdialup/store/usage_sums.h"

#include <stddef.h>

#include "libdialup/store/internal.h"

#define MS_PER_HOUR 3.6e6
#define US_PER_HOUR 3.6e9
#define KIB_S_PER_GIB_HOUR (1024.0 * 1024.0 * 3600.0)

enum { BYTES_PER_KIB = 1024, MS_PER_S = 1000 };

/* In the order of SUMS_NAMES. */
static const struct {
    size_t offset;
    bool is_peak;
} columns[] = {
#define SUM(field)                                                                                 \
    {                                                                                              \
        offsetof(struct usage_sums, field), false                                                  \
    }
#define PEAK(field)                                                                                \
    {                                                                                              \
        offsetof(struct usage_sums, field), true                                                   \
    }
    SUM(runtime_ms),
    SUM(container_ms),
    SUM(cpu_us),
    PEAK(cpu_millicores_peak),
    SUM(memory_kib_s),
    PEAK(memory_bytes_peak),
    PEAK(containers_peak),
    SUM(rx_bytes),
    SUM(tx_bytes),
    SUM(read_bytes),
    SUM(write_bytes),
    SUM(requests),
    SUM(status_5xx),
    SUM(bytes_in),
    SUM(bytes_out),
    SUM(duration_us),
    PEAK(reserved_memory_mib),
    PEAK(reserved_cpu_millicores),
    PEAK(storage_mib),
#undef SUM
#undef PEAK
};

static int64_t *field_of(struct usage_sums *sums, size_t column)
{
    return (int64_t *)(void *)((char *)sums + columns[column].offset);
}

static int64_t value_of(const struct usage_sums *sums, size_t column)
{
    return *(const int64_t *)(const void *)((const char *)sums + columns[column].offset);
}

void store_read_sums(struct db_query *query, struct usage_sums *sums)
{
    for (size_t i = 0; i < ARRAY_COUNT(columns); i++) {
        *field_of(sums, i) = db_column_i64(query);
    }
}

void store_bind_sums(struct db_query *query, const struct usage_sums *sums)
{
    for (size_t i = 0; i < ARRAY_COUNT(columns); i++) {
        db_bind_i64(query, value_of(sums, i));
    }
}

void store_add_sums(struct usage_sums *sums, const struct usage_sums *more)
{
    for (size_t i = 0; i < ARRAY_COUNT(columns); i++) {
        int64_t *field = field_of(sums, i);
        int64_t value = value_of(more, i);
        *field = !columns[i].is_peak ? *field + value : value > *field ? value : *field;
    }
}

double usage_runtime_hours(const struct usage_sums *sums)
{
    return (double)sums->runtime_ms / MS_PER_HOUR;
}

double usage_container_hours(const struct usage_sums *sums)
{
    return (double)sums->container_ms / MS_PER_HOUR;
}

double usage_core_hours(const struct usage_sums *sums)
{
    return (double)sums->cpu_us / US_PER_HOUR;
}

double usage_gib_hours(const struct usage_sums *sums)
{
    return (double)sums->memory_kib_s / KIB_S_PER_GIB_HOUR;
}

int64_t usage_mean_millicores(const struct usage_sums *sums)
{
    return sums->runtime_ms > 0 ? sums->cpu_us / sums->runtime_ms : 0;
}

int64_t usage_mean_memory_bytes(const struct usage_sums *sums)
{
    /* In bytes the sum of years would not fit. */
    return sums->runtime_ms > 0 ? (int64_t)((double)sums->memory_kib_s * BYTES_PER_KIB * MS_PER_S /
                                            (double)sums->runtime_ms)
                                : 0;
}
