/*
 * Reading groups, in made-up trees of both versions. The process that is looked for is this one.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

#include "libdialup/base/fs.h"
#include "libdialup/base/memory.h"
#include "libdialup/base/str.h"
#include "libdialup/cgroup/cgroup.h"
#include "libdialup/cgroup/parse.h"
#include "tests/harness/check.h"

static char *make_root(void)
{
    char *root = xstrdup("/tmp/dul-cgroup-XXXXXX");
    if (!mkdtemp(root)) {
        abort();
    }
    return root;
}

static void remove_root(char *root)
{
    fs_remove_tree(root, NULL);
    free(root);
}

static void put(const char *folder, const char *file, const char *text)
{
    AUTO_FREE char *path = xasprintf("%s/%s", folder, file);
    fs_make_dirs(folder, 0755, NULL);
    FILE *out = fopen(path, "w");
    if (!out) {
        abort();
    }
    fputs(text, out);
    fclose(out);
}

static struct cgroup_dirs make_v2(const char *root)
{
    struct cgroup_dirs dirs = {.version = CGROUP_V2};
    char *const all[] = {dirs.memory, dirs.cpu, dirs.cpuacct, dirs.blkio, dirs.pids};
    for (size_t i = 0; i < ARRAY_COUNT(all); i++) {
        snprintf(all[i], sizeof(dirs.memory), "%s/group", root);
    }
    put(root, "cgroup.controllers", "cpu io memory pids\n");
    put(dirs.memory, "memory.current", "5000\n");
    put(dirs.memory, "memory.stat", "anon 1\ninactive_file 2000\n");
    put(dirs.memory, "cpu.stat", "usage_usec 777\nuser_usec 1\n");
    put(dirs.memory, "io.stat", "8:0 rbytes=10 wbytes=20\n");
    put(dirs.memory, "pids.current", "4\n");
    put(dirs.memory, "memory.max", "1048576\n");
    put(dirs.memory, "cpu.max", "25000 100000\n");
    put(dirs.memory, "pids.max", "64\n");
    return dirs;
}

static struct cgroup_dirs make_v1(const char *root)
{
    struct cgroup_dirs dirs = {.version = CGROUP_V1};
    const struct {
        const char *controller;
        char *out;
    } all[] = {{"memory", dirs.memory},
               {"cpu", dirs.cpu},
               {"cpuacct", dirs.cpuacct},
               {"blkio", dirs.blkio},
               {"pids", dirs.pids}};
    for (size_t i = 0; i < ARRAY_COUNT(all); i++) {
        snprintf(all[i].out, sizeof(dirs.memory), "%s/%s/group", root, all[i].controller);
    }
    put(dirs.memory, "memory.usage_in_bytes", "5000\n");
    put(dirs.memory, "memory.stat", "inactive_file 1\ntotal_inactive_file 2000\n");
    put(dirs.cpuacct, "cpuacct.usage", "777999\n"); /* nanoseconds */
    put(dirs.blkio, "blkio.throttle.io_service_bytes", "8:0 Read 10\n8:0 Write 20\nTotal 30\n");
    put(dirs.pids, "pids.current", "4\n");
    put(dirs.memory, "memory.limit_in_bytes", "1048576\n");
    put(dirs.cpu, "cpu.cfs_quota_us", "25000\n");
    put(dirs.cpu, "cpu.cfs_period_us", "100000\n");
    put(dirs.pids, "pids.max", "64\n");
    return dirs;
}

