/*
 * The texts of cgroup files, versions 1 and 2, as the kernel writes them and as it never would.
 */
#include "libdialup/cgroup/parse.h"

#include "libdialup/base/memory.h"
#include "tests/harness/check.h"

static void case_number(void)
{
    static const struct {
        const char *text;
        bool is_good;
        int64_t value;
    } rows[] = {
        {"0\n", true, 0},
        {"123456\n", true, 123456},
        {"7", true, 7},
        {"max\n", true, CGROUP_NO_LIMIT},
        {"9223372036854771712\n", true, CGROUP_NO_LIMIT}, /* v1 without a limit */
        {"-1\n", true, CGROUP_NO_LIMIT},                  /* v1 cpu.cfs_quota_us */
        {"", false, 0},
        {"\n", false, 0},
        {"12 34\n", false, 0},
        {"12x\n", false, 0},
        {"99999999999999999999\n", false, 0},
    };
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        int64_t value = 0;
        CHECK_INT(cgroup_parse_number(rows[i].text, &value), rows[i].is_good);
        CHECK_INT(value, rows[i].value);
    }
}

static void case_key(void)
{
    const char *stat = "cache 1\nrss 22\ninactive_file 333\ntotal_inactive_file 4444\nlast 5";
    int64_t value = 0;
    CHECK(cgroup_parse_key(stat, "cache", &value));
    CHECK_INT(value, 1);
    CHECK(cgroup_parse_key(stat, "inactive_file", &value));
    CHECK_INT(value, 333);
    CHECK(cgroup_parse_key(stat, "total_inactive_file", &value));
    CHECK_INT(value, 4444);
    CHECK(cgroup_parse_key(stat, "last", &value));
    CHECK_INT(value, 5);
    CHECK(!cgroup_parse_key(stat, "inactive", &value));
    CHECK(!cgroup_parse_key(stat, "file", &value));
    CHECK(!cgroup_parse_key("", "cache", &value));
    CHECK(!cgroup_parse_key("cache \n", "cache", &value));
    CHECK_INT(value, 5);
}

static void case_cpu_max(void)
{
    static const struct {
        const char *text;
        bool is_good;
        int64_t millicores;
    } rows[] = {
        {"50000 100000\n", true, 500},
        {"250000 100000\n", true, 2500},
        {"1000 100000\n", true, 10},
        {"max 100000\n", true, CGROUP_NO_LIMIT},
        {"50000 0\n", false, 0},
        {"50000\n", false, 0},
        {"", false, 0},
        {"x 100000\n", false, 0},
    };
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        int64_t millicores = 0;
        CHECK_INT(cgroup_parse_cpu_max(rows[i].text, &millicores), rows[i].is_good);
        CHECK_INT(millicores, rows[i].millicores);
    }
}

static void case_io_stat(void)
{
    static const struct {
        const char *text;
        int64_t read, written;
    } rows[] = {
        {"8:0 rbytes=100 wbytes=200 rios=1 wios=2 dbytes=9 dios=1\n", 100, 200},
        {"8:0 rbytes=1 wbytes=2 rios=1\n8:16 rbytes=10 wbytes=20 rios=1\n", 11, 22},
        {"8:0\n8:16 rbytes=5 wbytes=6\n", 5, 6}, /* a device that was never used */
        {"", 0, 0},
        {"nonsense\n", 0, 0},
    };
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        int64_t read = -1;
        int64_t written = -1;
        cgroup_parse_io_stat(rows[i].text, &read, &written);
        CHECK_INT(read, rows[i].read);
        CHECK_INT(written, rows[i].written);
    }
}

static void case_blkio(void)
{
    int64_t read = -1;
    int64_t written = -1;
    cgroup_parse_blkio("8:0 Read 100\n8:0 Write 200\n8:0 Sync 300\n8:0 Async 0\n8:0 Total 300\n"
                       "8:16 Read 1\n8:16 Write 2\n8:16 Total 3\nTotal 303\n",
                       &read, &written);
    CHECK_INT(read, 101);
    CHECK_INT(written, 202);
    cgroup_parse_blkio("Total 0\n", &read, &written);
    CHECK_INT(read, 0);
    CHECK_INT(written, 0);
}

static void case_membership(void)
{
    const char *hybrid = "9:name=systemd:/system.slice\n5:cpu,cpuacct:/docker/abc\n4:memory:/m\n"
                         "2:pids:/p\n0::/unified/path\n";
    static const struct {
        const char *controller;
        const char *path; /* NULL: none */
    } rows[] = {
        {"cpu", "/docker/abc"}, {"cpuacct", "/docker/abc"}, {"memory", "/m"},
        {"pids", "/p"},         {"", "/unified/path"},      {"blkio", NULL},
        {"acct", NULL},         {"systemd", NULL},
    };
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        char path[64] = "";
        CHECK_INT(cgroup_parse_membership(hybrid, rows[i].controller, path, sizeof(path)),
                  rows[i].path != NULL);
        CHECK_STR(path, rows[i].path ? rows[i].path : "");
    }
}

static void case_membership_odd(void)
{
    char path[8];
    CHECK(!cgroup_parse_membership("4:memory:/longer/than/that\n", "memory", path, sizeof(path)));
    CHECK(!cgroup_parse_membership("", "memory", path, sizeof(path)));
    CHECK(!cgroup_parse_membership("memory\n4\n4:memory\n", "memory", path, sizeof(path)));
    CHECK(cgroup_parse_membership("4:memory:/a:b", "memory", path, sizeof(path)));
    CHECK_STR(path, "/a:b");
}

int main(void)
{
    static const struct check_case cases[] = {
        {"numbers alone, and no limit", case_number},
        {"the number after a key", case_key},
        {"cpu.max", case_cpu_max},
        {"io.stat over several devices", case_io_stat},
        {"blkio over several devices", case_blkio},
        {"where a process belongs, by controller", case_membership},
        {"broken and long memberships", case_membership_odd},
    };
    return check_run(cases, ARRAY_COUNT(cases));
}
