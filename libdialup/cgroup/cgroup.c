/*
 * Reading cgroup files. Called by monitord (samples) and deployd (limits in force).
 */
#include "libdialup/cgroup/cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "libdialup/base/fs.h"
#include "libdialup/base/memory.h"
#include "libdialup/cgroup/parse.h"

enum { FILE_BYTES = 8192 };

enum reader_file { USAGE, MEMORY_STAT, CPU, IO, PIDS, FILE_COUNT };

struct cgroup_reader {
    enum cgroup_version version;
    int fds[FILE_COUNT];
    int64_t inactive_file_bytes;
};

enum cgroup_version cgroup_detect(const char *root)
{
    AUTO_FREE char *controllers = xasprintf("%s/cgroup.controllers", root);
    return fs_exists(controllers) ? CGROUP_V2 : CGROUP_V1;
}

static int find_dir(const char *root, const char *membership, const char *controller, char *out,
                    unsigned size, struct error *err)
{
    char path[400];
    if (!cgroup_parse_membership(membership, controller, path, sizeof(path))) {
        return error_set(err, ERR_NOT_FOUND, "The process has no %s control group",
                         *controller ? controller : "version 2");
    }
    const char *slash = *controller ? "/" : "";
    if (snprintf(out, size, "%s%s%s%s", root, slash, controller, path) >= (int)size) {
        return error_set(err, ERR_TOO_LARGE, "The path of the control group is too long");
    }
    return 0;
}

int cgroup_find(const char *root, pid_t pid, struct cgroup_dirs *ret_dirs, struct error *err)
{
    AUTO_FREE char *path = xasprintf("/proc/%d/cgroup", (int)pid);
    AUTO_STRBUF struct strbuf text = STRBUF_INIT;
    int result = fs_read_file(path, FILE_BYTES, &text, err);
    if (result < 0) {
        return result;
    }
    struct cgroup_dirs dirs = {.version = cgroup_detect(root)};
    bool unified = dirs.version == CGROUP_V2;
    const struct {
        const char *controller;
        char *out;
    } wanted[] = {
        {"memory", dirs.memory}, {"cpu", dirs.cpu},   {"cpuacct", dirs.cpuacct},
        {"blkio", dirs.blkio},   {"pids", dirs.pids},
    };
    for (size_t i = 0; i < ARRAY_COUNT(wanted); i++) {
        result = find_dir(root, strbuf_text(&text), unified ? "" : wanted[i].controller,
                          wanted[i].out, sizeof(dirs.memory), err);
        if (result < 0) {
            return result;
        }
    }
    *ret_dirs = dirs;
    return 0;
}

static int vanished_or_failed(int errno_value, const char *what, struct error *err)
{
    bool vanished = errno_value == ENOENT || errno_value == ENODEV;
    return error_set_errno(err, vanished ? ERR_NOT_FOUND : ERR_IO, errno_value, "Cannot read %s",
                           what);
}

static int read_number(const char *dir, const char *file, int64_t *ret_value, struct error *err)
{
    AUTO_FREE char *path = xasprintf("%s/%s", dir, file);
    AUTO_STRBUF struct strbuf text = STRBUF_INIT;
    int result = fs_read_file(path, FILE_BYTES, &text, err);
    if (result == 0 && !cgroup_parse_number(strbuf_text(&text), ret_value)) {
        result = error_set(err, ERR_IO, "%s does not hold a number", path);
    }
    return result;
}

static int read_cpu_limit_v1(const char *dir, int64_t *ret_millicores, struct error *err)
{
    int64_t quota;
    int64_t period;
    int result = read_number(dir, "cpu.cfs_quota_us", &quota, err);
    if (result == 0) {
        result = read_number(dir, "cpu.cfs_period_us", &period, err);
    }
    if (result == 0) {
        *ret_millicores = period > 0 ? quota * 1000 / period : CGROUP_NO_LIMIT;
    }
    return result;
}

static int read_cpu_limit_v2(const char *dir, int64_t *ret_millicores, struct error *err)
{
    AUTO_FREE char *path = xasprintf("%s/cpu.max", dir);
    AUTO_STRBUF struct strbuf text = STRBUF_INIT;
    int result = fs_read_file(path, FILE_BYTES, &text, err);
    if (result == 0 && !cgroup_parse_cpu_max(strbuf_text(&text), ret_millicores)) {
        result = error_set(err, ERR_IO, "%s is not understood", path);
    }
    return result;
}

int cgroup_read_memory_limit(const struct cgroup_dirs *dirs, int64_t *ret_bytes, struct error *err)
{
    return read_number(dirs->memory,
                       dirs->version == CGROUP_V2 ? "memory.max" : "memory.limit_in_bytes",
                       ret_bytes, err);
}

int cgroup_read_cpu_limit(const struct cgroup_dirs *dirs, int64_t *ret_millicores,
                          struct error *err)
{
    return dirs->version == CGROUP_V2 ? read_cpu_limit_v2(dirs->cpu, ret_millicores, err)
                                      : read_cpu_limit_v1(dirs->cpu, ret_millicores, err);
}

int cgroup_read_limits(const struct cgroup_dirs *dirs, struct cgroup_limits *ret_limits,
                       struct error *err)
{
    struct cgroup_limits limits = {0};
    int result = cgroup_read_memory_limit(dirs, &limits.memory_bytes, err);
    if (result == 0) {
        result = cgroup_read_cpu_limit(dirs, &limits.cpu_millicores, err);
    }
    if (result == 0) {
        result = read_number(dirs->pids, "pids.max", &limits.pids, err);
    }
    if (result == 0) {
        *ret_limits = limits;
    }
    return result;
}

