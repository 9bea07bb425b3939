/*
 * From a history to a line. Pure.
 */
#include "libdialup/base/memory.h"
#include "libdialup/store/usage.h"

/* False if the step does not know it. */
static bool value_of(const struct usage_sums *sums, enum usage_measure measure, double *ret_value)
{
    int64_t value = 0;
    switch (measure) {
    case USAGE_MEASURE_CPU:
        value = usage_mean_millicores(sums);
        break;
    case USAGE_MEASURE_MEMORY:
        value = usage_mean_memory_bytes(sums);
        break;
    case USAGE_MEASURE_REQUESTS:
        value = sums->requests;
        break;
    case USAGE_MEASURE_RESERVED_CPU:
        value = sums->reserved_cpu_millicores;
        break;
    case USAGE_MEASURE_RESERVED_MEMORY:
        value = sums->reserved_memory_mib;
        break;
    case USAGE_MEASURE_STORAGE:
        value = sums->storage_mib;
        break;
    }
    *ret_value = (double)value;
    return value != USAGE_UNKNOWN;
}

struct quota_trend usage_trend(const struct usage_series *series, enum usage_measure measure)
{
    struct quota_trend_point points[USAGE_POINTS_MAX];
    size_t count = 0;
    for (size_t i = 0; i < series->count && count < ARRAY_COUNT(points); i++) {
        points[count].at = series->rows[i].at;
        count += value_of(&series->rows[i].sums, measure, &points[count].value);
    }
    return quota_trend(points, count);
}
