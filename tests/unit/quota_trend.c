/*
 * Lines through figures, and when they meet an amount.
 */
#include "libdialup/quota/trend.h"

#include "libdialup/base/memory.h"
#include "tests/harness/check.h"

enum { DAY_S = 86400, BEGIN = 1700000000 };

static bool is_near(double value, double wanted)
{
    double off = value - wanted;
    return off < 1e-6 && off > -1e-6;
}

static void case_lines(void)
{
    static const struct {
        const char *name;
        double values[5]; /* one a day */
        size_t count;
        double level, per_day, fit, full;
        int64_t days; /* from the last point until it is full; -1: never */
    } rows[] = {
        {"nothing", {0}, 0, 0, 0, 0, 10, -1},
        {"a point", {5}, 1, 5, 0, 0, 10, -1},
        {"two points are no trend", {1, 2}, 2, 2, 1, 1, 10, -1},
        {"a line", {10, 20, 30, 40}, 4, 40, 10, 1, 100, 6},
        {"it falls", {40, 30, 20}, 3, 20, -10, 1, 100, -1},
        {"it stays", {7, 7, 7, 7}, 4, 7, 0, 0, 100, -1},
        {"it is full", {80, 90, 100, 110}, 4, 110, 10, 1, 100, 0},
        {"it swings", {10, 20, 10, 20, 10}, 5, 14, 0, 0, 100, -1},
        {"it rises and swings", {0, 20, 10, 30}, 4, 27, 8, 0.64, 107, 10},
        {"not within ten years", {0, 0.001, 0.002}, 3, 0.002, 0.001, 1, 100, -1},
        {"large figures", {4e15, 4e15 + 100, 4e15 + 200}, 3, 4e15 + 200, 100, 1, 4e15 + 700, 5},
    };
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        struct quota_trend_point points[5];
        for (size_t day = 0; day < 5; day++) {
            points[day].at = BEGIN + (int64_t)day * DAY_S;
            points[day].value = rows[i].values[day];
        }
        struct quota_trend trend = quota_trend(points, rows[i].count);
        int64_t full_at = quota_trend_reaches(&trend, rows[i].full);
        bool is_right = trend.count == rows[i].count && is_near(trend.level, rows[i].level) &&
                        is_near(trend.per_day, rows[i].per_day) && is_near(trend.fit, rows[i].fit);
        int64_t off = full_at - (trend.at + rows[i].days * DAY_S);
        is_right = is_right && (rows[i].days < 0 ? full_at == 0 : off <= 1 && off >= -1);
        if (!is_right) {
            printf("# %s: level %f, %f a day, fit %f, full at %lld\n", rows[i].name, trend.level,
                   trend.per_day, trend.fit, (long long)full_at);
        }
        CHECK(is_right);
    }
}

int main(void)
{
    static const struct check_case cases[] = {
        {"lines", case_lines},
    };
    return check_run(cases, ARRAY_COUNT(cases));
}
