/*
 * A monitoring cycle of 1000 containers: CPU time for reading and for writing the rows, and the
 * reading beside a bare pread(2) of the same files, in turn, in one run.
 *
 * All containers have one control group: reading it costs the kernel what any other would. It is
 * measured twice, over a tree of plain files (what our own code costs) and over the kernel's, where
 * some process has a group with limits, as one in any container has. Prints rows
 * "what | measured | budget".
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "dialup-monitord/sampler.h"
#include "libdialup/base/clock.h"
#include "libdialup/base/fs.h"
#include "libdialup/cgroup/cgroup.h"
#include "libdialup/store/rollups.h"
#include "tests/unit/store_fixture.h"

enum {
    CONTAINERS = 1000,
    CYCLES = 30,
    ROWS_PER_STEP = 200,
    SLOW_EVERY = 3,
    MEMORY_TURN = 0,
    CPU_TURN = 1,
    PLAIN_TURN = 2,
    KEPT = 5,
    CYCLE_S = 30,
};

static const char *const kernel_root = "/sys/fs/cgroup";

/* What a cycle reads of each container: files that are kept open, the last of them only each third
 * time, and limits, opened anew: of each three cycles one reads the memory's, the next the CPU's.
 */
enum { LIMIT_FILES = 3 };
struct bare_files {
    char limits[LIMIT_FILES][600]; /* the CPU's are two in version 1; "": none */
    int fds[CONTAINERS][KEPT];
};

struct bench {
    struct store_fixture store;
    struct bare_files files;
    int64_t bare_us[CYCLES];
    int64_t read_us[CYCLES];
    int64_t cycle_us[CYCLES];
};

static int64_t cpu_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* A tree of version 2 with a group for this process. */
static char *make_tree(const char *folder)
{
    static const char *const texts[][2] = {
        {"memory.current", "50000000\n"},
        {"memory.stat", "anon 1\nfile 2\nkernel 3\ninactive_anon 4\ninactive_file 10000000\n"},
        {"cpu.stat", "usage_usec 1000000\nuser_usec 1\nsystem_usec 2\n"},
        {"pids.current", "3\n"},
        {"io.stat", "8:0 rbytes=1000 wbytes=2000 rios=1 wios=2\n"},
        {"memory.max", "67108864\n"},
        {"cpu.max", "25000 100000\n"},
        {"pids.max", "100\n"},
    };
    char *root = xasprintf("%s/cgroup", folder);
    AUTO_FREE char *top = xasprintf("%s/cgroup.controllers", root);
    struct cgroup_dirs dirs;
    struct error err;
    if (fs_make_dirs(root, 0700, &err) < 0 ||
        fs_write_file(top, "cpu io memory pids\n", 19, 0600, &err) < 0 ||
        cgroup_find(root, getpid(), &dirs, &err) < 0 || fs_make_dirs(dirs.memory, 0700, &err) < 0) {
        log_panic("monitor_cycle: %s", err.message);
    }
    for (size_t i = 0; i < ARRAY_COUNT(texts); i++) {
        AUTO_FREE char *path = xasprintf("%s/%s", dirs.memory, texts[i][0]);
        if (fs_write_file(path, texts[i][1], strlen(texts[i][1]), 0600, &err) < 0) {
            log_panic("monitor_cycle: %s", err.message);
        }
    }
    return root;
}

/* All of a group's files, by their paths; false if one cannot be read. */
static bool find_files(struct bare_files *files, const char *root, pid_t pid, char paths[KEPT][600])
{
    struct cgroup_dirs d;
    if (cgroup_find(root, pid, &d, NULL) < 0) {
        return false;
    }
    bool unified = d.version == CGROUP_V2;
    const char *const kept[KEPT][2] = {
        {d.memory, unified ? "memory.current" : "memory.usage_in_bytes"},
        {d.cpuacct, unified ? "cpu.stat" : "cpuacct.usage"},
        {d.pids, "pids.current"},
        {d.blkio, unified ? "io.stat" : "blkio.throttle.io_service_bytes"},
        {d.memory, "memory.stat"},
    };
    snprintf(files->limits[0], sizeof(files->limits[0]), "%s/%s", d.memory,
             unified ? "memory.max" : "memory.limit_in_bytes");
    snprintf(files->limits[1], sizeof(files->limits[1]), "%s/%s", d.cpu,
             unified ? "cpu.max" : "cpu.cfs_quota_us");
    files->limits[2][0] = '\0';
    if (!unified) {
        snprintf(files->limits[2], sizeof(files->limits[2]), "%s/cpu.cfs_period_us", d.cpu);
    }
    bool is_there = access(files->limits[0], R_OK) == 0 && access(files->limits[1], R_OK) == 0;
    for (size_t i = 0; i < KEPT; i++) {
        snprintf(paths[i], sizeof(paths[i]), "%s/%s", kept[i][0], kept[i][1]);
        is_there = is_there && access(paths[i], R_OK) == 0;
    }
    return is_there;
}