static void check_sample(const struct cgroup_dirs *dirs, const char *usage_file)
{
    struct cgroup_reader *reader = NULL;
    struct cgroup_sample sample = {0};
    struct error err = {0};
    if (!CHECK_INT(cgroup_reader_open(dirs, &reader, &err), 0)) {
        return;
    }
    CHECK_INT(cgroup_reader_sample(reader, true, &sample, &err), 0);
    CHECK_INT(sample.memory_bytes, 3000);
    CHECK_INT(sample.cpu_us, 777);
    CHECK_INT(sample.pids, 4);
    CHECK_INT(sample.read_bytes, 10);
    CHECK_INT(sample.write_bytes, 20);
    /* The same descriptors see what changed; memory.stat only when it is asked for. */
    put(dirs->memory, usage_file, "9000\n");
    put(dirs->memory, "memory.stat", "inactive_file 500\ntotal_inactive_file 500\n");
    CHECK_INT(cgroup_reader_sample(reader, false, &sample, &err), 0);
    CHECK_INT(sample.memory_bytes, 7000);
    CHECK_INT(cgroup_reader_sample(reader, true, &sample, &err), 0);
    CHECK_INT(sample.memory_bytes, 8500);
    /* Pages may be freed between the two readings. */
    put(dirs->memory, usage_file, "100\n");
    CHECK_INT(cgroup_reader_sample(reader, false, &sample, &err), 0);
    CHECK_INT(sample.memory_bytes, 0);
    cgroup_reader_close(reader);
}

static void check_limits(const struct cgroup_dirs *dirs)
{
    struct cgroup_limits limits = {0};
    CHECK_INT(cgroup_read_limits(dirs, &limits, NULL), 0);
    CHECK_INT(limits.memory_bytes, 1048576);
    CHECK_INT(limits.cpu_millicores, 250);
    CHECK_INT(limits.pids, 64);
}

static void case_v2(void)
{
    char *root = make_root();
    struct cgroup_dirs dirs = make_v2(root);
    CHECK_INT(cgroup_detect(root), CGROUP_V2);
    check_limits(&dirs);
    check_sample(&dirs, "memory.current");
    remove_root(root);
}

static void case_v1(void)
{
    char *root = make_root();
    struct cgroup_dirs dirs = make_v1(root);
    CHECK_INT(cgroup_detect(root), CGROUP_V1);
    check_limits(&dirs);
    check_sample(&dirs, "memory.usage_in_bytes");
    remove_root(root);
}

static void case_no_limits(void)
{
    char *root = make_root();
    struct cgroup_dirs old = make_v1(root);
    struct cgroup_dirs unified = make_v2(root);
    struct cgroup_limits limits = {.cpu_millicores = 1};
    put(old.memory, "memory.limit_in_bytes", "9223372036854771712\n");
    put(old.cpu, "cpu.cfs_quota_us", "-1\n");
    put(old.pids, "pids.max", "max\n");
    CHECK_INT(cgroup_read_limits(&old, &limits, NULL), 0);
    CHECK(limits.memory_bytes == CGROUP_NO_LIMIT && limits.cpu_millicores == CGROUP_NO_LIMIT &&
          limits.pids == CGROUP_NO_LIMIT);
    put(unified.memory, "memory.max", "max\n");
    put(unified.memory, "cpu.max", "max 100000\n");
    put(unified.memory, "pids.max", "max\n");
    limits.memory_bytes = limits.pids = limits.cpu_millicores = 1;
    CHECK_INT(cgroup_read_limits(&unified, &limits, NULL), 0);
    CHECK(limits.memory_bytes == CGROUP_NO_LIMIT && limits.cpu_millicores == CGROUP_NO_LIMIT &&
          limits.pids == CGROUP_NO_LIMIT);
    remove_root(root);
}

static void case_ended(void)
{
    char *root = make_root();
    struct cgroup_dirs dirs = make_v2(root);
    struct cgroup_reader *reader = NULL;
    struct cgroup_limits limits;
    struct error err = {0};
    fs_remove_tree(dirs.memory, NULL);
    CHECK_INT(cgroup_reader_open(&dirs, &reader, &err), -ERR_NOT_FOUND);
    CHECK(reader == NULL);
    CHECK(cgroup_read_limits(&dirs, &limits, &err) < 0);
    remove_root(root);
}

static size_t count_descriptors(void)
{
    size_t count = 0;
    DIR *folder = opendir("/proc/self/fd");
    while (folder && readdir(folder)) {
        count++;
    }
    if (folder) {
        closedir(folder);
    }
    return count;
}

