/*
 * A trend: the straight line that fits a row of figures best (least squares), how well it fits, and
 * when it reaches an amount. Pure: it says what would be if all went on as before.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct quota_trend_point {
    int64_t at; /* unix seconds */
    double value;
};

struct quota_trend {
    size_t count;   /* of points; below 2 there is no line, and the rest is 0 but level */
    int64_t at;     /* of the last point */
    double level;   /* of the line then */
    double per_day; /* its slope */
    double fit;     /* 0 to 1: how much of the ups and downs the line explains (r squared) */
};

struct quota_trend quota_trend(const struct quota_trend_point *points, size_t count);

/* When the line reaches the amount: the trend's own time if it is there already; 0 if it does not
 * rise, has fewer than 3 points, or would take more than ten years. */
int64_t quota_trend_reaches(const struct quota_trend *trend, double amount);
