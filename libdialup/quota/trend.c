/*
 * See the header.
 */
#include "libdialup/quota/trend.h"

#define DAY_S 86400.0

enum { POINTS_MIN = 3, DAYS_MAX = 3650 };

struct means {
    double days; /* after the first point */
    double value;
};

static double days_after(const struct quota_trend_point *points, size_t i)
{
    return (double)(points[i].at - points[0].at) / DAY_S;
}

static struct means means_of(const struct quota_trend_point *points, size_t count)
{
    struct means sum = {0};
    for (size_t i = 0; i < count; i++) {
        sum.days += days_after(points, i);
        sum.value += points[i].value;
    }
    return (struct means){sum.days / (double)count, sum.value / (double)count};
}

struct quota_trend quota_trend(const struct quota_trend_point *points, size_t count)
{
    struct quota_trend trend = {.count = count};
    if (count == 0) {
        return trend;
    }
    /* Distances from the means, so that large figures lose no digits. */
    const struct means mean = means_of(points, count);
    double xx = 0;
    double xy = 0;
    double yy = 0;
    for (size_t i = 0; i < count; i++) {
        double x = days_after(points, i) - mean.days;
        double y = points[i].value - mean.value;
        xx += x * x;
        xy += x * y;
        yy += y * y;
    }
    trend.at = points[count - 1].at;
    trend.per_day = xx > 0 ? xy / xx : 0;
    trend.level = mean.value + trend.per_day * (days_after(points, count - 1) - mean.days);
    trend.fit = xx > 0 && yy > 0 ? xy * xy / (xx * yy) : 0;
    return trend;
}

int64_t quota_trend_reaches(const struct quota_trend *trend, double amount)
{
    if (trend->count < POINTS_MIN) {
        return 0;
    }
    if (trend->level >= amount) {
        return trend->at;
    }
    double days = trend->per_day > 0 ? (amount - trend->level) / trend->per_day : DAYS_MAX + 1;
    return days > DAYS_MAX ? 0 : trend->at + (int64_t)(days * DAY_S);
}