static bool open_bare(struct bare_files *files, const char *root, pid_t pid)
{
    char paths[KEPT][600];
    if (!find_files(files, root, pid, paths)) {
        return false;
    }
    for (int i = 0; i < CONTAINERS * KEPT; i++) {
        files->fds[i / KEPT][i % KEPT] = open(paths[i % KEPT], O_RDONLY | O_CLOEXEC);
        ASSERT(files->fds[i / KEPT][i % KEPT] >= 0);
    }
    return true;
}

static void close_bare(struct bare_files *files)
{
    for (int i = 0; i < CONTAINERS * KEPT; i++) {
        close(files->fds[i / KEPT][i % KEPT]);
    }
}

static void read_anew(const char *path)
{
    char text[4096];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ASSERT(fd >= 0 && read(fd, text, sizeof(text)) >= 0);
    close(fd);
}

static void read_bare(const struct bare_files *files, int cycle)
{
    char text[4096];
    int turn = cycle % SLOW_EVERY;
    for (int container = 0; container < CONTAINERS; container++) {
        for (int i = 0; i < (turn == MEMORY_TURN ? KEPT : KEPT - 1); i++) {
            ASSERT(pread(files->fds[container][i], text, sizeof(text), 0) >= 0);
        }
        for (int i = 0; i < LIMIT_FILES; i++) {
            if (files->limits[i][0] && turn == (i == 0 ? MEMORY_TURN : CPU_TURN)) {
                read_anew(files->limits[i]);
            }
        }
    }
}

/* The first process whose group has all the files; 0 if there is none. */
static pid_t find_limited(struct bare_files *files)
{
    DIR *processes = opendir("/proc");
    pid_t found = 0;
    for (struct dirent *entry; !found && processes && (entry = readdir(processes));) {
        pid_t pid = (pid_t)atoi(entry->d_name);
        char paths[KEPT][600];
        if (pid > 0 && find_files(files, kernel_root, pid, paths)) {
            found = pid;
        }
    }
    if (processes) {
        closedir(processes);
    }
    return found;
}

static struct sampler *open_sampler(const char *root, pid_t pid)
{
    struct deployd_container *containers = xcalloc(CONTAINERS, sizeof(*containers));
    char(*ids)[16] = xcalloc(CONTAINERS, sizeof(*ids));
    struct sampler *sampler;
    struct error err;
    if (sampler_open(root, &sampler, &err) < 0) {
        log_panic("monitor_cycle: %s", err.message);
    }
    for (int i = 0; i < CONTAINERS; i++) {
        snprintf(ids[i], sizeof(ids[i]), "c%d", i);
        containers[i] = (struct deployd_container){.container_id = ids[i],
                                                   .pid = pid,
                                                   .site_id = i + 1,
                                                   .owner_kind = "user",
                                                   .owner_id = 1 + i / 3,
                                                   .kind = "production"};
    }
    sampler_set_targets(sampler, containers, CONTAINERS);
    ASSERT(sampler_count(sampler) == CONTAINERS);
    free(ids);
    free(containers);
    return sampler;
}

static void write_rows(struct bench *bench, const struct sample_rows *samples)
{
    for (size_t done = 0; done < samples->count; done += ROWS_PER_STEP) {
        if (usage_add(bench->store.monitord, &samples->rows[done], ROWS_PER_STEP,
                      &bench->store.f.err) < 0) {
            log_panic("monitor_cycle: %s", bench->store.f.err.message);
        }
    }
}

static void run_cycle(struct bench *bench, struct sampler *sampler, int cycle)
{
    AUTO_ARENA struct arena *arena = arena_new();
    int64_t begin_us = cpu_us();
    read_bare(&bench->files, cycle);
    int64_t bare_end_us = cpu_us();
    struct sample_rows samples =
        sampler_take(sampler, cycle * CYCLE_S, clock_monotonic_us(), arena);
    int64_t read_end_us = cpu_us();
    ASSERT(samples.count == CONTAINERS);
    write_rows(bench, &samples);
    bench->bare_us[cycle] = bare_end_us - begin_us;
    bench->read_us[cycle] = read_end_us - bare_end_us;
    bench->cycle_us[cycle] = cpu_us() - bare_end_us;
}

static int by_value(const void *a, const void *b)
{
    int64_t left = *(const int64_t *)a;
    int64_t right = *(const int64_t *)b;
    return (left > right) - (left < right);
}

