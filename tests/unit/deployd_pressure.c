/*
 * What the kernel says of memory, taken apart.
 */
#include "dialup-deployd/pressure/memory.h"

#include "libdialup/base/memory.h"
#include "tests/harness/check.h"

static void case_meminfo(void)
{
    static const struct {
        const char *name;
        const char *text;
        int64_t total_mib, used_mib; /* total 0: refused */
    } rows[] = {
        {"as the kernel writes it",
         "MemTotal:       8388608 kB\nMemFree: 1 kB\nMemAvailable:    2097152 kB\n", 8192, 6144},
        {"nothing is used", "MemTotal: 1024 kB\nMemAvailable: 1024 kB\n", 1, 0},
        {"another order", "MemAvailable: 0 kB\nMemTotal: 2048 kB", 2, 2},
        {"no total", "MemAvailable: 1024 kB\n", 0, 0},
        {"before Linux 3.14", "MemTotal: 1024 kB\nMemFree: 12 kB\n", 0, 0},
        {"no number", "MemTotal: much\nMemAvailable: 1 kB\n", 0, 0},
        {"negative", "MemTotal: 1024 kB\nMemAvailable: -1 kB\n", 0, 0},
        {"more than there is", "MemTotal: 1024 kB\nMemAvailable: 1025 kB\n", 0, 0},
        {"a name within a line", "xMemTotal: 5 kB\nMemAvailable: 1 kB\n", 0, 0},
        {"empty", "", 0, 0},
    };
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        struct memory_reading reading = {0};
        struct error err;
        int result = memory_parse(rows[i].text, &reading, &err);
        bool good = CHECK_INT(result, rows[i].total_mib ? 0 : -ERR_INVALID_ARGUMENT);
        good = CHECK_INT(reading.total_mib, rows[i].total_mib) && good;
        if (!(CHECK_INT(reading.used_mib, rows[i].used_mib) && good)) {
            printf("# row \"%s\"\n", rows[i].name);
        }
    }
}

static void case_stall(void)
{
    static const struct {
        const char *text;
        int64_t permille;
    } rows[] = {
        {"some avg10=40.00 avg60=1.00 avg300=0.00 total=1\n"
         "full avg10=12.50 avg60=0.00 avg300=0.00 total=1\n",
         125},
        {"full avg10=0.00 avg60=9.00", 0},
        {"some avg10=40.00", 0},
        {"full avg10=nan", 0},
        {"full avg10=1e99", 0},
        {"", 0},
    };
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        CHECK_INT(memory_parse_stall(rows[i].text), rows[i].permille);
    }
}

/* Memory that is nearly full counts as full when all work waits for it. */
static void case_counted(void)
{
    static const struct {
        int64_t used_mib, stall_permille, counted_mib;
    } rows[] = {
        {500, 0, 500},   {500, 1000, 500}, {850, 99, 850},  {850, 100, 901},
        {800, 500, 901}, {799, 500, 799},  {950, 500, 950},
    };
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        const struct memory_reading reading = {1000, rows[i].used_mib, rows[i].stall_permille};
        CHECK_INT(memory_counted_mib(&reading), rows[i].counted_mib);
    }
}

static void case_no_file(void)
{
    struct memory_reading reading;
    struct error err;
    CHECK(memory_read("/nonexistent", "/nonexistent", &reading, &err) < 0);
    CHECK_INT(memory_read("/proc/meminfo", "/nonexistent", &reading, &err), 0);
    CHECK(reading.total_mib > 0 && reading.used_mib > 0 && reading.stall_permille == 0);
}

int main(void)
{
    static const struct check_case cases[] = {
        {"the kernel's figures", case_meminfo},
        {"how much work waits", case_stall},
        {"what counts as used", case_counted},
        {"without its files", case_no_file},
    };
    return check_run(cases, ARRAY_COUNT(cases));
}