static void case_descriptors(void)
{
    char *root = make_root();
    struct cgroup_dirs dirs = make_v2(root);
    AUTO_FREE char *pids = xasprintf("%s/pids.current", dirs.pids);
    struct cgroup_reader *reader = NULL;
    size_t before = count_descriptors();
    CHECK_INT(cgroup_reader_open(&dirs, &reader, NULL), 0);
    CHECK(count_descriptors() <= before + 5);
    cgroup_reader_close(reader);
    CHECK_INT(count_descriptors(), before);
    unlink(pids);
    CHECK_INT(cgroup_reader_open(&dirs, &reader, NULL), -ERR_NOT_FOUND);
    CHECK_INT(count_descriptors(), before);
    cgroup_reader_close(NULL);
    remove_root(root);
}

static void case_nonsense(void)
{
    char *root = make_root();
    struct cgroup_dirs dirs = make_v2(root);
    struct cgroup_reader *reader = NULL;
    struct cgroup_sample sample;
    struct cgroup_limits limits;
    struct error err = {0};
    CHECK_INT(cgroup_reader_open(&dirs, &reader, NULL), 0);
    put(dirs.memory, "memory.current", "what?\n");
    CHECK_INT(cgroup_reader_sample(reader, true, &sample, &err), -ERR_IO);
    put(dirs.memory, "cpu.max", "what?\n");
    CHECK_INT(cgroup_read_limits(&dirs, &limits, &err), -ERR_IO);
    CHECK_CONTAINS(err.message, "cpu.max");
    cgroup_reader_close(reader);
    remove_root(root);
}

/* The path below the root is that of this process, whatever it is on the machine of the test. */
static void case_find(void)
{
    char *root = make_root();
    AUTO_STRBUF struct strbuf membership = STRBUF_INIT;
    struct cgroup_dirs dirs;
    struct error err = {0};
    char path[400];
    put(root, "cgroup.controllers", "cpu\n");
    CHECK_INT(fs_read_file("/proc/self/cgroup", 8192, &membership, NULL), 0);
    if (cgroup_parse_membership(strbuf_text(&membership), "", path, sizeof(path))) {
        AUTO_FREE char *wanted = xasprintf("%s%s", root, path);
        CHECK_INT(cgroup_find(root, getpid(), &dirs, &err), 0);
        CHECK_INT(dirs.version, CGROUP_V2);
        CHECK_STR(dirs.memory, wanted);
        CHECK_STR(dirs.pids, wanted);
    }
    CHECK(cgroup_find(root, 4194000, &dirs, &err) < 0);
    remove_root(root);
}

static void case_memory_high(void)
{
    char *root = make_root();
    struct cgroup_dirs dirs = make_v2(root);
    AUTO_FREE char *path = xasprintf("%s/memory.high", dirs.memory);
    static const struct {
        int64_t bytes;
        const char *text;
    } rows[] = {{1048576, "1048576"}, {CGROUP_NO_LIMIT, "max"}};
    CHECK_INT(cgroup_set_memory_high(&dirs, 1, NULL), -ERR_NOT_FOUND);
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        AUTO_STRBUF struct strbuf text = STRBUF_INIT;
        put(dirs.memory, "memory.high", "");
        CHECK_INT(cgroup_set_memory_high(&dirs, rows[i].bytes, NULL), 0);
        CHECK_INT(fs_read_file(path, 100, &text, NULL), 0);
        CHECK_STR(strbuf_text(&text), rows[i].text);
    }
    dirs.version = CGROUP_V1;
    CHECK_INT(cgroup_set_memory_high(&dirs, 1, NULL), -ERR_UNSUPPORTED);
    remove_root(root);
}

int main(void)
{
    static const struct check_case cases[] = {
        {"version 2: limits, samples, kept descriptors", case_v2},
        {"version 1: limits, samples, kept descriptors", case_v1},
        {"no limits", case_no_limits},
        {"a group that has ended is not found", case_ended},
        {"at most five descriptors, none left over", case_descriptors},
        {"what is no number is an error", case_nonsense},
        {"the group of a process", case_find},
        {"where memory is pushed out", case_memory_high},
    };
    return check_run(cases, ARRAY_COUNT(cases));
}