/* The median of every third cycle from first on, in ms. */
static double median_ms(const int64_t *us, int first, int step)
{
    int64_t sorted[CYCLES] = {0};
    size_t count = 0;
    for (int i = first; i < CYCLES; i += step) {
        sorted[count++] = us[i];
    }
    qsort(sorted, count, sizeof(sorted[0]), by_value);
    return (double)sorted[count / 2] / 1000;
}

static void print_row(const char *label, const char *what, const char *measured, const char *budget)
{
    char name[96];
    snprintf(name, sizeof(name), "%s: %s", label, what);
    printf("%-52s | %-32s | %s\n", name, measured, budget);
}

static void print_reading(const struct bench *bench, const char *label, const char *what, int first)
{
    char measured[96];
    double bare = median_ms(bench->bare_us, first, SLOW_EVERY);
    double read = median_ms(bench->read_us, first, SLOW_EVERY);
    snprintf(measured, sizeof(measured), "%.1f ms, bare %.1f: ratio %.2f", read, bare, read / bare);
    print_row(label, what, measured, "ratio 1.5");
}

static void put_rollups(struct bench *bench, int64_t step_s, const struct usage_rollups_list *list)
{
    for (size_t done = 0; done < list->count; done += ROWS_PER_STEP) {
        size_t left = list->count - done;
        ASSERT(rollups_put(bench->store.monitord, step_s, 0, &list->rows[done],
                           left < ROWS_PER_STEP ? left : ROWS_PER_STEP, &bench->store.f.err) == 0);
    }
}

/* The first ten cycles, as monitord does once in five minutes. */
static void roll_up(struct bench *bench, const char *label)
{
    AUTO_ARENA struct arena *arena = arena_new();
    struct db *db = bench->store.monitord;
    struct error *err = &bench->store.f.err;
    struct usage_rollups_list list;
    int64_t longest_us = 0;
    int64_t begin_us = cpu_us();
    for (enum rollup_part part = ROLLUP_SITES; part < ROLLUP_PART_COUNT; part++) {
        int64_t part_us = cpu_us();
        ASSERT(rollups_sum_samples(db, arena, part, 0, true, &list, err) == 0);
        longest_us = cpu_us() - part_us > longest_us ? cpu_us() - part_us : longest_us;
        put_rollups(bench, ROLLUP_5_MINUTES, &list);
    }
    ASSERT(rollups_sum(db, arena, ROLLUP_HOUR, 0, &list, err) == 0);
    put_rollups(bench, ROLLUP_HOUR, &list);
    ASSERT(rollups_sum(db, arena, ROLLUP_DAY, 0, &list, err) == 0);
    put_rollups(bench, ROLLUP_DAY, &list);
    char measured[64];
    snprintf(measured, sizeof(measured), "%.1f ms CPU, longest step %.1f",
             (double)(cpu_us() - begin_us) / 1000, (double)longest_us / 1000);
    print_row(label, "five minutes rolled up", measured, "-");
}

static void measure(struct bench *bench, const char *root, pid_t pid, const char *label)
{
    char measured[64];
    if (!open_bare(&bench->files, root, pid)) {
        print_row(label, "cannot be read here", "", "");
        return;
    }
    store_fixture_init(&bench->store);
    struct sampler *sampler = open_sampler(root, pid);
    for (int cycle = 0; cycle < CYCLES; cycle++) {
        run_cycle(bench, sampler, cycle);
    }
    print_reading(bench, label, "reading 1000 containers", PLAIN_TURN);
    print_reading(bench, label, "... and memory.stat, memory's limit", SLOW_EVERY + MEMORY_TURN);
    print_reading(bench, label, "... and the CPU's limit", SLOW_EVERY + CPU_TURN);
    snprintf(measured, sizeof(measured), "%.1f ms CPU", median_ms(bench->cycle_us, 1, 1));
    print_row(label, "the cycle with its rows written", measured, "40 ms CPU");
    snprintf(measured, sizeof(measured), "%.1f ms CPU",
             median_ms(bench->cycle_us, SLOW_EVERY, SLOW_EVERY));
    print_row(label, "... each third cycle", measured, "40 ms CPU");
    roll_up(bench, label);
    sampler_close(sampler);
    close_bare(&bench->files);
    store_fixture_fini(&bench->store);
}

int main(void)
{
    struct bench *bench = xcalloc(1, sizeof(*bench));
    struct fixture place;
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    fixture_init(&place);
    AUTO_FREE char *root = make_tree(place.folder);
    measure(bench, root, getpid(), "plain files");
    measure(bench, kernel_root, find_limited(&bench->files), "the kernel's");
    fixture_fini(&place);
    free(bench);
    return 0;
}