int cgroup_set_memory_high(const struct cgroup_dirs *dirs, int64_t bytes, struct error *err)
{
    if (dirs->version != CGROUP_V2) {
        return error_set(err, ERR_UNSUPPORTED, "This kernel's control groups have no memory.high");
    }
    AUTO_FREE char *path = xasprintf("%s/memory.high", dirs->memory);
    AUTO_FREE char *text =
        bytes == CGROUP_NO_LIMIT ? xstrdup("max") : xasprintf("%lld", (long long)bytes);
    AUTO_CLOSE int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0) {
        return vanished_or_failed(errno, path, err);
    }
    return fs_write_all(fd, text, strlen(text), err);
}

static int open_file(const char *dir, const char *file, int *ret_fd, struct error *err)
{
    AUTO_FREE char *path = xasprintf("%s/%s", dir, file);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return vanished_or_failed(errno, path, err);
    }
    *ret_fd = fd;
    return 0;
}

int cgroup_reader_open(const struct cgroup_dirs *dirs, struct cgroup_reader **ret_reader,
                       struct error *err)
{
    bool unified = dirs->version == CGROUP_V2;
    const struct {
        const char *dir;
        const char *file;
    } files[FILE_COUNT] = {
        [USAGE] = {dirs->memory, unified ? "memory.current" : "memory.usage_in_bytes"},
        [MEMORY_STAT] = {dirs->memory, "memory.stat"},
        [CPU] = {dirs->cpuacct, unified ? "cpu.stat" : "cpuacct.usage"},
        [IO] = {dirs->blkio, unified ? "io.stat" : "blkio.throttle.io_service_bytes"},
        [PIDS] = {dirs->pids, "pids.current"},
    };
    struct cgroup_reader *reader = xcalloc(1, sizeof(*reader));
    reader->version = dirs->version;
    for (int i = 0; i < FILE_COUNT; i++) {
        reader->fds[i] = -1;
    }
    for (int i = 0; i < FILE_COUNT; i++) {
        int result = open_file(files[i].dir, files[i].file, &reader->fds[i], err);
        if (result < 0) {
            cgroup_reader_close(reader);
            return result;
        }
    }
    *ret_reader = reader;
    return 0;
}

void cgroup_reader_close(struct cgroup_reader *reader)
{
    if (!reader) {
        return;
    }
    for (int i = 0; i < FILE_COUNT; i++) {
        if (reader->fds[i] >= 0) {
            close(reader->fds[i]);
        }
    }
    free(reader);
}

static int read_again(const struct cgroup_reader *reader, enum reader_file file, char *out,
                      struct error *err)
{
    ssize_t got = pread(reader->fds[file], out, FILE_BYTES - 1, 0);
    if (got < 0) {
        return vanished_or_failed(errno, "a control group's file", err);
    }
    out[got] = '\0';
    return 0;
}

static int sample_memory(struct cgroup_reader *reader, bool with_stat, int64_t *ret_bytes,
                         struct error *err)
{
    char text[FILE_BYTES];
    int64_t usage;
    int result = read_again(reader, USAGE, text, err);
    if (result < 0) {
        return result;
    }
    if (!cgroup_parse_number(text, &usage)) {
        return error_set(err, ERR_IO, "The memory in use is not a number");
    }
    if (with_stat) {
        const char *key = reader->version == CGROUP_V2 ? "inactive_file" : "total_inactive_file";
        result = read_again(reader, MEMORY_STAT, text, err);
        if (result < 0) {
            return result;
        }
        cgroup_parse_key(text, key, &reader->inactive_file_bytes);
    }
    int64_t inactive = reader->inactive_file_bytes;
    *ret_bytes = usage > inactive ? usage - inactive : 0;
    return 0;
}

static int sample_cpu(const struct cgroup_reader *reader, int64_t *ret_us, struct error *err)
{
    char text[FILE_BYTES];
    int result = read_again(reader, CPU, text, err);
    if (result < 0) {
        return result;
    }
    int64_t value = 0;
    if (reader->version == CGROUP_V2) {
        cgroup_parse_key(text, "usage_usec", &value);
        *ret_us = value;
    } else {
        cgroup_parse_number(text, &value);
        *ret_us = value / 1000;
    }
    return 0;
}

int cgroup_reader_sample(struct cgroup_reader *reader, bool with_memory_stat,
                         struct cgroup_sample *ret_sample, struct error *err)
{
    char text[FILE_BYTES];
    struct cgroup_sample sample = {0};
    int result = sample_memory(reader, with_memory_stat, &sample.memory_bytes, err);
    if (result == 0) {
        result = sample_cpu(reader, &sample.cpu_us, err);
    }
    if (result == 0) {
        result = read_again(reader, PIDS, text, err);
    }
    if (result < 0) {
        return result;
    }
    cgroup_parse_number(text, &sample.pids);
    result = read_again(reader, IO, text, err);
    if (result < 0) {
        return result;
    }
    if (reader->version == CGROUP_V2) {
        cgroup_parse_io_stat(text, &sample.read_bytes, &sample.write_bytes);
    } else {
        cgroup_parse_blkio(text, &sample.read_bytes, &sample.write_bytes);
    }
    *ret_sample = sample;
    return 0;
}
